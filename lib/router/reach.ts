// Whether a peer can be reached at all: why the last attempt to connect failed, and when that is worth a line. A neighbour
// that restarts is out of reach for moments, which is nobody's business; whoever stays away is named once.
import type { Peer, RouterState } from './state.ts';
import { log } from './turn.ts';

/** Attempts that have failed since the last connection. */
export interface DialFailure {
  readonly reason: string;
  readonly atMs: number;
  readonly sinceMs: number;
  /** The operator knows. */
  readonly told: boolean;
}

/** How long a peer may be out of reach before it is named. */
export const UNREACHABLE_MS = 5000;

export function dialFailed(state: RouterState, peer: Peer, reason: string): void {
  const { sinceMs = state.atMs, told = false } = peer.dialFailure ?? {};
  const tell = !told && peer.session === undefined && state.atMs >= sinceMs + UNREACHABLE_MS;
  peer.dialFailure = { reason, atMs: state.atMs, sinceMs, told: told || tell };
  if (tell) log(state, 'warn', 'peer cannot be reached', { peer: peer.config.name, reason });
}

/** A connection was opened, by whichever side. */
export function reached(state: RouterState, peer: Peer): void {
  const { told = false, sinceMs = 0 } = peer.dialFailure ?? {};
  peer.dialFailure = undefined;
  const afterMs = Math.round(state.atMs - sinceMs);
  if (told) log(state, 'info', 'peer can be reached again', { peer: peer.config.name, afterMs });
}
