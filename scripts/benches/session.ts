// One daemon between senders and a receiver, ours and BGP daemons in turn (reference figures A1-A5, B1). A route of ours is
// a service with a contact instance, its reachability and its compute state; a route of theirs is an IPv6 prefix with its
// own MED and AS path, because a compute-aware router has metrics of its own for every route. The receiver counts all.
import { bundle } from '../bundle.ts';
import {
  absolute,
  type Bench,
  type BenchOptions,
  comparison,
  type Document,
  machine,
  median,
  type Row,
} from './report.ts';
import { delayRows } from './session/delay-rows.ts';
import { ENDS, FAR_ENDS, Field, LARGE, type Pair, type Phases, pairs, SMALL } from './session/field.ts';
import { SessionLab } from './session/lab.ts';
import { loopRows } from './session/loop-rows.ts';
import { availablePeers, buildBgpLoad, KEEPALIVE_MS } from './session/subjects.ts';

const CHURNS = 3;
const TRIALS = 200;

export const bench: Bench = {
  summary: 'ten senders, one daemon, one receiver: time, processor time, memory, latency; against BIRD, FRR, GoBGP',
  programs: ['ip', 'cc'],
  run,
};

async function run(options: BenchOptions): Promise<Document> {
  if (process.getuid?.() !== 0) throw new Error('needs root: it works in network namespaces of its own');
  await bundle();
  const peers = availablePeers(['bird', 'frr', 'gobgp'], options.progress);
  const lab = new SessionLab(FAR_ENDS);
  try {
    const field = new Field(lab, buildBgpLoad(lab.directory), options);
    const rows: Row[] = [];
    if (peers.includes('bird')) rows.push(...(await againstBird(field, options)));
    for (const peer of peers.filter((it) => it !== 'bird')) rows.push(...(await against(field, peer, options)));
    rows.push(...(await loopRows(field, options)), ...(await compute(field)));
    return { bench: 'session', machine: machine(), rows };
  } finally {
    lab.close();
  }
}

async function againstBird(field: Field, { rounds }: BenchOptions): Promise<Row[]> {
  const small = SMALL * ENDS.senders;
  const large = LARGE * ENDS.senders;
  const packed = await pairs(
    rounds,
    () => field.ours({ churns: CHURNS, trials: TRIALS }),
    () => field.theirs('bird', SMALL, 1, CHURNS, TRIALS),
  );
  // Two rounds are enough where the ratio is not close, and a million routes take their time.
  const few = Math.min(rounds, 2);
  const single = await pairs(
    few,
    () => field.ours({ perMessage: 1 }),
    () => field.theirs('bird', SMALL, 1),
  );
  const million = await pairs(
    few,
    () => field.ours({ count: LARGE }),
    () => field.theirs('bird', LARGE, 1),
  );
  const row = rowsAgainst('BIRD, own attributes');
  const last = million.at(-1)!.ours;
  return [
    row(
      'A1',
      'ingest and propagate 10 x 10k',
      'routes/s',
      'higher',
      1.5,
      packed,
      (it) => it.rate(small),
      '500 routes a message',
    ),
    row(
      'A1.cpu',
      'the same, of processor time',
      'routes/s',
      'higher',
      1.5,
      packed,
      (it) => it.cpuRate(small),
      '500 routes a message',
    ),
    row(
      'A2',
      'one route a message, of processor time',
      'routes/s',
      'higher',
      0.4,
      single,
      (it) => it.cpuRate(small),
      'one route a message',
    ),
    row(
      'A2.wall',
      'the same, of time',
      'routes/s',
      'higher',
      0.4,
      single,
      (it) => it.rate(small),
      'one route a message',
    ),
    row(
      'A3',
      'ingest and propagate 10 x 100k',
      'routes/s',
      'higher',
      3,
      million,
      (it) => it.rate(large),
      '500 routes a message',
    ),
    row(
      'A4',
      'growth of memory at a million routes',
      'bytes/route',
      'lower',
      0.5,
      million,
      (it) => it.bytesPerRoute(large),
      'peak RSS less RSS before',
    ),
    row('A5', '10k routes change at one sender', 'ms', 'lower', 0.6, packed, (it) => it.churnMs(), 'median of three'),
    row(
      'B1.p50',
      'one new route to the receiver, idle',
      'us',
      'lower',
      6,
      packed,
      (it) => 1e6 * it.of('latency').p50!,
      `${TRIALS} trials, 5-15 ms apart; sender and receiver are one C program, theirs as ours`,
    ),
    absolute({
      id: 'B1.p99',
      what: 'the same, 99th percentile',
      unit: 'us',
      ours: 1e6 * median(packed.map((it) => it.ours.of('latency').p99!)),
      better: 'lower',
      target: 3000,
      method: `${TRIALS} trials, 5-15 ms apart; least pacing, rehearse-every: 5ms`,
    }),
    ...(await delayRows(field, packed, TRIALS)),
    absolute({
      id: 'A3.first',
      what: 'first route out while a million come in, share of the time',
      unit: '%',
      ours: (100 * last.of('ingest').firstSeconds!) / last.of('ingest').seconds!,
      better: 'lower',
      target: 10,
      method: 'nothing waits for quiet: first route heard against all routes heard',
    }),
    absolute({
      id: 'G.keepalive',
      what: 'KEEPALIVE late under a million routes',
      unit: 'ms',
      ours: Math.max(...million.map((it) => it.ours.of('keepalive').gapMs!)) - KEEPALIVE_MS,
      better: 'lower',
      target: 1000,
      method: 'longest time between two KEEPALIVEs that a far end saw, less the three seconds they are apart',
    }),
  ];
}

type Measure = (phases: Phases) => number;

function rowsAgainst(peerName: string) {
  return (
    id: string,
    what: string,
    unit: string,
    better: Row['better'],
    target: number,
    measured: readonly Pair[],
    of: Measure,
    method: string,
  ): Row =>
    comparison(
      {
        id,
        what,
        unit,
        peerName,
        better,
        target,
        method: `${method}; real sessions over veth, every route counted at the receiver; ours with rehearse-every: 5ms; the load begins when the daemon is at rest after its start`,
      },
      measured.map(({ ours, peer }) => ({ ours: of(ours), peer: of(peer) })),
    );
}

const NAMES = { bird: 'BIRD', frr: 'FRR, coalesce-time 0', gobgp: 'GoBGP' } as const;
const TARGETS = { frr: { A1: 2.5, A2: 1, A5: 0.25, B1: 0.01 }, gobgp: { A1: 15, A2: 4, A5: 0.25, B1: 1 } } as const;

async function against(field: Field, peer: 'frr' | 'gobgp', { rounds }: BenchOptions): Promise<Row[]> {
  const small = SMALL * ENDS.senders;
  const few = Math.min(rounds, 2);
  const packed = await pairs(
    few,
    () => field.ours({ churns: 1, trials: TRIALS }),
    () => field.theirs(peer, SMALL, 1, 1, TRIALS),
  );
  const single = await pairs(
    1,
    () => field.ours({ perMessage: 1 }),
    () => field.theirs(peer, SMALL, 1),
  );
  const row = rowsAgainst(NAMES[peer]);
  const target = TARGETS[peer];
  return [
    row(
      `A1.${peer}`,
      'ingest and propagate 10 x 10k',
      'routes/s',
      'higher',
      target.A1,
      packed,
      (it) => it.rate(small),
      '500 routes a message',
    ),
    row(
      `A2.${peer}`,
      'one route a message, of processor time',
      'routes/s',
      'higher',
      target.A2,
      single,
      (it) => it.cpuRate(small),
      'one route a message',
    ),
    row(
      `A5.${peer}`,
      '10k routes change at one sender',
      'ms',
      'lower',
      target.A5,
      packed,
      (it) => it.churnMs(),
      'once',
    ),
    row(
      `B1.${peer}`,
      'one new route to the receiver, idle',
      'us',
      'lower',
      target.B1,
      packed,
      (it) => 1e6 * it.of('latency').p50!,
      `${TRIALS} trials, 5-15 ms apart; sender and receiver are one C program, theirs as ours`,
    ),
  ];
}

/** 10,000 services at 64 sites: what the `compute` family is for. */
async function compute(field: Field): Promise<Row[]> {
  const sites = 64;
  const services = 10_000;
  const measured = await field.ours({
    senders: 8,
    count: (sites * services) / 8,
    services,
    states: 3,
  });
  const all = measured.all('states');
  const updates = sites * services;
  const method = '8 senders, 500 states a message, all known before; every state counted at the receiver';
  return [
    absolute({
      id: 'compute.updates',
      what: 'compute states end to end, 10k services x 64 sites known',
      unit: 'states/s',
      ours: median(all.map((it) => updates / it.seconds!)),
      better: 'higher',
      target: 500_000,
      method,
    }),
    absolute({
      id: 'compute.cpu',
      what: 'the same, of processor time',
      unit: 'states/s',
      ours: median(all.map((it) => updates / it.cpuSeconds)),
      better: 'higher',
      target: 500_000,
      method,
    }),
  ];
}
