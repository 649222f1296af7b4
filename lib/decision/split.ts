// Phase 4 of the joint strategy: shares of new flows toward equal marginal cost over the used candidates. FILL when
// something is out of balance; in calm one small step a second, in which each ingress sorts out its own nearest sites.
// Newcomers enter by margin and hold. It returns shares; whether a small change is published is decided later.

import { utilisation } from '../metric/service-time.ts';
import type { DecisionInput, SplitMemory } from './decision.ts';
import { fill, isQuiet, normalised, type Site } from './fill.ts';
import { beats, type Challenge, judge, NO_CHALLENGE } from './hysteresis.ts';
import { priceAt, sensitivityAt } from './load-model.ts';
import type { Market } from './sites.ts';

/** How much of the way to FILL's solution one step goes; where nobody is busy there is no herd to fear, and it goes all. */
const FILL_GAIN = 0.5;
/** DNR: gain, largest relative change of a share, floor of the sensitivity, pause between steps. */
const CALM = { gain: 0.3, largestChange: 0.3, floorUs: 1000, pauseMs: 1000 };
/** Calm is: no unexplained queue, nobody busier than this, and used sites within this part of each other in price. */
const CALM_WHEN = { busiest: 0.92, spread: 0.25 };
/** An incumbent with less than this share is not a reason to hurry. */
const WORTH_HURRY = 0.01;

export interface Split {
  /** Per site in the order of the market, summing to 1. */
  readonly shares: readonly number[];
  readonly challenge: Challenge;
  /** Keys that would come in if they keep beating the incumbents. */
  readonly held: readonly string[];
  /** True when the small step of this second was taken. */
  readonly calmStep: boolean;
}

const SETTLED = { challenge: NO_CHALLENGE, held: [], calmStep: false };

/**
 * Splits new flows over `market.sites` (at least one). `news`: something changed since the last step; without it the
 * shares stay, because a second step on the same reports would go the same way twice. `lost`: an incumbent is gone.
 */
export function split(
  market: Market,
  input: DecisionInput,
  memory: SplitMemory,
  { news, lost }: { readonly news: boolean; readonly lost: boolean },
): Split {
  const { sites, totalRate } = market;
  const { incumbent } = input;
  const members = sites.filter((site) => (incumbent?.weights[site.key] ?? 0) > 0);
  if (incumbent === undefined || members.length === 0 || lost)
    return { ...SETTLED, shares: fill(sites, totalRate).shares };
  const among = fill(members, totalRate);
  const entrants = sites.filter(
    (site) => !members.includes(site) && beats(marginalNow(site), among.levelUs, input.class),
  );
  if (entrants.length > 0) {
    const troubled = members.some((site) => site.share >= WORTH_HURRY && site.troubled);
    const costs = { challengerUs: Math.min(...entrants.map(marginalNow)), incumbentUs: among.levelUs, troubled };
    const challenge = judge(costs, incumbent, input.class, input.atMs);
    const allowed = challenge.accepted ? [...members, ...entrants] : members;
    const solution = challenge.accepted ? fill(allowed, totalRate) : among;
    const held = challenge.accepted ? [] : entrants.map((site) => site.key);
    return { ...SETTLED, challenge, held, shares: toward(sites, allowed, solution.shares, news) };
  }
  if (isCalm(members) && !isQuiet(members)) {
    const calmStep = news && input.atMs - memory.calmStepAtMs >= CALM.pauseMs;
    const shares = calmStep ? stepInCalm(members) : members.map((site) => site.share);
    return { ...SETTLED, calmStep, shares: placed(sites, members, shares) };
  }
  return { ...SETTLED, shares: toward(sites, members, among.shares, news) };
}

/** Marginal cost at the load that is predicted now, µs. */
export function marginalNow(site: Site): number {
  return site.fixedUs + site.backlogUs + priceAt(site.model, site.rate);
}

function isCalm(members: readonly Site[]): boolean {
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (const site of members) {
    const { model } = site;
    if (site.backlogUs > 0) return false;
    if (model.kind === 'score') return false;
    if (utilisation(site.rate, model.workers, model.workTimeUs) > CALM_WHEN.busiest) return false;
    least = Math.min(least, marginalNow(site));
    most = Math.max(most, marginalNow(site));
  }
  return most <= least * (1 + CALM_WHEN.spread);
}

/** One diagonal-Newton step of the replicator: shares move against price, by less where the price answers strongly. */
function stepInCalm(members: readonly Site[]): number[] {
  const marginals = members.map((s) => s.fixedUs + priceAt(s.model, s.reportedRate));
  const mean = members.reduce((sum, site, index) => sum + site.share * marginals[index]!, 0);
  const moved = members.map((site, index) => {
    const pull =
      (-CALM.gain * (marginals[index]! - mean)) / (sensitivityAt(site.model, site.reportedRate) + CALM.floorUs);
    return site.share * Math.exp(Math.max(-CALM.largestChange, Math.min(CALM.largestChange, pull)));
  });
  return normalised(moved);
}

/** One step from the shares now toward the solution over `used`. */
function toward(sites: readonly Site[], used: readonly Site[], solution: readonly number[], news: boolean): number[] {
  const gain = news ? (isQuiet(used) ? 1 : FILL_GAIN) : 0;
  const target = placed(sites, used, solution);
  return normalised(sites.map((site, index) => site.share + gain * (target[index]! - site.share)));
}

/** Shares of `used` at their places among all `sites`, 0 elsewhere. */
function placed(sites: readonly Site[], used: readonly Site[], shares: readonly number[]): number[] {
  return sites.map((site) => shares[used.indexOf(site)] ?? 0);
}
