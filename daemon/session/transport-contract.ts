// What the session transport is to the rest of the daemon: its peers, the events it posts and the calls it takes.

import type { CertificateNames } from '../../lib/security/identity.ts';
import type { NotificationMessage, SessionMessage } from '../../lib/session/message.ts';
import type { ConnectionId } from '../../lib/session/peer-contract.ts';
import type { Credentials } from '../security/credentials.ts';

export interface TransportPeer {
  readonly name: string;
  /** Dialled, and the address inbound connections must come from. */
  readonly address: string;
  readonly port: number;
  readonly passive: boolean;
}

export type TransportEvent =
  | {
      readonly type: 'connection-opened';
      readonly peer: string;
      readonly connection: ConnectionId;
      readonly direction: 'inbound' | 'outbound';
      /** Names in the peer's certificate; absent without TLS. */
      readonly identity?: CertificateNames;
    }
  | { readonly type: 'connection-failed'; readonly peer: string; readonly reason: string }
  | {
      readonly type: 'connection-closed';
      readonly peer: string;
      readonly connection: ConnectionId;
      readonly reason: string;
    }
  | { readonly type: 'connection-drained'; readonly peer: string; readonly connection: ConnectionId }
  | {
      readonly type: 'message';
      readonly peer: string;
      readonly connection: ConnectionId;
      readonly message: SessionMessage;
      readonly bytes: number;
      /** UPDATEs of one read that were joined into this one; absent: it is one. */
      readonly count?: number;
    }
  | {
      readonly type: 'bad-message';
      readonly peer: string;
      readonly connection: ConnectionId;
      readonly notification: NotificationMessage;
    };

export interface SessionTransportOptions {
  readonly listen: { readonly address: string; readonly port: number };
  readonly peers: readonly TransportPeer[];
  /** Mutual TLS with the credentials of the moment; absent: plaintext. */
  readonly tls?: (() => Credentials) | undefined;
  /** Connections of one remote address at a time; default 16. */
  readonly connectionsPerAddress?: number | undefined;
  readonly post: (event: TransportEvent) => void;
  /** Runs `act`, which posts what came in one read; default: as it is. */
  readonly together?: (act: () => void) => void;
  readonly log: Readonly<Record<'info' | 'warn', (fields: Record<string, unknown>, text: string) => void>>;
  /** Bytes that may wait for a peer that does not read, beyond what gRPC holds; default 4 MiB. */
  readonly queueBytes?: number;
  /** RFC 9687, there at least 8 minutes; default 60 s here, because hold times are seconds. */
  readonly sendHoldMs?: number;
  /** From `connect` to the peer's response headers; default 2 s, one SYN repeated. */
  readonly connectTimeoutMs?: number;
  /** Pause before a port in use is tried again; default 2 s. */
  readonly listenRetryMs?: number;
}

export interface SessionTransport {
  /** Resolves when bound; a port in use is logged once a minute and tried again until `closeAll`. Never rejects. */
  listen(): Promise<void>;
  /** The port bound; 0 while there is none. */
  readonly port: number;
  /** One attempt, answered by `connection-opened` or `connection-failed`. */
  connect(peer: string): void;
  /** Sends a message, or bytes of `encodeFrame` that several peers get. Unknown connections are ignored. */
  send(connection: ConnectionId, message: SessionMessage | Uint8Array): void;
  /** True until the next `connection-drained`: send what must go, keep the rest. */
  isBlocked(connection: ConnectionId): boolean;
  /**
   * Stops or resumes reading: a peer that says something meanwhile waits, what it said undecoded, and HTTP/2 flow control
   * holds it back. Who says nothing costs nothing.
   */
  setPaused(paused: boolean): void;
  /** What was sent arrives first; no `connection-closed` follows. */
  close(connection: ConnectionId): void;
  /** Ends everything; resolves when the last connection is gone, after at most a second. */
  closeAll(): Promise<void>;
  /** Peers of a new configuration; connections that exist stay. */
  setPeers(peers: readonly TransportPeer[]): void;
  /** Inbound connections refused or dropped so far. */
  counters(): { readonly rejected: number; readonly dropped: number };
}
