// The router's whole mutable state, owned by one writer (handle.ts); nothing here is shared with the shell.
import type { LinkConfig, LocalInstanceConfig, RouterConfig, ServiceClassConfig } from '../config/config.ts';
import type { Decision } from '../decision/decision.ts';
import type { AffinityClass, FibCapability, FibDrift, FibFailure, FibKey, FibObject } from '../fib/fib.ts';
import type { Agent } from '../metric/agent.ts';
import type { Family, PeerName, RouterId, ServiceId } from '../model/identity.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import type { Locator } from '../model/locator.ts';
import type { RouteKey, ServiceAttributes } from '../model/service-route.ts';
import type { Policy } from '../policy/policy.ts';
import type { AdjRibOut } from '../rib/adj-rib-out.ts';
import type { Flaps } from '../rib/damping.ts';
import type { RouteTable } from '../rib/route-table.ts';
import type { UpdateBatch } from '../rib/update-batch.ts';
import type { Authorisation } from '../security/authorise.ts';
import type { Quarantine } from '../security/plausibility.ts';
import type { SegmentPlan } from '../segment/plan.ts';
import type { SidBook } from '../segment/sid-book.ts';
import type { Debounce } from '../time/debounce.ts';
import type { Bucket } from '../time/token-bucket.ts';
import type { Lsdb } from '../topology/lsdb.ts';
import type { SpfNode } from '../topology/spf.ts';
import type { DigestRun } from './anti-entropy.ts';
import type { Duplicate } from './duplicates.ts';
import type { RouterEffect } from './effect.ts';
import type { Expiry } from './expiry.ts';
import type { ExplicitPaths } from './explicit-paths.ts';
import type { ExportGroup } from './export.ts';
import type { Pace } from './pacing.ts';
import type { Peer } from './peer.ts';
import type { Reimport } from './reimport.ts';
import type { HeldReport } from './report-rate.ts';
import type { Sweep } from './sweep.ts';

export type { EstablishedSession, Peer } from './peer.ts';

export interface Link {
  readonly config: LinkConfig;
  /** Bytes; undefined: the kernel has not said. */
  mtu: number | undefined;
  /** undefined: the kernel has not said yet. */
  kernelUp: boolean | undefined;
  /** undefined: STAMP has not said yet. */
  pathUp: boolean | undefined;
  /** The neighbour's link state was complete since the link came up, as OSPF's Full (RFC 2328 10.1); survives its daemon. */
  adjacent: boolean;
  /** An earlier life forwarded over it. */
  readonly retained: boolean;
  delayMinUs: number;
  delayAvgUs: number;
  delayVariationUs: number;
  loss: number;
}

/** A contact instance of our own. */
export interface Instance {
  readonly key: string;
  readonly route: RouteKey;
  /** Of service and contact instance, as the table looks for them. */
  readonly words: Uint32Array;
  readonly config: LocalInstanceConfig;
  agent: Agent;
  healthSinceMs: number;
  drained: boolean;
  /** The drain is over: it is not offered any more. */
  retired: boolean;
  attributes: ServiceAttributes;
  lastError: string;
}

/** A contact instance with objects in the forwarding plane, and what those were made from. */
export interface Programmed {
  readonly path: readonly RouterId[];
  readonly egressSid: string;
  readonly slot: number;
  /** Gone since then: its flows are forgotten, its objects go a little later (service-plan.ts). */
  readonly failedAtMs?: number;
}

/** A drain that an operator asked for. */
export interface Drain {
  readonly service: ServiceId;
  readonly contactInstance: string;
  /** Prefix of its SID: an own contact instance, drained for everybody. Absent: excluded at this ingress only. */
  readonly sid?: string;
  readonly sinceMs: number;
  /** Infinity: none. */
  readonly deadlineMs: number;
  readonly quietMs: number;
  /** When `packets` last moved. */
  readonly movedAtMs: number;
  /** Flows that this ingress holds; absent: not counted yet, or nobody counts them. */
  readonly flows?: number;
  readonly packets?: number;
  readonly phase: 'draining' | 'drained' | 'timed-out';
}

/** What forwarding of an earlier life used a slot for. */
export interface RetainedSlot {
  /** Class; empty: the service's own. */
  readonly name: string;
  /** The list to a contact instance; it ends with its egress SID. Absent: a bucket class' group. */
  readonly segments?: readonly string[];
  /** `bucketKey` of that class, and the buckets of its group. */
  readonly bucket?: string;
  readonly buckets?: number;
}

/** What makes a class of a service different from its other classes, and from none. */
export interface Steered {
  /** The service, followed by the class where it is not the service's own (`classKey`). */
  readonly key: string;
  readonly service: ServiceId;
  /** Empty: the service's own class, for flows that no rule of its classifier names a class for. */
  readonly name: string;
  readonly class: ServiceClassConfig;
  decision: Decision | undefined;
  /** By route key. */
  readonly programmed: Map<string, Programmed>;
  /** What the last decision means to the forwarding plane; undefined: nothing yet. */
  spread: AffinityClass | undefined;
  debounce: Debounce;
  /** A timer for the next decision is set for this time. */
  timerAtMs: number;
  /** What asked for it. */
  timerCause: string;
  decisions: number;
  /** First decision that found a candidate; Infinity before. */
  firstAtMs: number;
  changedAtMs: number;
}

export type FibPhase = 'awaiting' | 'syncing' | 'synced';

export interface FibState {
  phase: FibPhase;
  /** Objects each owner wants. */
  readonly owners: Map<string, ReadonlyMap<FibKey, FibObject>>;
  /** Changes of this turn, or those that wait for the sync to end. */
  put: Map<FibKey, FibObject>;
  remove: Map<FibKey, FibObject>;
  cause: string;
  readonly failed: Map<FibKey, FibFailure>;
  /** Keys of each request that is not answered yet. */
  readonly inFlight: Map<number, readonly FibKey[]>;
  nextRequest: number;
  retryPauseMs: number;
  failures: number;
  /** Objects that scans have put right, by what was wrong with them. */
  readonly drift: Record<FibDrift['what'], number>;
}

export interface FlushState {
  /** Something may wait for a peer. */
  wanted: boolean;
  /** The timer is set. */
  armed: boolean;
  /** When peers were last served. */
  atMs: number;
  /** Changes in the table's logs by then. */
  changes: number;
  turns: number;
  /** Of the jitter of pacing; another one in each life. */
  readonly seed: number;
  /** The timer of pacing is set for this time; past: it is not. */
  paceAtMs: number;
  /** Who was told in the flush that is not settled. */
  readonly told: Told[];
  settled: boolean;
}

/** Peers that were told together, and the families of which it was news. */
export interface Told {
  readonly pace: Pace;
  readonly news: readonly Family[];
  readonly outs: readonly AdjRibOut[];
}

export interface RouterState {
  readonly config: RouterConfig;
  readonly bootId: string;
  /** Own router id as a number. */
  readonly routerNumber: number;
  readonly startedAtMs: number;
  /** Adds to a monotonic time to make wall clock. */
  wallOriginMs: number;
  atMs: number;
  effects: RouterEffect[];
  readonly capabilities: readonly FibCapability[];
  readonly table: RouteTable;
  /** Makes UPDATEs. */
  readonly batch: UpdateBatch;
  readonly flush: FlushState;
  /** Peers' old routes that are being taken away, the first one now. */
  readonly sweeps: Sweep[];
  /** Reports that nobody renews (expiry.ts). */
  readonly expiry: Expiry;
  /** What peers said that is being judged again, the first of it now. */
  reimports: Reimport[];
  /** Site of each source's last OPEN, by its number in the table. */
  readonly sourceSites: (string | undefined)[];
  readonly exportGroups: Map<string, ExportGroup>;
  /** Peers that are still to be told a digest in this round, the first of them now (anti-entropy.ts). */
  readonly digests: { waiting: PeerName[]; run: DigestRun | undefined };
  policies: ReadonlyMap<string, Policy>;
  /** What sources said of rows that are used otherwise, by number of the source and row. */
  readonly raw: (Map<number, ServiceAttributes> | undefined)[];
  /** Withdrawals of routes, fading (flaps.ts). */
  readonly flaps: Map<number, Flaps>;
  /** When those were last forgotten that say nothing any more. */
  flapsForgivenAtMs: number;
  /** Its timer is set for this time. */
  dampingAtMs: number;
  /** Tokens of each service and site, and reports that wait for one, by row (report-rate.ts). */
  readonly reportBuckets: Map<string, Bucket>;
  readonly heldReports: Map<number, HeldReport>;
  reportsAtMs: number;
  /** Originators whose clocks differ from ours, as numbers. */
  readonly skewed: Set<number>;
  /** Attribute sets as they are passed on, by the set and the way. */
  readonly onward: WeakMap<ServiceAttributes, Map<string, ServiceAttributes>>;
  readonly peers: Map<PeerName, Peer>;
  readonly links: Map<string, Link>;
  /** Served by this router, the plain one first. */
  readonly locators: readonly Locator[];
  readonly lsdb: Lsdb;
  /** SIDs of `lsdb`, parsed. */
  readonly sids: SidBook;
  /** Lists along the paths of shortest-path runs, by path and egress SID. */
  readonly plans: WeakMap<readonly RouterId[], Map<string, SegmentPlan>>;
  readonly explicit: ExplicitPaths;
  readonly nodeReceivedAtMs: Map<RouterId, number>;
  /** When its router said the advertisement held, as far as we know, and when the first of others' is too old. */
  readonly nodeSaidAtMs: Map<RouterId, number>;
  nodeAgeTimerAtMs: number;
  /** Peer that brought the advertisement held; empty: ourselves. */
  readonly nodeFrom: Map<RouterId, PeerName>;
  /** How many of them each peer brought. */
  readonly nodesFrom: Map<PeerName, number>;
  /** Absent: whoever may speak may originate anything. */
  readonly authorisation: Authorisation | undefined;
  /** Routes whose reports are not believed at present, by row of the table. */
  readonly quarantine: Map<number, Quarantine>;
  spf: ReadonlyMap<RouterId, SpfNode>;
  spfDebounce: Debounce;
  spfPending: boolean;
  ownNode: NodeAdvertisement | undefined;
  readonly instances: Map<string, Instance>;
  /** By `Steered.key`: the service's own class under its address. */
  readonly steered: Map<string, Steered>;
  /** The service's own class first, then those that its classifier names. */
  readonly classes: Map<ServiceId, readonly Steered[]>;
  /** Stable small integers per class and contact instance, by `slotKey`. */
  readonly slots: Map<string, number>;
  /** Slots that forwarding of an earlier life still uses. */
  readonly retainedSlots: Map<number, RetainedSlot>;
  readonly fib: FibState;
  /** Largest MTU of the interfaces that are no links, bytes; undefined: the kernel has not said. */
  accessMtu: number | undefined;
  /** An MTU somewhere in the domain changed since the services' was planned. */
  mtuChanged: boolean;
  /** Locators or prefixes of the domain changed since the border was planned. */
  addressesChanged: boolean;
  /** Routers that were heard of late under a router id that another one uses as well. */
  readonly duplicates: Map<string, Duplicate>;
  /** One with our router id is about to be outdone. */
  contested: boolean;
  /** Highest sequence heard under our router id before we said anything. */
  heardSequence: number;
  /** Advertisements of what seemed to be earlier lives of ours that were outdone. */
  outdone: number;
  /** Forwarding of an earlier life went on when this one began. */
  readonly retained: boolean;
  /** The initial exchange is complete (RFC 4724 4.1): programming, End-of-RIB and own link state may go on. */
  ready: boolean;
  /** Own routes and End-of-RIB are out. */
  announced: boolean;
  stopping: boolean;
  /** The last part of stopping: nothing is offered any more. */
  leaving: boolean;
  /** Remote contact instances this operator excluded here, by route key. */
  readonly excluded: Set<string>;
  /** By route key. */
  readonly drains: Map<string, Drain>;
}
