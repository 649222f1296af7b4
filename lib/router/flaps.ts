// Contact instances that come and go (RFC 2439): each withdrawal of a route's last version counts, and one that flaps too
// much is held back when it is announced again. Keys are hashes, so that counting costs no text.

import { type Flaps, flapped, isForgiven, isSuppressed, reuseAtMs, UNFLAPPED } from '../rib/damping.ts';
import { mix } from '../rib/hash-index.ts';
import type { RouterState } from './state.ts';
import { setTimer } from './turn.ts';

/** Histories kept; a mass withdrawal is no flapping, and must not fill the memory. */
const MAX_HISTORIES = 65_536;
/** What says nothing any more is looked for at most this often: a mass withdrawal asks for every route. */
const FORGIVE_MS = 1000;
export const DAMPING_TIMER = 'damping';

/** 52 bits of a route's key: services, contact instances and originators collide once in a lifetime. */
export function flapKey(service: Uint32Array, instance: Uint32Array, at: number, originator: number): number {
  let high = mix(0x243f6a88, originator);
  let low = mix(0x85a308d3, originator);
  for (let i = 0; i < 4; i++) {
    high = mix(mix(high, service[at + i]!), instance[at + i]!);
    low = mix(mix(low, instance[at + i]!), service[at + i]!);
  }
  return (high & 0xfffff) * 0x1_0000_0000 + (low >>> 0);
}

/** The same of a row in use. */
export function flapKeyOfRow(state: RouterState, row: number): number {
  const { table } = state;
  table.services.copyWords(table.service(row), serviceWords, 0);
  table.copyInstance(row, instanceWords, 0);
  return flapKey(serviceWords, instanceWords, 0, table.originator(row));
}

const serviceWords = new Uint32Array(4);
const instanceWords = new Uint32Array(4);

/** The route went: one flap more. */
export function noteFlap(state: RouterState, key: number): void {
  const { damping } = state.config.protocol;
  if (!damping.enabled) return;
  const known = state.flaps.get(key);
  const isFull = known === undefined && state.flaps.size >= MAX_HISTORIES;
  if (isFull && state.atMs - state.flapsForgivenAtMs >= FORGIVE_MS) forgive(state);
  if (known === undefined && state.flaps.size >= MAX_HISTORIES) return;
  state.flaps.set(key, flapped(known ?? UNFLAPPED, damping, state.atMs));
}

/** Whether the route is held back now; asks to be woken when it may be used. */
export function isDamped(state: RouterState, key: number): boolean {
  const flaps = state.flaps.get(key);
  if (flaps === undefined || !isSuppressed(flaps, state.config.protocol.damping, state.atMs)) return false;
  wake(state, flaps);
  return true;
}

function wake(state: RouterState, flaps: Flaps): void {
  // One ms later, so that the time is past the bound when the timer fires.
  const atMs = reuseAtMs(flaps, state.config.protocol.damping) + 1;
  if (atMs >= state.dampingAtMs) return;
  state.dampingAtMs = atMs;
  setTimer(state, DAMPING_TIMER, atMs);
}

/** Forgets histories that say nothing any more. */
export function forgive(state: RouterState): void {
  state.flapsForgivenAtMs = state.atMs;
  for (const [key, flaps] of state.flaps)
    if (isForgiven(flaps, state.config.protocol.damping, state.atMs)) state.flaps.delete(key);
}
