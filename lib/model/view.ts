// What the admin API shows, as plain rows: the one shape that daemon, CLI, tests and JSON share. Views are copies,
// replaced whole; they carry the literals of the core verbatim (states, verdicts, reasons) and know nothing of RIBs.
// Every `...AtMs` / `sinceMs` here is wall clock, ms since 1970: `wallOriginMs + event.atMs` with an origin taken once
// at start, so that a value that did not change compares equal. 0: never.
import type { Family, PeerRole, Role, RouterId, ServiceId, SiteId } from './identity.ts';

export interface PeerView {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** RFC 4271 8.2.2 names: `Idle` .. `Established`. */
  readonly state: string;
  /** Entered `state`. */
  readonly sinceMs: number;
  readonly passive: boolean;
  /** Of the last OPEN; empty before one came. */
  readonly remoteRouterId: RouterId | '';
  readonly remoteSite: SiteId | '';
  readonly remoteName: string;
  /** Negotiated, empty unless Established. */
  readonly families: readonly Family[];
  /** Negotiated when Established, configured otherwise. */
  readonly holdTimeMs: number;
  /** Entries in Adj-RIB-In and Adj-RIB-Out. */
  readonly received: FamilyCounts;
  readonly advertised: FamilyCounts;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly flaps: number;
  /** Names in the peer's certificate; empty without mutual TLS. */
  readonly identity: string;
  /** Rows refused so far and treated as withdrawn, by reason (lib/security/authorise.ts, lib/router/screen.ts). */
  readonly refused: readonly { readonly reason: string; readonly rows: number }[];
  /** Why the session last went down or could not come up; empty: never did. */
  readonly lastError: string;
  readonly lastErrorAtMs: number;
  readonly protocol: PeerProtocolView;
}

/** What both sides agreed to, and what is held against the peer or kept for it. */
export interface PeerProtocolView {
  /** What each says it is to the other; empty: not said. */
  readonly role: PeerRole | '';
  readonly remoteRole: PeerRole | '';
  /** What the peer is to us. */
  readonly relation: string;
  /** Of both sides; empty unless Established. */
  readonly capabilities: readonly string[];
  /** What becomes of its routes while it is away: `none`, `stale`, `long-lived`; and until when. */
  readonly retention: string;
  readonly retentionUntilMs: number;
  /** How long its routes are kept, by what both sides said. */
  readonly restartTimeMs: number;
  readonly longLivedMs: number;
  /** Most it may announce. */
  readonly serviceLimit: number;
  readonly servicesLimit: number;
  readonly instancesPerServiceLimit: number;
  /** UPDATEs a second; 0: none. */
  readonly updatesLimit: number;
  readonly bytesLimit: number;
  readonly linkStateLimit: number;
  readonly limitAction: string;
  /** Empty: everything passes. */
  readonly importPolicy: string;
  readonly exportPolicy: string;
  /** What we asked to hear and what the peer did: `service fd00::1/128`, `region eu`, `class web`; empty: everything. */
  readonly subscription: readonly string[];
  readonly remoteSubscription: readonly string[];
  /** Routes it announced that are not used, by why: policy, damping. */
  readonly rejected: number;
  readonly damped: number;
  /** Times a digest did not match. */
  readonly mismatches: number;
}

/** What a policy would do with one route, and how it comes to that. */
export interface PolicyTestView {
  readonly service: ServiceId;
  readonly contactInstance: string;
  readonly instanceName: string;
  readonly site: SiteId;
  readonly accepted: boolean;
  /** Rule that decided; `otherwise`: none did. */
  readonly by: string;
  /** Rules looked at, in order, each with `matched` or the condition that did not hold. */
  readonly steps: readonly { readonly rule: string; readonly result: string }[];
  /** What would be changed: `preference 0 -> 10`. */
  readonly changes: readonly string[];
}

export interface FamilyCounts {
  readonly service: number;
  readonly compute: number;
  readonly linkState: number;
}

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

export interface LinkStateView {
  readonly originator: RouterId;
  readonly name: string;
  readonly site: SiteId;
  readonly self: boolean;
  readonly reachable: boolean;
  readonly sequence: number;
  readonly receivedAtMs: number;
  readonly locators: readonly LocatorView[];
  readonly prefixes: readonly string[];
  readonly links: readonly LinkView[];
}

export interface LocatorView {
  readonly prefix: string;
  readonly endSid: string;
  /** Of `endSid`. */
  readonly behaviour: string;
  /** Of `endSid`, bits: `block/node/function/argument`. */
  readonly structure: string;
  /** Why this router does not use the SID; empty: it does. */
  readonly fault: string;
}

/** One entry of an imposed list. */
export interface SegmentEntryView {
  readonly segment: string;
  /** `full`, `next` (a container), `replace-first` or `replace-packed`. */
  readonly kind: string;
  /** In travel order. */
  readonly holds: readonly HeldSidView[];
}

export interface HeldSidView {
  readonly sid: string;
  /** Name, or router id where unnamed. */
  readonly router: string;
  readonly behaviour: string;
}

export interface LinkView {
  readonly name: string;
  readonly neighbour: RouterId;
  readonly neighbourName: string;
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly delayMinUs: number;
  readonly delayAvgUs: number;
  readonly delayVariationUs: number;
  readonly lossPercent: number;
  readonly bandwidthBps: number;
  readonly endXSid: string;
  /** Its End.X SIDs in other locators. */
  readonly adjacencySids: readonly { readonly sid: string; readonly behaviour: string }[];
  /** Both ends announce it; one-sided links carry nothing. */
  readonly twoWay: boolean;
}

/** Shortest path to a router of the domain. */
export interface PathView {
  readonly router: RouterId;
  readonly name: string;
  readonly site: SiteId;
  readonly reachable: boolean;
  readonly delayUs: number;
  readonly roundTripUs: number;
  /** Names (router ids where unnamed) travelled, own first. */
  readonly path: readonly string[];
  readonly firstHops: readonly { readonly device: string; readonly gateway: string }[];
  /** The list to its End SID as it would be imposed here; empty: there is none. */
  readonly segments: readonly string[];
  readonly entries: readonly SegmentEntryView[];
  /** Octets that the list puts in front of a packet. */
  readonly overheadBytes: number;
  /** `complete`, `shortened`, or why there is no list. */
  readonly plan: string;
}

export interface FibView {
  /** `fibKey` of the object. */
  readonly key: string;
  readonly kind: string;
  /** The object in one line, in the words of iproute2. */
  readonly object: string;
  /** `in-force`, `pending` or `failed`. */
  readonly state: string;
  /** Code and text of the failure; empty otherwise. */
  readonly error: string;
}

/** An object of the forwarding plane as the kernel was found to hold it, now. */
export interface FibInKernelView {
  /** `fibKey` of the object, or the name of what is there and not wanted. */
  readonly key: string;
  readonly kind: string;
  /** In the words of iproute2; empty where it is not wanted. */
  readonly object: string;
  /** `in-force`, `missing`, `different`; `unwanted`: carries our number and is none of ours. */
  readonly kernel: string;
}

/** A local SID and what it has processed since it was installed. */
export interface SidView {
  readonly prefix: string;
  /** Behaviour and flavours, in the words of iproute2. */
  readonly behaviour: string;
  readonly packets: number;
  readonly bytes: number;
  /** Packets that the behaviour dropped. */
  readonly errors: number;
}

export interface MetricView {
  readonly name: string;
  /** `counter`, `gauge` or `histogram`. */
  readonly kind: string;
  /** `us`, `bytes`, `1`... */
  readonly unit: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly help: string;
  /** Counter and gauge. */
  readonly value?: number;
  readonly histogram?: { readonly count: number; readonly p50: number; readonly p99: number; readonly max: number };
}

export interface CapabilityView {
  readonly name: string;
  readonly available: boolean;
  readonly remark: string;
}

/** Live flows held by affinity, a row a class of a service and contact instance. */
export interface FlowView {
  readonly service: ServiceId;
  readonly serviceName: string;
  readonly class: string;
  readonly contactInstance: string;
  readonly instanceName: string;
  readonly site: SiteId;
  readonly slot: number;
  readonly weight: number;
  /** Flows; clients of affinity client, busy hash buckets of bucket; 0 with none, which keeps nothing. */
  readonly flows: number;
  /** `draining`, `drained`, `timed-out`; `failed`: gone, its flows are forgotten; empty: none of these. */
  readonly state: string;
}

/** A drain that was asked of this router. */
export interface DrainView {
  readonly service: ServiceId;
  readonly serviceName: string;
  readonly contactInstance: string;
  readonly instanceName: string;
  /** An instance of this router, drained for everybody; otherwise this ingress alone leaves it out. */
  readonly local: boolean;
  /** `draining`, `drained`, `timed-out`. */
  readonly state: string;
  readonly sinceMs: number;
  /** When it ends at the latest; 0: when nothing is left. */
  readonly deadlineMs: number;
  /** Flows that this ingress still sends there; absent: it keeps none of them. */
  readonly flows?: number;
  /** Of an instance of this router: for how long no packet of anybody has come for it. */
  readonly silentMs?: number;
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
  /** `best`, `shared`, or the first step that separated it. */
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
  /** `complete`, `shortened`, or why there is no list. */
  readonly plan: string;
}

export interface StatusView {
  readonly name: string;
  readonly site: SiteId;
  readonly routerId: RouterId;
  readonly domain: string;
  readonly roles: readonly Role[];
  readonly version: string;
  readonly runtime: string;
  readonly pid: number;
  readonly startedAtMs: number;
  readonly configFile: string;
  /** `starting`, `black-out`, `running`, `draining`, `stopping`. */
  readonly state: string;
  /** `kernel` or `memory`; `awaiting`, `syncing`, `synced`. */
  readonly fibKind: string;
  readonly fibState: string;
  readonly peersEstablished: number;
  readonly peersConfigured: number;
  readonly services: number;
  readonly routes: number;
  readonly nodes: number;
  readonly fibObjects: number;
  readonly fibFailures: number;
  /** `plaintext` or `mutual-tls`; with the latter the own certificate, otherwise empty and 0. */
  readonly security: string;
  readonly certificate: string;
  readonly certificateNotAfterMs: number;
  /** What this daemon cannot do at present and does without, a line each. */
  readonly degraded: readonly string[];
}

/** Row type per `show` kind. */
export interface Views {
  readonly peers: PeerView;
  readonly services: ServiceView;
  readonly rib: RibRow;
  readonly instances: InstanceView;
  readonly 'link-state': LinkStateView;
  readonly paths: PathView;
  readonly fib: FibView;
  readonly 'fib-in-kernel': FibInKernelView;
  readonly sids: SidView;
  readonly metrics: MetricView;
  readonly capabilities: CapabilityView;
  readonly flows: FlowView;
  readonly drains: DrainView;
}
export type ViewKind = keyof Views;
export const VIEW_KINDS = [
  'peers',
  'services',
  'rib',
  'instances',
  'link-state',
  'paths',
  'fib',
  'fib-in-kernel',
  'sids',
  'metrics',
  'capabilities',
  'flows',
  'drains',
] as const satisfies readonly ViewKind[];

const KEYS: { readonly [K in ViewKind]: (row: Views[K]) => string } = {
  peers: (row) => row.name,
  services: (row) => (row.class === '' ? row.service : `${row.service} ${row.class}`),
  rib: (row) => `${row.service} ${row.contactInstance} ${row.originator}`,
  instances: (row) => `${row.service} ${row.contactInstance}`,
  'link-state': (row) => row.originator,
  paths: (row) => row.router,
  fib: (row) => row.key,
  'fib-in-kernel': (row) => row.key,
  sids: (row) => row.prefix,
  metrics: (row) => `${row.name} ${JSON.stringify(row.labels)}`,
  capabilities: (row) => row.name,
  flows: (row) => `${row.service} ${row.class} ${row.contactInstance}`,
  drains: (row) => `${row.service} ${row.contactInstance}`,
};

/** Identity of a row among the rows of its kind: what watchers merge by. */
export function viewKey<K extends ViewKind>(kind: K, row: Views[K]): string {
  return KEYS[kind](row);
}
