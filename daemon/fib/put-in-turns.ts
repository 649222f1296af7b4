// Many objects of one kind on their way into the kernel, in pieces, with turns of the event loop between. The kernel's reserve
// for segment lists is small and is filled up while others have their turn: what found it empty is asked for again at the
// end, by and by, and nobody waits for it.
import { setTimeout as pause } from 'node:timers/promises';
import { type FibFailure, type FibKey, fibKey } from '../../lib/fib/fib.ts';
import { SLOTS } from '../../lib/fib/held-routes.ts';
import { ranged } from './gently.ts';
import type { NetlinkObject } from './kernel-codec.ts';
import type { KernelProgrammer } from './kernel-programmer.ts';

/** How often, and how long a pause comes before each. */
const ROUNDS = 32;
const PAUSE_MS = 1;
/** Objects looked at between two looks at the clock. */
const LOOKS = 1024;

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
    const again = await putOnce(due, tools, round === ROUNDS, failures);
    due = round === 0 && again.length > 0 ? await lastOfKeys(again, objects, isOver) : again;
  }
}

/** Returns what the kernel had no memory for; the last time that is a refusal like any other. */
async function putOnce(
  objects: readonly NetlinkObject[],
  { programmer, isOver, choose }: TurnTools,
  isLast: boolean,
  failures: FibFailure[],
): Promise<NetlinkObject[]> {
  const later: NetlinkObject[] = [];
  await ranged(isOver, SLOTS, () => programmer.room())(objects.length, (from, to) => {
    const chosen = choose(objects, from, to);
    const onRefused = (refused: readonly FibFailure[]) => {
      const again = new Set(isLast ? [] : refused.flatMap(({ key, code }) => (code === 'ENOMEM' ? key : [])));
      failures.push(...refused.filter(({ key }) => !again.has(key)));
      if (again.size === 0) return;
      for (const object of chosen ?? objects.slice(from, to)) if (again.has(fibKey(object))) later.push(object);
    };
    if (chosen) programmer.putInPassing(chosen, 0, chosen.length, onRefused);
    else programmer.putInPassing(objects, from, to, onRefused);
  });
  await programmer.idle();
  return later;
}

/** Without those whose key is put once more further behind: what came of that is newer. */
async function lastOfKeys(
  some: readonly NetlinkObject[],
  objects: readonly NetlinkObject[],
  isOver: () => boolean,
): Promise<NetlinkObject[]> {
  const keys = new Set(some.map(fibKey));
  const prefixes = new Set(some.map(prefixOf));
  const last = new Map<FibKey, NetlinkObject>();
  await ranged(isOver, LOOKS)(objects.length, (from, to) => {
    for (let i = from; i < to; i++) {
      const object = objects[i]!;
      // No text is made for each of a hundred thousand.
      if (!prefixes.has(prefixOf(object))) continue;
      const key = fibKey(object);
      if (keys.has(key)) last.set(key, object);
    }
  });
  return some.filter((object) => last.get(fibKey(object)) === object);
}

function prefixOf(object: NetlinkObject): string | undefined {
  return 'prefix' in object ? object.prefix : undefined;
}
