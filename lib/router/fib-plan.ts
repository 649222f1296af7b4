// What the router wants in the forwarding plane, owner by owner, and what of it changed in this turn. It knows the order
// of a start (nothing is programmed before the full set is known when an earlier life still forwards), not the kernel.
import { type FibDrift, type FibFailure, type FibKey, type FibObject, type FibResult, fibKey } from '../fib/fib.ts';
import { samePlain } from '../same-plain.ts';
import type { RouterState } from './state.ts';
import { log, setTimer } from './turn.ts';

export const RETRY_MIN_MS = 200;
const RETRY_MAX_MS = 5000;

/** Replaces everything `owner` wants; the difference goes out at the end of the turn. `cause` names it in latency figures. */
export function want(state: RouterState, owner: string, objects: readonly FibObject[], cause: string): boolean {
  const before = state.fib.owners.get(owner);
  const after = new Map<FibKey, FibObject>();
  let changed = false;
  for (const object of objects) {
    const key = fibKey(object);
    after.set(key, object);
    if (samePlain(before?.get(key), object)) continue;
    changed = true;
    state.fib.put.set(key, object);
    state.fib.remove.delete(key);
  }
  for (const [key, object] of before ?? []) {
    if (after.has(key)) continue;
    changed = true;
    state.fib.put.delete(key);
    state.fib.remove.set(key, object);
    state.fib.failed.delete(key);
  }
  if (after.size > 0) state.fib.owners.set(owner, after);
  else state.fib.owners.delete(owner);
  if (changed) state.fib.cause = cause;
  return changed;
}

/** Every object wanted now. */
export function wanted(state: RouterState): FibObject[] {
  return [...state.fib.owners.values()].flatMap((objects) => [...objects.values()]);
}

/** Ends the turn: emits the difference, unless the first sync is still to come or under way. */
export function flushFib(state: RouterState): void {
  const fib = state.fib;
  if (fib.phase !== 'synced' || (fib.put.size === 0 && fib.remove.size === 0)) return;
  const request = newRequest(state, [...fib.put.keys(), ...fib.remove.keys()]);
  const remove = [...fib.remove].map(([key, object]) => (object.kind === 'route' ? object : key));
  const delta = { put: [...fib.put.values()], remove };
  state.effects.push({ type: 'fib-apply', request, delta, cause: fib.cause }, { type: 'view-changed', view: 'fib' });
  fib.put = new Map();
  fib.remove = new Map();
}

/** Hands the full set to the forwarding plane once; later turns send differences. */
export function startSync(state: RouterState): void {
  if (state.fib.phase !== 'awaiting') return;
  state.fib.phase = 'syncing';
  state.fib.put = new Map();
  state.fib.remove = new Map();
  const desired = wanted(state);
  state.effects.push({ type: 'fib-sync', request: newRequest(state, desired.map(fibKey)), desired });
}

function newRequest(state: RouterState, keys: readonly FibKey[]): number {
  const request = state.fib.nextRequest++;
  state.fib.inFlight.set(request, keys);
  return request;
}

/** Takes the outcome of a request: failures are kept while wanted, said once and retried with a growing pause. */
export function fibDone(state: RouterState, what: 'apply' | 'sync', request: number, result: FibResult): void {
  const fib = state.fib;
  if (what === 'sync') fib.phase = 'synced';
  const failures = new Map(result.failures.map((failure) => [failure.key, failure]));
  for (const key of fib.inFlight.get(request) ?? []) {
    if (failures.has(key) || !fib.failed.delete(key)) continue;
    log(state, 'info', 'programmed after a retry', { object: key });
  }
  fib.inFlight.delete(request);
  for (const failure of failures.values()) noteFailure(state, failure);
  if (fib.failed.size === 0) {
    fib.retryPauseMs = RETRY_MIN_MS;
  } else if (failures.size > 0) {
    setTimer(state, 'fib-retry', state.atMs + fib.retryPauseMs);
    fib.retryPauseMs = Math.min(RETRY_MAX_MS, fib.retryPauseMs * 2);
  }
}

/** Puts again what failed and is still wanted. */
export function retryFailed(state: RouterState): void {
  const fib = state.fib;
  for (const key of fib.failed.keys()) {
    const object = wantedObject(state, key);
    if (object === undefined) continue;
    fib.put.set(key, object);
    fib.cause = 'retry';
  }
}

/** A link came up: what could not be programmed for want of it may work now. */
export function retrySoon(state: RouterState): void {
  if (state.fib.failed.size === 0) return;
  state.fib.retryPauseMs = RETRY_MIN_MS;
  retryFailed(state);
}

/** The forwarding plane has answered for this object, and did not refuse it. */
export function isInForce(state: RouterState, key: FibKey): boolean {
  const { phase, failed, put, inFlight } = state.fib;
  if (phase !== 'synced' || failed.has(key) || put.has(key)) return false;
  for (const keys of inFlight.values()) if (keys.includes(key)) return false;
  return true;
}

/** Keys of one scan that a log line names. */
const NAMED = 5;

/** Somebody altered the kernel, and the scan has put it right: counted, and told in one line a scan. */
export function noteDrift(state: RouterState, drift: readonly FibDrift[]): void {
  const counts = { missing: 0, different: 0, stale: 0 };
  for (const { what } of drift) {
    counts[what]++;
    state.fib.drift[what]++;
  }
  const objects = drift.slice(0, NAMED).map(({ key, what }) => `${key} (${what})`);
  log(state, 'warn', 'kernel drift repaired', {
    ...counts,
    objects: objects.join(', ') + (drift.length > NAMED ? ', ...' : ''),
  });
}

function wantedObject(state: RouterState, key: FibKey): FibObject | undefined {
  for (const objects of state.fib.owners.values()) {
    const object = objects.get(key);
    if (object !== undefined) return object;
  }
  return undefined;
}

function noteFailure(state: RouterState, failure: FibFailure): void {
  const known = state.fib.failed.get(failure.key);
  state.fib.failures++;
  // A removal that failed is the forwarding plane's to repair (verify); nobody here waits for it.
  if (wantedObject(state, failure.key) !== undefined) state.fib.failed.set(failure.key, failure);
  if (known?.code === failure.code) return;
  log(state, 'warn', 'not programmed', { object: failure.key, code: failure.code, text: failure.text });
}
