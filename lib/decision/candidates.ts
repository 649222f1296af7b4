// Phase 1: which candidates may carry new flows, and why the others may not. Hard constraints of the class are never
// relaxed; doubts about state are, in order, when nothing better is left. Knows no cost and no incumbent.
import type { ServiceClassConfig } from '../config/config.ts';
import { bandOf, OUT_OF_SERVICE } from '../metric/score.ts';
import { COMMUNITY } from '../model/service-route.ts';
import type { Candidate, EligibilityReason, RankedCandidate } from './decision.ts';
import { hasQueueNumbers } from './load-model.ts';

export interface Assessed {
  readonly candidate: Candidate;
  /** Absent: eligible. */
  readonly reason?: EligibilityReason;
}

/** Doubts, least first: with nothing eligible, the candidates of the first of these that has any are used. */
const DOUBTS: readonly EligibilityReason[] = ['score-low', 'stale-state', 'no-state', 'long-lived-stale'];

type Check = (candidate: Candidate, wanted: ServiceClassConfig) => boolean;

// In the order in which a person would ask: can it be reached, does it want traffic, may it be used, is it well.
const CHECKS: readonly (readonly [EligibilityReason, Check])[] = [
  ['unreachable', (c) => c.distance === undefined],
  ['draining', (c) => c.route.attributes.drain],
  [
    'capability-missing',
    (c, k) => k.requiredCapabilities.some((need) => !c.route.attributes.capabilities.includes(need)),
  ],
  ['region-excluded', (c, k) => k.regions.length > 0 && !k.regions.includes(c.route.attributes.region)],
  ['security-level', (c, k) => c.route.attributes.securityLevel < k.minSecurityLevel],
  ['price-bound', (c, k) => c.route.attributes.priceMicros > k.maxPriceMicros],
  ['carbon-bound', (c, k) => c.route.attributes.carbon > k.maxCarbon],
  ['round-trip-bound', (c, k) => (c.distance?.roundTripUs ?? 0) > k.maxRoundTripUs],
  // RFC 9494 4.3: only where nothing fresh is left, whatever its last report said.
  ['long-lived-stale', (c) => c.route.attributes.communities.includes(COMMUNITY.llgrStale)],
  ['no-state', (c) => c.state === undefined],
  ['stale-state', (c) => c.stale],
  ['score-low', (c) => isLow(c)],
  ['capacity-bound', (c, k) => (c.state?.spareCapacity ?? 0) < k.minSpareCapacity],
  ['total-time-bound', (c, k) => (c.distance?.roundTripUs ?? 0) + (c.state?.serviceTimeUs ?? 0) > k.maxTotalTimeUs],
];

const REASONS: ReadonlySet<string> = new Set(CHECKS.map(([reason]) => reason));

/** True when the verdict is not one of the reasons that keep a candidate out, and none was overlooked either. */
export function isEligible({ verdict, lastResort }: RankedCandidate): boolean {
  return lastResort === undefined && !REASONS.has(verdict);
}

/**
 * CATS: do not steer to the low band. Where the state says more than a score, load is a price instead: a site that all
 * ingresses leave at one edge is empty a moment later and full again after that.
 */
function isLow(candidate: Candidate): boolean {
  const state = candidate.state;
  if (state === undefined) return false;
  return state.score === OUT_OF_SERVICE || (!hasQueueNumbers(state) && bandOf(state.score) === 'low');
}

/** Gives every candidate its first reason, in the order of the input. */
export function assess(candidates: readonly Candidate[], wanted: ServiceClassConfig): Assessed[] {
  return candidates.map((candidate) => {
    const found = CHECKS.find(([, fails]) => fails(candidate, wanted));
    return found === undefined ? { candidate } : { candidate, reason: found[0] };
  });
}

export interface Pool {
  readonly candidates: readonly Candidate[];
  /** Set when the pool consists of candidates that this reason should have kept out. */
  readonly lastResort?: EligibilityReason;
}

/** The candidates among which flows are split: the eligible ones, or else those of the least doubt. */
export function poolOf(assessed: readonly Assessed[], wanted: ServiceClassConfig): Pool {
  const eligible = assessed.filter((entry) => entry.reason === undefined);
  if (eligible.length > 0) return { candidates: eligible.map((entry) => entry.candidate) };
  for (const doubt of DOUBTS) {
    const doubted = assessed.filter((entry) => entry.reason === doubt && withstands(entry.candidate, doubt, wanted));
    if (doubted.length > 0) return { candidates: doubted.map((entry) => entry.candidate), lastResort: doubt };
  }
  return { candidates: [] };
}

/** A doubt hides what comes after it in CHECKS; hard constraints hold all the same, and out of service is no doubt. */
function withstands(candidate: Candidate, doubt: EligibilityReason, wanted: ServiceClassConfig): boolean {
  if (candidate.state?.score === OUT_OF_SERVICE) return false;
  const later = CHECKS.slice(CHECKS.findIndex(([reason]) => reason === doubt) + 1);
  return !later.some(
    ([reason, fails]) => !DOUBTS.includes(reason) && candidate.state !== undefined && fails(candidate, wanted),
  );
}
