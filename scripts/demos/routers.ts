// The daemons of the lab through their admin API: when the domain has converged, what an ingress decides, what it explains,
// and where its time went. Asks; changes nothing.
import { type AdminClient, AdminError, connectAdmin } from '../../daemon/admin/client.ts';
import type { ExplainView, ServiceView } from '../../lib/model/view.ts';
import type { DemoDocument } from './document.ts';
import { done, notYet, type Seen, until } from './poll.ts';

export interface RouterNode {
  readonly name: string;
  /** `ingress`, `core`, `egress`. */
  readonly role: string;
  readonly socket: string;
  /** Sessions it has in the topology. */
  readonly peers: number;
  /** Contact instances behind it. */
  readonly instances: number;
}

/** Shares of new flows of 1000 per contact instance. */
export type Weights = Readonly<Record<string, number>>;

const CONVERGE_MS = 60_000;
/** A decision that stands this long is not about to move: hysteresis holds a challenger for one second. */
const SETTLED_MS = 1_100;

export class Routers {
  readonly nodes: readonly RouterNode[];
  readonly #service: string;
  readonly #instances: number;
  readonly #clients = new Map<string, AdminClient>();

  /** `service`: its name; `instances`: how many contact instances it has in the topology. */
  constructor(nodes: readonly RouterNode[], service: string, instances: number) {
    this.nodes = nodes;
    this.#service = service;
    this.#instances = instances;
  }

  get ingresses(): readonly string[] {
    return this.nodes.filter((node) => node.role === 'ingress').map((node) => node.name);
  }

  /** Connects to every daemon and waits until the domain is whole; `onStep` hears each step that was reached. */
  async converge(signal: AbortSignal, onStep: (step: string) => void): Promise<void> {
    const options = { timeoutMs: CONVERGE_MS, signal, everyMs: 50 };
    await until('daemons answer', () => this.#connect(), options);
    onStep(`${this.nodes.length} daemons answer`);
    await until('sessions are established', () => this.#everywhere(sessionsUp), options);
    onStep('every session is Established');
    await until('everybody reaches everybody', () => this.#everywhere(isReachable(this.nodes.length)), options);
    onStep(`every router reaches the other ${this.nodes.length - 1}`);
    await until('contact instances are healthy', () => this.#everywhere(instancesUp), options);
    onStep(`${this.#instances} contact instances are up and advertised`);
    await this.settled(signal);
  }

  /** Waits until the decisions of all ingress routers stand. */
  async settled(signal: AbortSignal): Promise<void> {
    await until('ingress routers steer', () => this.#steering(), { timeoutMs: CONVERGE_MS, signal, everyMs: 50 });
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }

  client(name: string): AdminClient {
    const client = this.#clients.get(name);
    if (client === undefined) throw new Error(`no admin client for ${name}`);
    return client;
  }

  async serviceAt(ingress: string): Promise<ServiceView | undefined> {
    const rows = await this.client(ingress).show('services');
    return rows.find((row) => row.name === this.#service);
  }

  async weightsAt(ingress: string): Promise<Weights> {
    const row = await this.serviceAt(ingress);
    return Object.fromEntries((row?.weights ?? []).map(({ instanceName, weight }) => [instanceName, weight]));
  }

  /** Undefined while it knows no route to the service. */
  async explainAt(ingress: string): Promise<ExplainView | undefined> {
    try {
      return await this.client(ingress).explain(this.#service);
    } catch (error) {
      if (error instanceof AdminError && error.kind === 'refused') return undefined;
      throw error;
    }
  }

  /** Names of the routers that packets to `instance` travel; empty when it is unreachable. */
  async pathTo(ingress: string, instance: string): Promise<readonly string[]> {
    const explained = await this.explainAt(ingress);
    return explained?.candidates.find((candidate) => candidate.instanceName === instance)?.path ?? [];
  }

  /** Stage histograms of one ingress, µs. */
  async latencyAt(ingress: string): Promise<DemoDocument['latencyUs']> {
    const rows = await this.client(ingress).show('metrics');
    return Object.fromEntries(
      rows.flatMap(({ name, labels, histogram }) =>
        name === 'cfnd_stage_latency' && histogram !== undefined && labels.stage !== undefined
          ? [[labels.stage, { p50: round(histogram.p50), p99: round(histogram.p99), n: histogram.count }]]
          : [],
      ),
    );
  }

  /** What keeps traffic from following the decisions here, a line each; empty: the kernel steers. */
  async obstacles(): Promise<readonly string[]> {
    const found = new Set<string>();
    for (const { name } of this.nodes) {
      const status = await this.client(name).status();
      if (status.fibKind !== 'kernel') {
        found.add('no packet is steered: the kernel cannot be programmed, forwarding is kept in memory');
        continue;
      }
      for (const capability of await this.client(name).show('capabilities'))
        if (NEEDED.has(capability.name) && !capability.available)
          found.add(`no packet is steered: ${capability.name}: ${capability.remark}`);
    }
    return [...found];
  }

  async #connect(): Promise<Seen<void>> {
    for (const { name, socket } of this.nodes) {
      if (this.#clients.has(name)) continue;
      try {
        this.#clients.set(name, await connectAdmin(socket, 5_000));
      } catch (error) {
        if (!(error instanceof AdminError)) throw error;
        return notYet(`${name}: ${error.message}`);
      }
    }
    return done(undefined);
  }

  async #everywhere(
    check: (node: RouterNode, client: AdminClient) => Promise<string | undefined>,
  ): Promise<Seen<void>> {
    const faults = await Promise.all(this.nodes.map((node) => check(node, this.client(node.name))));
    const at = faults.findIndex((fault) => fault !== undefined);
    return at < 0 ? done(undefined) : notYet(`${this.nodes[at]!.name}: ${faults[at]}`);
  }

  /** All candidates are judged, and the decision of each ingress has come to rest. */
  async #steering(): Promise<Seen<void>> {
    for (const ingress of this.ingresses) {
      const row = await this.serviceAt(ingress);
      if (row === undefined || !row.steered) return notYet(`${ingress} does not steer the service`);
      if (row.eligible < this.#instances) return notYet(`${ingress} has ${row.eligible} eligible candidates`);
      if (row.weights.length === 0) return notYet(`${ingress} has chosen none`);
      if (row.change === 'held' || Date.now() - row.changedAtMs < SETTLED_MS)
        return notYet(`${ingress} still moves (${row.change})`);
    }
    return done(undefined);
  }
}

/** Without these a decision cannot reach the kernel. */
const NEEDED: ReadonlySet<string> = new Set([
  'seg6-encap',
  'seg6local',
  'nexthop-groups',
  'nexthop-routes',
  'rules',
  'nft',
]);

async function sessionsUp(node: RouterNode, client: AdminClient): Promise<string | undefined> {
  const peers = await client.show('peers');
  const up = peers.filter((peer) => peer.state === 'Established').length;
  return up === node.peers ? undefined : `${up} of ${node.peers} sessions`;
}

function isReachable(count: number) {
  return async (_node: RouterNode, client: AdminClient): Promise<string | undefined> => {
    const reached = (await client.show('link-state')).filter(
      (row) => row.reachable && row.links.every((link) => link.twoWay),
    );
    return reached.length === count ? undefined : `reaches ${reached.length} of ${count}`;
  };
}

async function instancesUp(node: RouterNode, client: AdminClient): Promise<string | undefined> {
  const rows = await client.show('instances');
  const up = rows.filter((row) => row.health === 'up' && row.advertised && row.state !== undefined).length;
  return up === node.instances ? undefined : `${up} of ${node.instances} contact instances`;
}

function round(us: number): number {
  return Math.round(us * 10) / 10;
}
