// kill -9 of a hub that reflects a hundred thousand services, and its next life: how long until its sites have heard all of
// it again, against the first table that a hub tells sites that know nothing. Both begin with the start of a process; hub
// and sites are real daemons, one more site is a program that tells its table anew in each session.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type AdminClient, connectAdmin } from '../../daemon/admin/client.ts';
import { bundle, ROOTFS } from '../bundle.ts';
import { absolute, type Bench, type BenchOptions, comparison, type Document, machine } from './report.ts';

const ROUTES = 100_000;
const SITES = ['a', 'b'] as const;
const FEED = { name: 'feed', routerId: '10.9.9.1', host: addressOf(2, 1), source: addressOf(2, 2), certificate: '' };
const TABLE = join(import.meta.dirname, '../../daemon/e2e/table-peer.fixture.ts');
const LOOK_EVERY_MS = 20;
const DEADLINE_MS = 60_000;
/** Sites notice the end of a hub at once; a while passes before somebody starts it again. */
const DEAD_MS = 500;

export const bench: Bench = {
  summary: 'kill -9 of a hub with 100,000 routes: the next life against the first table',
  programs: ['ip'],
  run,
};

interface Round {
  readonly firstMs: number;
  readonly againMs: number;
  /** Fewest routes that a site had from the first table on. */
  readonly least: number;
}

async function run({ rounds, progress }: BenchOptions): Promise<Document> {
  if (process.getuid?.() !== 0) throw new Error('needs root: it works in network namespaces of its own');
  await bundle();
  const measured: Round[] = [];
  for (let i = 0; i < rounds; i++) {
    const round = await measure();
    progress(`round ${i + 1}: first table ${round.firstMs.toFixed(0)} ms, next life ${round.againMs.toFixed(0)} ms`);
    measured.push(round);
  }
  const method = `${ROUTES} services of one site through a hub to ${SITES.length} others; from the start of the hub's process`;
  const rows = [
    comparison(
      {
        id: 'restart.converged',
        what: 'sites have heard all of the next life',
        unit: 'ms',
        peerName: 'the first table',
        better: 'lower',
        target: 1.25,
        method,
      },
      measured.map(({ firstMs, againMs }) => ({ ours: againMs, peer: firstMs })),
    ),
    absolute({
      id: 'restart.kept',
      what: 'services at a site at any time meanwhile, at least',
      unit: 'routes',
      ours: Math.min(...measured.map(({ least }) => least)),
      better: 'higher',
      target: ROUTES,
      method: `looked at every ${LOOK_EVERY_MS} ms from the kill on`,
    }),
  ];
  return { bench: 'hub-restart', machine: machine(), rows };
}

async function measure(): Promise<Round> {
  const star = new Star();
  try {
    const sites = await Promise.all(SITES.map((name) => star.startSite(name)));
    star.startFeed();
    const routes = async () => Promise.all(sites.map(async (admin) => (await admin.status()).routes));
    let least = ROUTES;
    const heard = async () => {
      const counts = await routes();
      const peers = (await Promise.all(sites.map((admin) => admin.show('peers')))).flat();
      least = Math.min(least, ...counts);
      const fresh = peers.every(({ state, protocol }) => state === 'Established' && protocol.retention === 'none');
      return fresh && counts.every((count) => count === ROUTES);
    };
    const timed = async (what: string) => {
      const beganMs = performance.now();
      star.startHub();
      await until(what, heard);
      return performance.now() - beganMs;
    };
    const firstMs = await timed('the sites have heard the first table');
    least = ROUTES;
    await star.killHub();
    const diedMs = performance.now();
    await until('the sites have missed the hub', async () => !(await heard()) && performance.now() - diedMs > DEAD_MS);
    const againMs = await timed('the sites have heard the next life');
    return { firstMs, againMs, least };
  } finally {
    await star.close();
  }
}

/** A hub in the middle, each of the others in a namespace of its own on a link to it. */
class Star {
  readonly #directory = mkdtempSync(join(tmpdir(), 'cfnd-bench-'));
  readonly #others = [...SITES, 'feed'];
  readonly #programs: ChildProcess[] = [];
  readonly #admins: AdminClient[] = [];
  #hub: ChildProcess | undefined;

  constructor() {
    for (const name of ['hub', ...this.#others]) {
      ip(['netns', 'add', this.#netns(name)]);
      ip(['-n', this.#netns(name), 'link', 'set', 'dev', 'lo', 'up']);
    }
    for (const [i, name] of this.#others.entries()) {
      const [hub, other] = [this.#netns('hub'), this.#netns(name)];
      ip(['link', 'add', 'name', name, 'netns', hub, 'type', 'veth', 'peer', 'name', 'hub', 'netns', other]);
      for (const [netns, device, host] of [
        [hub, name, 1],
        [other, 'hub', 2],
      ] as const) {
        ip(['-n', netns, 'link', 'set', 'dev', device, 'up']);
        ip(['-n', netns, '-6', 'address', 'add', `${addressOf(i, host)}/64`, 'dev', device, 'nodad']);
      }
    }
  }

  startHub(): void {
    const peers = this.#others.map((name, i) =>
      name === 'feed'
        ? `  - { name: feed, address: "${addressOf(i, 2)}", passive: true, families: [service, compute] }`
        : `  - { name: ${name}, address: "${addressOf(i, 2)}", role: site }`,
    );
    this.#hub = this.#daemon('hub', 100, ['role: hub', 'peers:', ...peers]);
  }

  async killHub(): Promise<void> {
    await end(this.#hub!);
  }

  async startSite(name: (typeof SITES)[number]): Promise<AdminClient> {
    const index = SITES.indexOf(name);
    this.#daemon(name, index + 1, [
      'role: site',
      'peers:',
      `  - { name: hub, address: "${addressOf(index, 1)}", role: hub }`,
    ]);
    let admin: AdminClient | undefined;
    await until(`site ${name} answers`, async () => {
      admin = await connectAdmin(this.#socket(name), 5000).catch(() => undefined);
      return admin !== undefined;
    });
    this.#admins.push(admin!);
    return admin!;
  }

  startFeed(): void {
    this.#start('feed', [process.execPath, TABLE, JSON.stringify(FEED), String(ROUTES)]);
  }

  async close(): Promise<void> {
    for (const admin of this.#admins) admin.close();
    await Promise.all(this.#programs.map(end));
    for (const name of ['hub', ...this.#others]) ip(['netns', 'delete', this.#netns(name)]);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #netns(name: string): string {
    return `cfnd-bench-${process.pid}-${name}`;
  }

  #socket(name: string): string {
    return join(this.#directory, `${name}.sock`);
  }

  #daemon(name: string, id: number, more: readonly string[]): ChildProcess {
    const file = join(this.#directory, `${name}.yaml`);
    const lines = [
      `name: ${name}`,
      `site: site-${name}`,
      `router-id: 10.0.0.${id}`,
      'security: plaintext',
      `admin: { socket: ${this.#socket(name)} }`,
      `srv6: { locator: "5f00:0:${id}::/48" }`,
      'fib: { kind: memory }',
      'stamp: { enabled: false }',
      'log: { level: warn }',
      ...more,
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    return this.#start(name, [join(ROOTFS, 'opt/cfnd/bin/cfnd'), 'run', '--config', file]);
  }

  #start(name: string, command: readonly string[]): ChildProcess {
    const errors = process.env.CFND_BENCH_LOG === undefined ? 'ignore' : 'inherit';
    const child = spawn('ip', ['netns', 'exec', this.#netns(name), ...command], {
      stdio: ['ignore', 'ignore', errors],
    });
    this.#programs.push(child);
    return child;
  }
}

function addressOf(link: number, host: 1 | 2): string {
  return `fd00:aa:${link + 1}::${host}`;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

function ip(args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + DEADLINE_MS;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
    await pause(LOOK_EVERY_MS);
  }
}
