// Asks the forwarding plane what is left of drains. A kernel that does not answer now is asked again with the next one.
import type { Fib } from '../../lib/fib/fib.ts';
import type { DrainMeasures } from '../../lib/router/drains.ts';
import type { RouterEffect } from '../../lib/router/effect.ts';

type Wanted = Extract<RouterEffect, { type: 'measure-drains' }>;

/** Undefined: not now. */
export async function measureDrains(fib: Fib, { slots, sids }: Wanted): Promise<DrainMeasures | undefined> {
  try {
    const flows = slots.length === 0 ? new Map<number, number>() : await fib.flowCounts();
    const counters = sids.length === 0 ? [] : await fib.sidCounters();
    return {
      flows: [...flows].filter(([slot]) => slots.includes(slot)),
      packets: counters.filter((it) => sids.includes(it.prefix)).map((it) => [it.prefix, it.packets] as const),
    };
  } catch {
    return undefined;
  }
}
