// One peer of the router: what outlives its sessions, and what exists only while one is Established.
import type { PeerConfig } from '../config/config.ts';
import type { Family, RouterId } from '../model/identity.ts';
import type { AdjRibOut } from '../rib/adj-rib-out.ts';
import type { HandleTable } from '../session/handles.ts';
import type { Subscription } from '../session/message.ts';
import type { PeerState } from '../session/peer.ts';
import type { ConnectionId, Negotiated } from '../session/peer-contract.ts';
import type { ServiceCounts } from '../session/service-counts.ts';
import type { Bucket } from '../time/token-bucket.ts';
import type { ExportGroup } from './export.ts';
import type { ImportRules } from './import.ts';
import type { Limited } from './limits.ts';
import type { DialFailure } from './reach.ts';
import type { Retention } from './restart.ts';
import type { HeldRoute } from './take-routes.ts';

/** What exists only while a session is Established. */
export interface EstablishedSession {
  readonly connection: ConnectionId;
  readonly negotiated: Negotiated;
  /** Their handles: what their compute rows and withdrawals refer to. */
  readonly handles: HandleTable;
  readonly out: AdjRibOut;
  /** Peers that are to hear the same. */
  group: ExportGroup;
  imports: ImportRules;
  /** Announced and not used, by handle. */
  readonly held: Map<number, HeldRoute>;
  /** The same as it was when the peer began to tell everything again; undefined: it does not. */
  heldBefore: Map<number, HeldRoute> | undefined;
  /** What the peer wants to hear; undefined: everything. */
  subscription: Subscription | undefined;
  /** Families that are being told again, in answer to ROUTE-REFRESH (RFC 7313). */
  readonly refreshing: Set<Family>;
  /** Limits whose warning has been said. */
  readonly warned: Set<Limited>;
  /** What it announces, by service; undefined: no limit asks. */
  readonly perService: ServiceCounts | undefined;
  /** UPDATEs, and bytes, that it may send now. */
  updates: Bucket;
  bytes: Bucket;
  /** A row was announced that is neither used nor held (malformed, refused, a loop): sums cannot be equal. */
  incomplete: boolean;
  /** A router was announced that is not taken: maps cannot be equal. */
  refusedNode: boolean;
  /** By family what a refresh did not cure; and families whose last digest did not match. */
  readonly incurable: Map<Family, string>;
  readonly mismatched: Set<Family>;
  /** When the last digest of each family was compared. */
  readonly digestAtMs: Map<Family, number>;
  blocked: boolean;
  /** Of its last UPDATE. */
  toldAtMs: number;
  /** Families whose End-of-RIB has come. */
  readonly endOfRib: Set<Family>;
}

export interface Peer {
  readonly config: PeerConfig;
  fsm: PeerState;
  session: EstablishedSession | undefined;
  /** Its number in the table. */
  readonly source: number;
  /** What becomes of its routes while it is away. */
  retention: Retention;
  /** How its words were taken last; they are judged by these rules while it is away. */
  lastImports: ImportRules | undefined;
  /** How long they may be kept as long-lived stale, by what both sides said last. */
  longLivedMs: number;
  /** What we want to hear of it; changes at run time. */
  subscription: Subscription;
  remote:
    | { readonly routerId: RouterId; readonly site: string; readonly name: string; readonly bootId: string }
    | undefined;
  /** Boot ids of its lives that are over, newest last; at most `MAX_FORMER_BOOTS`. */
  formerBootIds: readonly string[];
  /** Rows refused so far, by reason; and the reasons told since the session came up. */
  readonly refusals: Map<string, number>;
  /** Names of the policies in force; '': everything passes. */
  importPolicy: string;
  exportPolicy: string;
  /** Digests that did not match. */
  mismatches: number;
  readonly toldRefusals: Set<string>;
  /** Since the session came up, without what it may only not relay. */
  refusedInSession: number;
  lastRefusal: string;
  sinceMs: number;
  messagesIn: number;
  messagesOut: number;
  flaps: number;
  lastError: string;
  lastErrorAtMs: number;
  /** Absent once a connection was opened. */
  dialFailure: DialFailure | undefined;
}
