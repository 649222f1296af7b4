// Gives each remote contact instance, once a class, a small integer that names its nexthop, group, table, mark and learned
// set, and each bucket class one for its group. They must not change while flows run, also across a restart: what an
// earlier life left in the kernel is known by where its list ends and whose flows it holds.
import { classesOf } from '../fib/affinity-classes.ts';
import { type FibObject, MAIN_TABLE } from '../fib/fib.ts';
import { parsePrefix } from '../net/address.ts';
import { endsWithSid } from '../segment/ends-with.ts';
import type { Sid } from '../segment/sid.ts';
import type { RetainedSlot, RouterState } from './state.ts';
import { classKey } from './steered.ts';

/** Slots are 1..MAX_SLOT, fewer where the mark's mask is narrow (all ones are service-mtu.ts'); the ranges of ids and tables are laid out for that. */
const MAX_SLOT = 4095;
/** Resilient groups have ids of their own, because a group never changes its type. */
const BUCKET_GROUPS = 100_000;

type FibIds = RouterState['config']['fib'];

/** Slots are asked for by class and route, or, for the group of a bucket class, by the class alone. */
export function slotKey(name: string, routeKey: string): string {
  return name === '' ? routeKey : `${routeKey} ${name}`;
}

export function bucketKey(classKeyText: string): string {
  return `bucket ${classKeyText}`;
}

export function bucketGroupId({ groupIdBase }: FibIds, slot: number): number {
  return groupIdBase + BUCKET_GROUPS + slot;
}

/** Reads which slots retained forwarding uses, and for what. */
export function retainedSlots(retained: readonly FibObject[], fib: FibIds): Map<number, RetainedSlot> {
  const slots = new Map<number, RetainedSlot>();
  const names = classNames(retained, fib, slots);
  for (const object of retained) {
    if (object.kind !== 'nexthop') continue;
    const slot = object.id - fib.nexthopIdBase;
    if (isSlot(slot)) slots.set(slot, { name: names.get(slot) ?? '', segments: object.segments });
  }
  return slots;
}

/** The class of each slot of a contact instance; bucket classes themselves go to `slots`. */
function classNames(retained: readonly FibObject[], fib: FibIds, slots: Map<number, RetainedSlot>) {
  const names = new Map<number, string>();
  for (const object of retained) {
    if (object.kind !== 'affinity') continue;
    for (const { name, instances, mode, mark } of classesOf(object)) {
      for (const { slot } of instances) names.set(slot, name);
      if (mode === 'bucket' && mark !== undefined)
        slots.set(mark - fib.markBase, { name, bucket: bucketKey(classKey(object.service, name)) });
    }
  }
  for (const object of retained) {
    if (object.kind === 'route' && object.table === MAIN_TABLE && object.target.kind === 'group') {
      const slot = object.target.id - bucketGroupId(fib, 0);
      if (isSlot(slot)) slots.set(slot, { name: '', bucket: bucketKey(parsePrefix(object.prefix).address) });
    }
  }
  for (const object of retained) {
    if (object.kind !== 'group' || object.resilient === undefined) continue;
    const slot = object.id - bucketGroupId(fib, 0);
    const former = slots.get(slot);
    if (former !== undefined) slots.set(slot, { ...former, buckets: object.resilient.buckets });
    const name = former?.name ?? '';
    for (const { nexthop } of object.members) names.set(nexthop - fib.nexthopIdBase, name);
  }
  return names;
}

/** The instance's slot, assigned on first use; undefined when all are taken. */
export function slotFor(state: RouterState, name: string, routeKey: string, egress: Sid): number | undefined {
  return take(state, slotKey(name, routeKey), (it) => {
    return it.name === name && it.segments !== undefined && endsWithSid(it.segments, egress);
  });
}

/** The slot of a bucket class' group; another one than before where it had other buckets, which a group cannot change. */
export function bucketSlotFor(state: RouterState, key: string, buckets: number): number | undefined {
  return take(state, bucketKey(key), (it) => it.bucket === bucketKey(key) && it.buckets === buckets);
}

function take(state: RouterState, key: string, isFormer: (slot: RetainedSlot) => boolean): number | undefined {
  const present = state.slots.get(key);
  if (present !== undefined) return present;
  const taken = new Set(state.slots.values());
  for (const [slot, former] of state.retainedSlots)
    if (!taken.has(slot) && isFormer(former)) return assign(state, key, slot);
  for (const slot of state.retainedSlots.keys()) taken.add(slot);
  const maxSlot = slotLimit(state) - state.links.size;
  for (let slot = 1; slot <= maxSlot; slot++) if (!taken.has(slot)) return assign(state, key, slot);
  return undefined;
}

/** Of the n-th link (from 1): links count down from the end, where no contact instance gets to. */
export function adjacencySlot(state: RouterState, n: number): number {
  return slotLimit(state) + 1 - n;
}

function slotLimit({ config: { fib } }: RouterState): number {
  return Math.min(MAX_SLOT, fib.markMask - (fib.markBase & fib.markMask) - 1);
}

/** After the first sync the kernel holds no slot that is not assigned: what was kept free for its former owner is free. */
export function forgetRetained(state: RouterState): void {
  state.retainedSlots.clear();
}

export function releaseSlot(state: RouterState, key: string): void {
  state.slots.delete(key);
}

function isSlot(slot: number): boolean {
  return slot >= 1 && slot <= MAX_SLOT;
}

function assign(state: RouterState, key: string, slot: number): number {
  state.slots.set(key, slot);
  return slot;
}
