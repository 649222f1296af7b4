// The whole way round: a contact instance that was slow for a while, as its agent measures it, its router tells it, and an
// ingress decides, programs and explains it. Requests follow the programmed weights; everything else is the router's own.
import { beforeEach, expect, test } from 'vitest';
import { parseConfig } from '../config/parse.ts';
import type { AffinityService } from '../fib/fib.ts';
import { Simulation } from './simulation.fixture.ts';
import { explainService } from './view/services.ts';

const WEB = 'fd00:cafe::80';
const CONTACT = { near: 'fd00:4::80', far: 'fd00:5::80' };
const RATE = 400;
const STEP_MS = 200;

class World {
  readonly simulation = new Simulation();
  /** Of a request at the near instance. */
  workTimeUs = 10_000;
  /** Shares of new flows that the ingress programmed, by instance. */
  readonly shares = { near: 0, far: 0 };
  readonly #totals = { near: { requests: 0, busySeconds: 0 }, far: { requests: 0, busySeconds: 0 } };

  constructor(exploration: string) {
    const link = (own: number, other: number, ms: number) =>
      `{ name: e${other}, neighbour: 10.0.0.${other}, local-address: "fd00:${own + other}::${own}", remote-address: "fd00:${own + other}::${other}", delay: ${ms}ms }`;
    const peer = (own: number, other: number, name: string) =>
      `{ name: ${name}, address: "fd00:${own + other}::${other}" }`;
    const common = (name: string, id: number, links: string[], peers: string[]) => `
name: ${name}
site: site-${name}
router-id: 10.0.0.${id}
security: plaintext
services: { web: "${WEB}" }
srv6: { locator: "5f00:0:${id}::/48" }
stamp: { enabled: false }
links: [ ${links.join(', ')} ]
peers: [ ${peers.join(', ')} ]`;
    const egress = (name: 'near' | 'far', id: number, ms: number) => `
${common(name, id, [link(id, 1, ms)], [peer(id, 1, 'in')])}
instances: [ { name: ${name}, service: web, address: "${CONTACT[name]}", sid: "5f00:0:${id}:80::", metrics: { kind: prometheus, url: "http://[::1]/" } } ]`;
    const ingress = `
${common('in', 1, [link(1, 4, 1), link(1, 5, 10)], [peer(1, 4, 'near'), peer(1, 5, 'far')])}
classes: [ { name: default, exploration: ${exploration} } ]
steering: { services: [ { service: web } ], blackout: 0s }`;
    for (const text of [ingress, egress('near', 4, 1), egress('far', 5, 10)]) {
      const parsed = parseConfig(text);
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
      this.simulation.add(parsed.config);
    }
    for (const name of ['in', 'near', 'far']) this.simulation.start(name);
  }

  run(seconds: number): void {
    for (let ms = 0; ms < seconds * 1000; ms += STEP_MS) {
      this.simulation.run(STEP_MS);
      this.#split();
      this.#sample('near', this.workTimeUs);
      this.#sample('far', 10_000);
    }
  }

  /** Runs until `holds`; seconds that it took, infinite after `most` of them. */
  runUntil(holds: () => boolean, most: number): number {
    for (let second = 0; second < most; second++) {
      if (holds()) return second;
      this.run(1);
    }
    return Number.POSITIVE_INFINITY;
  }

  /** The process of the near instance begins anew. */
  restart(): void {
    this.#totals.near = { requests: 0, busySeconds: 0 };
  }

  /** Times at which the ingress changed how it spreads new flows. */
  changes(): number {
    return this.simulation
      .node('in')
      .lines.filter((line) => line.includes('"fib-apply"') && line.includes('"affinity"')).length;
  }

  explained() {
    const explained = explainService(this.simulation.node('in').router.state!, WEB);
    if (!('view' in explained)) throw new Error(explained.refused);
    return explained.view.candidates.map((it) => `${it.instanceName} ${it.weight} ${it.verdict} ${it.state?.source}`);
  }

  #split(): void {
    const [service] = this.simulation.objects('in', 'affinity') as AffinityService[];
    const programmed = this.simulation.node('in').router.state?.steered.get(WEB)?.programmed ?? new Map();
    for (const name of ['near', 'far'] as const) {
      const slot = [...programmed].find(([key]) => key.includes(CONTACT[name]))?.[1].slot;
      this.shares[name] = (service?.instances.find((it) => it.slot === slot)?.weight ?? 0) / 1000;
    }
  }

  #sample(name: 'near' | 'far', workTimeUs: number): void {
    const { atMs } = this.simulation;
    const totals = this.#totals[name];
    const rate = RATE * this.shares[name];
    totals.requests += (rate * STEP_MS) / 1000;
    const requests = Math.floor(totals.requests);
    totals.busySeconds += (((rate * STEP_MS) / 1000) * workTimeUs) / 1e6;
    const sample = {
      atMs,
      wallMs: 1_790_000_000_000 + atMs,
      workers: 100,
      inFlight: Math.round((rate * workTimeUs) / 1e6),
      arrivals: requests,
      completions: requests,
      busySeconds: totals.busySeconds,
    };
    this.simulation.post(name, { type: 'instance-sample', service: WEB, contactInstance: CONTACT[name], sample });
  }
}

let world: World;

beforeEach(() => {
  world = new World('0.5%');
  world.run(10);
  expect(world.shares).toEqual({ near: 1, far: 0 });
  world.workTimeUs = 100_000;
  world.run(10);
  expect(world.shares).toEqual({ near: 0, far: 1 });
});

test('an instance that was slow is tried half a minute later, and has its flows back when it is well', () => {
  world.workTimeUs = 10_000;
  world.run(15);
  expect(world.explained()).toEqual(['far 1000 best measured', 'near 0 cost measured']);
  expect(world.runUntil(() => world.shares.near > 0, 30)).toBeGreaterThan(5);
  expect(world.explained()).toEqual(['far 995 best measured', 'near 5 exploring estimation']);
  world.run(10);
  expect(world.explained()).toEqual(['near 1000 best measured', 'far 0 cost measured']);
});

test('one that is slow still is left alone as soon as that is known, and tried again later', () => {
  const before = world.changes();
  const seen: number[] = [];
  for (let second = 0; second < 120; second++) {
    world.run(1);
    seen.push(world.shares.near);
  }
  const tried = seen.filter((share) => share > 0);
  expect(new Set(tried)).toEqual(new Set([0.005]));
  expect(tried.length).toBeGreaterThan(10);
  expect(tried.length).toBeLessThan(40);
  // Each trial is programmed when it begins and when it ends, whatever the reports of these two minutes.
  const trials = seen.filter((share, index) => share > 0 && !(seen[index - 1]! > 0)).length;
  expect([trials, world.changes() - before]).toEqual([3, 6]);
  expect(world.simulation.node('in').logs.filter((line) => / info decision changed .*exploration/.test(line))).toEqual(
    [],
  );
});

test('one whose service restarted is tried at once, by as few', () => {
  world.workTimeUs = 10_000;
  world.restart();
  world.run(3);
  expect(world.explained()).toEqual(['far 995 best measured', 'near 5 exploring estimation']);
  world.run(10);
  expect(world.shares).toEqual({ near: 1, far: 0 });
});

test('without exploration nobody finds out', () => {
  world = new World('0%');
  world.run(10);
  world.workTimeUs = 100_000;
  world.run(10);
  world.workTimeUs = 10_000;
  world.run(300);
  expect(world.explained()).toEqual(['far 1000 best measured', 'near 0 cost estimation']);
});

test('a drain or an exclusion ends a trial, and keeps it away', () => {
  world.runUntil(() => world.shares.near > 0, 60);
  expect(world.explained()).toEqual(['far 995 best measured', 'near 5 exploring estimation']);
  world.simulation.post('in', { type: 'drain', service: WEB, contactInstance: CONTACT.near, drain: true });
  world.run(1);
  expect(world.explained()).toEqual(['far 1000 best measured', 'near 0 draining estimation']);
});
