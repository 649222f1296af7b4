// Gives each remote contact instance a small integer that names its nexthop, group, table, mark and learned set. It must
// not change while flows run, also across a restart: what an earlier life left in the kernel is known by where its list ends.
import type { FibObject } from '../fib/fib.ts';
import { endsWithSid } from '../segment/ends-with.ts';
import type { Sid } from '../segment/sid.ts';
import type { RouterState } from './state.ts';

/** Slots are 1..MAX_SLOT, fewer where the mark's mask is narrow (all ones are service-mtu.ts'); the ranges of ids and tables are laid out for that. */
const MAX_SLOT = 4095;

/** Reads which slots retained forwarding uses, and the list of each: it ends with its contact instance's egress SID. */
export function retainedSlots(retained: readonly FibObject[], nexthopIdBase: number): Map<number, readonly string[]> {
  const slots = new Map<number, readonly string[]>();
  for (const object of retained) {
    if (object.kind !== 'nexthop') continue;
    const slot = object.id - nexthopIdBase;
    if (slot >= 1 && slot <= MAX_SLOT) slots.set(slot, object.segments);
  }
  return slots;
}

/** The instance's slot, assigned on first use; undefined when all are taken. */
export function slotFor(state: RouterState, key: string, egress: Sid): number | undefined {
  const present = state.slots.get(key);
  if (present !== undefined) return present;
  const taken = new Set(state.slots.values());
  for (const [slot, segments] of state.retainedSlots) {
    if (!taken.has(slot) && endsWithSid(segments, egress)) return assign(state, key, slot);
  }
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

function assign(state: RouterState, key: string, slot: number): number {
  state.slots.set(key, slot);
  return slot;
}
