// Many objects on their way out of the kernel, in pieces, with turns of the event loop between.
import type { FibFailure, FibKey, FibRemoval } from '../../lib/fib/fib.ts';
import { SLOTS } from '../../lib/fib/held-routes.ts';
import { ranged } from './gently.ts';
import type { KernelProgrammer } from './kernel-programmer.ts';

export interface RemovalTools {
  readonly programmer: KernelProgrammer;
  readonly isOver: () => boolean;
  /** Those of a piece that are still to be removed; undefined: all of them. */
  readonly choose: (removals: readonly FibRemoval[], from: number, to: number) => readonly FibRemoval[] | undefined;
}

/** Removes what netlink holds, in lists of which `routes` is nothing but that; refusals are added. Returns how many went. */
export async function removeInTurns(
  lists: readonly (readonly FibRemoval[])[],
  routes: readonly FibRemoval[],
  { programmer, isOver, choose }: RemovalTools,
  failures: FibFailure[],
): Promise<number> {
  let removed = 0;
  const again: FibKey[] = [];
  const take = (count: number, refused: readonly FibFailure[]) => {
    removed += count;
    failures.push(...refused);
  };
  const takeInPassing = (count: number, refused: readonly FibFailure[]) => {
    take(
      count,
      refused.filter(({ code }) => code !== 'ENOMEM'),
    );
    for (const { key, code } of refused) if (code === 'ENOMEM') again.push(key);
  };
  for (const removals of lists) {
    await ranged(isOver, SLOTS, () => programmer.room())(removals.length, (from, to) => {
      const chosen = choose(removals, from, to);
      if (removals === routes) {
        if (chosen) programmer.removeInPassing(chosen, 0, chosen.length, takeInPassing);
        else programmer.removeInPassing(removals, from, to, takeInPassing);
        return;
      }
      const result = programmer.remove(chosen ?? removals.slice(from, to));
      take(result.removed, result.failures);
    });
    await programmer.idle();
    if (isOver()) return removed;
    // The kernel hardly needs memory to forget a route. What was put meanwhile stays.
    const late = again.splice(0);
    const result = programmer.remove(choose(late, 0, late.length) ?? late);
    take(result.removed, result.failures);
  }
  return removed;
}
