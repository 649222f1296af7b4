// Bench `fib`: what the whole forwarding plane adds to the kernel's own time: a hundred thousand routes, and one change.
// The same routes as a C program makes over netlink, in the same run and one after the other; all of the daemon's
// bookkeeping is in it (references, what is held, what failed), and what an event loop waits meanwhile is measured.
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { createKernelFib } from '../../daemon/fib/kernel-fib.ts';
import type { Fib, FibDelta, FibObject } from '../../lib/fib/fib.ts';
import { batchRow } from './fib-batch.ts';
import { COUNT, good, routes, SEGMENTS, SETTLE_MS } from './fib-routes.ts';
import { type Rates, type Rival, startRival } from './netlink-rival.ts';
import {
  absolute,
  type Bench,
  type BenchOptions,
  comparison,
  type Document,
  machine,
  NO_BOUND,
  percentile,
  type Row,
} from './report.ts';

const SINGLES = 2000;
const SERVICE_PREFIXES = 1000;
/** Rounds that are watched for what an event loop waits. */
const WATCHED_ROUNDS = 3;
/** Messages that the C program sends at once: as many as the forwarding plane does. */
const BATCH = { heavy: 64, light: 256 };
const MEMBER = 200_000_001;
const GROUP = 100_000_001;
/** DESIGN section 12: no turn longer than this. */
const LOOP_TARGET_MS = 10;

const member = (variant: 0 | 1): FibObject => ({ kind: 'nexthop', id: MEMBER, segments: SEGMENTS[variant]! });
const group: FibObject = { kind: 'group', id: GROUP, members: [{ nexthop: MEMBER, weight: 1 }] };

/**
 * Longest time, ms, between two calls of a timer of 1 ms while `work` went on, whatever it was spent on (the processor, or
 * waiting in a system call), less what this thread waited for others to leave the processor.
 */
async function longestGap(work: () => Promise<unknown>): Promise<number> {
  // The main thread's: time on the processor, time spent waiting for one, both ns.
  const account = openSync('/proc/thread-self/schedstat', 'r');
  const text = Buffer.alloc(128);
  const now = () => {
    const waited = Number(text.toString('latin1', 0, readSync(account, text, 0, text.length, 0)).split(' ')[1]);
    return performance.now() - waited / 1e6;
  };
  let last = now();
  let longest = 0;
  const look = () => {
    const at = now();
    longest = Math.max(longest, at - last);
    last = at;
  };
  const timer = setInterval(look, 1);
  await work();
  look();
  clearInterval(timer);
  closeSync(account);
  return longest;
}

interface Kind {
  readonly name: 'nhid' | 'seg6';
  readonly what: string;
  readonly first: readonly FibObject[];
  readonly second: readonly FibObject[];
}

interface Run {
  readonly options: BenchOptions;
  readonly fib: Fib;
  readonly rival: Rival;
  /** Event-loop gaps by what went on, ms. */
  readonly gaps: Map<string, number[]>;
  readonly netns: string;
}

/** The kernel has little memory at hand for segment lists: many in one send would find none. */
function batchOf(kind: Kind, operation: 'add' | 'replace' | 'delete'): number {
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

async function bulkRows(run: Run, kind: Kind): Promise<Row[]> {
  const { options, rival } = run;
  const operations = ['add', 'replace', 'delete'] as const;
  const gone = kind.first.filter((object) => object.kind === 'route');
  const deltas: Record<(typeof operations)[number], FibDelta> = {
    add: { put: kind.first, remove: [] },
    replace: { put: kind.second, remove: [] },
    delete: { put: [], remove: gone },
  };
  const rounds = new Map(operations.map((operation) => [operation, [] as { ours: Rates; peer: Rates }[]]));
  for (let round = -1; round < options.rounds; round++) {
    const rates = new Map<string, Rates>();
    const sides = ['ours', 'peer'];
    if (round % 2 === 0) sides.reverse();
    for (const side of sides)
      for (const operation of operations) {
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
    for (const operation of operations)
      rounds.get(operation)!.push({ ours: rates.get(`ours ${operation}`)!, peer: rates.get(`peer ${operation}`)! });
  }
  for (let round = 0; round < WATCHED_ROUNDS; round++)
    for (const operation of operations) {
      await pause(SETTLE_MS);
      await watched(run, `${kind.name}.${operation}`, deltas[operation]);
    }
  return operations.flatMap((operation) => {
    const about = {
      what: `${operation} 100,000 ${kind.what}`,
      peerName: `C, ${batchOf(kind, operation)} a send`,
      better: 'higher',
    } as const;
    const how = `${options.rounds} alternating rounds; one change of 100,000 objects through the whole forwarding plane`;
    const measured = rounds.get(operation)!;
    const by = (time: keyof Rates) => measured.map(({ ours, peer }) => ({ ours: ours[time], peer: peer[time] }));
    const id = `fib.${kind.name}.${operation}.100k`;
    const rows = [
      comparison(
        { ...about, id, unit: 'routes/s', target: 0.9, method: `${how}; wall clock, median of the ratios` },
        by('wall'),
      ),
      comparison(
        {
          ...about,
          id: `${id}.processor`,
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

/** One change at a time, each awaited, and a turn of the event loop before it: wall clock, p50. */
async function singleRow(run: Run): Promise<Row> {
  const { fib, rival, options } = run;
  good(
    'service',
    await fib.apply({ put: [member(0), group, ...routes(SERVICE_PREFIXES, { kind: 'group', id: GROUP })], remove: [] }),
  );
  // The kernel walks all routes of a nexthop that is replaced: the same work for the peer.
  await rival.measure('nhid-add', SERVICE_PREFIXES, BATCH.light);
  const rounds: { ours: number; peer: number }[] = [];
  for (let round = -1; round < options.rounds; round++) {
    const times: number[] = [];
    const ours = async () => {
      for (let i = 0; i < SINGLES; i++) {
        const delta = { put: [member((i & 1) as 0 | 1)], remove: [] };
        const before = process.hrtime.bigint();
        const result = await fib.apply(delta);
        times.push(Number(process.hrtime.bigint() - before) / 1000);
        if (result.failures.length > 0) good('single', result);
      }
      return percentile(times, 50);
    };
    const sides = { ours, peer: () => rival.median('member-replace', SINGLES) };
    const first = round % 2 === 0 ? await sides.peer() : undefined;
    const mine = await sides.ours();
    const theirs = first ?? (await sides.peer());
    if (round >= 0) rounds.push({ ours: mine, peer: theirs });
  }
  await rival.measure('nhid-delete', SERVICE_PREFIXES, BATCH.light);
  return comparison(
    {
      id: 'fib.single',
      what: 're-steer a service of 1,000 prefixes: change to result',
      unit: 'us p50',
      peerName: 'C',
      better: 'lower',
      target: 1.3,
      method: `${options.rounds} alternating rounds of ${SINGLES} single changes each; wall clock, median of the ratios of the p50`,
    },
    rounds,
  );
}

/** A full set from nothing, and a scan that finds all of it in order. */
async function wholeSets(run: Run): Promise<Row[]> {
  const { fib, options, gaps } = run;
  const desired = [member(0), group, ...routes(COUNT, { kind: 'group', id: GROUP })];
  const times = { sync: [] as number[], verify: [] as number[] };
  const timed = async (what: 'sync' | 'verify', work: () => Promise<unknown>) => {
    const before = performance.now();
    const gap = await longestGap(work);
    times[what].push(performance.now() - before);
    gaps.set(what, [...(gaps.get(what) ?? []), gap]);
  };
  for (let round = 0; round < Math.min(3, options.rounds); round++) {
    good('sync', await fib.sync([]));
    await pause(SETTLE_MS);
    await timed('sync', async () => good('sync', await fib.sync(desired)));
    await timed('verify', async () => {
      const drift = await fib.verify();
      if (drift.length > 0) throw new Error(`verify: ${drift.length} differ`);
    });
  }
  const limits = { sync: 1500, verify: 1500 };
  return (['sync', 'verify'] as const).map((what) =>
    absolute({
      id: `fib.${what}.100k`,
      what: what === 'sync' ? 'full set of 100,000 routes from nothing' : 'read back and compare 100,000 routes',
      unit: 'ms',
      ours: percentile(times[what], 50),
      better: 'lower',
      target: limits[what],
      method: 'median of 3, wall clock, a turn of the event loop each millisecond',
    }),
  );
}

function loopRows(gaps: ReadonlyMap<string, readonly number[]>): Row[] {
  return [...gaps].map(([what, values]) =>
    absolute({
      id: `fib.loop.${what}`,
      what: `event loop held up during ${what.replace('.', ' ')} of 100,000 routes`,
      unit: 'ms',
      ours: percentile(values, 50),
      better: 'lower',
      target: LOOP_TARGET_MS,
      method: `longest time between two calls of a timer of 1 ms in each of ${values.length} runs, blocking waits included, waiting for the processor not; median (longest of all: ${Math.max(...values).toFixed(1)} ms)`,
    }),
  );
}

async function run(options: BenchOptions): Promise<Document> {
  if (process.getuid?.() !== 0) throw new Error('needs root: it programs a network namespace of its own');
  const netns = `cfn-bench-${process.pid}`;
  execFileSync('ip', ['netns', 'add', netns]);
  let fib: Fib | undefined;
  let rival: Rival | undefined;
  try {
    fib = createKernelFib({
      protocol: 201,
      device: 'sr0',
      source: 'fcbb:bb:1::1',
      markMask: 0xfff,
      groupIdBase: 100_000_000,
      nexthopIdBase: 200_000_000,
      tableBase: 10_000,
      rulePriority: 10_000,
      links: [],
      netns,
      log: (level, text, fields) => options.progress(`${level}: ${text} ${JSON.stringify(fields)}`),
    });
    await fib.start();
    rival = startRival(netns);
    await rival.prepare();
    const context: Run = { options, fib, rival, gaps: new Map(), netns };
    good('start', await fib.sync([member(0), group]));
    const rows: Row[] = [];
    const kinds: Kind[] = [
      {
        name: 'nhid',
        what: 'routes to a nexthop group',
        first: routes(COUNT, { kind: 'group', id: GROUP }),
        second: routes(COUNT, { kind: 'group', id: GROUP }),
      },
      {
        name: 'seg6',
        what: 'routes with a segment list each',
        first: routes(COUNT, { kind: 'encap', segments: SEGMENTS[0]! }),
        second: routes(COUNT, { kind: 'encap', segments: SEGMENTS[1]! }),
      },
    ];
    rows.push(await singleRow(context));
    for (const kind of kinds) rows.push(...(await bulkRows(context, kind)));
    rows.push(
      await batchRow(context.fib, context.netns, options.rounds),
      ...(await wholeSets(context)),
      ...loopRows(context.gaps),
    );
    return { bench: 'fib', machine: machine(), rows };
  } finally {
    rival?.close();
    await fib?.close({ remove: false });
    execFileSync('ip', ['netns', 'del', netns]);
  }
}

export const bench: Bench = {
  summary: 'the forwarding plane against a C program: 100,000 routes, one change, the event loop',
  programs: ['ip', 'cc', 'sysctl'],
  run,
};
