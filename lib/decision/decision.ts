// Input and output of the decision (DESIGN section 5). Both are plain data: an input that was recorded decides alike.
import type { ServiceClassConfig } from '../config/config.ts';
import type { ComputeState } from '../model/compute-state.ts';
import type { CostUs, RouterId, ServiceId } from '../model/identity.ts';
import type { ServiceAttributes, ServiceRoute } from '../model/service-route.ts';

/** Result of path computation toward a candidate's egress forwarder; the decision never sees the graph. */
export interface Distance {
  readonly roundTripUs: number;
  /** Routers travelled, own first, egress last. */
  readonly path: readonly RouterId[];
}

export interface Candidate {
  /** `routeKeyText` of the route: identity across decisions, and the last step of the ranking. */
  readonly key: string;
  readonly route: ServiceRoute;
  readonly state?: ComputeState;
  /** Age of `state` at the input's time by our own clock (since receipt), ms. */
  readonly stateAgeMs: number;
  /** Expired state degrades before it goes (DESIGN section 4). */
  readonly stale: boolean;
  /** Absent: unreachable. */
  readonly distance?: Distance;
}

/** Why a candidate carries no new flows; verbatim in CLI, logs and JSON. Decisions may add steps of the ranking. */
export type EligibilityReason =
  | 'unreachable'
  | 'no-state'
  | 'stale-state'
  | 'long-lived-stale'
  | 'score-low'
  | 'draining'
  | 'round-trip-bound'
  | 'total-time-bound'
  | 'capacity-bound'
  | 'capability-missing'
  | 'region-excluded'
  | 'security-level'
  | 'price-bound'
  | 'carbon-bound';

/** What the split remembers between decisions; opaque outside lib/decision, JSON-able, owned by the caller. */
export interface SplitMemory {
  /** Recent weights: what the reports measured was produced by these. Newest last, bounded. */
  readonly history: readonly { readonly atMs: number; readonly weights: Readonly<Record<string, number>> }[];
  /** Learned correction of advertised capacity per candidate key, 0.3..1.5. */
  readonly factor: Readonly<Record<string, number>>;
  readonly lastSequence: Readonly<Record<string, number>>;
  /** Shares before rounding and before small moves were held back, 0..1. */
  readonly share: Readonly<Record<string, number>>;
  /** Fixed part of the cost that the last step saw, µs. */
  readonly fixedUs: Readonly<Record<string, number>>;
  /** Arrivals per second last reported, for a while also of candidates that are gone: they come to the others. */
  readonly rate: Readonly<Record<string, { readonly atMs: number; readonly perSecond: number }>>;
  /** Time of the last small step in calm. */
  readonly calmStepAtMs: number;
  /** Keys that have a share to find out whether they are still slow, in their order. */
  readonly exploring: readonly string[];
}

export interface Incumbent {
  /** Keys and weights in force, 0..1000, but for what explores: that must neither defend its place nor be missed. */
  readonly weights: Readonly<Record<string, number>>;
  readonly best: string;
  readonly sinceMs: number;
  /** A challenger that beats the incumbent but is still held: since when. */
  readonly challengedSinceMs?: number;
}

export interface DecisionInput {
  readonly atMs: number;
  readonly service: ServiceId;
  readonly class: ServiceClassConfig;
  readonly candidates: readonly Candidate[];
  readonly incumbent?: Incumbent;
  readonly memory?: SplitMemory;
}

export interface RankedCandidate {
  readonly key: string;
  readonly attributes: ServiceAttributes;
  readonly weight: number;
  /**
   * `best`, `shared` (carries flows too), `exploring` (too dear by a work time that nothing confirms any more: a small share
   * finds out), `last-resort` (best although ineligible, because nothing else is left), an
   * EligibilityReason, `held` (better, but not for long enough), `margin` (better, but not by enough), `marginal-cost`
   * (cheap as it is, not with our flows on it), or the ranking step that separated it from the one above.
   */
  readonly verdict: string;
  /** The reason that was overlooked for want of anything better. */
  readonly lastResort?: EligibilityReason;
  readonly cost?: {
    readonly total: CostUs;
    readonly roundTripUs: number;
    readonly serviceTimeUs: number;
    readonly priceUs: number;
    readonly carbonUs: number;
    readonly preferenceUs: number;
  };
  readonly path: readonly RouterId[];
}

export interface Decision {
  readonly service: ServiceId;
  readonly atMs: number;
  /** Best first; every candidate of the input appears once. */
  readonly ranked: readonly RankedCandidate[];
  /** Key of the candidate for traffic without a flow (ICMP, unmarked); empty: none is eligible. */
  readonly best: string;
  /** Share of new flows per key, 0..1000, sums to 1000 unless nothing is eligible. Zero weights are left out. */
  readonly weights: Readonly<Record<string, number>>;
  /**
   * Why the outcome equals or differs from the incumbent, in a word: `first`, `unchanged`, `held`, `margin`, `lost`,
   * `rebalanced`; `exploration`: only what explores is different.
   */
  readonly change: string;
  readonly incumbent: Incumbent;
  readonly memory: SplitMemory;
  /** Decide again at this time even if nothing arrives (hold, expiry, convergence of the split); absent: no need. */
  readonly againAtMs?: number;
}
