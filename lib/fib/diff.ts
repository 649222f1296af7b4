// The change that turns one set of objects into another, and how a kernel departs from what was wanted. Both come in
// steps too: a comparison of a hundred thousand objects must not hold up timers. Order is order.ts's concern.
import { leavesTrace as hasRules, instancesOf } from './affinity-classes.ts';
import { sameObject } from './equality.ts';
import {
  type FibDelta,
  type FibDrift,
  type FibKey,
  type FibObject,
  type FibRemoval,
  type FibRoute,
  fibKey,
} from './fib.ts';
import { SLOTS } from './held-routes.ts';
import type { FibObjectSet } from './object-set.ts';

/** A computation that yields now and then, for the caller to let others run. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Objects between two yields: about a millisecond. */
const STEP = 512;

/**
 * What to put and remove so that `have` becomes `want`; puts and removals come in no particular order. An affinity
 * service with a failed instance is always put: to forget flows is an act that no set of objects can show as done.
 */
export function diffObjects(have: Iterable<FibObject>, want: Iterable<FibObject>): FibDelta {
  const held = runSteps(byKeySteps(have));
  const wanted = runSteps(byKeySteps(want));
  const put: FibObject[] = [];
  for (const [key, object] of wanted) {
    if (isToPut(held.get(key), object)) put.push(object);
    held.delete(key);
  }
  return { put, remove: [...held.keys()] };
}

/** How what is `seen` departs from what is `wanted`, each key at most once. */
export function driftOf(wanted: Iterable<FibObject>, seen: Iterable<FibObject>): FibDrift[] {
  const expected = runSteps(byKeySteps(wanted));
  return runSteps(driftSteps(expected.values(), (key) => expected.has(key), runSteps(byKeySteps(seen))));
}

/** As `diffObjects`, of what is held. Routes are looked up where they are held: no map of a hundred thousand keys grows in one turn. */
export function* heldDiffSteps(held: FibObjectSet, want: Iterable<FibObject>): Steps<FibDelta> {
  const put: FibObject[] = [];
  const wantedRoutes: FibRoute[] = [];
  const others = new Map<FibKey, FibObject>();
  let count = 0;
  for (const object of want) {
    if (++count % STEP === 0) yield;
    if (object.kind === 'route') wantedRoutes.push(object);
    else others.set(fibKey(object), object);
  }
  for (const [key, object] of others) {
    if (++count % STEP === 0) yield;
    if (isToPut(held.get(key), object)) put.push(object);
  }
  const { routes } = held;
  const mark = routes.newMark();
  for (let at = 0; at < wantedRoutes.length; at += SLOTS) {
    yield;
    const found = Math.min(SLOTS, wantedRoutes.length - at);
    routes.findAll(wantedRoutes, at, found);
    for (let slot = 0; slot < found; slot++) {
      const row = routes.rows[slot]!;
      const route = wantedRoutes[at + slot]!;
      // One that is wanted twice is put after the one before it.
      if (row < 0 || routes.isMarked(row, mark) || isToPut(routes.get(row), route)) put.push(route);
      if (row >= 0) routes.mark(row, mark);
    }
  }
  const remove: FibRemoval[] = [];
  for (const object of held.withoutRoutes()) if (!others.has(fibKey(object))) remove.push(fibKey(object));
  for (const route of routes.unmarked(mark, mark)) {
    if (++count % STEP === 0) yield;
    remove.push(route);
  }
  return { put, remove };
}

function isToPut(old: FibObject | undefined, object: FibObject): boolean {
  return !old || !sameObject(old, object) || forgetsFlows(object);
}

/** As `driftOf`, for sets that hold each key once; `isWanted` tells the keys of `wanted`. */
export function* driftSteps(
  wanted: Iterable<FibObject>,
  isWanted: (key: FibKey) => boolean,
  seen: ReadonlyMap<FibKey, FibObject>,
): Steps<FibDrift[]> {
  const drifts: FibDrift[] = [];
  let count = 0;
  for (const object of wanted) {
    if (++count % STEP === 0) yield;
    const key = fibKey(object);
    const kernel = seen.get(key);
    if (!kernel) {
      if (leavesTrace(object)) drifts.push({ key, what: 'missing' });
    } else if (!sameObject(kernel, object)) drifts.push({ key, what: 'different' });
  }
  for (const key of seen.keys()) {
    if (++count % STEP === 0) yield;
    if (!isWanted(key)) drifts.push({ key, what: 'stale' });
  }
  return drifts;
}

/** The last object of each key. */
export function* byKeySteps(objects: Iterable<FibObject>): Steps<Map<FibKey, FibObject>> {
  const map = new Map<FibKey, FibObject>();
  let count = 0;
  for (const object of objects) {
    if (++count % STEP === 0) yield;
    map.set(fibKey(object), object);
  }
  return map;
}

/** All of it at once. */
export function runSteps<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

function forgetsFlows(object: FibObject): boolean {
  return object.kind === 'affinity' && instancesOf(object).some((instance) => instance.failed);
}

function leavesTrace(object: FibObject): boolean {
  return object.kind !== 'affinity' || hasRules(object);
}
