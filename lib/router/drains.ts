// Drains an operator asked for: what is left of each, and when it is over. Of a contact instance elsewhere the learned
// flows of this ingress tell (it has been excluded here alone); of an own one no ingress can tell for all, but its SID can:
// every packet of every ingress passes it. Refuses to know how flows and packets are counted.
import type { Drain, RouterState } from './state.ts';
import { log, setTimer, viewChanged } from './turn.ts';

export const DRAINS_TIMER = 'drains';
const POLL_MS = 1000;
/** An own contact instance whose SID took no packet for this long has no flow left. */
export const QUIET_MS = 30_000;

export interface DrainRequest {
  readonly service: string;
  readonly contactInstance: string;
  /** Route key. */
  readonly key: string;
  /** Of an own contact instance: the prefix of its SID. */
  readonly sid?: string;
  readonly timeoutMs?: number;
  readonly quietMs?: number;
}

/** Begins to watch a drain; of one that is watched already the new bounds count from now. */
export function watchDrain(state: RouterState, request: DrainRequest): void {
  const { service, contactInstance, key, sid, timeoutMs, quietMs } = request;
  const known = state.drains.get(key);
  state.drains.set(key, {
    service,
    contactInstance,
    ...(sid !== undefined && { sid }),
    sinceMs: known?.sinceMs ?? state.atMs,
    deadlineMs: timeoutMs === undefined ? (known?.deadlineMs ?? Number.POSITIVE_INFINITY) : state.atMs + timeoutMs,
    quietMs: quietMs ?? known?.quietMs ?? QUIET_MS,
    movedAtMs: known?.movedAtMs ?? state.atMs,
    ...(known?.flows !== undefined && { flows: known.flows }),
    ...(known?.packets !== undefined && { packets: known.packets }),
    // What is over stays over, until it is undone.
    phase: known?.phase ?? 'draining',
  });
  viewChanged(state, 'drains');
  setTimer(state, DRAINS_TIMER, state.atMs + POLL_MS);
}

export function forgetDrain(state: RouterState, key: string): void {
  if (state.drains.delete(key)) viewChanged(state, 'drains');
}

/** Asks for what is left of every drain that is under way. */
export function drainsDue(state: RouterState): void {
  const slots: number[] = [];
  const sids: string[] = [];
  for (const [key, drain] of state.drains) {
    if (drain.phase !== 'draining') continue;
    slots.push(...slotsOf(state, key, drain.service));
    if (drain.sid !== undefined) sids.push(drain.sid);
  }
  const under = [...state.drains.values()].some((drain) => drain.phase === 'draining');
  if (!under) return;
  state.effects.push({ type: 'measure-drains', slots, sids });
  setTimer(state, DRAINS_TIMER, state.atMs + POLL_MS);
}

export interface DrainMeasures {
  /** Slot and its flows. */
  readonly flows: readonly (readonly [slot: number, count: number])[];
  /** SID prefix and the packets it has taken. */
  readonly packets: readonly (readonly [sid: string, count: number])[];
}

/** Takes a measurement; the drains that are over with it, in order. */
export function drainsMeasured(state: RouterState, measures: DrainMeasures): Drain[] {
  const flowsOf = new Map(measures.flows);
  const packetsOf = new Map(measures.packets);
  const over: Drain[] = [];
  for (const [key, drain] of state.drains) {
    if (drain.phase !== 'draining') continue;
    const slots = slotsOf(state, key, drain.service);
    const counted = slots.flatMap((slot) => flowsOf.get(slot) ?? []);
    // Where no slot leads there any more, no flow does; where slots are not counted (affinity none), nobody knows.
    const unknown = counted.length === 0 && (slots.length > 0 || drain.sid !== undefined);
    const flows = unknown ? undefined : counted.reduce((sum, count) => sum + count, 0);
    const packets = drain.sid === undefined ? undefined : packetsOf.get(drain.sid);
    const moved = packets !== undefined && packets !== drain.packets;
    const movedAtMs = moved ? state.atMs : drain.movedAtMs;
    const { flows: _, packets: __, ...rest } = drain;
    const next: Drain = {
      ...rest,
      movedAtMs,
      ...(flows !== undefined && { flows }),
      ...(packets !== undefined && { packets }),
    };
    const phase = phaseOf(state, next);
    state.drains.set(key, { ...next, phase });
    if (phase === 'draining') continue;
    over.push({ ...next, phase });
    log(state, phase === 'drained' ? 'info' : 'warn', phase === 'drained' ? 'drained' : 'drain timed out', {
      service: drain.service,
      contactInstance: drain.contactInstance,
      afterMs: Math.round(state.atMs - drain.sinceMs),
      ...(flows !== undefined && { flowsLeft: flows }),
    });
  }
  viewChanged(state, 'drains');
  return over;
}

function phaseOf(state: RouterState, drain: Drain): Drain['phase'] {
  const { sid, flows, packets, movedAtMs, quietMs, deadlineMs } = drain;
  const silent = packets !== undefined && state.atMs >= movedAtMs + quietMs;
  if (sid === undefined ? flows === 0 : silent) return 'drained';
  return state.atMs >= deadlineMs ? 'timed-out' : 'draining';
}

/** Of every class of the service. */
function slotsOf(state: RouterState, key: string, service: string): number[] {
  return (state.classes.get(service) ?? []).flatMap((one) => one.programmed.get(key)?.slot ?? []);
}
