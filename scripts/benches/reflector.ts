// One router between a sender and a thousand sessions: how long until every one of them has been told every route, what
// it costs, and whether its KEEPALIVEs keep coming. BIRD and FRR do the same with as many BGP sessions, in turn.
import { join } from 'node:path';
import { bundle } from '../bundle.ts';
import { absolute, type Bench, type BenchOptions, comparison, type Document, machine, type Row } from './report.ts';
import { ADDRESS_BASE, DAEMON_ADDRESS, type Phase, SessionLab } from './session/lab.ts';
import type { LoadSpec } from './session/session-load.ts';
import {
  availablePeers,
  buildBgpLoad,
  cfnd,
  commandOf,
  type Ends,
  HOLD_TIME_MS,
  KEEPALIVE_MS,
  type PeerName,
  SESSION_PORT,
} from './session/subjects.ts';

const ENDS: Ends = { senders: 1, receivers: 1000 };
const ROUTES = 1000;
const PACKED = 500;
const NODE = process.execPath;
const LOAD = join(import.meta.dirname, 'session/session-load.ts');

/** Gaining no ground on BIRD would do for telling; a session is gRPC over HTTP/2, and may cost ten times BGP's. */
const TARGETS: Readonly<Record<string, number>> = { 'reflector.up': 10, 'reflector.rate': 1, 'reflector.cpu': 1 };

interface Round {
  readonly ours: Phase[];
  readonly peers: Map<PeerName, Phase[]>;
}

export const bench: Bench = {
  summary: 'one sender, one router, 1,000 sessions that hear it, against BIRD and FRR',
  programs: ['ip', 'cc'],
  run,
};

async function run({ rounds, progress }: BenchOptions): Promise<Document> {
  if (process.getuid?.() !== 0) throw new Error('needs root: it works in network namespaces of its own');
  await bundle();
  const peers = availablePeers(['bird', 'frr'], progress);
  const lab = new SessionLab(ENDS.senders + ENDS.receivers);
  try {
    const bgpLoad = buildBgpLoad(lab.directory);
    const measured: Round[] = [];
    for (let i = 0; i < rounds; i++) {
      progress(`round ${i + 1}: cfnd`);
      const round: Round = { ours: await ours(lab), peers: new Map() };
      // The ratio to FRR is not close: it takes its time once.
      for (const peer of i === 0 ? peers : peers.filter((it) => it === 'bird')) {
        progress(`round ${i + 1}: ${peer}`);
        const numbers = [ENDS.senders, ENDS.receivers, ROUTES, 1, 0, 0].map(String);
        const command = commandOf(peer, lab.directory, ENDS);
        round.peers.set(peer, await lab.measure(command, [bgpLoad, DAEMON_ADDRESS, ...numbers]));
      }
      measured.push(round);
    }
    return { bench: 'reflector', machine: machine(), rows: rowsOf(measured) };
  } finally {
    lab.close();
  }
}

function ours(lab: SessionLab): Promise<Phase[]> {
  const spec: LoadSpec = {
    daemon: DAEMON_ADDRESS,
    port: SESSION_PORT,
    addressBase: ADDRESS_BASE,
    ...ENDS,
    count: ROUTES,
    perMessage: PACKED,
    services: 0,
    churns: 0,
    trials: 0,
    states: 0,
    holdTimeMs: HOLD_TIME_MS,
  };
  return lab.measure(cfnd(lab.directory, ENDS), [NODE, LOAD, JSON.stringify(spec)]);
}

const NAMES = { bird: 'BIRD, own attributes', frr: 'FRR, coalesce-time 0', gobgp: 'GoBGP' } as const;
const TOLD = ROUTES * ENDS.receivers;
const METHOD = `${ROUTES} routes to ${ENDS.receivers} sessions, each counted there; ${PACKED} routes a message in, one an UPDATE for BGP`;

/** What is compared with every peer that there is. */
const FIGURES: readonly (Pick<Row, 'id' | 'what' | 'unit' | 'better' | 'method'> & {
  readonly of: (phases: Phase[]) => number;
})[] = [
  {
    id: 'reflector.up',
    what: `${ENDS.senders + ENDS.receivers} sessions up`,
    unit: 's',
    better: 'lower',
    method:
      'from the first connection to the last KEEPALIVE that ends an exchange of OPENs; eight sessions in the making',
    of: (it) => phase(it, 'begin').seconds!,
  },
  {
    id: 'reflector.rate',
    what: 'routes told',
    unit: 'routes/s',
    better: 'higher',
    method: METHOD,
    of: (it) => TOLD / phase(it, 'ingest').seconds!,
  },
  {
    id: 'reflector.cpu',
    what: 'the same, of processor time',
    unit: 'routes/s',
    better: 'higher',
    method: METHOD,
    of: (it) => TOLD / phase(it, 'ingest').cpuSeconds,
  },
];

function rowsOf(measured: readonly Round[]): Row[] {
  const known = [...measured[0]!.peers.keys()];
  const compared = FIGURES.flatMap(({ of, ...row }) =>
    known.map((peer) => {
      const rounds = measured.filter(({ peers }) => peers.has(peer));
      const id = peer === 'bird' ? row.id : `${row.id}.${peer}`;
      return comparison(
        { ...row, id, peerName: NAMES[peer], target: TARGETS[row.id]! },
        rounds.map(({ ours, peers }) => ({ ours: of(ours), peer: of(peers.get(peer)!) })),
      );
    }),
  );
  return [
    ...compared,
    absolute({
      id: 'reflector.memory',
      what: 'memory of a session',
      unit: 'KiB',
      ours: phase(measured[0]!.ours, 'ingest').peakBytes / ENDS.receivers / 1024,
      better: 'lower',
      target: 400,
      method: 'peak of the whole process by the number of sessions, gRPC and HTTP/2 included',
    }),
    absolute({
      id: 'reflector.keepalive',
      what: 'KEEPALIVE late',
      unit: 'ms',
      ours: Math.max(...measured.map(({ ours }) => phase(ours, 'keepalive').gapMs!)) - KEEPALIVE_MS,
      better: 'lower',
      target: 1000,
      method: 'longest time between two KEEPALIVEs at any session, less the three seconds they are apart',
    }),
  ];
}

function phase(phases: readonly Phase[], name: string): Phase {
  const found = phases.find((it) => it.phase === name);
  if (found === undefined) throw new Error(`no phase ${name}`);
  return found;
}
