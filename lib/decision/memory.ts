// What the split carries from one decision to the next: reports seen, capacity learnt, load that is looking for a new
// home. Everything in it is bounded by the candidates of the input, or by age.

import { expectedInFlight } from '../metric/service-time.ts';
import type { Candidate, SplitMemory } from './decision.ts';
import { hasQueueNumbers } from './load-model.ts';
import type { Priced } from './sites.ts';

export const EMPTY_MEMORY: SplitMemory = {
  history: [],
  factor: {},
  lastSequence: {},
  share: {},
  fixedUs: {},
  rate: {},
  calmStepAtMs: Number.MIN_SAFE_INTEGER,
  exploring: [],
};

const FACTOR_RANGE = { low: 0.3, high: 1.5 };
const LEARNING_GAIN = 0.1;
const FADING = 0.01;
/** The load of a candidate that is gone is expected elsewhere for this long; then reports show where it went. */
const LOST_LOAD_MS = 3000;

/**
 * Learns f from a new report: more requests in the system than the model explains means less capacity than advertised.
 * Only beyond 3 sigma, so that it costs little when nothing is wrong; what the reports do not confirm fades, so that a
 * site once distrusted is tried again.
 */
export function learnedFactor(candidate: Candidate, memory: SplitMemory): number {
  const { state, key } = candidate;
  const known = memory.factor[key] ?? 1;
  const last = memory.lastSequence[key];
  if (state === undefined || last === undefined || last === state.sequence || !hasQueueNumbers(state)) return known;
  const span = Math.min(1, state.windowMs / 1000);
  const expected = expectedInFlight(state.arrivalRate, state.workers * known, state.workTimeUs);
  const surplus = state.inFlight - expected;
  if (Math.abs(surplus) <= 3 * Math.sqrt(Math.max(1, expected))) return known + (1 - known) * FADING * span;
  const error = Math.max(-1, Math.min(1, surplus / Math.max(expected, 0.3 * state.workers)));
  const learned = known * Math.exp(-LEARNING_GAIN * span * error);
  return Math.max(FACTOR_RANGE.low, Math.min(FACTOR_RANGE.high, learned));
}

/** True when a report, a distance or a price is not the one that the last step saw. */
export function isNews(pool: readonly Priced[], memory: SplitMemory): boolean {
  return pool.some(
    ({ candidate, fixedUs }) =>
      memory.lastSequence[candidate.key] !== (candidate.state?.sequence ?? 0) ||
      memory.fixedUs[candidate.key] !== fixedUs,
  );
}

/** Rate last seen at candidates outside the pool that left it a moment ago. */
export function lostRate(memory: SplitMemory, inPool: ReadonlySet<string>, atMs: number): number {
  let lost = 0;
  for (const key in memory.rate) {
    const last = memory.rate[key]!;
    if (!inPool.has(key) && atMs - last.atMs < LOST_LOAD_MS) lost += last.perSecond;
  }
  return lost;
}

/** Memory after a decision at `atMs`, but for shares and history, which the outcome adds. */
export function learn(pool: readonly Priced[], before: SplitMemory, atMs: number): SplitMemory {
  const factor: Record<string, number> = {};
  const lastSequence: Record<string, number> = {};
  const fixed: Record<string, number> = {};
  const rate: Record<string, SplitMemory['rate'][string]> = {};
  for (const key in before.rate) if (atMs - before.rate[key]!.atMs < LOST_LOAD_MS) rate[key] = before.rate[key]!;
  for (const { candidate, fixedUs, factor: learned } of pool) {
    factor[candidate.key] = learned;
    lastSequence[candidate.key] = candidate.state?.sequence ?? 0;
    fixed[candidate.key] = fixedUs;
    rate[candidate.key] = { atMs, perSecond: candidate.state?.arrivalRate ?? 0 };
  }
  return { ...before, factor, lastSequence, fixedUs: fixed, rate };
}
