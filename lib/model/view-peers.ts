// Rows about peers: their sessions, what both sides agreed to, and what policies do to their routes.
import type { Family, PeerRole, RouterId, ServiceId, SiteId } from './identity.ts';

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
  /** What is wrong while the session is up, as of `LinkStateView`; empty: nothing. */
  readonly fault: string;
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
