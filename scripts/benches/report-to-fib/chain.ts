// The lab of bench `report-to-fib`: an ingress, transit routers and an egress in a row, and what they are configured as.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AdminClient, connectAdmin } from '../../../daemon/admin/client.ts';
import { ROOTFS } from '../../bundle.ts';
import { atRest } from '../at-rest.ts';
import { allowedProcessors } from '../report.ts';

/** Damping at its minimum, also for the reports that the set-up sends at once. */
const PACING = 'pacing: { service: 0s, compute: 0s, link-state: 0s }';
/** Those that we may run on. */
const PROCESSORS = allowedProcessors();

export interface Setting {
  readonly transits: number;
  readonly services: number;
  readonly rehearseEveryMs: number;
}

/**
 * A row of namespaces, neighbours joined by veth, a daemon in each; and each on a processor of its own where there are as many:
 * in life they are different machines, and none waits for what the other still does after it has sent.
 */
export class Chain {
  readonly names: readonly string[];
  readonly #services: readonly number[];
  readonly #rehearseEveryMs: number;
  readonly #directory = mkdtempSync(join(tmpdir(), 'cfnd-bench-'));
  readonly #daemons: ChildProcess[] = [];

  constructor({ transits, services, rehearseEveryMs }: Setting) {
    this.names = ['in', ...Array.from({ length: transits }, (_, i) => `t${i + 1}`), 'eg'];
    this.#rehearseEveryMs = rehearseEveryMs;
    this.#services = Array.from({ length: services }, (_, i) => i);
  }

  get isBound(): boolean {
    return this.names.length <= PROCESSORS.length;
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
    const processor = PROCESSORS[this.names.indexOf(name)];
    const bound = this.isBound ? ['taskset', '--cpu-list', String(processor)] : [];
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

export async function until(what: string, condition: () => Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
