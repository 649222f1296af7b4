// Seam between the router core and one peer's session: RFC 4271 section 8 as a pure step.
// The implementation (peer.ts) exports `stepPeer: StepPeer` and `initialPeer`.
import type { Family, PeerRole, RouterId, SiteId } from '../model/identity.ts';
import type { CertificateNames } from '../security/identity.ts';
import type { NotificationMessage, OpenMessage, SessionMessage } from './message.ts';
import type { Relation } from './roles.ts';

/** One transport stream; numbered by the shell, unique in a daemon's life. */
export type ConnectionId = number;

export interface PeerSessionConfig {
  readonly local: OpenMessage;
  readonly families: readonly Family[];
  readonly holdTimeMs: number;
  readonly connectRetryMs: number;
  readonly passive: boolean;
  /** Time for the peer's OPEN; absent: `OPEN_HOLD_MS`. */
  readonly openWithinMs?: number;
  /** Site and router id this peer must have; absent: any. */
  readonly remoteSite?: SiteId;
  readonly remoteRouterId?: RouterId;
  /** What this peer must say it is; absent: anything. */
  readonly remoteRole?: PeerRole;
  /** Capabilities without which this peer is refused; absent: none. */
  readonly requiredCapabilities?: readonly string[];
  /** Router name this peer must have; absent: any. */
  readonly remoteName?: string;
  /** Only a certificate makes an OPEN believed (mutual TLS). */
  readonly certified?: boolean;
  /** Boot ids of lives of this peer that are over: whoever shows one repeats what was said before. */
  readonly formerBootIds?: readonly string[];
}

export type PeerTimer = 'connect-retry' | 'hold' | 'keepalive' | 'idle-hold';

export type PeerEvent =
  | { readonly type: 'start' }
  | { readonly type: 'stop'; readonly subcode: number; readonly text: string }
  /** Transport up, either way; `connect` effects are answered by this or by `connection-failed`. */
  | {
      readonly type: 'connection-opened';
      readonly connection: ConnectionId;
      readonly direction: 'inbound' | 'outbound';
      /** Names in the peer's certificate; absent where there is none. */
      readonly identity?: CertificateNames;
    }
  | { readonly type: 'connection-failed'; readonly reason: string }
  | { readonly type: 'connection-closed'; readonly connection: ConnectionId; readonly reason: string }
  | {
      readonly type: 'message';
      readonly connection: ConnectionId;
      readonly message: SessionMessage;
      /** UPDATEs of one read that were joined into this one; absent: it is one. */
      readonly count?: number;
    }
  /** The codec refused a frame: what goes on the wire before the close. */
  | { readonly type: 'bad-message'; readonly connection: ConnectionId; readonly notification: NotificationMessage }
  | { readonly type: 'timer'; readonly timer: PeerTimer }
  /** Link or path below the session is gone (RFC 9384). */
  | { readonly type: 'path-down'; readonly reason: string };

export interface Negotiated {
  /** Names in the peer's certificate; absent without mutual TLS. */
  readonly identity?: CertificateNames;
  readonly remote: OpenMessage;
  readonly families: readonly Family[];
  readonly holdTimeMs: number;
  /** Those of both sides. */
  readonly capabilities: readonly string[];
  /** What the peer is to us. */
  readonly relation: Relation;
}

export type PeerEffect =
  | { readonly type: 'connect' }
  | { readonly type: 'send'; readonly connection: ConnectionId; readonly message: SessionMessage }
  | { readonly type: 'close'; readonly connection: ConnectionId }
  | { readonly type: 'set-timer'; readonly timer: PeerTimer; readonly afterMs: number }
  | { readonly type: 'cancel-timer'; readonly timer: PeerTimer }
  /** Entered Established on this connection. */
  | { readonly type: 'up'; readonly connection: ConnectionId; readonly negotiated: Negotiated }
  /** Left Established. No `notification`: the transport was lost or replaced by another connection of the same peer. */
  | {
      readonly type: 'down';
      readonly reason: string;
      readonly notification?: NotificationMessage;
      readonly sent: boolean;
    }
  /** UPDATE or ROUTE-REFRESH received while Established. */
  | { readonly type: 'deliver'; readonly connection: ConnectionId; readonly message: SessionMessage }
  /** For the operator's log: refused OPEN, collision and the like. `isError`: it says why there is no session. */
  | { readonly type: 'notice'; readonly level: 'info' | 'warn'; readonly isError: boolean; readonly text: string };

export type PeerFsmName = 'Idle' | 'Connect' | 'Active' | 'OpenSent' | 'OpenConfirm' | 'Established';
