// The change that turns one set of objects into another, and how a kernel departs from what was wanted. Both come in
// steps too: a comparison of a hundred thousand objects must not hold up timers. Order is order.ts's concern.
import { leavesTrace as hasRules, instancesOf } from './affinity-classes.ts';
import { sameObject } from './equality.ts';
import { type FibDelta, type FibDrift, type FibKey, type FibObject, fibKey } from './fib.ts';

/** A computation that yields now and then, for the caller to let others run. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Objects between two yields: about a millisecond. */
const STEP = 512;

/**
 * What to put and remove so that `have` becomes `want`; puts and removals come in no particular order. An affinity
 * service with a failed instance is always put: to forget flows is an act that no set of objects can show as done.
 */
export function diffObjects(have: Iterable<FibObject>, want: Iterable<FibObject>): FibDelta {
  return runSteps(diffSteps(have, want));
}

/** How what is `seen` departs from what is `wanted`, each key at most once. */
export function driftOf(wanted: Iterable<FibObject>, seen: Iterable<FibObject>): FibDrift[] {
  const expected = runSteps(byKeySteps(wanted));
  return runSteps(driftSteps(expected.values(), (key) => expected.has(key), runSteps(byKeySteps(seen))));
}

export function* diffSteps(have: Iterable<FibObject>, want: Iterable<FibObject>): Steps<FibDelta> {
  const held = yield* byKeySteps(have);
  const wanted = yield* byKeySteps(want);
  const put: FibObject[] = [];
  let count = 0;
  for (const [key, object] of wanted) {
    if (++count % STEP === 0) yield;
    const old = held.get(key);
    held.delete(key);
    if (!old || !sameObject(old, object) || forgetsFlows(object)) put.push(object);
  }
  return { put, remove: [...held.keys()] };
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

function runSteps<T>(steps: Steps<T>): T {
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
