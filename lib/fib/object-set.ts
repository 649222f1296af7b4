// The set of objects that a forwarding plane holds, with the kernel's own rules about what may refer to what: ids of
// groups and nexthops are one space, a reference must resolve, what is in use stays. Both FIBs keep their view in one.
import { parsePrefix, prefixContains } from '../net/address.ts';
import { instancesOf } from './affinity-classes.ts';
import { type FibFailure, type FibKey, type FibObject, fibKey } from './fib.ts';
import { objectFault } from './object-fault.ts';

export class FibObjectSet {
  readonly #objects = new Map<FibKey, FibObject>();
  /** Key of a nexthop or group → keys of the objects that refer to it. Holds no empty sets. */
  readonly #users = new Map<FibKey, Set<FibKey>>();
  /** Slot → the service whose flows its set holds. */
  readonly #slots = new Map<number, FibKey>();
  /** Prefixes of REPLACE-CSID endpoints; none contains another. */
  readonly #replaced = new Set<string>();

  get size(): number {
    return this.#objects.size;
  }

  get(key: FibKey): FibObject | undefined {
    return this.#objects.get(key);
  }

  has(key: FibKey): boolean {
    return this.#objects.has(key);
  }

  values(): IterableIterator<FibObject> {
    return this.#objects.values();
  }

  keys(): IterableIterator<FibKey> {
    return this.#objects.keys();
  }

  /** Keys of the objects that refer to `key`. */
  users(key: FibKey): ReadonlySet<FibKey> {
    return this.#users.get(key) ?? new Set();
  }

  /** Why `object` cannot be put now, in the kernel's codes; undefined when it can. */
  refusal(object: FibObject): FibFailure | undefined {
    const key = fibKey(object);
    // The commonest change judges nothing anew: what the key says was judged when the route was first put.
    const known = isGroupRoute(object) && this.#objects.has(key);
    const why = (known ? undefined : objectFault(object)) ?? this.#referenceFault(object);
    return why ? { key, code: 'EINVAL', text: why } : undefined;
  }

  /** Why the object cannot be removed now: the kernel would silently delete everything that uses it. */
  removalRefusal(key: FibKey): FibFailure | undefined {
    const users = this.#users.get(key);
    if (!users) return undefined;
    return { key, code: 'EBUSY', text: `still used by ${[...users].slice(0, 3).join(', ')}` };
  }

  /** Records the object without a check; what it replaced is returned. */
  put(object: FibObject): FibObject | undefined {
    const key = fibKey(object);
    const old = this.#objects.get(key);
    if (old) this.#release(key, old);
    this.#objects.set(key, object);
    for (const target of references(object)) {
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
    const old = this.#objects.get(key);
    if (!old) return undefined;
    this.#release(key, old);
    this.#objects.delete(key);
    return old;
  }

  #release(key: FibKey, object: FibObject): void {
    for (const target of references(object)) {
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
        return 'id' in target && !this.has(`${target.kind} ${target.id}`)
          ? `${target.kind} ${target.id} does not exist`
          : undefined;
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

function isGroupRoute(object: FibObject): boolean {
  return object.kind === 'route' && object.target.kind === 'group';
}

/** Keys of the objects without which this one cannot be. */
export function references(object: FibObject): FibKey[] {
  if (object.kind === 'group') return object.members.map((member) => `nexthop ${member.nexthop}`);
  if (object.kind === 'route' && 'id' in object.target) return [`${object.target.kind} ${object.target.id}`];
  return [];
}
