// Many objects of one kind on their way into the kernel, in pieces, with turns of the event loop between. The kernel's reserve
// for segment lists is small and is filled up while others have their turn: what found it empty is asked for again at the
// end, by and by, and nobody waits for it.
import { setTimeout as pause } from 'node:timers/promises';
import { type FibFailure, fibKey } from '../../lib/fib/fib.ts';
import { ranged } from './gently.ts';
import type { NetlinkObject } from './kernel-codec.ts';
import type { KernelProgrammer } from './kernel-programmer.ts';

/** How often, and how long a pause comes before each. */
const ROUNDS = 32;
const PAUSE_MS = 1;

export interface TurnTools {
  readonly programmer: KernelProgrammer;
  readonly isOver: () => boolean;
  /** Those of a piece that are still to be put; undefined: all of them. */
  readonly choose: (
    objects: readonly NetlinkObject[],
    from: number,
    to: number,
  ) => readonly NetlinkObject[] | undefined;
}

/** Puts objects of one kind; refusals are added. */
export async function putInTurns(
  objects: readonly NetlinkObject[],
  tools: TurnTools,
  failures: FibFailure[],
): Promise<void> {
  const { isOver } = tools;
  let due = objects;
  for (let round = 0; due.length > 0 && !isOver(); round++) {
    if (round > 0) await pause(PAUSE_MS);
    due = await putOnce(due, tools, round === ROUNDS, failures);
  }
}

/** Returns what the kernel had no memory for; the last time that is a refusal like any other. */
async function putOnce(
  objects: readonly NetlinkObject[],
  { programmer, isOver, choose }: TurnTools,
  isLast: boolean,
  failures: FibFailure[],
): Promise<readonly NetlinkObject[]> {
  const later: NetlinkObject[] = [];
  await ranged(isOver)(objects.length, (from, to) => {
    const chosen = choose(objects, from, to);
    const refused = chosen
      ? programmer.putInPassing(chosen, 0, chosen.length)
      : programmer.putInPassing(objects, from, to);
    if (refused.length === 0) return;
    const again = new Set(isLast ? [] : refused.flatMap(({ key, code }) => (code === 'ENOMEM' ? key : [])));
    failures.push(...refused.filter(({ key }) => !again.has(key)));
    if (again.size === 0) return;
    for (const object of chosen ?? objects.slice(from, to)) if (again.has(fibKey(object))) later.push(object);
  });
  return later;
}
