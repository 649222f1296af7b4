// One peer's session: RFC 4271 section 8 over gRPC calls, with the cease subcodes of RFC 4486, 9003 and 9384. A pure step:
// effects are data, time is an argument, jitter is the shell's. This file holds what the operator, the clock and the
// transport can do to a peer; peer-receive.ts what the peer's messages do. Neither knows what UPDATEs mean.
import type { CertificateNames } from '../security/identity.ts';
import { CEASE_SUBCODE, NOTIFICATION, type NotificationMessage } from './message.ts';
import { ownOpen } from './open-check.ts';
import type { ConnectionId, PeerEffect, PeerEvent, PeerSessionConfig, PeerTimer } from './peer-contract.ts';
import { land, notification, refuse } from './peer-loss.ts';
import { receive } from './peer-receive.ts';
import {
  awaitsRetry,
  currentOf,
  type Direction,
  isDialling,
  type PeerState,
  pendingOf,
  type Turn,
} from './peer-state.ts';
import { holdDeadlineMs, openHoldMs, settleTimers } from './peer-timers.ts';

export { initialPeer, type PeerState } from './peer-state.ts';

export interface PeerStep {
  /** The same object when the event no longer applies: a late callback is a visible no-op. */
  readonly state: PeerState;
  /** To be performed in this order: a NOTIFICATION stands before the close of its connection. */
  readonly effects: readonly PeerEffect[];
}

/** Advances the peer by one event at `atMs` (monotonic, never decreasing). Total: every event is legal in every state. */
export function stepPeer(state: PeerState, event: PeerEvent, config: PeerSessionConfig, atMs: number): PeerStep {
  const turn: Turn = { effects: [], config, atMs };
  const next = advance(state, event, turn);
  const fired = event.type === 'timer' ? event.timer : undefined;
  // These two run on while nothing else changes, so they are armed again whenever they fire.
  if (next === state && fired !== 'hold' && fired !== 'keepalive') return { state, effects: turn.effects };
  const settled = settleTimers(state, next, config, atMs, fired);
  return { state: settled.state, effects: [...turn.effects, ...settled.effects] };
}

/**
 * What `stepPeer` comes to for an UPDATE on the connection that is Established, which is nearly every event there is: the
 * hold timer runs on (peer-timers.ts), the message is delivered. Undefined: ask `stepPeer`.
 */
export function heardUpdate(state: PeerState, connection: ConnectionId, atMs: number): PeerState | undefined {
  if (state.name !== 'Established' || state.current.id !== connection) return undefined;
  return { ...state, current: { ...state.current, lastHeardMs: atMs } };
}

function advance(state: PeerState, event: PeerEvent, turn: Turn): PeerState {
  switch (event.type) {
    case 'start':
      return state.name === 'Idle' ? dial(state, turn) : state;
    case 'stop':
      return stop(state, turn, event.subcode, event.text);
    case 'connection-opened':
      return opened(state, turn, event.connection, event);
    case 'connection-failed':
      return settleDial(state);
    case 'connection-closed':
      return land(state, turn, event.connection, { kind: 'transport', reason: `connection closed: ${event.reason}` });
    case 'message':
      return receive(state, turn, event.connection, event.message);
    case 'bad-message':
      return refuse(state, turn, event.connection, event.notification);
    case 'timer':
      return timerFired(state, turn, event.timer);
    case 'path-down':
      return pathDown(state, turn, event.reason);
    default:
      return event satisfies never;
  }
}

/** Start, and the end of a pause: a passive peer waits, any other dials. */
function dial(state: PeerState, turn: Turn): PeerState {
  const { backOffMs } = state;
  if (turn.config.passive) return { name: 'Active', backOffMs };
  turn.effects.push({ type: 'connect' });
  return { name: 'Connect', backOffMs };
}

/** RFC 4271 8.1.2 event 2 (ManualStop) with the shutdown communication of RFC 9003. */
function stop(state: PeerState, turn: Turn, subcode: number, text: string): PeerState {
  const reason = `stopped: ${text === '' ? `cease/${subcode}` : text}`;
  if (state.name === 'Idle') return state.held ? { ...state, held: false, reason } : state;
  closeAll(state, turn, notification(NOTIFICATION.cease, subcode, text), reason);
  return { name: 'Idle', reason, held: false, backOffMs: 0 };
}

/** RFC 9384: the path is gone, so is the session; nobody misbehaved, so there is no pause beyond connect-retry. */
function pathDown(state: PeerState, turn: Turn, why: string): PeerState {
  if (state.name === 'Idle' || state.name === 'Connect' || state.name === 'Active') return state;
  closeAll(state, turn, notification(NOTIFICATION.cease, CEASE_SUBCODE.pathDown, why), `path down: ${why}`);
  return { name: state.dialling ? 'Connect' : 'Active', backOffMs: state.backOffMs };
}

/** Says goodbye on every connection; `down` where there was a session. */
function closeAll(state: PeerState, turn: Turn, message: NotificationMessage, reason: string): void {
  const current = currentOf(state);
  const ids = [...(current ? [current.id] : []), ...pendingOf(state).map((c) => c.id)];
  for (const connection of ids) turn.effects.push({ type: 'send', connection, message }, { type: 'close', connection });
  if (state.name === 'Established') turn.effects.push({ type: 'down', reason, notification: message, sent: true });
}

function opened(
  state: PeerState,
  turn: Turn,
  id: ConnectionId,
  { direction, identity }: { readonly direction: Direction; readonly identity?: CertificateNames },
): PeerState {
  const { effects, config, atMs } = turn;
  if (state.name === 'Idle') {
    const text = `peer is idle: ${state.reason}`;
    const message = notification(NOTIFICATION.cease, CEASE_SUBCODE.connectionRejected, text);
    if (direction === 'inbound') effects.push({ type: 'send', connection: id, message });
    effects.push({ type: 'close', connection: id });
    return state;
  }
  const pending = pendingOf(state);
  const rival = pending.find((c) => c.direction === direction);
  if (direction === 'outbound' && (rival || currentOf(state))) {
    // Ours to give up: without our OPEN the peer never counts it, so no collision has to be fought out.
    effects.push({ type: 'close', connection: id });
    return settleDial(state);
  }
  // A second inbound call before OPEN: its dialler has given up the first.
  if (rival) {
    const message = notification(
      NOTIFICATION.cease,
      CEASE_SUBCODE.collisionResolution,
      'a newer connection replaces it',
    );
    effects.push({ type: 'send', connection: rival.id, message }, { type: 'close', connection: rival.id });
  }
  effects.push({ type: 'send', connection: id, message: ownOpen(config) });
  const dialling = direction === 'inbound' && isDialling(state);
  const all = [
    ...pending.filter((c) => c !== rival),
    { id, direction, openedAtMs: atMs, ...(identity && { identity }) },
  ];
  if (state.name !== 'Connect' && state.name !== 'Active') return { ...state, dialling, pending: all };
  return {
    name: 'OpenSent',
    backOffMs: state.backOffMs,
    dialling,
    pending: all,
    holdDueMs: Number.POSITIVE_INFINITY,
  };
}

/** The `connect` effect has been answered and nothing came of it. */
function settleDial(state: PeerState): PeerState {
  if (state.name === 'Connect') return { name: 'Active', backOffMs: state.backOffMs };
  if (state.name === 'Idle' || state.name === 'Active' || !state.dialling) return state;
  return { ...state, dialling: false };
}

function timerFired(state: PeerState, turn: Turn, timer: PeerTimer): PeerState {
  switch (timer) {
    case 'connect-retry':
      if (!awaitsRetry(state, turn.config)) return state;
      if (state.name !== 'OpenSent') return dial(state, turn);
      turn.effects.push({ type: 'connect' });
      return { ...state, dialling: true };
    case 'idle-hold':
      return state.name === 'Idle' && state.held ? dial(state, turn) : state;
    case 'keepalive': {
      const current = currentOf(state);
      if (current && current.negotiated.holdTimeMs > 0) {
        turn.effects.push({ type: 'send', connection: current.id, message: { type: 'KEEPALIVE' } });
      }
      return state;
    }
    case 'hold':
      return expire(state, turn);
    default:
      return timer satisfies never;
  }
}

/** RFC 4271 6.5: ends every connection that has been silent too long; one that has not is left to the next firing. */
function expire(state: PeerState, turn: Turn): PeerState {
  if (holdDeadlineMs(state, turn.config) > turn.atMs) return state;
  const expired = notification(NOTIFICATION.holdTimerExpired, 0, 'hold timer expired');
  let next = state;
  for (const { id, openedAtMs } of pendingOf(state)) {
    if (openedAtMs + openHoldMs(turn.config) <= turn.atMs)
      next = refuse(next, turn, id, { ...expired, text: 'no OPEN came in time' });
  }
  const current = currentOf(next);
  const holdMs = current?.negotiated.holdTimeMs ?? 0;
  if (!current || holdMs === 0 || current.lastHeardMs + holdMs > turn.atMs) return next;
  return refuse(next, turn, current.id, expired);
}
