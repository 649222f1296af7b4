// What a message does to a peer, by the phase of the connection it came on: OPEN is judged and collisions are resolved
// (RFC 4271 6.2, 6.8), KEEPALIVE confirms, the rest is delivered or an FSM error (RFC 6608).
import { survivor } from './collision.ts';
import {
  CEASE_SUBCODE,
  FSM_SUBCODE,
  NOTIFICATION,
  OPEN_SUBCODE,
  type OpenMessage,
  type SessionMessage,
} from './message.ts';
import { checkOpen } from './open-check.ts';
import type { ConnectionId } from './peer-contract.ts';
import { dropCurrent, dropPending, land, notification, refuse } from './peer-loss.ts';
import {
  type CurrentConnection,
  currentOf,
  isDialling,
  type PeerState,
  type PendingConnection,
  pendingOf,
  type Turn,
} from './peer-state.ts';

/** A message on a connection that was given up before changes nothing. */
export function receive(state: PeerState, turn: Turn, id: ConnectionId, message: SessionMessage): PeerState {
  const pending = pendingOf(state).find((c) => c.id === id);
  if (!pending && currentOf(state)?.id !== id) return state;
  if (message.type === 'NOTIFICATION') {
    // RFC 4271 4.5: never answered by another NOTIFICATION.
    turn.effects.push({ type: 'close', connection: id });
    return land(state, turn, id, { kind: 'received', notification: message });
  }
  const fsmError = (subcode: number) => {
    const text = `${message.type} is not legal in ${pending ? 'OpenSent' : state.name}`;
    return refuse(state, turn, id, notification(NOTIFICATION.fsm, subcode, text));
  };
  if (pending) {
    return message.type === 'OPEN' ? receiveOpen(state, turn, pending, message) : fsmError(FSM_SUBCODE.openSent);
  }
  if (state.name === 'OpenConfirm') {
    if (message.type !== 'KEEPALIVE') return fsmError(FSM_SUBCODE.openConfirm);
    turn.effects.push({ type: 'up', connection: id, negotiated: state.current.negotiated });
    return { ...state, name: 'Established', current: heard(state.current, turn), establishedAtMs: turn.atMs };
  }
  if (state.name !== 'Established') return state;
  if (message.type === 'OPEN') return fsmError(FSM_SUBCODE.established);
  if (message.type !== 'KEEPALIVE') turn.effects.push({ type: 'deliver', connection: id, message });
  return { ...state, current: heard(state.current, turn) };
}

const heard = (current: CurrentConnection, turn: Turn): CurrentConnection => ({ ...current, lastHeardMs: turn.atMs });

function receiveOpen(state: PeerState, turn: Turn, pending: PendingConnection, remote: OpenMessage): PeerState {
  const verdict = checkOpen(remote, turn.config, pending.identity);
  if (!verdict.ok) return refuse(state, turn, pending.id, verdict.notification);
  const rest = resolveCollision(state, turn, pending, remote);
  if (!pendingOf(rest).some((c) => c.id === pending.id)) return rest;
  turn.effects.push({ type: 'send', connection: pending.id, message: { type: 'KEEPALIVE' } });
  return {
    name: 'OpenConfirm',
    backOffMs: rest.backOffMs,
    dialling: isDialling(rest),
    pending: pendingOf(rest).filter((c) => c.id !== pending.id),
    holdDueMs: 'holdDueMs' in rest ? rest.holdDueMs : Number.POSITIVE_INFINITY,
    current: {
      id: pending.id,
      direction: pending.direction,
      negotiated: { ...verdict.negotiated, ...(pending.identity && { identity: pending.identity }) },
      lastHeardMs: turn.atMs,
    },
  };
}

/** RFC 4271 6.8: gives up the loser, so that afterwards either `pending` is gone or nothing is current. */
function resolveCollision(state: PeerState, turn: Turn, pending: PendingConnection, remote: OpenMessage): PeerState {
  const rival = currentOf(state);
  if (!rival) return state;
  const known = rival.negotiated.remote;
  if (known.bootId === remote.bootId && known.routerId !== remote.routerId) {
    const text = `router id is ${remote.routerId}, but ${known.routerId} on the connection that exists`;
    return refuse(state, turn, pending.id, notification(NOTIFICATION.open, OPEN_SUBCODE.badRouterId, text));
  }
  const existing = { direction: rival.direction, bootId: known.bootId };
  const newcomer = { direction: pending.direction, bootId: remote.bootId };
  const winner = survivor(existing, newcomer, turn.config.local.routerId, remote.routerId);
  const survives = winner === 'existing' ? rival : pending;
  const loser = winner === 'existing' ? pending : rival;
  const text = `collision: the ${survives.direction} connection survives`;
  const message = notification(NOTIFICATION.cease, CEASE_SUBCODE.collisionResolution, text);
  turn.effects.push(
    { type: 'notice', level: 'info', isError: false, text },
    { type: 'send', connection: loser.id, message },
    { type: 'close', connection: loser.id },
  );
  if (winner === 'existing') return dropPending(state, loser.id);
  // Without the NOTIFICATION: the peer lives and is about to speak again, so its routes are kept as after a lost
  // transport (RFC 4724 4.2).
  return dropCurrent(state, turn, text, undefined, true);
}
