// One router between a sender and a thousand sessions: how long until every one of them has been told every route, what
// it costs, and whether its KEEPALIVEs keep coming. BIRD does the same with as many BGP sessions, in turn.
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
  SESSION_PORT,
} from './session/subjects.ts';

const ENDS: Ends = { senders: 1, receivers: 1000 };
const ROUTES = 1000;
const PACKED = 500;
const NODE = process.execPath;
const LOAD = join(import.meta.dirname, 'session/session-load.ts');

export const bench: Bench = { summary: 'one sender, one router, 1,000 sessions that hear it, against BIRD', run };

async function run({ rounds, progress }: BenchOptions): Promise<Document> {
  if (process.getuid?.() !== 0) throw new Error('needs root: it works in network namespaces of its own');
  await bundle();
  const hasBird = availablePeers(['bird'], progress).length > 0;
  const lab = new SessionLab(ENDS.senders + ENDS.receivers);
  try {
    const bgpLoad = buildBgpLoad(lab.directory);
    const measured: { ours: Phase[]; peer: Phase[] | undefined }[] = [];
    for (let round = 0; round < rounds; round++) {
      progress(`round ${round + 1}: cfnd`);
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
      const ours = await lab.measure(cfnd(lab.directory, ENDS), [NODE, LOAD, JSON.stringify(spec)]);
      if (hasBird) progress(`round ${round + 1}: BIRD`);
      const numbers = [ENDS.senders, ENDS.receivers, ROUTES, 1, 0, 0].map(String);
      const peer = hasBird
        ? await lab.measure(commandOf('bird', lab.directory, ENDS), [bgpLoad, DAEMON_ADDRESS, ...numbers])
        : undefined;
      measured.push({ ours, peer });
    }
    return { bench: 'reflector', machine: machine(), rows: rowsOf(measured) };
  } finally {
    lab.close();
  }
}

function rowsOf(measured: readonly { ours: Phase[]; peer: Phase[] | undefined }[]): Row[] {
  const told = ROUTES * ENDS.receivers;
  const method = `${ROUTES} routes to ${ENDS.receivers} sessions, each counted there; ${PACKED} routes a message in, one an UPDATE for BIRD`;
  const rows: Row[] = [];
  const figure = (
    id: string,
    what: string,
    unit: string,
    better: Row['better'],
    target: number,
    of: (phases: Phase[]) => number,
  ) => {
    const base = { id, what, unit, better, target, method };
    const [first] = measured;
    if (first?.peer === undefined) rows.push(absolute({ ...base, ours: of(first!.ours) }));
    else
      rows.push(
        comparison(
          { ...base, peerName: 'BIRD, own attributes' },
          measured.map(({ ours, peer }) => ({ ours: of(ours), peer: of(peer!) })),
        ),
      );
  };
  figure('reflector.rate', 'routes told', 'routes/s', 'higher', 1, (it) => told / phase(it, 'ingest').seconds!);
  figure(
    'reflector.cpu',
    'the same, of processor time',
    'routes/s',
    'higher',
    1,
    (it) => told / phase(it, 'ingest').cpuSeconds,
  );
  rows.push(
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
  );
  return rows;
}

function phase(phases: readonly Phase[], name: string): Phase {
  const found = phases.find((it) => it.phase === name);
  if (found === undefined) throw new Error(`no phase ${name}`);
  return found;
}
