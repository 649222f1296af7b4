// What outlives a session and for how long: graceful restart (RFC 4724, RFC 8538), then long-lived stale (RFC 9494), then
// nothing. Each step is a timer of the peer; a peer that returns is given the restart time anew.
import type { NotificationMessage } from '../session/message.ts';
import { CEASE_SUBCODE, NOTIFICATION } from '../session/message.ts';
import type { Negotiated } from '../session/peer-contract.ts';
import type { Peer, RouterState } from './state.ts';
import { sweep } from './sweep.ts';
import { log, setTimer } from './turn.ts';

/** Where routes of a peer stand whose session is lost. */
export interface Retention {
  phase: 'none' | 'stale' | 'long-lived';
  /** Monotonic time at which the phase ends. */
  untilMs: number;
}

export function restartTimer(peer: Peer): string {
  return `session/${peer.config.name}/restart`;
}

/** The session is lost: keeps the peer's routes as stale where both sides agreed to it and nobody said otherwise. */
export function sessionLost(
  state: RouterState,
  peer: Peer,
  { remote }: Negotiated,
  notification: NotificationMessage | undefined,
  sent: boolean,
): void {
  const restart = remote.gracefulRestart;
  const forMs = Math.min(restart?.restartTimeMs ?? 0, state.config.protocol.restartTimeMs);
  peer.longLivedMs = remote.longLived?.families.includes('service')
    ? Math.min(remote.longLived.staleTimeMs, state.config.protocol.longLivedMs)
    : 0;
  if (forMs === 0 || !restart?.families.includes('service') || !retains(notification, sent)) {
    dropRoutes(state, peer);
    return;
  }
  const { sources } = state.table;
  sources.markStale(peer.source);
  const kept = sources.count(peer.source);
  if (kept === 0) return;
  // `valid_for_ms` of 0: the route goes with its session.
  sweep(state, peer.source, 'session-bound');
  log(state, 'info', 'routes kept as stale', { peer: peer.config.name, routes: kept, forMs });
  enter(state, peer, 'stale', forMs);
}

/** RFC 8538: a NOTIFICATION ends the session, not forwarding; these say that it means more. */
function retains(notification: NotificationMessage | undefined, sent: boolean): boolean {
  if (notification === undefined || notification.code !== NOTIFICATION.cease) return true;
  const { subcode } = notification;
  // The path is gone with everything reached over it; and our own limits are there to be kept.
  if (subcode === CEASE_SUBCODE.pathDown) return false;
  if (sent && (subcode === CEASE_SUBCODE.maximumPrefixes || subcode === CEASE_SUBCODE.outOfResources)) return false;
  return !FAREWELLS.includes(subcode);
}

/** A peer that says so does not mean to come back as it was. */
const FAREWELLS: readonly number[] = [
  CEASE_SUBCODE.administrativeShutdown,
  CEASE_SUBCODE.peerDeconfigured,
  CEASE_SUBCODE.hardReset,
];

/**
 * The peer is back. RFC 4724 4.2: what it does not keep forwarding, or no longer speaks of, goes at once; the rest is
 * given the restart time anew, because the peer may have to hear others first.
 */
export function sessionReturned(state: RouterState, peer: Peer, { remote, families }: Negotiated): void {
  if (peer.retention.phase === 'none') return;
  const restart = remote.gracefulRestart;
  const restarted = peer.remote?.bootId !== remote.bootId;
  const preserved = !restarted || restart?.preserved.includes('service') === true;
  if (!families.includes('service') || !restart?.families.includes('service') || !preserved) {
    dropStale(state, peer);
    return;
  }
  enter(state, peer, peer.retention.phase, Math.min(restart.restartTimeMs, state.config.protocol.restartTimeMs));
}

/** End-of-RIB: what the peer that came back did not announce again is gone (RFC 4724 4.2). */
export function swept(state: RouterState, peer: Peer): void {
  if (peer.retention.phase !== 'none') dropStale(state, peer);
}

/** The phase is over: reachability lives on for a while, and nothing prefers it (RFC 9494 4.3); or it is gone. */
export function retentionExpired(state: RouterState, peer: Peer): void {
  const away = peer.session === undefined;
  if (peer.retention.phase !== 'stale' || !away || peer.longLivedMs === 0) return dropStale(state, peer);
  const { sources } = state.table;
  sweep(state, peer.source, 'long-lived');
  const routes = sources.count(peer.source);
  if (routes === 0) return dropStale(state, peer);
  log(state, 'warn', 'routes are long-lived stale', { peer: peer.config.name, routes, forMs: peer.longLivedMs });
  enter(state, peer, 'long-lived', peer.longLivedMs);
}

export function dropStale(state: RouterState, peer: Peer): void {
  sweep(state, peer.source, 'all');
  leave(state, peer);
}

export function dropRoutes(state: RouterState, peer: Peer): void {
  state.table.sources.markStale(peer.source);
  sweep(state, peer.source, 'all');
  leave(state, peer);
}

function enter(state: RouterState, peer: Peer, phase: Retention['phase'], forMs: number): void {
  peer.retention = { phase, untilMs: state.atMs + forMs };
  setTimer(state, restartTimer(peer), peer.retention.untilMs);
}

function leave(state: RouterState, peer: Peer): void {
  if (peer.retention.phase === 'none') return;
  peer.retention = { phase: 'none', untilMs: 0 };
  state.effects.push({ type: 'cancel-timer', timer: restartTimer(peer) });
}
