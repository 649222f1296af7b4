import { expect, it } from 'vitest';
import { type FibFailure, type FibRemoval, fibRoute, removalKey } from '../../lib/fib/fib.ts';
import type { KernelProgrammer } from './kernel-programmer.ts';
import { removeInTurns } from './remove-in-turns.ts';

const ROUTES = Array.from({ length: 4 }, (_, i) => fibRoute(`10.0.${i}.0/24`, 254, { kind: 'blackhole' }));
const KEYS = ROUTES.map(removalKey);

/** A kernel that has no memory for the first attempts. */
function scene() {
  const removed: string[] = [];
  const programmer = {
    room: () => undefined,
    idle: async () => {},
    removeInPassing(
      removals: readonly FibRemoval[],
      from: number,
      to: number,
      onDone: (removed: number, failures: FibFailure[]) => void,
    ) {
      const refused = removals.slice(from, to).map((it) => ({ key: removalKey(it), code: 'ENOMEM', text: '' }));
      onDone(0, refused);
    },
    remove(removals: readonly FibRemoval[]) {
      removed.push(...removals.map(removalKey));
      return { removed: removals.length, failures: [] };
    },
  } as unknown as KernelProgrammer;
  return { programmer, removed };
}

it('removes at last what the kernel had no memory for', async () => {
  const { programmer, removed } = scene();
  const tools = { programmer, isOver: () => false, choose: () => undefined };
  expect(await removeInTurns([ROUTES], ROUTES, tools, [])).toBe(ROUTES.length);
  expect(removed).toEqual(KEYS);
});

it('leaves then what was put meanwhile', async () => {
  const { programmer, removed } = scene();
  const put = new Set<string>();
  const choose = (removals: readonly FibRemoval[], from: number, to: number) => {
    const chosen = removals.slice(from, to).filter((it) => !put.has(removalKey(it)));
    put.add(KEYS[1]!);
    return chosen;
  };
  expect(await removeInTurns([ROUTES], ROUTES, { programmer, isOver: () => false, choose }, [])).toBe(3);
  expect(removed).toEqual([KEYS[0], KEYS[2], KEYS[3]]);
});

it('asks for nothing more once it is over', async () => {
  const { programmer, removed } = scene();
  let looks = 0;
  const tools = { programmer, isOver: () => ++looks > 1, choose: () => undefined };
  expect(await removeInTurns([ROUTES], ROUTES, tools, [])).toBe(0);
  expect(removed).toEqual([]);
});
