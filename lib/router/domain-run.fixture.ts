// Test support: what happens to a domain as a whole, and how long it takes in virtual time. The test and the benchmark of
// the simulation run the same phases at different sizes.
import { attributesHash, type Digest, DigestSum, digestOfNodes, sameDigest } from '../rib/digest.ts';
import type { SessionMessage } from '../session/message.ts';
import { encodeFrame } from '../wire/frame.ts';
import { Domain, type DomainOptions } from './domain.fixture.ts';

/** Everyone has started and reported by then (Domain.start). */
const STARTED_MS = 1700;
const STEP_MS = 20;
const LONGEST_MS = 60_000;
/** One UPDATE in so many is encoded to learn its size. */
const SAMPLE = 50;

export interface Traffic {
  /** Rows of compute state, and messages, that reached sites. */
  rows: number;
  messages: number;
  /** Encoded, of a sample. */
  bytes: number;
  sampledRows: number;
}

export class DomainRun {
  readonly domain: Domain;
  readonly traffic: Traffic = { rows: 0, messages: 0, bytes: 0, sampledRows: 0 };
  #counting = false;
  /** Link state is flooded too. */
  readonly #hasMaps: boolean;

  constructor(options: DomainOptions) {
    this.#hasMaps = options.families?.includes('link-state') !== false;
    this.domain = new Domain({
      ...options,
      onSend: (_, to, message) => {
        if (this.#counting && to.startsWith('s-')) this.#count(message);
      },
    });
  }

  /** From the moment everyone is there: time until every router knows every route and the same newest report of each. */
  coldStart(): number {
    this.domain.start();
    this.domain.simulation.run(STARTED_MS);
    return this.#until(() => this.isWhole());
  }

  /** Everybody reports once a period for a while; what reaches the sites is counted. */
  load(periodMs: number, forMs: number): Traffic {
    const { simulation } = this.domain;
    this.domain.reportEvery(periodMs, forMs, () => ({ inFlight: 0, arrivalRate: 10 + 500 * simulation.random() }));
    this.#counting = true;
    simulation.run(forMs);
    this.#counting = false;
    simulation.run(1000);
    return this.traffic;
  }

  /** A hub dies and stays away for a while: routes that any site missed at any time meanwhile. */
  loseHub(hub: string, forMs: number): number {
    const { simulation, sites } = this.domain;
    let missed = 0;
    simulation.kill(hub);
    for (let gone = 0; gone < forMs; gone += 100) {
      simulation.run(100);
      for (const name of sites) missed += sites.length - this.#size(name);
    }
    return missed;
  }

  /** It comes back: time until the domain is whole again. */
  restartHub(hub: string): number {
    this.domain.simulation.start(hub);
    return this.#until(() => this.#size(hub) === this.domain.sites.length && this.isWhole());
  }

  /** Cuts the first half of the hubs, and the sites that begin there, off the rest. */
  partition(): { readonly inside: ReadonlySet<string>; readonly cut: readonly (readonly [string, string])[] } {
    const { hubs, sites, simulation } = this.domain;
    const inside = new Set(hubs.slice(0, hubs.length / 2));
    for (const [i, name] of sites.entries()) if (inside.has(this.domain.hubsOf(i)[0]!)) inside.add(name);
    const links = [
      ...hubs.flatMap((a, i) => hubs.slice(i + 1).map((b) => [a, b] as const)),
      ...sites.flatMap((name, i) => this.domain.hubsOf(i).map((hub) => [name, hub] as const)),
    ];
    const cut = links.filter(([a, b]) => inside.has(a) !== inside.has(b));
    for (const [a, b] of cut) simulation.cut(a, b);
    return { inside, cut };
  }

  /** Routes that a site of one side knows of the other, or does not know of its own. */
  straysAcross(inside: ReadonlySet<string>): number {
    const { sites } = this.domain;
    const own = sites.filter((name) => inside.has(name)).length;
    let strays = 0;
    for (const name of sites) strays += Math.abs(this.#size(name) - (inside.has(name) ? own : sites.length - own));
    return strays;
  }

  /** Time until every router's table is what it was, attributes and all. */
  heal(cut: readonly (readonly [string, string])[], before: ReadonlyMap<string, Digest>): number {
    for (const [a, b] of cut) this.domain.simulation.restore(a, b);
    return this.#until(() => this.isWhole() && this.#isAsBefore(before));
  }

  /** Everyone knows every route, with the same newest report, and has the same map. */
  isWhole(): boolean {
    const all = [...this.domain.simulation.nodes.keys()];
    if (!all.every((name) => this.#size(name) === this.domain.sites.length)) return false;
    const first = this.#digest(all[0]!, 'reports');
    if (!all.every((name) => sameDigest(this.#digest(name, 'reports'), first))) return false;
    return !this.#hasMaps || all.every((name) => sameDigest(this.#map(name), this.#map(all[0]!)));
  }

  /** Of each router's table: keys and attributes. */
  tables(): Map<string, Digest> {
    return new Map([...this.domain.simulation.nodes.keys()].map((name) => [name, this.#digest(name, 'attributes')]));
  }

  #isAsBefore(before: ReadonlyMap<string, Digest>): boolean {
    return [...before].every(([name, digest]) => sameDigest(this.#digest(name, 'attributes'), digest));
  }

  #size(name: string): number {
    return this.domain.simulation.node(name).router.state?.table.size ?? 0;
  }

  #map(name: string): Digest {
    return digestOfNodes(this.domain.simulation.node(name).router.state!.lsdb.nodes.values());
  }

  #digest(name: string, of: 'reports' | 'attributes'): Digest {
    const { table } = this.domain.simulation.node(name).router.state!;
    const sum = new DigestSum();
    const words = new Uint32Array(4);
    for (const row of table.rows()) {
      table.copyInstance(row, words, 0);
      sum.words(words, 0, 4).word(table.originator(row));
      if (of === 'attributes') sum.word(attributesHash(table.bestAttributes(row)));
      else sum.word(table.states.has(row) ? table.states.sequence(row) % 0x1_0000_0000 : 0);
      sum.add();
    }
    return sum.value;
  }

  #count(message: SessionMessage): void {
    if (message.type !== 'UPDATE' || message.compute === undefined) return;
    const rows = message.compute.handle.length;
    this.traffic.rows += rows;
    if (this.traffic.messages++ % SAMPLE !== 0) return;
    this.traffic.bytes += encodeFrame({ type: 'UPDATE', compute: message.compute }).length;
    this.traffic.sampledRows += rows;
  }

  #until(holds: () => boolean): number {
    return this.domain.simulation.runUntil(holds, STEP_MS, LONGEST_MS);
  }
}
