// The router core as a whole: several routers over a virtual network and clock, nothing mocked but the kernel.
import { beforeEach, describe, expect, test } from 'vitest';
import type { RouterConfig } from '../config/config.ts';
import { parseConfig } from '../config/parse.ts';
import { type FibObject, fibKey } from '../fib/fib.ts';
import { replay } from './replay.ts';
import { Simulation } from './simulation.fixture.ts';
import { explainService } from './view/services.ts';

const WEB = 'fd00:cafe::80';

interface Spec {
  readonly id: number;
  readonly links: readonly string[];
  readonly extra?: string;
}

/** in -- core1 -- eg1, in -- core2 -- eg2, core1 -- core2; the ingress prefers eg1, which is nearer. */
const SPECS: Record<string, Spec> = {
  in: { id: 1, links: ['core1', 'core2'], extra: `steering: { services: [ { service: web } ], blackout: 1s }` },
  core1: { id: 2, links: ['in', 'core2', 'eg1'] },
  core2: { id: 3, links: ['in', 'core1', 'eg2'] },
  eg1: { id: 4, links: ['core1'], extra: instance(4) },
  eg2: { id: 5, links: ['core2'], extra: instance(5) },
};
const DELAY_MS: Record<string, number> = {
  'core1 in': 1,
  'core2 in': 3,
  'core1 core2': 1,
  'core1 eg1': 1,
  'core2 eg2': 2,
};

function instance(id: number): string {
  return `instances: [ { name: sv${id}, service: web, address: fd00:${id}::80, sid: "5f00:0:${id}:80::", metrics: { kind: push }, valid-for: 60s } ]`;
}

function address(from: string, to: string): string {
  return `fd00:ffff:${[from, to]
    .sort()
    .map((name) => SPECS[name]!.id)
    .join(':')}::${SPECS[from]!.id}`;
}

function config(name: string): RouterConfig {
  const { id, links, extra = '' } = SPECS[name]!;
  const text = [
    `name: ${name}`,
    `site: site-${name}`,
    `router-id: 10.0.0.${id}`,
    'security: plaintext',
    `services: { web: ${WEB} }`,
    `srv6: { locator: "5f00:0:${id}::/48" }`,
    'links:',
    ...links.map(
      (far, i) =>
        `  - { name: eth${i + 1}, neighbour: 10.0.0.${SPECS[far]!.id}, local-address: "${address(name, far)}", ` +
        `remote-address: "${address(far, name)}", delay: ${DELAY_MS[[name, far].sort().join(' ')]}ms }`,
    ),
    'peers:',
    ...links.map((far) => `  - { name: ${far}, address: "${address(far, name)}" }`),
    extra,
  ].join('\n');
  const parsed = parseConfig(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.config;
}

let simulation: Simulation;

beforeEach(() => {
  simulation = new Simulation();
  for (const name of Object.keys(SPECS)) simulation.add(config(name));
  for (const name of Object.keys(SPECS)) simulation.start(name);
  simulation.run(400);
  for (const id of [4, 5]) report(id, { inFlight: 0, arrivalRate: 10 });
  simulation.run(1600);
});

function report(id: number, load: { inFlight: number; arrivalRate: number }): void {
  simulation.post(`eg${id - 3}`, {
    type: 'instance-report',
    service: WEB,
    contactInstance: `fd00:${id}::80`,
    report: { wallMs: 1_790_000_000_000 + simulation.atMs, workers: 4, workTimeUs: 4000, ...load },
  });
}

function mainSegments(): readonly string[] | undefined {
  const fib = simulation.node('in').fib;
  const route = fib.get(`route 254 ${WEB}/128`);
  if (route?.kind !== 'route' || route.target.kind !== 'nexthop') return undefined;
  const nexthop = fib.get(`nexthop ${route.target.id}`);
  return nexthop?.kind === 'nexthop' ? nexthop.segments : undefined;
}

function shares(): Record<string, number> {
  const affinity = simulation.objects('in', 'affinity')[0];
  const fib = simulation.node('in').fib;
  return Object.fromEntries(
    (affinity?.instances ?? []).map(({ slot, weight }) => {
      const nexthop = fib.get(`nexthop ${simulation.node('in').config.fib.nexthopIdBase + slot}`);
      return [nexthop?.kind === 'nexthop' ? nexthop.segments.at(-1)! : '', weight];
    }),
  );
}

const SID1 = '5f00:0:4:80::';
const SID2 = '5f00:0:5:80::';

describe('routers that hear each other', () => {
  test('steer a service to the nearest idle contact instance, along the routers of the path', () => {
    expect(mainSegments()).toEqual(['5f00:0:2:1::', SID1]);
    expect(shares()).toEqual({ [SID1]: 1000, [SID2]: 0 });
  });

  test('choose the better instance also when the other one was heard of first', () => {
    simulation = new Simulation();
    for (const name of Object.keys(SPECS)) simulation.add(config(name));
    for (const name of Object.keys(SPECS)) simulation.start(name);
    simulation.run(400);
    report(5, { inFlight: 0, arrivalRate: 10 });
    simulation.run(200);
    expect(mainSegments()?.at(-1)).toBe(SID2);
    report(4, { inFlight: 0, arrivalRate: 10 });
    simulation.run(200);
    expect(mainSegments()?.at(-1)).toBe(SID1);
  });

  test('explain another site by its own paths, and name no peer of ours as its source', () => {
    const seenFrom = (site?: string) => {
      const explained = explainService(simulation.node('in').router.state!, WEB, site);
      return 'view' in explained ? explained.view.candidates.map((it) => [it.path[0], it.from, it.site]) : explained;
    };
    expect(seenFrom()).toEqual([
      ['in', 'core1', 'site-eg1'],
      ['in', expect.stringMatching(/^core[12]$/), 'site-eg2'],
    ]);
    expect(seenFrom('site-core2')).toEqual([
      ['core2', '', 'site-eg2'],
      ['core2', '', 'site-eg1'],
    ]);
  });

  test('program routes to every locator of the domain', () => {
    const prefixes = simulation.objects('in', 'route').map((route) => route.prefix);
    for (const id of [2, 3, 4, 5]) expect(prefixes).toContain(`5f00:0:${id}::/48`);
  });

  test('move new flows when the instance is overloaded, and forget nothing of it while it is reachable', () => {
    for (let i = 0; i < 5; i++) {
      report(4, { inFlight: 200, arrivalRate: 2000 });
      simulation.run(1000);
    }
    expect(shares()[SID1]).toBeLessThan(500);
    expect(Object.keys(shares())).toContain(SID1);
  });

  test('leave a site that is cut off at once, and return when it comes back', () => {
    simulation.cut('core1', 'eg1');
    simulation.run(50);
    expect(mainSegments()?.at(-1)).toBe(SID2);
    // Its flows are forgotten, those of the other are not.
    expect(shares()).toEqual({ [SID1]: 0, [SID2]: 1000 });
    const failed = () => simulation.objects('in', 'affinity')[0]!.instances.map((it) => [it.weight, it.failed]);
    expect(failed()).toEqual([
      [0, true],
      [1000, false],
    ]);
    simulation.run(1000);
    expect(Object.keys(shares())).toEqual([SID2]);
    simulation.restore('core1', 'eg1');
    simulation.run(1000);
    report(4, { inFlight: 0, arrivalRate: 10 });
    simulation.run(3000);
    expect(mainSegments()?.at(-1)).toBe(SID1);
  });

  test('leave a lost site at once also while a storm of reports is held back', () => {
    for (let i = 0; i < 40; i++) {
      report(5, { inFlight: i % 2 === 0 ? 200 : 0, arrivalRate: i % 2 === 0 ? 2000 : 10 });
      simulation.run(301);
      report(4, { inFlight: i % 2, arrivalRate: 10 });
      simulation.run(2);
    }
    simulation.cut('core1', 'eg1');
    simulation.run(2);
    expect(mainSegments()?.at(-1)).toBe(SID2);
  });

  test('take another path to the same instance when a link on the way goes', () => {
    simulation.cut('in', 'core1');
    simulation.run(300);
    expect(mainSegments()).toEqual(['5f00:0:3:1::', '5f00:0:2:1::', SID1]);
  });

  test('drain an instance: no new flows, its forwarding stays for the old ones', () => {
    simulation.post('eg1', { type: 'drain', service: WEB, contactInstance: 'fd00:4::80', drain: true });
    simulation.run(3000);
    expect(shares()).toEqual({ [SID1]: 0, [SID2]: 1000 });
  });
});

test('a clean stop drains first, withdraws next, and forwards until the end', () => {
  const before = simulation.objects('eg1', 'route').length;
  simulation.post('eg1', { type: 'stop', text: 'SIGTERM' });
  simulation.run(200);
  expect(shares()).toEqual({ [SID1]: 0, [SID2]: 1000 });
  simulation.run(200);
  expect(simulation.objects('in', 'affinity')[0]!.instances.map((it) => it.failed)).toEqual([true, false]);
  expect(simulation.objects('in', 'route').map((route) => route.prefix)).not.toContain('5f00:0:4::/48');
  expect(simulation.objects('eg1', 'route')).toHaveLength(before);
  const stopped = () => simulation.node('eg1').lines.some((line) => line.includes('"type":"stopped"'));
  expect(stopped()).toBe(false);
  simulation.run(300);
  expect(stopped()).toBe(true);
});

describe.each(['core1', 'eg1', 'in', 'core2'])('a daemon that is killed and started again (%s)', (name) => {
  test('changes nothing that its neighbours forward, and ends with the same objects', () => {
    const before = new Map([...simulation.nodes].map(([it, node]) => [it, JSON.stringify(sorted(node.fib))]));
    const seen = new Set<string>();
    simulation.kill(name);
    for (let i = 0; i < 60; i++) {
      simulation.run(50);
      seen.add(JSON.stringify(mainSegments()));
    }
    // A flood that feeds itself would go unnoticed behind equal objects.
    expect(updatesSeen()).toBeLessThan(200);
    simulation.start(name);
    for (let i = 0; i < 200; i++) {
      simulation.run(50);
      seen.add(JSON.stringify(mainSegments()));
      if (name === 'eg1' && i === 4) report(4, { inFlight: 0, arrivalRate: 10 });
    }
    expect([...seen]).toEqual([JSON.stringify(['5f00:0:2:1::', SID1])]);
    for (const [it, node] of simulation.nodes) expect(JSON.stringify(sorted(node.fib)), it).toBe(before.get(it));
  });
});

test('a daemon that restarts beside a dead one keeps the link to it, however late the proof that it forwards', () => {
  const segments = JSON.stringify(mainSegments());
  const links = () =>
    simulation
      .node('in')
      .router.state!.lsdb.nodes.get('10.0.0.2')!
      .links.map((it) => it.neighbour);
  const before = links();
  simulation.kill('eg1');
  simulation.kill('core1');
  simulation.run(500);
  // Answers of a host without a daemon are rare (ICMP rate limit): STAMP is sure of nothing before 1.5 s.
  simulation.start('core1', 1500);
  for (let i = 0; i < 80; i++) {
    simulation.run(50);
    expect(links(), `${i * 50} ms`).toEqual(before);
    expect(JSON.stringify(mainSegments())).toBe(segments);
  }
});

test('a restarted daemon hands the kernel its routes with the first sync, also while an SPF waits', () => {
  const before = [...simulation.node('core1').fib.keys()].sort();
  simulation.kill('core1');
  simulation.run(1000);
  simulation.start('core1', 5);
  simulation.run(500);
  const sync = simulation.node('core1').lines.find((line) => line.includes('"fib-sync"'));
  const [effect] = (JSON.parse(sync!) as { effects: { type: string; desired: FibObject[] }[] }).effects;
  expect(effect!.desired.map(fibKey).sort()).toEqual(before);
});

test('every recording replays to the same effects, byte for byte', () => {
  simulation.cut('core1', 'eg1');
  simulation.run(2000);
  for (const [name, node] of simulation.nodes) {
    const outcome = replay(node.lines);
    expect(outcome.difference, name).toBeUndefined();
    expect(outcome.events, name).toBeGreaterThan(20);
  }
});

test('a changed recording is noticed', () => {
  const lines = [...simulation.node('in').lines];
  const victim = lines.findIndex((line) => line.includes('"fib-apply"'));
  lines[victim] = lines[victim]!.replace('"fib-apply"', '"fib-aply"');
  expect(replay(lines).difference?.line).toBe(victim + 1);
});

test('a recording without effects, or with those of one event too few or too many, is no agreement', () => {
  const { lines } = simulation.node('in');
  const events = lines.filter((line) => line.startsWith('{"event"'));
  expect(replay(events).difference).toEqual({ line: 2, expected: '', actual: lines[1] });
  expect(replay(events.slice(0, 1))).toMatchObject({ events: 1, effects: 0 });
  expect(replay(lines.toSpliced(3, 1)).difference).toEqual({ line: 4, expected: '', actual: lines[3] });
  expect(replay(lines.toSpliced(4, 0, lines[3]!)).difference).toEqual({ line: 5, expected: lines[3], actual: '' });
  // A crash may come between the two.
  expect(replay(lines.slice(0, 3)).difference).toBeUndefined();
});

function updatesSeen(): number {
  const isUpdate = (line: string) => line.includes('"type":"UPDATE"') && line.startsWith('{"event"');
  return [...simulation.nodes.values()].reduce((sum, node) => sum + node.lines.filter(isUpdate).length, 0);
}

function sorted(fib: ReadonlyMap<string, unknown>): unknown[] {
  return [...fib].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
}
