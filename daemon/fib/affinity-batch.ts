// What services are wished to be while a transaction runs: merged, so that a backlog never grows beyond one entry a service.
import { instancesOf, mapInstances } from '../../lib/fib/affinity-classes.ts';
import type { AffinityService, FibFailure } from '../../lib/fib/fib.ts';

/** Of one service: what it shall be; undefined: gone. */
export type Wish = AffinityService | undefined;

export interface Batch {
  readonly wishes: Map<string, Wish>;
  readonly done: Promise<ReadonlyMap<string, FibFailure>>;
  readonly settle: (failures: ReadonlyMap<string, FibFailure>) => void;
}

export function newBatch(): Batch {
  const { promise, resolve } = Promise.withResolvers<ReadonlyMap<string, FibFailure>>();
  return { wishes: new Map(), done: promise, settle: resolve };
}

/** The newer wish, but flows that the older one was to forget are still to be forgotten. */
export function merge(older: Wish, newer: Wish): Wish {
  if (!older || !newer) return newer;
  const failed = new Set(instancesOf(older).flatMap(({ slot, failed: gone }) => (gone ? [slot] : [])));
  if (failed.size === 0) return newer;
  return mapInstances(newer, (it) => ({ ...it, failed: it.failed || failed.has(it.slot) }));
}
