// Bench `fib`: changes of a hundred thousand routes, against the same routes from a C program.
import { setTimeout as pause } from 'node:timers/promises';
import type { Fib, FibDelta, FibObject } from '../../lib/fib/fib.ts';
import { longestGap, loopId } from './fib-loop.ts';
import { COUNT, good, SETTLE_MS } from './fib-routes.ts';
import type { Rates, Rival } from './netlink-rival.ts';
import { type BenchOptions, comparison, NO_BOUND, type Row } from './report.ts';

export const KINDS = ['nhid', 'seg6'] as const;
export type KindName = (typeof KINDS)[number];
export const OPERATIONS = ['add', 'replace', 'delete'] as const;
type Operation = (typeof OPERATIONS)[number];

/** Messages that the C program sends at once: as many as the forwarding plane does. */
export const BATCH = { heavy: 64, light: 256 };
/** Rounds that are watched for what an event loop waits. */
const WATCHED_ROUNDS = 3;

/** By the wall clock, and by processor time. */
export function bulkIds(kind: KindName, operation: Operation): readonly [string, string] {
  const id = `fib.${kind}.${operation}.100k`;
  return [id, `${id}.processor`];
}

export interface Kind {
  readonly name: KindName;
  readonly what: string;
  readonly first: readonly FibObject[];
  readonly second: readonly FibObject[];
}

export interface Run {
  readonly options: BenchOptions;
  readonly fib: Fib;
  readonly rival: Rival;
  /** Event-loop gaps by what went on, ms. */
  readonly gaps: Map<string, number[]>;
  readonly netns: string;
}

/** The kernel has little memory at hand for segment lists: many in one send would find none. */
function batchOf(kind: Kind, operation: Operation): number {
  return kind.name === 'nhid' || operation === 'delete' ? BATCH.light : BATCH.heavy;
}

/** The daemon's side; of its processor time all threads count. */
async function bulk(run: Run, what: string, delta: FibDelta): Promise<Rates> {
  const before = process.cpuUsage();
  const beganAtMs = performance.now();
  const result = await run.fib.apply(delta);
  const tookMs = performance.now() - beganAtMs;
  const { user, system } = process.cpuUsage(before);
  good(what, result);
  const count = delta.put.length + delta.remove.length;
  return { wall: (count * 1e3) / tookMs, processor: (count * 1e6) / (user + system) };
}

/** The same change once more, for the event loop: looking at the clock each millisecond takes processor time itself. */
async function watched(run: Run, what: string, delta: FibDelta): Promise<void> {
  const gap = await longestGap(async () => good(what, await run.fib.apply(delta)));
  run.gaps.set(what, [...(run.gaps.get(what) ?? []), gap]);
}

export async function bulkRows(run: Run, kind: Kind): Promise<Row[]> {
  const { options, rival } = run;
  const gone = kind.first.filter((object) => object.kind === 'route');
  const deltas: Record<Operation, FibDelta> = {
    add: { put: kind.first, remove: [] },
    replace: { put: kind.second, remove: [] },
    delete: { put: [], remove: gone },
  };
  const rounds = new Map(OPERATIONS.map((operation) => [operation, [] as { ours: Rates; peer: Rates }[]]));
  const compared = OPERATIONS.some((operation) => bulkIds(kind.name, operation).some(options.isWanted));
  for (let round = -1; compared && round < options.rounds; round++) {
    const rates = new Map<string, Rates>();
    const sides = ['ours', 'peer'];
    if (round % 2 === 0) sides.reverse();
    for (const side of sides)
      for (const operation of OPERATIONS) {
        // The kernel frees what a change released some ms later (RCU): nobody is to pay for what was before.
        await pause(SETTLE_MS);
        const rate =
          side === 'ours'
            ? await bulk(run, operation, deltas[operation])
            : await rival.measure(`${kind.name}-${operation}`, COUNT, batchOf(kind, operation));
        rates.set(`${side} ${operation}`, rate);
      }
    // The first warms up.
    if (round < 0) continue;
    for (const operation of OPERATIONS)
      rounds.get(operation)!.push({ ours: rates.get(`ours ${operation}`)!, peer: rates.get(`peer ${operation}`)! });
  }
  const seen = OPERATIONS.some((operation) => options.isWanted(loopId(`${kind.name}.${operation}`)));
  for (let round = 0; seen && round < WATCHED_ROUNDS; round++)
    for (const operation of OPERATIONS) {
      await pause(SETTLE_MS);
      await watched(run, `${kind.name}.${operation}`, deltas[operation]);
    }
  if (!compared) return [];
  return OPERATIONS.flatMap((operation) => {
    const about = {
      what: `${operation} 100,000 ${kind.what}`,
      peerName: `C, ${batchOf(kind, operation)} a send`,
      better: 'higher',
    } as const;
    const how = `${options.rounds} alternating rounds; one change of 100,000 objects through the whole forwarding plane`;
    const measured = rounds.get(operation)!;
    const by = (time: keyof Rates) => measured.map(({ ours, peer }) => ({ ours: ours[time], peer: peer[time] }));
    const [id, processorId] = bulkIds(kind.name, operation);
    const rows = [
      comparison(
        { ...about, id, unit: 'routes/s', target: 0.9, method: `${how}; wall clock, median of the ratios` },
        by('wall'),
      ),
      comparison(
        {
          ...about,
          id: processorId,
          unit: 'routes/CPU-s',
          target: NO_BOUND,
          method: `${how}; processor time of all threads, median of the ratios`,
        },
        by('processor'),
      ),
    ];
    for (const row of rows)
      options.progress(`${row.id}: ${row.ours} against ${row.peer} ${row.unit}, ratio ${row.ratio}`);
    return rows;
  });
}
