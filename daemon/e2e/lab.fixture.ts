// A lab of real daemons: routers in namespaces joined by veth, each with its kernel's FIB, service hosts and a client.
// Addresses and configurations come from a list of names (lab-plan.fixture.ts); what is proved with it is in the tests.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PhaseSummary } from '../../scripts/loadgen/stats.ts';
import { type AdminClient, connectAdmin } from '../admin/client.ts';
import { eventually, Namespace, wire } from '../fib/testing/namespaces.ts';
import { configOf, type LabPlan, SERVICE } from './lab-plan.fixture.ts';
import { bundled, Client, DEADLINE_MS, NODE, Program, type ProgramOptions } from './program.fixture.ts';

/** What goes wrong in a phase began at most this long before it. */
const LEAD_MS = 3000;

export class Lab {
  readonly directory = mkdtempSync(join(tmpdir(), 'cfnd-e2e-'));
  readonly #plan: LabPlan;
  readonly #namespaces = new Map<string, Namespace>();
  readonly #daemons = new Map<string, Program>();
  readonly #hosts = new Map<number, Program>();
  readonly #programs = new Set<Program>();
  readonly #clients = new Set<Client>();

  constructor(plan: LabPlan) {
    this.#plan = plan;
    try {
      this.#build(plan);
    } catch (error) {
      this.#remove();
      throw error;
    }
  }

  ns(name: string): Namespace {
    const namespace = this.#namespaces.get(name);
    if (namespace === undefined) throw new Error(`no node ${name}`);
    return namespace;
  }

  /** The process that runs, or ran last. */
  daemon(name: string): Program {
    const daemon = this.#daemons.get(name);
    if (daemon === undefined) throw new Error(`no daemon on ${name}`);
    return daemon;
  }

  /** Adds a namespace that is no router, and a link to one that is. */
  addStranger(name: string, router: string, device: string, own: string, theirs: string): Namespace {
    const namespace = new Namespace(name);
    this.#namespaces.set(name, namespace);
    wire(namespace, 'uplink', own, this.ns(router), device, theirs);
    return namespace;
  }

  start(name: string, args: readonly string[] = [], options: ProgramOptions = {}): Program {
    const file = join(this.directory, `${name}.yaml`);
    writeFileSync(file, JSON.stringify(this.config(name), null, 1));
    const command = [NODE, bundled('cfnd'), 'run', '--config', file, ...args];
    const daemon = new Program(this.ns(name), command, options);
    this.#daemons.set(name, daemon);
    this.#programs.add(daemon);
    return daemon;
  }

  startHost(n: number, args: readonly string[] = []): Program {
    const command = [NODE, bundled('cfn-service'), '--name', `sv${n}`, '--cpu-share', '0', '--work-us', '20000'];
    const host = new Program(this.ns(`sv${n}`), [...command, ...args]);
    this.#programs.add(host);
    this.#hosts.set(n, host);
    return host;
  }

  startClient(args: readonly string[]): Client {
    const client = new Client(this.ns('client'), ['--target', `http://[${SERVICE}]/`, ...args]);
    this.#clients.add(client);
    return client;
  }

  /** Everything of the plan, until both sites serve and every session is established. */
  async startAll(args: (router: string) => readonly string[] = () => []): Promise<void> {
    for (const n of Object.values(this.#plan.hosts ?? {})) this.startHost(n);
    for (const name of this.#plan.routers) this.start(name, args(name));
    await this.converged();
  }

  async converged(): Promise<void> {
    for (const name of this.#plan.routers)
      await this.until(`all sessions of ${name} are up`, async () => {
        const peers = await this.ask(name, (admin) => admin.show('peers'));
        return peers.length > 0 && peers.every((peer) => peer.state === 'Established');
      });
    // A service is known by two messages, a path by an SPF that may be held back: also the way home must be there.
    for (const name of this.#plan.routers)
      await this.until(`${name} has a way to every router`, async () => {
        const paths = await this.ask(name, (admin) => admin.show('paths'));
        const objects = await this.ask(name, (admin) => admin.show('fib'));
        const reachable = paths.filter((path) => path.reachable).length;
        return reachable >= this.#plan.routers.length - 1 && objects.every((object) => object.state === 'in-force');
      });
    if (this.#plan.clientOf === undefined) return;
    const sites = Object.keys(this.#plan.hosts ?? {}).length;
    await this.until('the ingress steers to both sites', async () => {
      const [service] = await this.ask('in', (admin) => admin.show('services'));
      const objects = await this.ask('in', (admin) => admin.show('fib'));
      const inForce = objects.every((object) => object.state === 'in-force');
      return service?.eligible === sites && service.weights.length > 0 && inForce;
    });
  }

  /** Asks a daemon's admin API; rejects when it does not answer. */
  async ask<T>(name: string, question: (admin: AdminClient) => Promise<T>): Promise<T> {
    const admin = await connectAdmin(this.socket(name), 20_000);
    try {
      return await question(admin);
    } finally {
      admin.close();
    }
  }

  /** Polls; a question that nobody answers counts as not yet. On timeout, tells what the daemons said last. */
  async until(what: string, holds: () => boolean | Promise<boolean>, deadlineMs = DEADLINE_MS): Promise<void> {
    let refusal = '';
    const patient = async () => {
      try {
        return await holds();
      } catch (error) {
        refusal = `; last: ${String(error)}`;
        return false;
      }
    };
    await eventually(what, patient, deadlineMs).catch((error: Error) => {
      const last = [...this.#daemons].map(([name, daemon]) => `--- ${name}\n${daemon.tail()}`).join('\n');
      throw new Error(`${error.message}${refusal}\n${last}`);
    });
  }

  /** Shares of new flows at the ingress, by contact instance's name. */
  async weights(): Promise<Record<string, number>> {
    const [service] = await this.ask('in', (admin) => admin.show('services'));
    return Object.fromEntries((service?.weights ?? []).map((it) => [it.instanceName, it.weight]));
  }

  /** The service host that runs, or ran last. */
  host(n: number): Program {
    const host = this.#hosts.get(n);
    if (host === undefined) throw new Error(`no service host ${n}`);
    return host;
  }

  /** Makes a service host busy beyond what clients ask of it. */
  burden(n: number, requestsPerSecond: number): void {
    this.#order(n, `/admin/load?rps=${requestsPerSecond}`);
  }

  #order(n: number, path: string): void {
    const url = `http://[::1]:9100${path}`;
    this.ns(`sv${n}`).run(
      NODE,
      '-e',
      `fetch('${url}',{method:'POST'}).then(r=>process.exit(r.ok?0:1),()=>process.exit(1))`,
    );
  }

  /** For failures: a phase as a client saw it, and what the daemons logged from shortly before it until its end. */
  told(phase: PhaseSummary | undefined): string {
    if (phase === undefined) return 'no such phase';
    const untilMs = phase.startedAtMs + phase.durationMs;
    const lines = [...this.#daemons].flatMap(([name, daemon]) =>
      daemon.log
        .map(({ time, router: _, ...line }) => ({ atMs: Date.parse(String(time)), line }))
        .filter(({ atMs }) => atMs > phase.startedAtMs - LEAD_MS && atMs < untilMs)
        .map(({ atMs, line }) => `${name} ${atMs - phase.startedAtMs} ms ${JSON.stringify(line)}`),
    );
    return [JSON.stringify(phase), ...lines].join('\n');
  }

  /** For failures: which kernel has discarded packets since it was asked before, and why. */
  discards(): () => string {
    const before = new Map([...this.#namespaces].map(([name, namespace]) => [name, namespace.discards()]));
    return () =>
      [...this.#namespaces]
        .flatMap(([name, namespace]) =>
          [...namespace.discards()].flatMap(([counter, count]) => {
            const more = count - (before.get(name)?.get(counter) ?? 0);
            return more > 0 ? [`${name} ${counter} ${more}`] : [];
          }),
        )
        .join(', ');
  }

  socket(name: string): string {
    return join(this.directory, `${name}.sock`);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.kill()));
    await Promise.all([...this.#programs].map((program) => program.end('SIGKILL')));
    this.#remove();
  }

  config(name: string): Record<string, unknown> {
    return configOf(this.#plan, name, this.socket(name));
  }

  #remove(): void {
    for (const namespace of this.#namespaces.values()) namespace.remove();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #build(plan: LabPlan): void {
    for (const name of plan.routers) this.#namespaces.set(name, new Namespace(name));
    for (const [i, [a, b]] of plan.links.entries())
      wire(this.ns(a), b, `fd00:ffff:${i}::1/64`, this.ns(b), a, `fd00:ffff:${i}::2/64`);
    if (plan.clientOf !== undefined) this.#edge('client', plan.clientOf, '2001:db8:c');
    for (const [router, n] of Object.entries(plan.hosts ?? {})) {
      this.#edge(`sv${n}`, router, `fd00:5${n}`);
      this.ns(`sv${n}`).ip('addr', 'add', `${SERVICE}/128`, 'dev', 'lo');
    }
  }

  #edge(node: string, router: string, prefix: string): void {
    const namespace = new Namespace(node);
    this.#namespaces.set(node, namespace);
    wire(namespace, 'uplink', `${prefix}::10/64`, this.ns(router), node, `${prefix}::1/64`);
    namespace.ip('-6', 'route', 'add', 'default', 'via', `${prefix}::1`);
  }
}
