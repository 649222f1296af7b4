// Messages of the session protocol as the core sees them: decoded, typed, columnar; no wire format here (lib/wire).
// Columns of one family have equal lengths; entry i is row i of every column.
import type { Family, PeerRole, Role, RouterId, SiteId } from '../model/identity.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import type { ServiceAttributes } from '../model/service-route.ts';

export const PROTOCOL_VERSION = 1;

/** RFC 4724 section 3, one set of families for all: what the sender promises about its next restart, and about this one. */
export interface GracefulRestart {
  /** How long the receiver is to keep the sender's routes after the session is lost. */
  readonly restartTimeMs: number;
  readonly families: readonly Family[];
  /** The F bits: forwarding of these families went on while the sender was away. */
  readonly preserved: readonly Family[];
}

/** RFC 9494 section 3. */
export interface LongLivedRestart {
  /** How long the receiver may keep routes after graceful restart has ended. */
  readonly staleTimeMs: number;
  readonly families: readonly Family[];
}

/** What the sender wants to hear (RFC 4684 in spirit): routes that match every list that is not empty. */
export interface Subscription {
  /** Canonical prefixes of services (CS-ID). */
  readonly services: readonly string[];
  readonly regions: readonly string[];
  readonly classes: readonly string[];
}

export interface OpenMessage {
  readonly type: 'OPEN';
  readonly version: number;
  readonly domain: string;
  readonly site: SiteId;
  readonly routerId: RouterId;
  /** Name for people. */
  readonly name: string;
  /** Differs for every start of a daemon: tells a restart from a reconnect. */
  readonly bootId: string;
  /** 0: no hold timer; otherwise >= 300. Negotiated to the smaller (RFC 4271 4.2; milliseconds here). */
  readonly holdTimeMs: number;
  readonly families: readonly Family[];
  readonly roles: readonly Role[];
  readonly capabilities: readonly string[];
  /** Absent: not said. */
  readonly peerRole?: PeerRole;
  /** Absent: routes of the sender go with its session. */
  readonly gracefulRestart?: GracefulRestart;
  readonly longLived?: LongLivedRestart;
  /** Absent: everything. In OPEN, so that the initial exchange carries nothing unwanted. */
  readonly subscription?: Subscription;
}

export interface KeepaliveMessage {
  readonly type: 'KEEPALIVE';
}

export interface NotificationMessage {
  readonly type: 'NOTIFICATION';
  readonly code: number;
  readonly subcode: number;
  /** At most 255 bytes, for machines. */
  readonly data: string;
  /** Shutdown communication (RFC 9003): at most 255 bytes of UTF-8, for people. */
  readonly text: string;
}

export interface RouteRefreshMessage {
  readonly type: 'ROUTE-REFRESH';
  readonly family: Family;
  readonly phase: 'request' | 'begin' | 'end';
}

/** Replaces the sender's subscription whole; without lists: everything. */
export interface SubscribeMessage {
  readonly type: 'SUBSCRIBE';
  readonly subscription: Subscription;
}

/** What the sender has announced to the receiver of one family, in sum: tells a lost change from none. */
export interface DigestMessage {
  readonly type: 'DIGEST';
  readonly family: Family;
  /** Routes, states or nodes counted. */
  readonly count: number;
  /** Two 32-bit halves of the sum of their hashes (lib/rib/digest.ts). */
  readonly low: number;
  readonly high: number;
}

/**
 * `service` family: attribute sets once, then rows that point at them. Columns are typed arrays, so that a route is never an
 * object between the wire and the table; update-rows.ts makes them from rows and back, for tests and recordings.
 */
export interface ServiceUpdate {
  readonly attributeSets: readonly ServiceAttributes[];
  /** Session-local handle the sender gave this route; compute rows and withdrawals refer to it. */
  readonly handle: Uint32Array;
  /** Four words a row (lib/net/address-words.ts). */
  readonly service: Uint32Array;
  readonly contactInstance: Uint32Array;
  /** Router id as a number. */
  readonly originator: Uint32Array;
  /** Index into `attributeSets`; -1: the set was malformed, treat as withdrawn (RFC 7606). */
  readonly attributeSet: Int32Array;
  readonly withdrawn: Uint32Array;
}

/** `compute` family: the i-th row of `state` (lib/model/state-row.ts) belongs to the route with `handle[i]`. */
export interface ComputeUpdate {
  readonly handle: Uint32Array;
  readonly state: Float64Array;
}

export interface LinkStateUpdate {
  readonly nodes: readonly NodeAdvertisement[];
}

export interface UpdateMessage {
  readonly type: 'UPDATE';
  readonly service?: ServiceUpdate;
  readonly compute?: ComputeUpdate;
  readonly linkState?: LinkStateUpdate;
  /** End-of-RIB markers (RFC 4724 section 2): the initial set of these families is complete. */
  readonly endOfRib?: readonly Family[];
  /** Entries the decoder had to drop, for the log; they are treated as withdrawn where a key was readable. */
  readonly faults?: readonly { readonly field: string; readonly text: string }[];
}

/** An UPDATE of the parts that there are: a literal each, since V8 makes a spread property by property. */
export function updateOf(service: ServiceUpdate | undefined, compute: ComputeUpdate | undefined): UpdateMessage {
  if (compute === undefined) return service === undefined ? { type: 'UPDATE' } : { type: 'UPDATE', service };
  return service === undefined ? { type: 'UPDATE', compute } : { type: 'UPDATE', service, compute };
}

export type SessionMessage =
  | OpenMessage
  | KeepaliveMessage
  | NotificationMessage
  | RouteRefreshMessage
  | UpdateMessage
  | SubscribeMessage
  | DigestMessage;

/** RFC 4271 6.1 ff., RFC 4486, RFC 8538, RFC 9384 numbers, so that engineers recognise them. */
export const NOTIFICATION = {
  messageHeader: 1,
  open: 2,
  update: 3,
  holdTimerExpired: 4,
  fsm: 5,
  cease: 6,
  routeRefresh: 7,
  sendHoldTimerExpired: 8,
} as const;
export const OPEN_SUBCODE = {
  unsupportedVersion: 1,
  badPeerSite: 2,
  badRouterId: 3,
  unacceptableHoldTime: 6,
  unsupportedCapability: 7,
  /** RFC 9234 4.2. */
  roleMismatch: 11,
  badDomain: 12,
  /** An OPEN of an earlier life of the peer. */
  replayed: 13,
} as const;
/** RFC 6608: in which state an unexpected message came. */
export const FSM_SUBCODE = { openSent: 1, openConfirm: 2, established: 3 } as const;
export const CEASE_SUBCODE = {
  maximumPrefixes: 1,
  administrativeShutdown: 2,
  peerDeconfigured: 3,
  administrativeReset: 4,
  connectionRejected: 5,
  otherConfigurationChange: 6,
  collisionResolution: 7,
  outOfResources: 8,
  hardReset: 9,
  pathDown: 10,
} as const;
