// State of a contact instance that a route announced: what the `compute` family carries. Last writer wins by sequence.
import type { Score } from './identity.ts';

/** How a value came about (draft-ietf-cats-metric-definition, "Source"). */
export const METRIC_SOURCES = ['nominal', 'estimation', 'measured', 'normalization', 'aggregation'] as const;
export type MetricSource = (typeof METRIC_SOURCES)[number];

/** What a value summarises over its window (same draft, "Statistics"). */
export const METRIC_STATISTICS = ['mean', 'max', 'min', 'cur'] as const;
export type MetricStatistic = (typeof METRIC_STATISTICS)[number];

/** A report is stale past its validity, and forgotten past this many of them (DESIGN section 4: it degrades, then goes). */
export const FORGET_VALIDITIES = 2;

export interface ComputeState {
  /** Grows with every report of the same contact instance, across restarts of its agent; < 2^53. */
  readonly sequence: number;
  /** CATS L2, `norm_fi`. */
  readonly score: Score;
  /** CATS L1 `compute_comb` and `service_comb`. */
  readonly computeScore: Score;
  readonly serviceScore: Score;
  /** Predicted time a new request spends at the site at the present load, waiting included, µs. */
  readonly serviceTimeUs: number;
  /** Mean time a request occupies one worker, µs (s in decision.md). */
  readonly workTimeUs: number;
  /** Requests per second the instance could take beyond the present. */
  readonly spareCapacity: number;
  /** Requests in the system, waiting included (N). */
  readonly inFlight: number;
  /** Requests per second that arrived during the window (lambda). */
  readonly arrivalRate: number;
  /** Workers that serve in parallel (c). */
  readonly workers: number;
  readonly source: MetricSource;
  readonly statistic: MetricStatistic;
  readonly windowMs: number;
  /** Wall clock at the agent, ms since 1970; may be skewed. */
  readonly measuredAtMs: number;
  readonly validForMs: number;
}
