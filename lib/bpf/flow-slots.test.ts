import { describe, expect, it } from 'vitest';
import type { AffinityInstance, AffinityService } from '../fib/fib.ts';
import { learnProgram, markProgram } from './flow-program.ts';
import { failedPlaces, flowSlots, markPlaces, SLOT_OCTETS, slotValue } from './flow-slots.ts';

const instance = (slot: number, failed = false): AffinityInstance => ({ slot, mark: slot << 4, weight: 0, failed });
const service = (mode: AffinityService['mode'], slots: readonly AffinityInstance[], idleTimeoutMs = 300_000) =>
  ({
    kind: 'affinity',
    service: 'fd00:cafe::80',
    mode,
    instances: slots,
    idleTimeoutMs,
    closingTimeoutMs: 2000,
  }) satisfies AffinityService;

describe('marks of the flow cache', () => {
  it('are places of an array without the bits that are not ours, and no more than it has', () => {
    expect(markPlaces(0xfff)).toEqual({ mask: 0xfff, shift: 0, count: 4096 });
    expect(markPlaces(0xff00)).toEqual({ mask: 0xff00, shift: 8, count: 256 });
    expect(markPlaces(-1)).toEqual({ mask: 0xffffffff, shift: 0, count: 65_536 });
    const places = markPlaces(0xff0);
    expect([...flowSlots([service('flow', [instance(1), instance(300)])], places).keys()]).toEqual([1]);
  });

  it('are those of running flows of any class, and of nothing that is decided by something else', () => {
    const classes = (['flow', 'client', 'none', 'bucket'] as const).map((mode, i) => ({
      ...service(mode, [instance(10 + i)]),
      name: mode,
    }));
    const slots = flowSlots([{ ...service('flow', [instance(1)], 4000), classes }], markPlaces(0xff0));
    expect([...slots]).toEqual([
      [1, { owner: 'fd00:cafe::80 1', refreshNs: 5e8 }],
      [10, { owner: 'fd00:cafe::80 10', refreshNs: 1e9 }],
    ]);
  });

  it('name whose flows are to be forgotten', () => {
    const places = markPlaces(0xff0);
    expect(failedPlaces(service('flow', [instance(1), instance(2, true)]), places)).toEqual([2]);
    expect(failedPlaces(service('client', [instance(2, true)]), places)).toEqual([]);
  });

  it('have an epoch, and how long a flow may go on without nftables', () => {
    const value = slotValue(7, 1e9);
    expect(value).toHaveLength(SLOT_OCTETS);
    expect(new DataView(value.buffer).getUint32(0, true)).toBe(7);
    expect(new DataView(value.buffer).getBigUint64(8, true)).toBe(1_000_000_000n);
  });
});

describe('the programs of the flow cache', () => {
  it('are whole instructions, the same for the same', () => {
    const maps = { flows: 5, slots: 6, places: markPlaces(0xfff) };
    for (const program of [markProgram, learnProgram]) {
      expect(program(maps).length % 8).toBe(0);
      expect(program(maps)).toEqual(program(maps));
    }
  });
});
