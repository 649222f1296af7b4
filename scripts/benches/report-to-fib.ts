// How long a load report takes to move traffic: real daemons, each in its own namespace with its own kernel FIB, veth
// between them. A service's two contact instances trade places at every report, so every report changes the remote ingress's kernel.
// The daemons themselves time the stages; all clocks are this machine's.
import type { AdminClient } from '../../daemon/admin/client.ts';
import { bundle } from '../bundle.ts';
import { coldMemoryRows } from './cold-memory.ts';
import { absolute, type Bench, type BenchOptions, type Document, machine, type Row } from './report.ts';
import { Chain, until } from './report-to-fib/chain.ts';

/** Reports of one instance are at least 300 ms apart (lib/metric); further apart, nothing is held back on the way. */
const GAP_MS = 320;
/**
 * One service shows a daemon that sleeps between reports, with rehearse-every and without; many, 200 reports a second, one
 * whose caches hold what it needs.
 * The two reports of each service that set the scene announce it, so no stage from their measurement is timed; their decisions
 * are: two of three hundred, less than the hundredth beyond the 99th percentile, or out of the daemons' window of 4,096 by then.
 */
const CASES = [
  { id: '0.1', transits: 0, services: 1, reportsPerRound: 60, rehearseEveryMs: 0 },
  { id: '0.64', transits: 0, services: 64, reportsPerRound: 840, rehearseEveryMs: 0 },
  { id: '1.64', transits: 1, services: 64, reportsPerRound: 840, rehearseEveryMs: 0 },
  { id: '0.1.rehearsed', transits: 0, services: 1, reportsPerRound: 60, rehearseEveryMs: 5 },
  { id: '1.1.rehearsed', transits: 1, services: 1, reportsPerRound: 60, rehearseEveryMs: 5 },
] as const;
const IDLES = [
  { idleMs: 0, count: 200, like: 'back to back' },
  { idleMs: GAP_MS / 64, count: 200, like: 'idle as long as between reports of 64 services' },
  { idleMs: GAP_MS, count: 40, like: 'idle as long as between reports of one service' },
] as const;
type Case = (typeof CASES)[number];
/** Capabilities without which a report ends before the kernel. */
const NEEDED = ['kernel', 'net-admin', 'affinity'];
const WHOLE = 'report-to-kernel';
/** What is timed as well and is no stage of a report. */
const NO_STAGES = ['kernel-to-read-back', 'read-back', 'session-timer'];
const TARGET_P50_US = 1000;
const TARGET_P99_US = 5000;

export const bench: Bench = {
  summary: 'load report received at the egress -> kernel changed at the remote ingress, per stage',
  programs: ['ip', 'nft', 'cc', 'taskset'],
  run,
};

async function run(options: BenchOptions): Promise<Document> {
  if (process.getuid?.() !== 0) throw new Error('needs root: it programs kernels of its own namespaces');
  await bundle();
  options.progress('memory of this machine, after idling as the daemons do');
  const rows = coldMemoryRows('report-to-fib', IDLES);
  for (const setting of CASES) rows.push(...(await measure(setting, options)));
  return { bench: 'report-to-fib', machine: machine(), rows };
}

async function measure(setting: Case, options: BenchOptions): Promise<Row[]> {
  const { transits, services, reportsPerRound } = setting;
  const chain = new Chain(setting);
  try {
    options.progress(`${transits} transit router(s), ${services} service(s): starting ${chain.names.length} daemons`);
    await chain.start();
    const egress = await chain.admin('eg');
    const ingress = await chain.admin('in');
    // A report that is measured before there is a session waits for it.
    await until('the ingress knows all routers', async () => {
      return (await ingress.show('link-state')).length === chain.names.length;
    });
    for (let service = 0; service < services; service++) {
      await egress.report(`sv${service}b`, { workers: 4, inFlight: 6, arrivalRate: 300, workTimeUs: 4000 });
      await flip(egress, service, 1);
    }
    const steers = async () => (await ingress.show('services')).every((it) => it.weights.length > 0);
    await until('the ingress steers', steers);
    await chain.rest();
    const reports = reportsPerRound * options.rounds;
    for (let i = 0; i < reports; i++) {
      await flip(egress, i % services, Math.floor(i / services));
      await new Promise((resolve) => setTimeout(resolve, GAP_MS / services));
    }
    const metrics = await ingress.show('metrics');
    const lacks = (await ingress.show('capabilities')).filter((it) => NEEDED.includes(it.name) && !it.available);
    egress.close();
    ingress.close();
    const stages = metrics.filter((it) => it.name === 'cfnd_stage_latency' && !NO_STAGES.includes(labelsOf(it).stage!));
    if (!stages.some((it) => labelsOf(it).stage === WHOLE)) {
      const why = lacks.map(({ name, remark }) => `${name}: ${remark}`).join('; ');
      throw new Error(`no report has changed the ingress's kernel; it lacks ${why || 'nothing that it knows of'}`);
    }
    return stages.flatMap((it) => stageRows(it, setting, reports, chain.isBound));
  } finally {
    await chain.stop();
  }
}

type StageMetric = Awaited<ReturnType<AdminClient['show']>>[number] & {
  readonly labels: Readonly<Record<string, string>>;
  readonly help: string;
  readonly histogram?: { readonly count: number; readonly p50: number; readonly p99: number };
};

function labelsOf(metric: unknown): StageMetric['labels'] {
  return (metric as StageMetric).labels;
}

function stageRows(
  metric: unknown,
  { id, transits, services, rehearseEveryMs }: Case,
  reports: number,
  isBound: boolean,
): Row[] {
  const { labels, help, histogram } = metric as StageMetric;
  if (histogram === undefined) return [];
  const whole = labels.stage === WHOLE;
  const row = (quantile: 'p50' | 'p99', target: number): Row =>
    absolute({
      id: `report-to-fib.${id}.${labels.stage}.${quantile}`,
      what: `${amount(services, 'service')}, ${amount(transits, 'transit router')}: ${help} (n ${histogram.count})`,
      unit: 'us',
      ours: histogram[quantile],
      better: 'lower',
      // Only the whole has a target; a stage's bound is the whole's.
      target,
      method:
        `${reports} reports, ${GAP_MS} ms apart for a service, each flips its decision; kernel FIB in namespaces` +
        (isBound ? ', a processor for each' : '') +
        (rehearseEveryMs > 0 ? `; rehearse-every: ${rehearseEveryMs}ms` : '') +
        (whole ? '' : `; part of ${WHOLE}`),
    });
  return [row('p50', TARGET_P50_US), row('p99', TARGET_P99_US)];
}

function amount(count: number, noun: string): string {
  return `${count === 0 ? 'no' : count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Makes a service's first instance busy and idle in turns; its second stays between, so each report changes the best. */
async function flip(egress: AdminClient, service: number, turn: number): Promise<void> {
  const [inFlight, arrivalRate] = turn % 2 === 0 ? [400, 2000] : [0, 10];
  await egress.report(`sv${service}a`, { workers: 4, inFlight, arrivalRate, workTimeUs: 4000 });
}
