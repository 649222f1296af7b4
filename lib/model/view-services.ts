// Rows about services: routes, contact instances, what is known of their load, and decisions with their reasons.
import type { RouterId, ServiceId, SiteId } from './identity.ts';
import type { SegmentEntryView } from './view-topology.ts';

/** A service this router knows, and what it does with new flows to it: a row a class, the service's own first. */
export interface ServiceView {
  readonly service: ServiceId;
  /** Empty when no route has named it. */
  readonly name: string;
  /** Configured in `steering`; the rest of the row is empty or 0 when false. */
  readonly steered: boolean;
  readonly class: string;
  /** What a new flow must look like to be of this class, rule by rule; empty: what no rule says. */
  readonly classify: readonly string[];
  readonly strategy: string;
  readonly affinity: string;
  readonly candidates: number;
  readonly eligible: number;
  /** Shares of new flows, largest first, sum 1000; empty: nothing is eligible. */
  readonly weights: readonly {
    readonly contactInstance: string;
    readonly instanceName: string;
    readonly site: SiteId;
    /** 1..1000. */
    readonly weight: number;
  }[];
  /** `Decision.change` of the last decision, and when the outcome last changed. */
  readonly change: string;
  readonly changedAtMs: number;
  readonly decisions: number;
}

/** One row a route: reachability joined with state, path and the last decision. */
export interface RibRow {
  readonly service: ServiceId;
  readonly serviceName: string;
  readonly contactInstance: string;
  readonly instanceName: string;
  readonly originator: RouterId;
  readonly site: SiteId;
  /** Peer whose route was selected; `local` for own instances. */
  readonly from: string;
  readonly drain: boolean;
  readonly egressSid: string;
  /** Weight and verdict of the last decision; verdict empty when the service is not steered here. */
  readonly weight: number;
  readonly verdict: string;
  /** Number that was not believed in its reports, while they are in quarantine; empty: none. */
  readonly quarantine: string;
  readonly roundTripUs?: number;
  readonly costUs?: number;
  readonly state?: ComputeStateView;
}

export interface ComputeStateView {
  readonly score: number;
  readonly computeScore: number;
  readonly serviceScore: number;
  readonly serviceTimeUs: number;
  readonly workTimeUs: number;
  readonly spareCapacity: number;
  readonly inFlight: number;
  readonly arrivalRate: number;
  readonly workers: number;
  readonly source: string;
  readonly sequence: number;
  /** By our clock. */
  readonly receivedAtMs: number;
  readonly validForMs: number;
  readonly stale: boolean;
}

/** A contact instance behind this router. */
export interface InstanceView {
  readonly service: ServiceId;
  readonly serviceName: string;
  readonly contactInstance: string;
  readonly instanceName: string;
  readonly nexthop: string;
  readonly sid: string;
  /** `up`, `down`, `unknown` (no verdict yet) or `unchecked` (no health check is configured). */
  readonly health: string;
  readonly healthSinceMs: number;
  readonly drained: boolean;
  /** Route is advertised. */
  readonly advertised: boolean;
  /** `prometheus` or `push`. */
  readonly source: string;
  readonly state?: ComputeStateView;
  /** Last failure of the health check or of the metrics source; empty: none. */
  readonly lastError: string;
}

/** A decision with everything a person needs to believe it. */
export interface ExplainView {
  readonly service: ServiceId;
  readonly serviceName: string;
  /** Site whose ingress decides. */
  readonly site: SiteId;
  /** True: computed for another site from our link state; without that site's memory and incumbent. */
  readonly assumed: boolean;
  readonly atMs: number;
  readonly class: string;
  readonly strategy: string;
  readonly affinity: string;
  readonly hysteresisPercent: number;
  readonly holdMs: number;
  /** `Decision.change`. */
  readonly change: string;
  /** `contactInstance` of the best; empty: nothing is eligible. */
  readonly best: string;
  readonly incumbentSinceMs: number;
  readonly challengedSinceMs?: number;
  /** Best first. */
  readonly candidates: readonly ExplainCandidate[];
}

export interface ExplainCandidate {
  readonly contactInstance: string;
  readonly instanceName: string;
  readonly site: SiteId;
  readonly originator: RouterId;
  /** Peer that the route in use came from, or `local`; empty where it is not known, as of another site. */
  readonly from: string;
  readonly weight: number;
  /** `best`, `shared`, `exploring`, or the first step that separated it. */
  readonly verdict: string;
  readonly cost?: {
    readonly totalUs: number;
    readonly roundTripUs: number;
    readonly serviceTimeUs: number;
    readonly priceUs: number;
    readonly carbonUs: number;
    readonly preferenceUs: number;
  };
  readonly state?: ComputeStateView;
  /** Names (router ids where unnamed), own first, egress last; empty: unreachable. */
  readonly path: readonly string[];
  /** Segment list as imposed, first travelled first; it ends with the egress SID, packed or not. */
  readonly segments: readonly string[];
  readonly entries: readonly SegmentEntryView[];
  /** Octets that the list puts in front of a packet. */
  readonly overheadBytes: number;
  /** What became of the way that the class names to there: `taken`, or why not; empty: it names none. */
  readonly explicit: string;
  /** `complete`, `shortened`, or why there is no list. */
  readonly plan: string;
}
