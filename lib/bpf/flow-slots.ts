// Which marks lead running flows to which contact instance, as the flow cache knows them: an array by mark, in which each
// entry has an epoch. What was learned in another epoch is not there any more, so that one write forgets all flows of a
// contact instance. Only `flow`: what the other modes decide by is not the flow.
import { classesOf } from '../fib/affinity-classes.ts';
import type { AffinityService } from '../fib/fib.ts';

/** Octets: epoch (32 bits), padding, how long a flow may go on without nftables (64 bits, ns). */
export const SLOT_OCTETS = 16;
const MAX_SLOTS = 65_536;

/** How marks are places in the array. */
export interface MarkPlaces {
  readonly mask: number;
  readonly shift: number;
  readonly count: number;
}

export interface FlowSlot {
  /** Whose flows these are; another one's are not to be found by an old entry. */
  readonly owner: string;
  readonly refreshNs: number;
}

export function markPlaces(markMask: number): MarkPlaces {
  const mask = markMask >>> 0;
  const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
  return { mask, shift, count: Math.min(MAX_SLOTS, (mask >>> shift) + 1) };
}

/** By place. Marks beyond the array are left to nftables. */
export function flowSlots(services: Iterable<AffinityService>, { shift, count }: MarkPlaces): Map<number, FlowSlot> {
  const slots = new Map<number, FlowSlot>();
  for (const service of services)
    for (const one of classesOf(service)) {
      if (one.mode !== 'flow') continue;
      for (const { slot, mark } of one.instances) {
        const place = mark >>> shift;
        if (mark === 0 || place >= count) continue;
        slots.set(place, { owner: `${service.service} ${slot}`, refreshNs: refreshNs(one.idleTimeoutMs) });
      }
    }
  return slots;
}

/** Places of the contact instances whose flows are to be forgotten. */
export function failedPlaces(service: AffinityService, { shift }: MarkPlaces): number[] {
  return classesOf(service).flatMap(({ mode, instances }) =>
    mode === 'flow' ? instances.filter(({ failed }) => failed).map(({ mark }) => mark >>> shift) : [],
  );
}

/** Epoch 0: nothing is found or learned. */
export function slotValue(epoch: number, refreshNs = 0): Uint8Array {
  const value = new Uint8Array(SLOT_OCTETS);
  const view = new DataView(value.buffer);
  view.setUint32(0, epoch, true);
  view.setBigUint64(8, BigInt(refreshNs), true);
  return value;
}

/** Nftables' timeout of a flow runs from the last packet that came to it: at most this much earlier than the flow's last. */
function refreshNs(idleTimeoutMs: number): number {
  return Math.min(1e9, (idleTimeoutMs * 1e6) / 8);
}
