// The set of objects that a forwarding plane holds, with the kernel's own rules about what may refer to what: ids of
// groups and nexthops are one space, a reference must resolve, what is in use stays. Both FIBs keep their view in one.
import { invariant } from '../errors.ts';
import { parsePrefix, prefixContains } from '../net/address.ts';
import { isIpv4Prefix } from '../net/prefix-words.ts';
import { instancesOf } from './affinity-classes.ts';
import { differInWeightsOnly } from './affinity-text.ts';
import { type FibFailure, type FibKey, type FibObject, type FibRoute, fibKey, type RouteTarget } from './fib.ts';
import { HeldRoutes, NO_PREFIX } from './held-routes.ts';
import { NOT_CANONICAL, objectFault, tableFault, targetFault } from './object-fault.ts';
import { isOfRoute } from './order.ts';

interface RouteUsers {
  readonly id: number;
  routes: number;
}

/** Of `HeldRoutes.newMark`. */
export interface RouteMarks {
  readonly ipv6: number;
  readonly ipv4: number;
}

export class FibObjectSet {
  /** All but routes. */
  readonly #objects = new Map<FibKey, FibObject>();
  /** By table and prefix: they are many, and a key's text for each would cost more than all else here. */
  readonly routes: HeldRoutes;
  /** Key of a nexthop or group → keys of the objects, but for routes, that refer to it. Holds no empty sets. */
  readonly #users = new Map<FibKey, Set<FibKey>>();
  /** Id of a nexthop or group → number of routes that refer to it. */
  readonly #routeUsers = new Map<number, RouteUsers>();
  /** Looked at last: neighbours in a change refer to the same. */
  #lastUsers: RouteUsers = { id: 0, routes: 0 };
  /** What the last `accept` has replaced. */
  replaced: FibObject | undefined;
  /** Where a route was last found to go rightly; its neighbours in a change go there too. */
  #goodTarget: RouteTarget | undefined;
  /** Slot → the service whose flows its set holds. */
  readonly #slots = new Map<number, FibKey>();
  /** Prefixes of REPLACE-CSID endpoints; none contains another. */
  readonly #replaced = new Set<string>();

  /** `seed` keeps whoever chooses prefixes from choosing such that collide. */
  constructor(seed = 0) {
    this.routes = new HeldRoutes(seed);
  }

  get size(): number {
    return this.#objects.size + this.routes.size;
  }

  get(key: FibKey): FibObject | undefined {
    if (!isOfRoute(key)) return this.#objects.get(key);
    const row = this.routes.findKey(key);
    return row < 0 ? undefined : this.routes.get(row);
  }

  /** What is held under the key of `object`. */
  heldAs(object: FibObject): FibObject | undefined {
    if (object.kind !== 'route') return this.#objects.get(fibKey(object));
    const row = this.routes.find(object.table, object.prefix);
    return row < 0 ? undefined : this.routes.get(row);
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
    yield* this.routes.values();
  }

  /** As `values`, without the routes that bear their family's mark. */
  *unmarked({ ipv6, ipv4 }: RouteMarks): IterableIterator<FibObject> {
    yield* this.#objects.values();
    yield* this.routes.unmarked(ipv6, ipv4);
  }

  /** Whether a route of this key is held and bears its family's mark. */
  bears({ table, prefix }: FibRoute, { ipv6, ipv4 }: RouteMarks): boolean {
    const row = this.routes.find(table, prefix);
    return row >= 0 && this.routes.isMarked(row, isIpv4Prefix(this.routes.shapeOf(0)) ? ipv4 : ipv6);
  }

  *keys(): IterableIterator<FibKey> {
    yield* this.#objects.keys();
    for (const route of this.routes.values()) yield fibKey(route);
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
      const key = fibKey(object);
      const old = this.#objects.get(key);
      // An id that is a nexthop's already is no group's.
      const isKnownId = old !== undefined && object.kind === 'nexthop';
      const isReweighed = old?.kind === 'affinity' && object.kind === 'affinity' && differInWeightsOnly(old, object);
      const why = isReweighed
        ? undefined
        : (objectFault(object) ?? (isKnownId ? undefined : this.#referenceFault(object)));
      if (why) return { key, code: 'EINVAL', text: why };
      // It refers to nothing, and the slots are its own.
      if (isReweighed) this.#objects.set(key, object);
      else this.#hold(key, object, old);
      this.replaced = old;
      return undefined;
    }
    this.routes.find(object.table, object.prefix);
    return this.acceptRoute(0, object);
  }

  /** The same for a route that was looked up in `routes`, in this slot. */
  acceptRoute(slot: number, route: FibRoute): FibFailure | undefined {
    const { routes } = this;
    const row = routes.rows[slot]!;
    // Where a route is held already, its prefix and table have been found good.
    const fault = row >= 0 ? undefined : row === NO_PREFIX ? NOT_CANONICAL : tableFault(route.table);
    const why = fault ?? (route.target === this.#goodTarget ? undefined : this.#targetFault(route.target));
    if (why !== undefined) return { key: fibKey(route), code: 'EINVAL', text: why };
    this.replaced = this.#holdRoute(slot, route);
    return undefined;
  }

  /** Records the object without a check; what it replaced is returned. */
  put(object: FibObject): FibObject | undefined {
    if (object.kind === 'route') {
      const row = this.routes.find(object.table, object.prefix);
      invariant(row !== NO_PREFIX, 'the prefix of a route that is held is canonical');
      return this.#holdRoute(0, object);
    }
    const key = fibKey(object);
    const old = this.#objects.get(key);
    this.#hold(key, object, old);
    return old;
  }

  #hold(key: FibKey, object: Exclude<FibObject, FibRoute>, old: FibObject | undefined): void {
    if (old) this.#release(key, old);
    this.#objects.set(key, object);
    if (object.kind === 'nexthop') return;
    for (const target of memberKeys(object)) {
      const users = this.#users.get(target);
      if (users) users.add(key);
      else this.#users.set(target, new Set([key]));
    }
    if (object.kind === 'affinity') for (const { slot } of instancesOf(object)) this.#slots.set(slot, key);
    if (object.kind === 'replace-csid') this.#replaced.add(object.prefix);
  }

  /** As `remove`, for a route that was looked up in `routes`, in this slot. */
  removeRoute(slot: number): FibRoute | undefined {
    const { routes } = this;
    const row = routes.rows[slot]!;
    const old = row < 0 ? undefined : routes.get(row);
    if (!old) return undefined;
    routes.remove(slot);
    this.#count(routes.targetOf(row), -1);
    return old;
  }

  /** Forgets the object without a check. */
  remove(key: FibKey): FibObject | undefined {
    if (isOfRoute(key)) {
      this.routes.findKey(key);
      return this.removeRoute(0);
    }
    const old = this.#objects.get(key);
    if (!old) return undefined;
    this.#release(key, old);
    this.#objects.delete(key);
    if (old.kind === 'nexthop' || old.kind === 'group') {
      this.#goodTarget = undefined;
      this.#routeUsers.delete(old.id);
      this.#lastUsers = { id: 0, routes: 0 };
    }
    return old;
  }

  #holdRoute(slot: number, route: FibRoute): FibRoute | undefined {
    const { routes } = this;
    const { target } = route;
    const row = routes.rows[slot]!;
    const at = row < 0 ? undefined : routes.targetOf(row);
    const old = row < 0 ? routes.add(slot, route) : routes.set(row, route);
    const before = at ?? old?.target;
    if (before === target) return old;
    if (before) this.#count(before, -1);
    this.#count(target, 1);
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
    for (const route of this.routes.values()) {
      if (!('id' in route.target) || route.target.id !== id) continue;
      yield fibKey(route);
      if (--left === 0) return;
    }
  }

  #release(key: FibKey, object: FibObject): void {
    if (object.kind === 'nexthop') return;
    for (const target of memberKeys(object)) {
      const users = this.#users.get(target);
      if (users?.delete(key) && users.size === 0) this.#users.delete(target);
    }
    if (object.kind === 'replace-csid') this.#replaced.delete(object.prefix);
    if (object.kind !== 'affinity') return;
    for (const { slot } of instancesOf(object)) if (this.#slots.get(slot) === key) this.#slots.delete(slot);
  }

  #targetFault(target: RouteTarget): string | undefined {
    const fault = targetFault(target) ?? this.#targetReferenceFault(target);
    if (fault === undefined) this.#goodTarget = target;
    return fault;
  }

  #targetReferenceFault(target: RouteTarget): string | undefined {
    if (!('id' in target)) return undefined;
    const known = this.#goodTarget;
    if (known && 'id' in known && known.id === target.id && known.kind === target.kind) return undefined;
    return this.#objects.has(`${target.kind} ${target.id}`) ? undefined : `${target.kind} ${target.id} does not exist`;
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
      case 'route':
        return this.#targetReferenceFault(object.target);
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
