// What follows the loss of one connection: another one goes on, or the peer tries again soon, or it pauses against
// oscillation (RFC 4271 8.1.1 DampPeerOscillations).
import { CEASE_SUBCODE, NOTIFICATION, type NotificationMessage } from './message.ts';
import type { ConnectionId } from './peer-contract.ts';
import { currentOf, isDialling, type PeerState, pendingOf, type Turn } from './peer-state.ts';

export const MIN_BACK_OFF_MS = 1000;
export const MAX_BACK_OFF_MS = 60_000;
/** A session this old was no oscillation: the pause starts from its minimum again. */
export const PROVEN_AFTER_MS = 60_000;
/** A session younger than this whose transport dies counts as oscillation: each costs both sides a full exchange. */
export const SHORT_LIVED_MS = 1000;

export type Loss =
  | { readonly kind: 'transport'; readonly reason: string }
  | { readonly kind: 'sent' | 'received'; readonly notification: NotificationMessage };

/** Cease reasons after which the peer may be tried again at once: nobody did anything wrong. */
const HARMLESS: readonly number[] = [
  CEASE_SUBCODE.connectionRejected,
  CEASE_SUBCODE.collisionResolution,
  CEASE_SUBCODE.pathDown,
];

export function notification(code: number, subcode: number, text: string): NotificationMessage {
  return { type: 'NOTIFICATION', code, subcode, data: '', text };
}

/** For logs and `show peers`: `sent 2/3: router id ...`. */
export function lossText(loss: Loss): string {
  if (loss.kind === 'transport') return loss.reason;
  const { code, subcode, text } = loss.notification;
  return `${loss.kind} NOTIFICATION ${code}/${subcode}${text === '' ? '' : `: ${text}`}`;
}

/** The state after connection `id` is gone; unchanged when it was given up before. */
export function land(state: PeerState, turn: Turn, id: ConnectionId, loss: Loss): PeerState {
  const wasCurrent = currentOf(state)?.id === id;
  if (!wasCurrent && !pendingOf(state).some((c) => c.id === id)) return state;
  const reason = lossText(loss);
  if (loss.kind !== 'transport') {
    const level = isHarmless(loss) ? 'info' : 'warn';
    turn.effects.push({ type: 'notice', level, isError: !isCollision(loss.notification), text: reason });
  }
  if (!wasCurrent) return settle(dropPending(state, id), state, loss, reason, turn.atMs);
  const message = loss.kind === 'transport' ? undefined : loss.notification;
  return settle(dropCurrent(state, turn, reason, message, loss.kind === 'sent'), state, loss, reason, turn.atMs);
}

/** Our NOTIFICATION, then the close: the peer did something this protocol does not allow, or nothing for too long. */
export function refuse(state: PeerState, turn: Turn, id: ConnectionId, message: NotificationMessage): PeerState {
  const known = currentOf(state)?.id === id || pendingOf(state).some((c) => c.id === id);
  if (!known) return state;
  turn.effects.push({ type: 'send', connection: id, message }, { type: 'close', connection: id });
  return land(state, turn, id, { kind: 'sent', notification: message });
}

/** Forgets the current connection; `down` when there was a session. */
export function dropCurrent(
  state: PeerState,
  turn: Turn,
  reason: string,
  message: NotificationMessage | undefined,
  sent: boolean,
): PeerState {
  if (state.name !== 'OpenConfirm' && state.name !== 'Established') return state;
  if (state.name === 'Established') {
    turn.effects.push({ type: 'down', reason, ...(message && { notification: message }), sent });
  }
  const { backOffMs, dialling, pending, holdDueMs } = state;
  return { name: 'OpenSent', backOffMs, dialling, pending, holdDueMs };
}

export function dropPending(state: PeerState, id: ConnectionId): PeerState {
  if (state.name === 'Idle' || state.name === 'Connect' || state.name === 'Active') return state;
  return { ...state, pending: state.pending.filter((c) => c.id !== id) };
}

/** With another connection left the peer goes on with it; otherwise it pauses or tries again. */
function settle(rest: PeerState, before: PeerState, loss: Loss, reason: string, atMs: number): PeerState {
  if (currentOf(rest) || pendingOf(rest).length > 0) return rest;
  const livedMs = before.name === 'Established' ? atMs - before.establishedAtMs : 0;
  const backOffMs = livedMs >= PROVEN_AFTER_MS ? 0 : before.backOffMs;
  const shortLived = before.name === 'Established' && livedMs < SHORT_LIVED_MS;
  const forgiven = loss.kind === 'transport' ? !shortLived : isHarmless(loss);
  if (forgiven) return { name: isDialling(rest) ? 'Connect' : 'Active', backOffMs };
  const pauseMs = Math.min(Math.max(backOffMs * 2, MIN_BACK_OFF_MS), MAX_BACK_OFF_MS);
  return { name: 'Idle', reason, held: true, backOffMs: pauseMs };
}

/** One of two connections goes, as it should. */
function isCollision({ code, subcode }: NotificationMessage): boolean {
  return code === NOTIFICATION.cease && subcode === CEASE_SUBCODE.collisionResolution;
}

function isHarmless(loss: Loss): boolean {
  if (loss.kind === 'transport') return true;
  const { code, subcode } = loss.notification;
  return code === NOTIFICATION.cease && HARMLESS.includes(subcode);
}
