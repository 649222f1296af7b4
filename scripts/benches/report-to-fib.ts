// How long a load report takes to move traffic: real daemons, each in its own namespace with its own kernel FIB, veth
// between them. A service's two contact instances trade places at every report, so every report changes the remote ingress's kernel.
// The daemons themselves time the stages; all clocks are this machine's.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AdminClient, connectAdmin } from '../../daemon/admin/client.ts';
import { bundle, ROOTFS } from '../bundle.ts';
import { atRest } from './at-rest.ts';
import { coldMemoryRows } from './cold-memory.ts';
import { absolute, type Bench, type BenchOptions, type Document, machine, NO_BOUND, type Row } from './report.ts';

/** Reports of one instance are at least 300 ms apart (lib/metric); further apart, nothing is held back on the way. */
const GAP_MS = 320;
/** It has no target. */
const UNTUNED = '0.1.usual';
/**
 * One service shows a daemon that sleeps between reports, at the least delay that can be configured; many, 200 reports a
 * second, one whose caches hold what it needs.
 * The two reports of each service that set the scene have to wait for it. They are counted as well: two of three hundred, which
 * is less than the hundredth beyond the 99th percentile, or out of the daemons' window of 4,096 by then.
 */
const CASES = [
  { id: '0.1', transits: 0, services: 1, reportsPerRound: 60, rehearseEveryMs: 5 },
  { id: '0.64', transits: 0, services: 64, reportsPerRound: 840, rehearseEveryMs: 0 },
  { id: '1.1', transits: 1, services: 1, reportsPerRound: 60, rehearseEveryMs: 5 },
  { id: '1.64', transits: 1, services: 64, reportsPerRound: 840, rehearseEveryMs: 0 },
  // The first without rehearse-every, to judge it by.
  { id: UNTUNED, transits: 0, services: 1, reportsPerRound: 60, rehearseEveryMs: 0 },
] as const;
const IDLES = [
  { idleMs: 0, count: 200, like: 'back to back' },
  { idleMs: GAP_MS / 64, count: 200, like: 'idle as long as between reports of 64 services' },
  { idleMs: GAP_MS, count: 40, like: 'idle as long as between reports of one service' },
] as const;
/** Damping at its minimum, also for the reports that the set-up sends at once. */
const PACING = 'pacing: { service: 0s, compute: 0s, link-state: 0s }';
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
    return stages.flatMap((it) => stageRows(it, setting, reports));
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

function stageRows(metric: unknown, { id, transits, services, rehearseEveryMs }: Case, reports: number): Row[] {
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
      target: id === UNTUNED ? NO_BOUND : target,
      method:
        `${reports} reports, ${GAP_MS} ms apart for a service, each flips its decision; kernel FIB in namespaces` +
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

/**
 * A row of namespaces, neighbours joined by veth, a daemon in each; and each on a processor of its own where there are as many:
 * in life they are different machines, and none waits for what the other still does after it has sent.
 */
class Chain {
  readonly names: readonly string[];
  readonly #services: readonly number[];
  readonly #rehearseEveryMs: number;
  readonly #directory = mkdtempSync(join(tmpdir(), 'cfnd-bench-'));
  readonly #daemons: ChildProcess[] = [];

  constructor({ transits, services, rehearseEveryMs }: Case) {
    this.names = ['in', ...Array.from({ length: transits }, (_, i) => `t${i + 1}`), 'eg'];
    this.#rehearseEveryMs = rehearseEveryMs;
    this.#services = Array.from({ length: services }, (_, i) => i);
  }

  async start(): Promise<void> {
    for (const name of this.names) ip(['netns', 'add', this.#netns(name)]);
    for (const [i, name] of this.names.entries()) {
      const next = this.names[i + 1];
      if (next !== undefined) this.#join(name, next, i);
    }
    for (const name of this.names) this.#daemon(name);
    for (const name of this.names) (await this.admin(name)).close();
  }

  /** Resolves when every daemon has done what it does at its start. */
  async rest(): Promise<void> {
    await Promise.all(this.#daemons.map((daemon) => atRest(daemon.pid!)));
  }

  async admin(name: string): Promise<AdminClient> {
    const socket = join(this.#directory, `${name}.sock`);
    let client: AdminClient | undefined;
    await until(`${name} answers`, async () => {
      client = await connectAdmin(socket, 5000).catch(() => undefined);
      return client !== undefined;
    });
    return client!;
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#daemons.map(
        (daemon) =>
          new Promise<void>((resolve) => {
            if (daemon.exitCode !== null) return resolve();
            daemon.once('exit', () => resolve());
            daemon.kill('SIGKILL');
          }),
      ),
    );
    for (const name of this.names) ip(['netns', 'delete', this.#netns(name)], true);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #netns(name: string): string {
    return `cfnd-bench-${process.pid}-${name}`;
  }

  #join(a: string, b: string, index: number): void {
    const [left, right] = [this.#netns(a), this.#netns(b)];
    ip(['link', 'add', 'name', 'right', 'netns', left, 'type', 'veth', 'peer', 'name', 'left', 'netns', right]);
    for (const [netns, device, host] of [
      [left, 'right', 1],
      [right, 'left', 2],
    ] as const) {
      ip(['-n', netns, 'link', 'set', 'dev', 'lo', 'up']);
      ip(['-n', netns, 'link', 'set', 'dev', device, 'up']);
      ip(['-n', netns, '-6', 'address', 'add', `fd00:ffff:${index}::${host}/64`, 'dev', device, 'nodad']);
    }
  }

  #daemon(name: string): void {
    const file = join(this.#directory, `${name}.yaml`);
    writeFileSync(file, this.#config(name));
    const processor = String(this.names.indexOf(name));
    const bound = this.names.length > availableParallelism() ? [] : ['taskset', '--cpu-list', processor];
    const daemon = spawn(
      'ip',
      ['netns', 'exec', this.#netns(name), ...bound, join(ROOTFS, 'opt/cfnd/bin/cfnd'), 'run', '--config', file],
      { stdio: ['ignore', 'ignore', process.env.CFND_BENCH_LOG === undefined ? 'ignore' : 'inherit'] },
    );
    this.#daemons.push(daemon);
  }

  #config(name: string): string {
    const at = this.names.indexOf(name);
    const sides = [
      { far: this.names[at - 1], device: 'left', index: at - 1, own: 2, other: 1 },
      { far: this.names[at + 1], device: 'right', index: at, own: 1, other: 2 },
    ].filter((side) => side.far !== undefined);
    return [
      `name: ${name}`,
      `site: site-${name}`,
      `router-id: 10.0.0.${at + 1}`,
      'security: plaintext',
      'services:',
      ...this.#services.map((service) => `  web${service}: fd00:cafe::${(0x80 + service).toString(16)}`),
      `admin: { socket: ${join(this.#directory, `${name}.sock`)} }`,
      `srv6: { locator: "5f00:0:${at + 1}::/48" }`,
      'log: { level: warn }',
      `rehearse-every: ${this.#rehearseEveryMs}ms`,
      'links:',
      ...sides.map(
        ({ far, device, index, own, other }) =>
          `  - { name: ${device}, neighbour: 10.0.0.${this.names.indexOf(far!) + 1}, delay: 1ms, ` +
          `local-address: "fd00:ffff:${index}::${own}", remote-address: "fd00:ffff:${index}::${other}" }`,
      ),
      'peers:',
      ...sides.map(
        ({ far, index, other }) => `  - { name: ${far}, address: "fd00:ffff:${index}::${other}", ${PACING} }`,
      ),
      ...(name === 'in' ? this.#ingressConfig() : []),
      ...(name === 'eg' ? this.#egressConfig(at + 1) : []),
    ].join('\n');
  }

  #ingressConfig(): string[] {
    return [
      'classes: [ { name: quick, strategy: least-loaded, hysteresis: 0%, hold: 0s } ]',
      'steering:',
      '  blackout: 0s',
      '  services:',
      ...this.#services.map((service) => `    - { service: web${service}, class: quick }`),
    ];
  }

  #egressConfig(id: number): string[] {
    const instance = (service: number, letter: 'a' | 'b') => {
      const host = `${letter}${service.toString(16)}`;
      return (
        `  - { name: sv${service}${letter}, service: web${service}, address: "fd00:80::${host}", ` +
        // The second instance reports once: stale, it would lose to the first whatever that reports, and nothing would change.
        `sid: "5f00:0:${id}:1${host}::", metrics: { kind: push }, valid-for: 1h }`
      );
    };
    return ['instances:', ...this.#services.flatMap((service) => [instance(service, 'a'), instance(service, 'b')])];
  }
}

function ip(args: readonly string[], tolerant = false): void {
  try {
    execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    if (!tolerant) throw error;
  }
}

async function until(what: string, condition: () => Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
