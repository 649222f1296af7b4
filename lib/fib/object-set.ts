// The set of objects that a forwarding plane holds, with the kernel's own rules about what may refer to what: ids of
// groups and nexthops are one space, a reference must resolve, what is in use stays. Both FIBs keep their view in one.
import { parsePrefix, prefixContains } from '../net/address.ts';
import { instancesOf } from './affinity-classes.ts';
import { type FibFailure, type FibKey, type FibObject, type FibRoute, fibKey, type RouteTarget } from './fib.ts';
import { objectFault, targetFault } from './object-fault.ts';

interface RouteUsers {
  readonly id: number;
  routes: number;
}

export class FibObjectSet {
  /** All but routes. */
  readonly #objects = new Map<FibKey, FibObject>();
  /** Routes by table and prefix: they are many, and a key's text for each would cost more than all else here. */
  readonly #routes = new Map<number, Map<string, FibRoute>>();
  #routeCount = 0;
  /** Key of a nexthop or group → keys of the objects, but for routes, that refer to it. Holds no empty sets. */
  readonly #users = new Map<FibKey, Set<FibKey>>();
  /** Id of a nexthop or group → number of routes that refer to it. */
  readonly #routeUsers = new Map<number, RouteUsers>();
  /** Looked at last: neighbours in a change refer to the same. */
  #lastUsers: RouteUsers = { id: 0, routes: 0 };
  /** What the last `accept` has replaced. */
  replaced: FibObject | undefined;
  /** The target that a route was last found to refer to rightly; its neighbours in a change have the same. */
  #knownTarget: RouteTarget | undefined;
  /** Slot → the service whose flows its set holds. */
  readonly #slots = new Map<number, FibKey>();
  /** Prefixes of REPLACE-CSID endpoints; none contains another. */
  readonly #replaced = new Set<string>();

  get size(): number {
    return this.#objects.size + this.#routeCount;
  }

  get(key: FibKey): FibObject | undefined {
    const route = routeOfKey(key);
    return route ? this.#routes.get(route.table)?.get(route.prefix) : this.#objects.get(key);
  }

  /** What is held under the key of `object`. */
  heldAs(object: FibObject): FibObject | undefined {
    return object.kind === 'route'
      ? this.#routes.get(object.table)?.get(object.prefix)
      : this.#objects.get(fibKey(object));
  }

  has(key: FibKey): boolean {
    return this.get(key) !== undefined;
  }

  withoutRoutes(): IterableIterator<FibObject> {
    return this.#objects.values();
  }

  /** May be iterated over while the set changes: what is put meanwhile may or may not be met. */
  *values(): IterableIterator<FibObject> {
    yield* this.#objects.values();
    for (const table of this.#routes.values()) yield* table.values();
  }

  *keys(): IterableIterator<FibKey> {
    yield* this.#objects.keys();
    for (const table of this.#routes.values()) for (const route of table.values()) yield fibKey(route);
  }

  /** Why `object` cannot be put now, in the kernel's codes; undefined when it can. */
  refusal(object: FibObject): FibFailure | undefined {
    const why = objectFault(object) ?? this.#referenceFault(object);
    return why ? { key: fibKey(object), code: 'EINVAL', text: why } : undefined;
  }

  /** Why the object cannot be removed now: the kernel would silently delete everything that uses it. */
  removalRefusal(key: FibKey): FibFailure | undefined {
    const object = this.#objects.get(key);
    if (object?.kind !== 'nexthop' && object?.kind !== 'group') return undefined;
    const users = this.#users.get(key);
    if (!users && !this.#routeUsers.get(object.id)?.routes) return undefined;
    const some = [...(users ?? []), ...this.#someRoutesTo(object.id)].slice(0, 3);
    return { key, code: 'EBUSY', text: `still used by ${some.join(', ')}` };
  }

  /** Why the object cannot be put; or it is recorded, and `replaced` is what it replaced. `refusal` and `put`, for many. */
  accept(object: FibObject): FibFailure | undefined {
    if (object.kind !== 'route') {
      const refusal = this.refusal(object);
      if (!refusal) this.replaced = this.put(object);
      return refusal;
    }
    const table = this.#routes.get(object.table);
    const old = table?.get(object.prefix);
    // Where a route is held already, its prefix and table have been found good.
    const why = (old ? targetFault(object.target) : objectFault(object)) ?? this.#referenceFault(object);
    if (why) return { key: fibKey(object), code: 'EINVAL', text: why };
    this.#holdRoute(object, old, table);
    this.replaced = old;
    return undefined;
  }

  /** Records the object without a check; what it replaced is returned. */
  put(object: FibObject): FibObject | undefined {
    if (object.kind === 'route') {
      const table = this.#routes.get(object.table);
      const held = table?.get(object.prefix);
      this.#holdRoute(object, held, table);
      return held;
    }
    const key = fibKey(object);
    const old = this.#objects.get(key);
    if (old) this.#release(key, old);
    this.#objects.set(key, object);
    for (const target of memberKeys(object)) {
      const users = this.#users.get(target);
      if (users) users.add(key);
      else this.#users.set(target, new Set([key]));
    }
    if (object.kind === 'affinity') for (const { slot } of instancesOf(object)) this.#slots.set(slot, key);
    if (object.kind === 'replace-csid') this.#replaced.add(object.prefix);
    return old;
  }

  /** Forgets the object without a check. */
  remove(key: FibKey): FibObject | undefined {
    const route = routeOfKey(key);
    if (route) return this.#removeRoute(route.table, route.prefix);
    const old = this.#objects.get(key);
    if (!old) return undefined;
    this.#release(key, old);
    this.#objects.delete(key);
    if (old.kind === 'nexthop' || old.kind === 'group') {
      this.#knownTarget = undefined;
      this.#routeUsers.delete(old.id);
      this.#lastUsers = { id: 0, routes: 0 };
    }
    return old;
  }

  #holdRoute(route: FibRoute, old: FibRoute | undefined, table: Map<string, FibRoute> | undefined): void {
    let routes = table;
    if (!routes) this.#routes.set(route.table, (routes = new Map()));
    routes.set(route.prefix, route);
    if (!old) this.#routeCount++;
    else if (old.target === route.target) return;
    else this.#count(old.target, -1);
    this.#count(route.target, 1);
  }

  #removeRoute(tableNumber: number, prefix: string): FibRoute | undefined {
    const table = this.#routes.get(tableNumber);
    const old = table?.get(prefix);
    if (!table || !old) return undefined;
    table.delete(prefix);
    if (table.size === 0) this.#routes.delete(tableNumber);
    this.#routeCount--;
    this.#count(old.target, -1);
    return old;
  }

  #count(target: RouteTarget, step: 1 | -1): void {
    if (!('id' in target)) return;
    let users = this.#lastUsers;
    if (users.id !== target.id) {
      users = this.#routeUsers.get(target.id) ?? { id: target.id, routes: 0 };
      this.#routeUsers.set(target.id, users);
      this.#lastUsers = users;
    }
    users.routes += step;
  }

  *#someRoutesTo(id: number): IterableIterator<FibKey> {
    let left = 3;
    for (const table of this.#routes.values())
      for (const route of table.values()) {
        if (!('id' in route.target) || route.target.id !== id) continue;
        yield fibKey(route);
        if (--left === 0) return;
      }
  }

  #release(key: FibKey, object: FibObject): void {
    for (const target of memberKeys(object)) {
      const users = this.#users.get(target);
      if (users?.delete(key) && users.size === 0) this.#users.delete(target);
    }
    if (object.kind === 'replace-csid') this.#replaced.delete(object.prefix);
    if (object.kind !== 'affinity') return;
    for (const { slot } of instancesOf(object)) if (this.#slots.get(slot) === key) this.#slots.delete(slot);
  }

  #referenceFault(object: FibObject): string | undefined {
    switch (object.kind) {
      case 'nexthop':
        return this.has(`group ${object.id}`) ? 'a group has this id' : undefined;
      case 'group': {
        if (this.has(`nexthop ${object.id}`)) return 'a nexthop has this id';
        const missing = object.members.find((member) => !this.has(`nexthop ${member.nexthop}`));
        return missing ? `nexthop ${missing.nexthop} does not exist` : undefined;
      }
      case 'route': {
        const { target } = object;
        if (!('id' in target)) return undefined;
        const known = this.#knownTarget;
        if (known === target || (known && 'id' in known && known.id === target.id && known.kind === target.kind))
          return undefined;
        if (!this.#objects.has(`${target.kind} ${target.id}`)) return `${target.kind} ${target.id} does not exist`;
        this.#knownTarget = target;
        return undefined;
      }
      case 'replace-csid': {
        const other = [...this.#replaced].find((prefix) => prefix !== object.prefix && overlap(prefix, object.prefix));
        return other && `overlaps ${other}`;
      }
      case 'affinity': {
        const taken = instancesOf(object).find(
          ({ slot }) => (this.#slots.get(slot) ?? fibKey(object)) !== fibKey(object),
        );
        return taken ? `slot ${taken.slot} belongs to ${this.#slots.get(taken.slot)}` : undefined;
      }
      default:
        return undefined;
    }
  }
}

function overlap(a: string, b: string): boolean {
  const [first, second] = [parsePrefix(a), parsePrefix(b)];
  return prefixContains(first, second.address) || prefixContains(second, first.address);
}

function memberKeys(object: FibObject): FibKey[] {
  return object.kind === 'group' ? object.members.map((member) => `nexthop ${member.nexthop}`) : [];
}

const ROUTE = 'route ';

/** Inverse of `fibKey` for routes; undefined for keys of other objects. */
function routeOfKey(key: FibKey): { readonly table: number; readonly prefix: string } | undefined {
  if (!key.startsWith(ROUTE)) return undefined;
  let table = 0;
  let at = ROUTE.length;
  // Digit by digit: a number made of a text made of a text would cost more than the rest of a removal.
  for (let c = key.charCodeAt(at); c >= 48 && c <= 57; c = key.charCodeAt(++at)) table = table * 10 + c - 48;
  return { table, prefix: key.slice(at + 1) };
}
