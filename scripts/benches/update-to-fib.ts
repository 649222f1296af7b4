// One update into the kernel's routes (reference figure B2): a far end says that one of a daemon's routes is to move, and
// the kernel tells that it has. Ours and BGP daemons in turn, all timed by the same program with one clock.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from '../bundle.ts';
import { type Bench, type BenchOptions, comparison, type Document, machine, type Round, type Row } from './report.ts';
import { ADDRESS_BASE, DAEMON_ADDRESS, SessionLab } from './session/lab.ts';
import { availablePeers } from './session/subjects.ts';
import { buildClock, encodeScript, type Script } from './update-clock/script.ts';
import { BGP_PORT, bgpScript, birdWithKernel, frrWithKernel, type Programs } from './update-to-fib/bgp.ts';
import { CFND_PORT, cfndScript, cfndWithKernel } from './update-to-fib/cfnd.ts';

/** So many that 5 ms between updates are more than what cfnd damps reports of one service by. */
const ROUTES = 64;
/** Not counted: each route moves to and fro, and what runs is no longer cold. */
const BEFORE = 2 * ROUTES;
const UPDATES = 256;
const FAR_ENDS = 2;

export const bench: Bench = {
  summary: 'one update received -> route moved in the kernel; against BIRD and FRR',
  programs: ['ip', 'nft', 'cc'],
  run,
};

interface Subject {
  readonly port: number;
  /** Made when it is to be spoken: what it says may carry the time. */
  script(): Script;
  programs(directory: string): Programs;
}

const SUBJECTS: Readonly<Record<'cfnd' | 'bird' | 'frr', Subject>> = {
  cfnd: {
    port: CFND_PORT,
    script: () => cfndScript(ROUTES, BEFORE, UPDATES),
    programs: (directory) => [cfndWithKernel(directory, ROUTES)],
  },
  bird: { port: BGP_PORT, script: () => bgpScript(ROUTES, BEFORE, UPDATES), programs: birdWithKernel },
  frr: { port: BGP_PORT, script: () => bgpScript(ROUTES, BEFORE, UPDATES), programs: frrWithKernel },
};

/** us; `route`: to the route alone, where there is more. */
interface Figures {
  readonly p50: number;
  readonly p99: number;
  readonly route: number;
}

async function run(options: BenchOptions): Promise<Document> {
  if (process.getuid?.() !== 0) throw new Error('needs root: it programs kernels of its own namespaces');
  await bundle();
  const peers = availablePeers(['bird', 'frr'], options.progress).filter((it) => it !== 'gobgp');
  const measured: Record<keyof typeof SUBJECTS, Figures[]> = { cfnd: [], bird: [], frr: [] };
  const order = ['cfnd' as const, ...peers];
  for (let round = 0; round < options.rounds; round++)
    for (const name of round % 2 === 0 ? order : order.toReversed()) {
      const figures = await measure(SUBJECTS[name]);
      const { p50, p99, route } = figures;
      options.progress(
        `${name}: p50 ${p50.toFixed(0)} us, p99 ${p99.toFixed(0)} us; route alone ${route.toFixed(0)} us`,
      );
      measured[name].push(figures);
    }
  const against = (peer: 'bird' | 'frr', figure: keyof Figures): Round[] =>
    measured[peer].map((theirs, i) => ({ ours: measured.cfnd[i]![figure], peer: theirs[figure] }));
  const rows: Row[] = [];
  if (peers.includes('frr')) {
    rows.push(row('B2.p50', 'in force in the kernel, median', FRR, 0.1, against('frr', 'p50')));
    rows.push(row('B2.p99', 'the same, 99th percentile', FRR, 0.3, against('frr', 'p99')));
  }
  if (peers.includes('bird')) {
    rows.push(row('B2.bird', 'in force in the kernel, median', 'BIRD', 10, against('bird', 'p50')));
    rows.push(row('B2.bird.route', 'its route there, median', 'BIRD', 10, against('bird', 'route')));
  }
  return { bench: 'update-to-fib', machine: machine(), rows };
}

const FRR = 'FRR, coalesce-time 0';

function row(id: string, what: string, peerName: string, target: number, rounds: readonly Round[]): Row {
  return comparison(
    {
      id,
      what: `one update -> ${what}`,
      unit: 'us',
      peerName,
      better: 'lower',
      target,
      method:
        `${UPDATES} updates a round, 5-15 ms apart, ${BEFORE} before them, each moves one of ${ROUTES} routes; from the far ` +
        "end's send to RTM_NEWROUTE in the daemon's namespace and, of ours, the elements for new flows (NFT_MSG_NEWSETELEM) as " +
        'well; one program and one clock for all; least pacing',
    },
    rounds,
  );
}

/** In namespaces of its own: a daemon that is killed leaves its routes. */
async function measure({ port, script, programs }: Subject): Promise<Figures> {
  const lab = new SessionLab(FAR_ENDS);
  try {
    const clock = buildClock(lab.directory);
    const file = join(lab.directory, 'script');
    writeFileSync(file, encodeScript(script()));
    const all = programs(lab.directory);
    const load = [clock, DAEMON_ADDRESS, String(port), file, `${ADDRESS_BASE}1`, 'kernel', lab.daemonNs];
    const [whole, route] = await lab.measure(all.at(-1)!, load, { before: all.slice(0, -1) });
    return { p50: 1e6 * whole!.p50!, p99: 1e6 * whole!.p99!, route: 1e6 * route!.p50! };
  } finally {
    lab.close();
  }
}
