// The change that turns one set of objects into another. Order is order.ts's concern.
import { sameObject } from './equality.ts';
import { type FibDelta, type FibDrift, type FibKey, type FibObject, fibKey } from './fib.ts';

/**
 * What to put and remove so that `have` becomes `want`; puts and removals come in no particular order. An affinity
 * service with a failed instance is always put: to forget flows is an act that no set of objects can show as done.
 */
export function diffObjects(have: Iterable<FibObject>, want: Iterable<FibObject>): FibDelta {
  const held = byKey(have);
  const put: FibObject[] = [];
  for (const object of byKey(want).values()) {
    const key = fibKey(object);
    const old = held.get(key);
    held.delete(key);
    if (!old || !sameObject(old, object) || forgetsFlows(object)) put.push(object);
  }
  return { put, remove: [...held.keys()] };
}

/** How what is `seen` departs from what is `wanted`, each key at most once. */
export function driftOf(wanted: Iterable<FibObject>, seen: Iterable<FibObject>): FibDrift[] {
  const found = byKey(seen);
  const drifts: FibDrift[] = [];
  for (const [key, object] of byKey(wanted)) {
    const kernel = found.get(key);
    found.delete(key);
    if (!kernel) {
      if (leavesTrace(object)) drifts.push({ key, what: 'missing' });
    } else if (!sameObject(kernel, object)) drifts.push({ key, what: 'different' });
  }
  for (const key of found.keys()) drifts.push({ key, what: 'stale' });
  return drifts;
}

function forgetsFlows(object: FibObject): boolean {
  return object.kind === 'affinity' && object.instances.some((instance) => instance.failed);
}

function leavesTrace(object: FibObject): boolean {
  return object.kind !== 'affinity' || object.mode !== 'none';
}

function byKey(objects: Iterable<FibObject>): Map<FibKey, FibObject> {
  const map = new Map<FibKey, FibObject>();
  for (const object of objects) map.set(fibKey(object), object);
  return map;
}
