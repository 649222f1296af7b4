// What the daemon asks of a forwarding plane, and nothing about how. Values are copied across this seam; verbs are
// idempotent; results come back as data. Kernel FIB and memory FIB pass the same contract (fib.contract.ts).
import type { TrafficMatch } from '../model/traffic-match.ts';
import { PrefixWords } from '../net/prefix-words.ts';

/** The kernel's main routing table (RT_TABLE_MAIN). */
export const MAIN_TABLE = 254;

/** A nexthop that imposes segments (`encap.red`), bound to the SID device so that it survives link flaps. */
export interface SegmentNexthop {
  readonly kind: 'nexthop';
  /** 32-bit id in the member range; never a group's. */
  readonly id: number;
  /** SIDs in travel order, first travelled first; at least one. */
  readonly segments: readonly string[];
}

/** A choice of several nexthops. Routes point at one, or at a nexthop itself, and a path change replaces the nexthop only. */
export interface NexthopGroup {
  readonly kind: 'group';
  readonly id: number;
  /** Weights 1..65536; beyond 256 from Linux 6.12 on. */
  readonly members: readonly { readonly nexthop: number; readonly weight: number }[];
  /** Present: a group whose hash buckets move only when idle (`bucket` affinity). A group never changes its type. */
  readonly resilient?: ResilientGroup;
}

export interface ResilientGroup {
  /** Hash buckets, 1..65535; cannot change while the group lives. */
  readonly buckets: number;
  /** A bucket without packets for this long may move to a member that has too few. */
  readonly idleTimeoutMs: number;
  /** After this long out of balance busy buckets move too; 0: never. */
  readonly unbalancedTimeoutMs: number;
}

export interface GatewayHop {
  readonly gateway: string;
  readonly device: string;
  /** 1..256. */
  readonly weight: number;
}

export type RouteTarget =
  | { readonly kind: 'group'; readonly id: number }
  /** A nexthop by itself: a packet saves the choice among a group's members, 80 ns of 1,600. */
  | { readonly kind: 'nexthop'; readonly id: number }
  | { readonly kind: 'gateways'; readonly hops: readonly GatewayHop[] }
  /** Imposes segments (`encap.red`) on the SID device, in travel order: for prefixes of which few share a list. */
  | { readonly kind: 'encap'; readonly segments: readonly string[] }
  | { readonly kind: 'blackhole' }
  /** Forwards nothing: packets that have more than `mtu` bytes are answered with Packet Too Big of that MTU. */
  | { readonly kind: 'too-big'; readonly mtu: number };

export interface FibRoute {
  readonly kind: 'route';
  /** Canonical prefix; its family is the route's. */
  readonly prefix: string;
  /** 254 is main. */
  readonly table: number;
  readonly target: RouteTarget;
  /** The prefix once more, as whoever made the route has read it: to read a text takes a tenth of the kernel's own time. */
  readonly words?: PrefixWords | undefined;
}

/** A route whose prefix is read here, and not at each change. */
export function fibRoute(prefix: string, table: number, target: RouteTarget): FibRoute {
  return { kind: 'route', prefix, table, target, words: PrefixWords.of(prefix) };
}

export type SidBehaviour =
  | { readonly action: 'End' }
  | { readonly action: 'End.X'; readonly nexthop: string; readonly device?: string }
  | { readonly action: 'End.T'; readonly table: number }
  | { readonly action: 'End.DT6'; readonly table: number }
  /** `::` looks the inner destination up in the main table. */
  | { readonly action: 'End.DX6'; readonly nexthop: string }
  /** `0.0.0.0` looks the inner destination up in the main table: End.DT4 of that table, without a VRF. */
  | { readonly action: 'End.DX4'; readonly nexthop: string }
  /** The table of a VRF device that is there; kernels without VRF refuse them. */
  | { readonly action: 'End.DT4' | 'End.DT46'; readonly vrfTable: number }
  /** Segments in travel order, at most 127. */
  | { readonly action: 'End.B6.Encaps'; readonly segments: readonly string[] };

/** A local SID (RFC 8986), as a seg6local route on the SID device. */
export interface LocalSid {
  readonly kind: 'local-sid';
  /** Canonical prefix. */
  readonly prefix: string;
  readonly behaviour: SidBehaviour;
  /** RFC 8986 4.16, RFC 9800. */
  readonly flavours?: {
    readonly psp?: boolean;
    readonly nextCsid?: { readonly blockBits: number; readonly nodeBits: number };
  };
}

/**
 * A local End or End.X SID with the REPLACE-CSID flavour (RFC 9800 4.2), which no kernel has: nftables does its work.
 * Its packets take no other route of this node than the one that the rewritten destination has.
 */
export interface ReplaceSid {
  readonly kind: 'replace-csid';
  /** Canonical IPv6 prefix of block and C-SID: whole octets, at most 120 bits. */
  readonly prefix: string;
  readonly csidBits: 16 | 32;
  /** End.X: packets leave with this mark, for a rule that selects the adjacency's table. Absent: End. */
  readonly mark?: number;
}

/** Policy rule: marked packets look up the contact instance's table. */
export interface FibRule {
  readonly kind: 'rule';
  readonly family: 'ipv4' | 'ipv6';
  readonly priority: number;
  readonly fwmark: number;
  readonly mask: number;
  readonly table: number;
}

/**
 * How packets find their contact instance. `flow`: a learned flow stays, new ones follow the weights. `client`: the same
 * by source address. `bucket`: hash buckets of a resilient nexthop group stay while they are busy; nothing is kept a
 * flow. `none`: a hash of the flow under the weights, nothing is kept: new weights move the flows whose share moved.
 */
export const AFFINITY_MODES = ['flow', 'bucket', 'client', 'none'] as const;
export type AffinityMode = (typeof AFFINITY_MODES)[number];

export interface AffinityInstance {
  /** Stable small integer; names the learned set, so it must survive a restart. One of a class of a service. */
  readonly slot: number;
  readonly mark: number;
  /** Share of new flows, 0..1000; the weights of a class sum to 1000, or are all 0: then unmarked. */
  readonly weight: number;
  /** True: its learned flows are forgotten at this change, so that they are decided again (hard failover). */
  readonly failed: boolean;
}

/** How packets of a service, or of one class of them, find their contact instance. */
export interface AffinityClass {
  readonly mode: AffinityMode;
  /** Empty with `bucket`: its group's members are the instances. */
  readonly instances: readonly AffinityInstance[];
  readonly idleTimeoutMs: number;
  readonly closingTimeoutMs: number;
  /** `client`: leading bits of the source address that make a client, whole octets; absent: all. */
  readonly clientBits?: number;
  /** `bucket`: mark of all packets of the class, which selects the table of its group; absent: main, unmarked. */
  readonly mark?: number;
}

/** New flows that match are of the class named; the first rule that matches counts. */
export interface ClassifierRule {
  readonly match: TrafficMatch;
  /** A name in `classes`; empty: the service itself. */
  readonly class: string;
}

/**
 * Spreads new flows of one service over marks and keeps running flows where they are (dataplane.md 2.2 (a2)). What it
 * says itself is for the flows that the classifier names no class for. A running flow of mode `flow` stays where it is
 * also when it would be of another class now.
 */
export interface AffinityService extends AffinityClass {
  readonly kind: 'affinity';
  /** Anycast address. */
  readonly service: string;
  readonly classes?: readonly (AffinityClass & { readonly name: string })[];
  readonly classifier?: readonly ClassifierRule[];
}

/** Drops what nobody outside the domain may send: segment routing headers, packets to SIDs, and packets from SIDs. */
export interface Border {
  readonly kind: 'border';
  /** Interfaces of the domain; what comes in through any other comes from outside. Loopback is inside unsaid. */
  readonly inside: readonly string[];
  /** Canonical IPv6 prefixes that hold the domain's SIDs; none contains another. */
  readonly sidSpace: readonly string[];
}

/** Keeps packets to and from services small enough for what encapsulation adds, on paths that carry no more (dataplane.md 1.3). */
export interface ServiceMtu {
  readonly kind: 'mtu';
  /** Anycast addresses. */
  readonly services: readonly string[];
  /** Bytes that a packet may have before it is encapsulated, 1280..65535. TCP's MSS follows from it. */
  readonly mtu: number;
  /** What is larger and not TCP gets this mark, for a rule that selects a table of `too-big` routes. */
  readonly mark: number;
}

export type FibObject =
  | SegmentNexthop
  | NexthopGroup
  | FibRoute
  | LocalSid
  | ReplaceSid
  | FibRule
  | AffinityService
  | Border
  | ServiceMtu;

/** Names an object; two objects with one key replace each other. */
export type FibKey = string;

/** There is one of each. */
export const BORDER_KEY: FibKey = 'border domain';
export const MTU_KEY: FibKey = 'mtu services';

/** How the keys of routes begin; table and prefix follow. */
export const ROUTE_KEY = 'route ';

export function fibKey(object: FibObject): FibKey {
  switch (object.kind) {
    case 'nexthop':
      return `nexthop ${object.id}`;
    case 'group':
      return `group ${object.id}`;
    case 'route':
      return `route ${object.table} ${object.prefix}`;
    case 'local-sid':
      return `local-sid ${object.prefix}`;
    case 'replace-csid':
      return `replace-csid ${object.prefix}`;
    case 'rule':
      return `rule ${object.family} ${object.priority}`;
    case 'affinity':
      return `affinity ${object.service}`;
    case 'border':
      return BORDER_KEY;
    case 'mtu':
      return MTU_KEY;
    default:
      return object satisfies never;
  }
}

/** What is to be removed: its key, or a route as it was put, whose prefix need not be read again. */
export type FibRemoval = FibKey | FibRoute;

export function removalKey(removal: FibRemoval): FibKey {
  return typeof removal === 'string' ? removal : fibKey(removal);
}

/** Puts are upserts; order inside is the FIB's concern (members before groups before routes; removal in reverse). */
export interface FibDelta {
  readonly put: readonly FibObject[];
  readonly remove: readonly FibRemoval[];
}

export interface FibFailure {
  readonly key: FibKey;
  /** `EINVAL`, `ENOMEM`, `nft`... */
  readonly code: string;
  readonly text: string;
}

/** What became of a delta or sync: failures as data; everything not named here is in force. */
export interface FibResult {
  readonly failures: readonly FibFailure[];
  readonly put: number;
  readonly removed: number;
  /** Monotonic ms when the first request went to the kernel; absent: not one change, or no kernel. */
  readonly requestedAtMs?: number;
  /** Monotonic ms when the last kernel acknowledgement of the netlink part, and of the nft part, came. */
  readonly netlinkDoneAtMs: number;
  readonly affinityDoneAtMs: number;
}

/** One object of a change, read back. */
export interface ReadBack {
  readonly key: FibKey;
  /** False: the kernel holds it otherwise, or not at all. */
  readonly isAsHeld: boolean;
}

export interface FibCapability {
  readonly name: string;
  readonly available: boolean;
  /** Why not, or what is used instead; empty when available. */
  readonly remark: string;
}

/** What a start-up found: own objects that an earlier life left and that still forward. */
export interface FibStart {
  readonly capabilities: readonly FibCapability[];
  readonly retained: readonly FibObject[];
}

/** One disagreement between the desired set and the read-back. */
export interface FibDrift {
  readonly key: FibKey;
  readonly what: 'missing' | 'different' | 'stale';
}

/** What a class of a service has decided since its counter was made: flows, clients or packets, as its mode has it. */
export interface ClassCounter {
  readonly service: string;
  /** Empty: the service's own class. */
  readonly name: string;
  readonly packets: number;
  readonly bytes: number;
}

export interface SidCounters {
  readonly prefix: string;
  readonly packets: number;
  readonly bytes: number;
  readonly errors: number;
}

/** Packets that the border dropped since its table was made, each counted once. */
export interface BorderCounters {
  /** With a segment routing header, to whatever address. */
  readonly routingHeaders: number;
  /** To an address in SID space. */
  readonly toSids: number;
  /** From an address in SID space. */
  readonly fromSids: number;
}

export interface Fib {
  readonly kind: 'kernel' | 'memory';
  /** Probes, prepares the SID device, sysctls and tunnel source; reads own objects; flushes nothing. */
  start(): Promise<FibStart>;
  /**
   * Applies a change; the netlink part is done before the first await, unless it is of more than a thousand objects: then
   * others get their turn in between, and what they change meanwhile is newer. Before the first `sync` nothing stale is removed.
   */
  apply(delta: FibDelta): Promise<FibResult>;
  /**
   * Reads the first object of a change back that can be asked for alone: a nexthop, a group, how new flows of a service are
   * spread. Undefined: there is none, or another change is under way.
   */
  readBack(delta: FibDelta): Promise<ReadBack | undefined>;
  /** Full desired set: programs what is missing or different, then removes own objects that are not in it. */
  sync(desired: readonly FibObject[]): Promise<FibResult>;
  /** Reads the kernel back, reports and repairs drift; foreign objects are never touched. */
  verify(): Promise<readonly FibDrift[]>;
  /** As `verify`, but only looks: nothing is repaired. */
  inspect(): Promise<readonly FibDrift[]>;
  /** The set in force as this process believes it. */
  dump(): readonly FibObject[];
  /** By slot: live flows of `flow`, clients of `client`, busy buckets of `bucket`; slots of `none` are absent. */
  flowCounts(): Promise<ReadonlyMap<number, number>>;
  classCounters(): Promise<readonly ClassCounter[]>;
  sidCounters(): Promise<readonly SidCounters[]>;
  /** Undefined: there is no border in force. */
  borderCounters(): Promise<BorderCounters | undefined>;
  /** Removes own objects when `remove`, otherwise leaves forwarding as it is (crash and restart look alike). */
  close(options: { readonly remove: boolean }): Promise<void>;
}
