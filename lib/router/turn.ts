// The few verbs that every part of the router uses to say what it wants done in this turn.

import type { SessionMessage } from '../session/message.ts';
import type { ConnectionId } from '../session/peer-contract.ts';
import type { LogLevel, RouterEffect } from './effect.ts';
import type { Peer, RouterState } from './state.ts';

export function log(
  state: RouterState,
  level: LogLevel,
  text: string,
  fields: Record<string, string | number | boolean> = {},
): void {
  state.effects.push({ type: 'log', level, text, fields });
}

export function setTimer(state: RouterState, timer: string, atMs: number): void {
  state.effects.push({ type: 'set-timer', timer, atMs });
}

export function viewChanged(state: RouterState, view: Extract<RouterEffect, { type: 'view-changed' }>['view']): void {
  const { effects } = state;
  const last = effects.length > 0 ? effects[effects.length - 1] : undefined;
  if (last?.type === 'view-changed' && last.view === view) return;
  effects.push({ type: 'view-changed', view });
}

/** Wall clock, ms since 1970, of a monotonic time of this life. */
export function wallMs(state: RouterState, atMs: number): number {
  return state.wallOriginMs + atMs;
}

export function sendTo(state: RouterState, peer: Peer, connection: ConnectionId, message: SessionMessage): void {
  peer.messagesOut++;
  state.effects.push({ type: 'send', peer: peer.config.name, connection, message });
}
