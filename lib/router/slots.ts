// Gives each remote contact instance a small integer that names its nexthop, group, table, mark and learned set. It must
// not change while flows run, also across a restart: what an earlier life left in the kernel is found by its egress SID.
import type { FibObject } from '../fib/fib.ts';
import type { RouterState } from './state.ts';

/** Slots are 1..MAX_SLOT, fewer where the mark's mask is narrow (all ones are service-mtu.ts'); the ranges of ids and tables are laid out for that. */
const MAX_SLOT = 4095;

/** Reads which slots retained forwarding uses: the last segment of a member nexthop is its contact instance's egress SID. */
export function retainedSlots(retained: readonly FibObject[], nexthopIdBase: number): Map<string, number> {
  const slots = new Map<string, number>();
  for (const object of retained) {
    if (object.kind !== 'nexthop') continue;
    const slot = object.id - nexthopIdBase;
    const egressSid = object.segments.at(-1);
    if (egressSid !== undefined && slot >= 1 && slot <= MAX_SLOT) slots.set(egressSid, slot);
  }
  return slots;
}

/** The instance's slot, assigned on first use; undefined when all are taken. */
export function slotFor(state: RouterState, key: string, egressSid: string): number | undefined {
  const present = state.slots.get(key);
  if (present !== undefined) return present;
  const taken = new Set(state.slots.values());
  const retained = state.retainedSlots.get(egressSid);
  if (retained !== undefined && !taken.has(retained)) return assign(state, key, retained);
  for (const slot of state.retainedSlots.values()) taken.add(slot);
  const { markBase, markMask } = state.config.fib;
  const maxSlot = Math.min(MAX_SLOT, markMask - (markBase & markMask) - 1);
  for (let slot = 1; slot <= maxSlot; slot++) if (!taken.has(slot)) return assign(state, key, slot);
  return undefined;
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
