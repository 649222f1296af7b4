// Work over many objects in pieces, with a turn of the event loop between: a hundred thousand routes must not hold up a
// keepalive.
import { setImmediate as turn } from 'node:timers/promises';
import type { Steps } from '../../lib/fib/diff.ts';

/** Performs a computation that yields, and lets others run whenever it does. */
export async function gently<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await turn();
  }
}

export type InChunks = <T>(items: readonly T[], perform: (chunk: readonly T[]) => void) => Promise<void>;
export type InRanges = (count: number, perform: (from: number, to: number) => void) => Promise<void>;

/** Objects programmed between two looks at the clock: a millisecond at most. */
const CHUNK = 256;
/** What a turn of the event loop may take before others have theirs. */
const TURN_MS = 2;

/** Performs in chunks until `isOver`. */
export function chunked(isOver: () => boolean, size = CHUNK): InChunks {
  const inRanges = ranged(isOver, size);
  return (items, perform) => inRanges(items.length, (from, to) => perform(items.slice(from, to)));
}

/**
 * The same without a copy of each chunk: those of a hundred thousand routes are a megabyte. `room`: when the next can be
 * performed, or undefined where that is now.
 */
export function ranged(isOver: () => boolean, size = CHUNK, room?: () => Promise<void> | undefined): InRanges {
  return async (count, perform) => {
    let turnOverAtMs = performance.now() + TURN_MS;
    for (let at = 0; at < count; at += size) {
      for (let wait = room?.(); wait !== undefined && !isOver(); wait = room?.()) {
        await wait;
        turnOverAtMs = performance.now() + TURN_MS;
      }
      if (performance.now() >= turnOverAtMs) {
        await turn();
        turnOverAtMs = performance.now() + TURN_MS;
      }
      if (isOver()) return;
      perform(at, Math.min(count, at + size));
    }
  };
}

/** Items looked at in one turn: about a millisecond. */
const LOOKS = 1024;

/** Looks at each until `isOver`; what is iterated over may change between turns. */
export async function each<T>(items: Iterable<T>, isOver: () => boolean, look: (item: T) => void): Promise<void> {
  let count = 0;
  for (const item of items) {
    if (++count % LOOKS === 0) await turn();
    if (isOver()) return;
    look(item);
  }
}
