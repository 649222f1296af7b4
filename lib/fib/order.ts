// In which order the objects of a change reach the forwarding plane, so that at no moment anything points at
// something that is not there: make-before-break. Knows kinds and references, not how an object is programmed.
import { type FibKey, type FibObject, type FibRemoval, fibKey, ROUTE_KEY } from './fib.ts';

/**
 * Puts go up this ladder, removals down it. A group needs its member nexthops and a route its group, or the kernel
 * refuses them; a rule is useless before the table it selects is filled; a mark must not be set before its rule exists.
 */
const RANK = {
  nexthop: 0,
  group: 1,
  'local-sid': 2,
  route: 3,
  rule: 4,
  'replace-csid': 5,
  affinity: 6,
  mtu: 7,
  border: 8,
} as const satisfies Record<FibObject['kind'], number>;

const LADDER = Object.keys(RANK) as readonly FibObject['kind'][];

/** The kind an object key names; keys start with it (`fibKey`). */
export function kindOfKey(key: FibKey): FibObject['kind'] | undefined {
  // By far the most.
  if (key.startsWith('route ')) return 'route';
  const kind = key.slice(0, Math.max(0, key.indexOf(' ')));
  return LADDER.find((known) => known === kind);
}

/** Sorts objects so that each follows what it refers to; stable within a kind. One pass, linear. */
export function orderPuts(objects: readonly FibObject[]): FibObject[] {
  if (objects.length <= 1) return [...objects];
  return inRankOrder(objects, (object) => RANK[object.kind]);
}

/** Sorts keys, each once, so that each precedes what it refers to; stable within a kind. Unknown kinds come first. */
export function orderRemovals(keys: readonly FibKey[]): FibKey[] {
  return inRankOrder([...new Set(keys)], (key) => LADDER.length - 1 - (RANK[kindOfKey(key) ?? 'affinity'] ?? 0));
}

/** Keys as `orderRemovals` has them, routes apart: they are most of a large change, and in no order among themselves. */
export function splitRemovals(removals: readonly FibRemoval[]): {
  before: FibKey[];
  routes: readonly FibRemoval[];
  after: FibKey[];
} {
  // A piece of a large change.
  if (removals.every(isOfRoute)) return { before: [], routes: removals, after: [] };
  const routes: FibRemoval[] = [];
  const others: FibKey[] = [];
  for (const removal of removals) {
    if (isOfRoute(removal)) routes.push(removal);
    else others.push(removal as FibKey);
  }
  const ordered = orderRemovals(others);
  const first = ordered.findIndex((key) => RANK[kindOfKey(key) ?? 'affinity'] < RANK.route);
  const at = first < 0 ? ordered.length : first;
  return { before: ordered.slice(0, at), routes, after: ordered.slice(at) };
}

/** A route, or the key of one. */
export function isOfRoute(removal: FibRemoval): boolean {
  return typeof removal !== 'string' || removal.startsWith(ROUTE_KEY);
}

/** Drops all but the last put of each key: puts are upserts, so only the last can matter. Keeps first-seen order. */
export function lastPuts(objects: readonly FibObject[]): FibObject[] {
  if (objects.length <= 1) return [...objects];
  const byKey = new Map<FibKey, FibObject>();
  for (const object of objects) byKey.set(fibKey(object), object);
  return byKey.size === objects.length ? [...objects] : [...byKey.values()];
}

function inRankOrder<T>(items: Iterable<T>, rank: (item: T) => number): T[] {
  const ranks: T[][] = LADDER.map(() => []);
  for (const item of items) ranks[rank(item)]!.push(item);
  return ranks.flat();
}
