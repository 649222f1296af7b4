// Which timers a state needs, and the effects that lead from one state's timers to the next one's. The hold timer is lazy:
// frames only move `lastHeardMs`, and when it fires it is armed again for the remainder, so it costs nothing per frame.
import type { PeerEffect, PeerSessionConfig, PeerTimer } from './peer-contract.ts';
import { awaitsRetry, currentOf, type PeerState, pendingOf } from './peer-state.ts';

/** RFC 4271 8.2.2: "a large value" for the hold timer in OpenSent, where the configuration has none. */
export const OPEN_HOLD_MS = 240_000;
/** RFC 4271 10: KEEPALIVE every third of the hold time. */
const KEEPALIVES_PER_HOLD = 3;

/** The moment the first connection of the state has been silent too long; Infinity when none can be. */
export function holdDeadlineMs(state: PeerState, config: PeerSessionConfig): number {
  const current = currentOf(state);
  const holdMs = current?.negotiated.holdTimeMs ?? 0;
  const currentDue = current && holdMs > 0 ? current.lastHeardMs + holdMs : Number.POSITIVE_INFINITY;
  return pendingOf(state).reduce((due, c) => Math.min(due, c.openedAtMs + openHoldMs(config)), currentDue);
}

export function openHoldMs(config: PeerSessionConfig): number {
  return config.openWithinMs ?? OPEN_HOLD_MS;
}

export function keepaliveMs(state: PeerState): number {
  const current = currentOf(state);
  return current ? Math.floor(current.negotiated.holdTimeMs / KEEPALIVES_PER_HOLD) : 0;
}

export interface SettledTimers {
  readonly state: PeerState;
  readonly effects: readonly PeerEffect[];
}

/** Arms and cancels what differs between two states; `fired` is the timer that this event is, and no longer runs. */
export function settleTimers(
  before: PeerState,
  after: PeerState,
  config: PeerSessionConfig,
  atMs: number,
  fired: PeerTimer | undefined,
): SettledTimers {
  const effects: PeerEffect[] = [];
  const toggle = (timer: PeerTimer, ran: boolean, runs: boolean, afterMs: number) => {
    if (runs && (!ran || fired === timer)) effects.push({ type: 'set-timer', timer, afterMs });
    else if (ran && !runs && fired !== timer) effects.push({ type: 'cancel-timer', timer });
  };
  toggle('connect-retry', awaitsRetry(before, config), awaitsRetry(after, config), config.connectRetryMs);
  const isHeld = (state: PeerState) => state.name === 'Idle' && state.held;
  toggle('idle-hold', isHeld(before), isHeld(after), after.backOffMs);
  const kept = currentOf(before)?.id === currentOf(after)?.id;
  toggle('keepalive', kept && keepaliveMs(before) > 0, keepaliveMs(after) > 0, keepaliveMs(after));
  if (!kept && keepaliveMs(before) > 0 && keepaliveMs(after) === 0)
    effects.push({ type: 'cancel-timer', timer: 'keepalive' });
  return settleHold(before, after, holdDeadlineMs(after, config), atMs, fired === 'hold', effects);
}

function settleHold(
  before: PeerState,
  after: PeerState,
  dueMs: number,
  atMs: number,
  fired: boolean,
  effects: PeerEffect[],
): SettledTimers {
  const armedMs = fired || !('holdDueMs' in before) ? Number.POSITIVE_INFINITY : before.holdDueMs;
  if (dueMs === Number.POSITIVE_INFINITY) {
    if (armedMs !== Number.POSITIVE_INFINITY) effects.push({ type: 'cancel-timer', timer: 'hold' });
    return { state: withHoldDue(after, dueMs), effects };
  }
  // A deadline that moved away is left to the next firing; only one that moved closer needs a new timer now.
  if (dueMs >= armedMs) return { state: withHoldDue(after, armedMs), effects };
  effects.push({ type: 'set-timer', timer: 'hold', afterMs: Math.max(0, dueMs - atMs) });
  return { state: withHoldDue(after, dueMs), effects };
}

function withHoldDue(state: PeerState, holdDueMs: number): PeerState {
  return 'holdDueMs' in state && state.holdDueMs !== holdDueMs ? { ...state, holdDueMs } : state;
}
