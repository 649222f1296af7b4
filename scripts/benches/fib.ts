// Bench `fib`: what the whole forwarding plane adds to the kernel's own time: a hundred thousand routes, and one change.
// The same routes as a C program makes over netlink, in the same run and one after the other; all of the daemon's
// bookkeeping is in it (references, what is held, what failed), and what an event loop waits meanwhile is measured.
import { execFileSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { createKernelFib } from '../../daemon/fib/kernel-fib.ts';
import type { Fib, FibObject } from '../../lib/fib/fib.ts';
import { BATCH_ROW, batchRow } from './fib-batch.ts';
import { BATCH, bulkIds, bulkRows, KINDS, type Kind, OPERATIONS, type Run } from './fib-bulk.ts';
import { longestGap, loopId, loopRows } from './fib-loop.ts';
import { COUNT, good, routes, SEGMENTS, SETTLE_MS } from './fib-routes.ts';
import { type Rival, startRival } from './netlink-rival.ts';
import {
  absolute,
  type Bench,
  type BenchOptions,
  comparison,
  type Document,
  machine,
  percentile,
  type Row,
} from './report.ts';

const SINGLES = 2000;
const SERVICE_PREFIXES = 1000;
const MEMBER = 200_000_001;
const GROUP = 100_000_001;
const SINGLE = 'fib.single';
const WHOLE = ['sync', 'verify'] as const;
const wholeId = (what: (typeof WHOLE)[number]): string => `fib.${what}.100k`;

const member = (variant: 0 | 1): FibObject => ({ kind: 'nexthop', id: MEMBER, segments: SEGMENTS[variant]! });
const group: FibObject = { kind: 'group', id: GROUP, members: [{ nexthop: MEMBER, weight: 1 }] };

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
      id: SINGLE,
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
  return WHOLE.map((what) =>
    absolute({
      id: wholeId(what),
      what: what === 'sync' ? 'full set of 100,000 routes from nothing' : 'read back and compare 100,000 routes',
      unit: 'ms',
      ours: percentile(times[what], 50),
      better: 'lower',
      target: limits[what],
      method: 'median of 3, wall clock, a turn of the event loop each millisecond',
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
    const { isWanted } = options;
    if (isWanted(SINGLE)) rows.push(await singleRow(context));
    for (const kind of kinds) rows.push(...(await bulkRows(context, kind)));
    if (isWanted(BATCH_ROW)) rows.push(await batchRow(context.fib, context.netns, options.rounds));
    if (WHOLE.some((what) => isWanted(wholeId(what)) || isWanted(loopId(what))))
      rows.push(...(await wholeSets(context)));
    rows.push(...loopRows(context.gaps));
    return { bench: 'fib', machine: machine(), rows: rows.filter(({ id }) => isWanted(id)) };
  } finally {
    rival?.close();
    await fib?.close({ remove: false });
    execFileSync('ip', ['netns', 'del', netns]);
  }
}

export const bench: Bench = {
  summary: 'the forwarding plane against a C program: 100,000 routes, one change, the event loop',
  programs: ['ip', 'cc', 'sysctl'],
  ids: [
    SINGLE,
    ...KINDS.flatMap((kind) => OPERATIONS.flatMap((operation) => bulkIds(kind, operation))),
    BATCH_ROW,
    ...WHOLE.map(wholeId),
    ...KINDS.flatMap((kind) => OPERATIONS.map((operation) => loopId(`${kind}.${operation}`))),
    ...WHOLE.map(loopId),
  ],
  run,
};
