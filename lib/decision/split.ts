// Phase 4 of the joint strategy: shares of new flows toward equal marginal cost over the used candidates. FILL when
// something is out of balance; in calm one small step a second, in which each ingress sorts out its own nearest sites.
// Newcomers enter by margin and hold. It returns shares; whether a small change is published is decided later.

import { utilisation } from '../metric/service-time.ts';
import type { DecisionInput, SplitMemory } from './decision.ts';
import { fill, normalised, type Site } from './fill.ts';
import { beats, type Challenge, judge, NO_CHALLENGE } from './hysteresis.ts';
import { priceAt, sensitivityAt } from './load-model.ts';
import type { Market } from './sites.ts';

/** How much of the way to FILL's solution one step goes; .5 to 1 work alike (decision.md section 0). */
export const FILL_GAIN = { value: 0.7 };
/** DNR: gain, largest relative change of a share, floor of the sensitivity, pause between steps. */
export const CALM = {
  on: true,
  gain: 0.3,
  largestChange: 0.3,
  floorUs: 1000,
  pauseMs: 1000,
  busiest: 0.92,
  spread: 0.25,
};

export interface Split {
  /** Per site in the order of the market, summing to 1. */
  readonly shares: readonly number[];
  readonly challenge: Challenge;
  /** Keys that would come in if they keep beating the incumbents. */
  readonly held: readonly string[];
  /** True when the small step of this second was taken. */
  readonly calmStep: boolean;
  readonly levelUs: number;
}

/**
 * Splits new flows over `market.sites` (at least one). `news`: something changed since the last step; without it the
 * shares stay, because a second step on the same reports would go the same way twice.
 */
export function split(market: Market, input: DecisionInput, memory: SplitMemory, news: boolean): Split {
  const { sites, totalRate } = market;
  const gain = news ? FILL_GAIN.value : 0;
  const members = sites.filter((site) => (input.incumbent?.weights[site.key] ?? 0) > 0);
  if (input.incumbent === undefined || members.length === 0) {
    const all = fill(sites, totalRate);
    return { shares: all.shares, challenge: NO_CHALLENGE, held: [], calmStep: false, levelUs: all.levelUs };
  }
  const settled = fill(members, totalRate);
  const outside = sites.filter((site) => !members.includes(site));
  const entrants = outside.filter((site) => beats(marginalNow(site), settled.levelUs, input.class));
  if (entrants.length > 0) {
    const challengerUs = Math.min(...entrants.map(marginalNow));
    const inTrouble = members.some((site) => site.share >= 0.01 && site.troubled);
    const challenge = judge(
      { challengerUs, incumbentUs: settled.levelUs, troubled: inTrouble },
      input.incumbent,
      input.class,
      input.atMs,
    );
    const allowed = challenge.accepted ? sites.filter((s) => members.includes(s) || entrants.includes(s)) : members;
    const solution = challenge.accepted ? fill(allowed, totalRate) : settled;
    return {
      shares: toward(sites, allowed, solution.shares, challenge.accepted ? FILL_GAIN.value : gain),
      challenge,
      held: challenge.accepted ? [] : entrants.map((site) => site.key),
      calmStep: false,
      levelUs: solution.levelUs,
    };
  }
  if (CALM.on && isCalm(members)) {
    const stepDue = news && input.atMs - memory.calmStepAtMs >= CALM.pauseMs;
    const shares = stepDue ? calmStep(members) : members.map((site) => site.share);
    return {
      shares: spread(sites, members, shares),
      challenge: NO_CHALLENGE,
      held: [],
      calmStep: stepDue,
      levelUs: settled.levelUs,
    };
  }
  return {
    shares: toward(sites, members, settled.shares, gain),
    challenge: NO_CHALLENGE,
    held: [],
    calmStep: false,
    levelUs: settled.levelUs,
  };
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
    if (utilisation(site.rate, model.workers, model.workTimeUs) > CALM.busiest) return false;
    least = Math.min(least, marginalNow(site));
    most = Math.max(most, marginalNow(site));
  }
  return most <= least * (1 + CALM.spread);
}

/** One diagonal-Newton step of the replicator: shares move against price, by less where the price answers strongly. */
function calmStep(members: readonly Site[]): number[] {
  const marginals = members.map((s) => s.fixedUs + priceAt(s.model, s.reportedRate));
  const mean = members.reduce((sum, site, index) => sum + site.share * marginals[index]!, 0);
  const moved = members.map((site, index) => {
    const pull =
      (-CALM.gain * (marginals[index]! - mean)) / (sensitivityAt(site.model, site.reportedRate) + CALM.floorUs);
    return site.share * Math.exp(Math.max(-CALM.largestChange, Math.min(CALM.largestChange, pull)));
  });
  return normalised(moved);
}

function toward(sites: readonly Site[], used: readonly Site[], solution: readonly number[], gain: number): number[] {
  const target = spread(sites, used, solution);
  return normalised(sites.map((site, index) => site.share + gain * (target[index]! - site.share)));
}

/** Shares of `used` at their places among all `sites`, 0 elsewhere. */
function spread(sites: readonly Site[], used: readonly Site[], shares: readonly number[]): number[] {
  return sites.map((site) => shares[used.indexOf(site)] ?? 0);
}
