// A forwarding plane that forwards nothing: dry run, simulation, tests, and machines that are not Linux. It keeps the
// kernel's rules about objects and references, so what it accepts the kernel accepts. Refuses to know time: a clock comes in.
import { classesOf, leavesTrace, setsOf } from './affinity-classes.ts';
import { diffObjects } from './diff.ts';
import {
  BORDER_KEY,
  type Fib,
  type FibDelta,
  type FibDrift,
  type FibFailure,
  type FibKey,
  type FibObject,
  type FibResult,
  type FibStart,
  fibKey,
  removalKey,
  type SidCounters,
} from './fib.ts';
import { FibObjectSet } from './object-set.ts';
import { lastPuts, orderPuts, orderRemovals } from './order.ts';

export interface MemoryFibOptions {
  /** Monotonic ms; default: a clock that stands still. */
  readonly nowMs?: () => number;
  /** What an earlier life left: taken over at `start`, removed by the first `sync` that does not want it. */
  readonly retained?: readonly FibObject[];
}

export function createMemoryFib(options: MemoryFibOptions = {}): Fib {
  const nowMs = options.nowMs ?? (() => 0);
  const held = new FibObjectSet();
  let closed = false;

  const put = (objects: readonly FibObject[]): FibFailure[] => {
    const failures: FibFailure[] = [];
    for (const object of orderPuts(lastPuts(objects))) {
      const refusal = held.refusal(object);
      if (refusal) failures.push(refusal);
      else held.put(object);
    }
    return failures;
  };

  const remove = (keys: readonly FibKey[]): { failures: FibFailure[]; removed: number } => {
    const failures: FibFailure[] = [];
    let removed = 0;
    for (const key of orderRemovals(keys)) {
      const refusal = held.removalRefusal(key);
      if (refusal) failures.push(refusal);
      else if (held.remove(key)) removed++;
    }
    return { failures, removed };
  };

  const change = (delta: FibDelta): FibResult => {
    if (closed) throw new Error('forwarding plane used after close');
    const puts = lastPuts(delta.put);
    const wanted = new Set(puts.map(fibKey));
    const putFailures = put(puts);
    // A key that is put and removed in one change is put: the put is the newer wish of a merged delta.
    const { failures, removed } = remove(delta.remove.map(removalKey).filter((key) => !wanted.has(key)));
    const atMs = nowMs();
    return {
      failures: [...putFailures, ...failures],
      put: puts.length - putFailures.length,
      removed,
      netlinkDoneAtMs: atMs,
      affinityDoneAtMs: atMs,
    };
  };

  return {
    kind: 'memory',
    async start(): Promise<FibStart> {
      put(options.retained ?? []);
      return {
        capabilities: [{ name: 'kernel', available: false, remark: 'memory only: nothing is forwarded' }],
        retained: [...held.values()],
      };
    },
    async apply(delta) {
      return change(delta);
    },
    async readBack() {
      return undefined;
    },
    async sync(desired) {
      return change(diffObjects(held.values(), desired));
    },
    async verify(): Promise<readonly FibDrift[]> {
      return [];
    },
    async inspect(): Promise<readonly FibDrift[]> {
      return [];
    },
    dump() {
      return [...held.values()];
    },
    async flowCounts() {
      const slots = new Map<number, number>();
      for (const object of held.values())
        if (object.kind === 'affinity')
          for (const one of classesOf(object))
            for (const { slot } of one.instances) if (setsOf(one, slot).length > 0) slots.set(slot, 0);
      return slots;
    },
    async classCounters() {
      return [...held.values()].flatMap((object) =>
        object.kind !== 'affinity' || !leavesTrace(object)
          ? []
          : classesOf(object).map(({ name }) => ({ service: object.service, name, packets: 0, bytes: 0 })),
      );
    },
    async sidCounters() {
      const counters: SidCounters[] = [];
      for (const object of held.values())
        if (object.kind === 'local-sid' || object.kind === 'replace-csid')
          counters.push({ prefix: object.prefix, packets: 0, bytes: 0, errors: 0 });
      return counters;
    },
    async borderCounters() {
      return held.has(BORDER_KEY) ? { routingHeaders: 0, toSids: 0, fromSids: 0 } : undefined;
    },
    async close({ remove: all }) {
      if (all) remove([...held.keys()]);
      closed = true;
    },
  };
}
