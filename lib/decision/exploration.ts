// Phase 6: a small share of new flows tries contact instances that only a memory of slow work keeps out ("penalised and
// never revisited", traefik/traefik#12306). It is laid over the weights that the phases before came to, which do not know of
// it: what is tried is let in by its next reports and the ordinary margin, or not at all. Who would not be used even if it
// worked as fast as those that are used is out by its distance or price, and is not tried.
import { TELLING_COMPLETIONS } from '../metric/work.ts';
import type { ComputeState } from '../model/compute-state.ts';
import { bestIndex, edgeIndex, NO_INDEX, TOTALS } from './cost.ts';
import type { DecisionInput, SplitMemory } from './decision.ts';
import { beats } from './hysteresis.ts';
import { hasQueueNumbers, type LoadModel } from './load-model.ts';
import type { Entry } from './ranking.ts';
import type { Market, Priced } from './sites.ts';
import { marginalNow } from './split.ts';
import type { Outcome } from './strategies.ts';
import { WEIGHT_SUM, type Weights } from './weights.ts';

/** What the phases before say. */
export interface Explorable {
  readonly outcome: Outcome;
  readonly priced: readonly Priced[];
  /** Of the strategy `joint`, in the order of `priced`. */
  readonly market: Market;
  readonly usable: readonly Entry[];
  /** A report or a distance is not the one that the last decision saw. */
  readonly news: boolean;
}

export interface Exploration {
  /** Tried now, in the order of keys. */
  readonly keys: readonly string[];
  /** Those of the outcome, less what is taken for trials from the largest of them. */
  readonly weights: Weights;
}

const NOBODY: readonly string[] = [];

/** Adds the trials to the outcome; without any its weights are returned as they are. */
export function explore(input: DecisionInput, before: SplitMemory, given: Explorable): Exploration {
  const { weights } = given.outcome;
  // Without affinity a change of weights moves running flows, and trials come and go.
  const percent = input.class.affinity === 'none' ? 0 : (input.class.explorationPercent ?? 0);
  if (percent <= 0 || !given.priced.some(isUnproven)) return { keys: NOBODY, weights };
  const keys = given.news
    ? worthTrying(input, before, given)
    : before.exploring.filter((key) =>
        given.priced.some((site) => site.candidate.key === key && weights[key] === undefined && isUnproven(site)),
      );
  return withTrials(weights, keys, percent);
}

/** Nothing confirms its work time. A load that was not measured over a window is a claim: it is believed. */
function isUnproven({ candidate: { state } }: Priced): boolean {
  if (state === undefined || state.windowMs <= 0 || !hasQueueNumbers(state)) return false;
  return state.source === 'estimation' || state.source === 'nominal';
}

function worthTrying(input: DecisionInput, before: SplitMemory, given: Explorable): readonly string[] {
  const { priced, outcome } = given;
  const carrying: number[] = [];
  let referenceUs = Number.POSITIVE_INFINITY;
  for (const [place, { candidate, model }] of priced.entries()) {
    if (outcome.weights[candidate.key] === undefined) continue;
    carrying.push(place);
    referenceUs = Math.min(referenceUs, idleUs(model));
  }
  // Idle sites are unproven as a rule, and as fast as the others: they must not cost a decision anything.
  const slow = priced.filter(
    (site, place) => idleUs(site.model) > referenceUs && isUnproven(site) && !carrying.includes(place),
  );
  if (slow.length === 0) return NOBODY;
  const levelUs = levelOf(input, given, carrying);
  const hopedUs = hopeOf(input, referenceUs, given);
  const keys: string[] = [];
  for (const site of slow) {
    const { key, state } = site.candidate;
    // Stickiness as in phase 5: noise at the edge must not begin and end trials with every report.
    const isTried = before.exploring.includes(key);
    const isBetter = isTried ? hopedUs(site) < levelUs : beats(hopedUs(site), levelUs, input.class);
    if (isBetter && hasRoom(state!, isTried)) keys.push(key);
  }
  return keys;
}

/** Price without load. */
function idleUs(model: LoadModel): number {
  return model.kind === 'queue' ? model.workTimeUs : model.timeUs;
}

/** As many requests as a trial needs are on their way: more of them would wait behind these, and are a load that is measured. */
function hasRoom({ inFlight }: ComputeState, isTried: boolean): boolean {
  return inFlight < (isTried ? TELLING_COMPLETIONS : TELLING_COMPLETIONS / 2);
}

/** What new flows cost where they go now; `carrying`: places of those that carry some. */
function levelOf(
  { class: { strategy } }: DecisionInput,
  { outcome, market, usable }: Explorable,
  carrying: readonly number[],
): number {
  if (strategy !== 'joint') return usable.find(({ candidate }) => candidate.key === outcome.best)?.cost?.total ?? 0;
  let sum = 0;
  for (const place of carrying) {
    const site = market.sites[place]!;
    sum += (outcome.weights[site.key]! / WEIGHT_SUM) * marginalNow(site);
  }
  return sum;
}

/** What a flow would cost at a site if that worked as fast as the fastest that carries flows, and were idle. */
function hopeOf(
  { class: { strategy } }: DecisionInput,
  referenceUs: number,
  { usable }: Explorable,
): (site: Priced) => number {
  if (strategy === 'joint') return (site) => site.fixedUs + referenceUs;
  const best =
    strategy === 'edge-metadata'
      ? bestIndex(usable.flatMap(({ cost, candidate }) => (cost ? [edgeIndex(cost, candidate)] : [])))
      : NO_INDEX;
  return ({ fixed, candidate }) => {
    const parts = { ...fixed, serviceTimeUs: referenceUs };
    return TOTALS[strategy](parts, edgeIndex(parts, candidate), best);
  };
}

/** Takes the parts of 1000 from the largest weight, half of it at most, and divides them equally. */
function withTrials(weights: Weights, wanted: readonly string[], percent: number): Exploration {
  if (wanted.length === 0) return { keys: NOBODY, weights };
  let largest = '';
  for (const key in weights) if (largest === '' || weights[key]! > weights[largest]!) largest = key;
  const parts = Math.min(Math.max(1, Math.round((percent / 100) * WEIGHT_SUM)), Math.floor(weights[largest]! / 2));
  // The others have their turn when these are known.
  const keys = wanted.slice(0, parts);
  if (keys.length === 0) return { keys: NOBODY, weights };
  const each = Math.floor(parts / keys.length);
  const trials = Object.fromEntries(keys.map((key) => [key, each]));
  return { keys, weights: { ...weights, [largest]: weights[largest]! - each * keys.length, ...trials } };
}
