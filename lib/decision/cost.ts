// Phase 2: one currency, microseconds. Every candidate that can be reached gets a price, the ineligible ones too, so
// that `explain` can show what was given up. Which parts count is the strategy's choice.
import type { Strategy } from '../config/config.ts';
import type { Candidate, RankedCandidate } from './decision.ts';

export type Cost = NonNullable<RankedCandidate['cost']>;
export type CostParts = Omit<Cost, 'total'>;

/** What edge-metadata compares: service delay per unit of capacity, and network delay per unit of preference. */
export interface EdgeIndex {
  readonly compute: number;
  readonly network: number;
}

/** Of the strategies that compare no ratios. */
export const NO_INDEX: EdgeIndex = { compute: 1, network: 1 };

/** Weight of compute against network in edge-metadata; the draft leaves it to the operator. */
const COMPUTE_WEIGHT = 0.5;

type Total = (parts: CostParts, index: EdgeIndex, best: EdgeIndex) => number;

export const TOTALS: Readonly<Record<Strategy, Total>> = {
  joint: (parts) => parts.roundTripUs + parts.serviceTimeUs + parts.priceUs + parts.carbonUs + parts.preferenceUs,
  nearest: (parts) => parts.roundTripUs,
  'least-loaded': (parts) => parts.serviceTimeUs,
  // draft-ietf-idr-5g-edge-service-metadata: w * (ServiceDelay_i * Capacity_j) / (ServiceDelay_j * Capacity_i)
  //   + (1 - w) * (Preference_j * NetworkDelay_i) / (Preference_i * NetworkDelay_j).
  // Deviates: j is the best of each part instead of another candidate, so that the order is total; in 1/1000.
  'edge-metadata': (_, index, best) =>
    1000 * (COMPUTE_WEIGHT * (index.compute / best.compute) + (1 - COMPUTE_WEIGHT) * (index.network / best.network)),
};

/** One µs and one unit at least, so that a ratio is finite where a part is 0. */
export function edgeIndex(parts: CostParts, candidate: Candidate): EdgeIndex {
  return {
    compute: Math.max(1, parts.serviceTimeUs) / Math.max(1, candidate.state?.workers ?? 1),
    network: Math.max(1, parts.roundTripUs) / Math.max(1, candidate.route.attributes.preference),
  };
}

/** The best of each part over the candidates that may be used. */
export function bestIndex(indexes: readonly EdgeIndex[]): EdgeIndex {
  return {
    compute: Math.min(...indexes.map((index) => index.compute)),
    network: Math.min(...indexes.map((index) => index.network)),
  };
}
