// The states of one peer: RFC 4271 8.2.2, with up to three connections at a time because both sides dial. Each member
// carries only what exists in it. Immutable.
import type { CertificateNames } from '../security/identity.ts';
import type { ConnectionId, Negotiated, PeerEffect, PeerSessionConfig } from './peer-contract.ts';

export type Direction = 'inbound' | 'outbound';

/** A connection on which our OPEN is sent and the peer's is awaited. */
export interface PendingConnection {
  readonly id: ConnectionId;
  readonly direction: Direction;
  readonly openedAtMs: number;
  /** Names in the peer's certificate; absent where there is none. */
  readonly identity?: CertificateNames;
}

/** The connection whose OPEN was accepted; a peer has at most one (RFC 4271 6.8). */
export interface CurrentConnection {
  readonly id: ConnectionId;
  readonly direction: Direction;
  readonly negotiated: Negotiated;
  /** Any frame counts (RFC 4271 4.4); the hold timer is not touched per frame but compared when it fires. */
  readonly lastHeardMs: number;
}

interface Common {
  /** Last pause against oscillation, 0 when the peer has behaved (RFC 4271 8.1.1 DampPeerOscillations). */
  readonly backOffMs: number;
}

interface Connected extends Common {
  /** A `connect` effect is unanswered. */
  readonly dialling: boolean;
  /** At most one a direction. */
  readonly pending: readonly PendingConnection[];
  /** When the armed hold timer fires; Infinity when it is not armed. */
  readonly holdDueMs: number;
}

export interface IdleState extends Common {
  readonly name: 'Idle';
  readonly reason: string;
  /** The idle-hold timer runs and will start the peer again; otherwise only `start` does. */
  readonly held: boolean;
}
export interface ConnectState extends Common {
  readonly name: 'Connect';
}
export interface ActiveState extends Common {
  readonly name: 'Active';
}
export interface OpenSentState extends Connected {
  readonly name: 'OpenSent';
}
export interface OpenConfirmState extends Connected {
  readonly name: 'OpenConfirm';
  readonly current: CurrentConnection;
}
export interface EstablishedState extends Connected {
  readonly name: 'Established';
  readonly current: CurrentConnection;
  readonly establishedAtMs: number;
}

export type PeerState = IdleState | ConnectState | ActiveState | OpenSentState | OpenConfirmState | EstablishedState;

/** What one step needs besides state and event; effects are appended in the order they are to be performed. */
export interface Turn {
  readonly effects: PeerEffect[];
  readonly config: PeerSessionConfig;
  readonly atMs: number;
}

export function initialPeer(): PeerState {
  return { name: 'Idle', reason: 'not started', held: false, backOffMs: 0 };
}

/** Connections still waiting for the peer's OPEN, whatever the state. */
export function pendingOf(state: PeerState): readonly PendingConnection[] {
  return state.name === 'Idle' || state.name === 'Connect' || state.name === 'Active' ? [] : state.pending;
}

export function currentOf(state: PeerState): CurrentConnection | undefined {
  return state.name === 'OpenConfirm' || state.name === 'Established' ? state.current : undefined;
}

export function isDialling(state: PeerState): boolean {
  return state.name === 'Connect' || (state.name !== 'Idle' && state.name !== 'Active' && state.dialling);
}

/** True while nothing is dialled and nothing outbound exists: the connect-retry timer runs then. */
export function awaitsRetry(state: PeerState, config: PeerSessionConfig): boolean {
  if (config.passive) return false;
  if (state.name === 'Active') return true;
  return state.name === 'OpenSent' && !state.dialling && !state.pending.some((c) => c.direction === 'outbound');
}
