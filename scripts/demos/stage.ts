// The lab as the scenario's stage: deployed, converged, with a hand on the demand of the service hosts and on the links.
// Knows how to do each thing; what happens when is scenario.ts.
import type { Engine, LabRef } from '../labs/engine.ts';
import type { LabFile } from '../labs/lab-file.ts';
import { linksOf, routersOf } from '../labs/topology.ts';
import { adminSockets } from './admin-sockets.ts';
import { type DemoFacts, linkBetween, uplinksOf } from './facts.ts';
import { DemoError, done, notYet, until } from './poll.ts';
import { type RouterNode, Routers } from './routers.ts';
import type { ExplainedIngress } from './segment-lists.ts';
import { WireCapture } from './wire.ts';

/** Every service has some demand of its own, so that its agent knows how long a request takes. */
const AMBIENT_PER_SECOND = 25;
const EXEC_MS = 5_000;

export class Stage {
  readonly facts: DemoFacts;
  readonly engine: Engine;
  readonly ref: LabRef;
  readonly routers: Routers;

  private constructor(facts: DemoFacts, engine: Engine, ref: LabRef, routers: Routers) {
    this.facts = facts;
    this.engine = engine;
    this.ref = ref;
    this.routers = routers;
  }

  /** Over a lab that is deployed. */
  static async open(facts: DemoFacts, engine: Engine, lab: LabFile): Promise<Stage> {
    const ref = { lab: lab.name, file: lab.path };
    const sockets = await adminSockets(engine, ref, await engine.inspect(lab.name));
    const { topology, service } = facts;
    const routers = routersOf(topology);
    const names = new Set(routers.map(({ name }) => name));
    const nodes = routers.map(
      ({ name, role }): RouterNode => ({
        name,
        role,
        socket: sockets.get(name) ?? '',
        peers: linksOf(topology, name).filter(({ remote }) => names.has(remote.node)).length,
        instances: service.instances.filter((instance) => instance.egress === name).length,
      }),
    );
    return new Stage(facts, engine, ref, new Routers(nodes, service.name, service.instances.length));
  }

  /** Waits for the domain, then until every site's load is measured and the decisions have come to rest on it. */
  async converge(signal: AbortSignal, onStep: (step: string) => void): Promise<void> {
    await this.routers.converge(signal, onStep);
    const hosts = this.facts.service.instances.map(({ host }) => host);
    await Promise.all(hosts.map((host) => this.setDemand(host, AMBIENT_PER_SECOND)));
    const measured = async () => {
      for (const ingress of this.routers.ingresses) {
        const rows = await this.routers.client(ingress).show('rib', this.facts.service.name);
        const guessed = rows.find((row) => row.state?.source !== 'measured');
        if (guessed !== undefined)
          return notYet(`${ingress} hears of ${guessed.instanceName}: ${guessed.state?.source}`);
      }
      return done(undefined);
    };
    await until('the load of every site is measured', measured, { timeoutMs: 20_000, signal, everyMs: 50 });
    await this.routers.settled(signal);
    onStep('the load of every site is measured, decisions stand');
  }

  /** Requests per second that arrive at a service host from elsewhere; what is absent goes back to the ambient demand. */
  async setDemand(host: string, ratePerSecond = AMBIENT_PER_SECOND): Promise<void> {
    const url = `http://[::1]:${this.facts.service.metricsPort}/admin/load?rps=${ratePerSecond}`;
    const script = `fetch(${JSON.stringify(url)}, { method: 'POST' }).then((r) => process.exit(r.ok ? 0 : 1))`;
    const argv = ['/opt/cfnd/bin/node', '-e', script];
    const result = await this.engine.exec(this.ref, host, argv, { timeoutMs: EXEC_MS });
    if (result['return-code'] !== 0) throw new DemoError(`${host} takes no demand: ${result.stderr.trim()}`);
  }

  egressOf(instance: string): string {
    return this.facts.service.instances.find(({ host }) => host === instance)?.egress ?? '';
  }

  /** Cuts the site of an instance off, or joins it again. */
  async setUplinks(instance: string, up: boolean): Promise<void> {
    for (const link of uplinksOf(this.facts, this.egressOf(instance)))
      await this.engine.impair(this.ref, link, { kind: 'carrier', up });
  }

  /** Raises the delay of the first link of a path, so that another path is shorter; returns what it changed, in words. */
  async lengthen(path: readonly string[], byUs: number): Promise<string> {
    const link = linkBetween(this.facts, path[0] ?? '', path[1] ?? '');
    const delayUs = link.delayUs + byUs;
    await this.engine.impair(this.ref, link.name, { kind: 'quality', quality: { delayUs } });
    return `${link.name}: ${link.delayUs / 1000} ms -> ${delayUs / 1000} ms`;
  }

  async restore(path: readonly string[]): Promise<void> {
    const link = linkBetween(this.facts, path[0] ?? '', path[1] ?? '');
    await this.engine.impair(this.ref, link.name, { kind: 'reset' });
  }

  capture(): WireCapture {
    const { topology, service, cores } = this.facts;
    const { engine, ref } = this;
    return new WireCapture({ engine, ref, nodes: cores, block: topology.srv6.block, service: service.id });
  }

  async explained(): Promise<ExplainedIngress[]> {
    const routers = routersOf(this.facts.topology);
    const all = await Promise.all(
      this.routers.ingresses.map(async (ingress) => {
        const explain = await this.routers.explainAt(ingress);
        const source = routers.find(({ name }) => name === ingress)?.loopback ?? '';
        return explain === undefined ? [] : [{ ingress, source, explain }];
      }),
    );
    return all.flat();
  }
}
