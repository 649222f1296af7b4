// What the router wants in the forwarding plane, owner by owner, and what of it changed in this turn. It knows the order
// of a start (nothing is programmed before the full set is known when an earlier life still forwards), not the kernel.
import { type FibFailure, type FibKey, type FibObject, type FibResult, fibKey } from '../fib/fib.ts';
import type { RouterState } from './state.ts';
import { log, setTimer } from './turn.ts';

export const RETRY_MIN_MS = 200;
const RETRY_MAX_MS = 5000;

/** Replaces everything `owner` wants; the difference goes out at the end of the turn. `cause` names it in latency figures. */
export function want(state: RouterState, owner: string, objects: readonly FibObject[], cause: string): boolean {
  const before = state.fib.owners.get(owner);
  const after = new Map<FibKey, { object: FibObject; text: string }>();
  let changed = false;
  for (const object of objects) {
    const key = fibKey(object);
    const text = JSON.stringify(object);
    after.set(key, { object, text });
    if (before?.get(key)?.text === text) continue;
    changed = true;
    state.fib.put.set(key, object);
    state.fib.remove.delete(key);
  }
  for (const key of before?.keys() ?? []) {
    if (after.has(key)) continue;
    changed = true;
    state.fib.put.delete(key);
    state.fib.remove.add(key);
    state.fib.failed.delete(key);
  }
  if (after.size > 0) state.fib.owners.set(owner, after);
  else state.fib.owners.delete(owner);
  if (changed) state.fib.cause = cause;
  return changed;
}

/** Every object wanted now. */
export function wanted(state: RouterState): FibObject[] {
  return [...state.fib.owners.values()].flatMap((objects) => [...objects.values()].map((entry) => entry.object));
}

/** Ends the turn: emits the difference, unless the first sync is still to come or under way. */
export function flushFib(state: RouterState): void {
  const fib = state.fib;
  if (fib.phase !== 'synced' || (fib.put.size === 0 && fib.remove.size === 0)) return;
  state.effects.push({
    type: 'fib-apply',
    delta: { put: [...fib.put.values()], remove: [...fib.remove] },
    cause: fib.cause,
  });
  state.effects.push({ type: 'view-changed', view: 'fib' });
  fib.put = new Map();
  fib.remove = new Set();
}

/** Hands the full set to the forwarding plane once; later turns send differences. */
export function startSync(state: RouterState): void {
  if (state.fib.phase !== 'awaiting') return;
  state.fib.phase = 'syncing';
  state.fib.put = new Map();
  state.fib.remove = new Set();
  state.effects.push({ type: 'fib-sync', desired: wanted(state) });
}

/** Takes the outcome of an apply or sync: failures are kept, said once and retried with a growing pause. */
export function fibDone(state: RouterState, what: 'apply' | 'sync', result: FibResult): void {
  const fib = state.fib;
  if (what === 'sync') fib.phase = 'synced';
  for (const failure of result.failures) noteFailure(state, failure);
  const still = new Set(result.failures.map((failure) => failure.key));
  for (const key of fib.retrying) {
    if (still.has(key) || !fib.failed.delete(key)) continue;
    log(state, 'info', 'programmed after a retry', { object: key });
  }
  fib.retrying.clear();
  if (fib.failed.size === 0) fib.retryPauseMs = RETRY_MIN_MS;
  if (result.failures.length > 0) {
    setTimer(state, 'fib-retry', state.atMs + fib.retryPauseMs);
    fib.retryPauseMs = Math.min(RETRY_MAX_MS, fib.retryPauseMs * 2);
  }
}

/** Puts again what failed and is still wanted. */
export function retryFailed(state: RouterState): void {
  const fib = state.fib;
  for (const key of fib.failed.keys()) {
    for (const objects of fib.owners.values()) {
      const entry = objects.get(key);
      if (entry === undefined) continue;
      fib.put.set(key, entry.object);
      fib.retrying.add(key);
    }
  }
  if (fib.retrying.size > 0) fib.cause = 'retry';
}

/** A link came up: what could not be programmed for want of it may work now. */
export function retrySoon(state: RouterState): void {
  if (state.fib.failed.size === 0) return;
  state.fib.retryPauseMs = RETRY_MIN_MS;
  retryFailed(state);
}

export function isInForce(state: RouterState, key: FibKey): boolean {
  return state.fib.phase === 'synced' && !state.fib.failed.has(key) && !state.fib.put.has(key);
}

function noteFailure(state: RouterState, failure: FibFailure): void {
  const known = state.fib.failed.get(failure.key);
  state.fib.failed.set(failure.key, failure);
  state.fib.failures++;
  if (known?.code === failure.code) return;
  log(state, 'warn', 'not programmed', { object: failure.key, code: failure.code, text: failure.text });
}
