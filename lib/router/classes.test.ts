// Classes of one service: each with its own decision, lists and learned flows, over a virtual network.
import { beforeEach, describe, expect, test } from 'vitest';
import { parseConfig } from '../config/parse.ts';
import type { AffinityService } from '../fib/fib.ts';
import { Simulation } from './simulation.fixture.ts';

const WEB = 'fd00:cafe::80';

/** in -- eg1 (1 ms, region eu), in -- eg2 (3 ms, region us), each with one contact instance. */
function start(classes: string, steering: string): Simulation {
  const simulation = new Simulation();
  const texts = {
    in: `
links:
  - { name: e1, neighbour: 10.0.0.4, local-address: "fd00:1::1", remote-address: "fd00:1::4", delay: 1ms }
  - { name: e2, neighbour: 10.0.0.5, local-address: "fd00:2::1", remote-address: "fd00:2::5", delay: 3ms }
peers: [ { name: eg1, address: "fd00:1::4" }, { name: eg2, address: "fd00:2::5" } ]
classes: ${classes}
steering: { services: [ { service: web, ${steering} } ], blackout: 0s }`,
    eg1: egress(4, 'fd00:1', 'eu'),
    eg2: egress(5, 'fd00:2', 'us'),
  };
  for (const [name, text] of Object.entries(texts)) {
    const id = name === 'in' ? 1 : name === 'eg1' ? 4 : 5;
    const parsed = parseConfig(`
name: ${name}
site: site-${name}
router-id: 10.0.0.${id}
security: plaintext
services: { web: "${WEB}" }
srv6: { locator: "5f00:0:${id}::/48" }${text}`);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
    simulation.add(parsed.config);
  }
  for (const name of Object.keys(texts)) simulation.start(name);
  simulation.run(400);
  for (const id of [4, 5])
    simulation.post(`eg${id - 3}`, {
      type: 'instance-report',
      service: WEB,
      contactInstance: `fd00:${id}::80`,
      report: {
        wallMs: 1_790_000_000_000 + simulation.atMs,
        workers: 4,
        workTimeUs: 4000,
        inFlight: 0,
        arrivalRate: 10,
      },
    });
  simulation.run(1600);
  return simulation;
}

function egress(id: number, link: string, region: string): string {
  return `
links: [ { name: up, neighbour: 10.0.0.1, local-address: "${link}::${id}", remote-address: "${link}::1", delay: ${id === 4 ? 1 : 3}ms } ]
peers: [ { name: in, address: "${link}::1" } ]
instances: [ { name: sv${id}, service: web, address: fd00:${id}::80, sid: "5f00:0:${id}:80::", region: ${region}, metrics: { kind: push }, valid-for: 60s } ]`;
}

let simulation: Simulation;
const service = (): AffinityService => simulation.objects('in', 'affinity')[0]!;
/** Last segment of each instance and its share. */
const sharesOf = (instances: AffinityService['instances']) =>
  Object.fromEntries(
    instances.map(({ slot, weight }) => {
      const nexthop = simulation.node('in').fib.get(`nexthop ${200_000_000 + slot}`);
      return [nexthop?.kind === 'nexthop' ? nexthop.segments.at(-1)! : '', weight];
    }),
  );

describe('a class of a service', () => {
  beforeEach(() => {
    simulation = start(
      '[ { name: gold, bounds: { regions: [us] }, affinity: client, client-prefix: { ipv6: 64 } } ]',
      'classify: [ { match: { dscp: ef }, class: gold }, { match: { port: 53 }, class: default } ]',
    );
  });

  test('has its own decision under its own constraints, slots and lists', () => {
    const { classes, classifier, instances, mode } = service();
    expect(mode).toBe('flow');
    expect(sharesOf(instances)).toEqual({ '5f00:0:4:80::': 1000, '5f00:0:5:80::': 0 });
    expect(classes).toHaveLength(1);
    expect(classes![0]).toMatchObject({ name: 'gold', mode: 'client', clientBits: 64 });
    expect(sharesOf(classes![0]!.instances)).toEqual({ '5f00:0:4:80::': 0, '5f00:0:5:80::': 1000 });
    const slots = [...instances, ...classes![0]!.instances].map(({ slot }) => slot);
    expect(new Set(slots).size).toBe(4);
    expect(classifier).toEqual([
      { match: { dscp: 46 }, class: 'gold' },
      { match: { ports: { from: 53, to: 53 } }, class: '' },
    ]);
  });

  test('takes nothing from another class when its only contact instance goes, and the other class goes on', () => {
    simulation.cut('in', 'eg2');
    simulation.run(2000);
    expect(sharesOf(service().instances)).toEqual({ '5f00:0:4:80::': 1000 });
    // What is left may not serve the class: no share, and what has none is dropped.
    expect(sharesOf(service().classes![0]!.instances)).toEqual({ '5f00:0:4:80::': 0 });
  });

  test('keeps its slots through a restart of the daemon', () => {
    const before = JSON.stringify([...simulation.node('in').fib].sort());
    simulation.kill('in');
    simulation.run(500);
    simulation.start('in');
    simulation.run(6000);
    expect(JSON.stringify([...simulation.node('in').fib].sort())).toBe(before);
  });
});

describe('bucket affinity', () => {
  const group = () => {
    const route = simulation.node('in').fib.get(`route 254 ${WEB}/128`);
    const id = route?.kind === 'route' && route.target.kind === 'group' ? route.target.id : 0;
    const found = simulation.node('in').fib.get(`group ${id}`);
    return found?.kind === 'group' ? found : undefined;
  };

  test('is one resilient group under the main route, without marks and rules', () => {
    simulation = start('[ { name: default, affinity: bucket, idle-timeout: 20s, buckets: 256 } ]', 'class: default');
    expect(service()).toBeUndefined();
    // The one that is left answers packets that are too big.
    expect(simulation.objects('in', 'rule').filter(({ fwmark }) => fwmark !== 0xfff)).toEqual([]);
    expect(group()).toMatchObject({
      resilient: { buckets: 256, idleTimeoutMs: 20_000, unbalancedTimeoutMs: 0 },
      // The one without a share first: it rounds to no bucket, and keeps those that are busy.
      members: [{ weight: 1 }, { weight: 65_000 }],
    });
  });

  test('has another group after a restart with other buckets, because a group cannot change them', () => {
    simulation = start('[ { name: default, affinity: bucket, buckets: 256 } ]', 'class: default');
    const before = group()!;
    const fib = new Map(simulation.node('in').fib);
    simulation = start('[ { name: default, affinity: bucket, buckets: 512 } ]', 'class: default');
    simulation.kill('in');
    simulation.node('in').fib = fib;
    simulation.start('in');
    simulation.run(6000);
    expect(group()).toMatchObject({ resilient: { buckets: 512 } });
    expect(group()!.id).not.toBe(before.id);
  });

  test('removes a contact instance that is gone, and no other', () => {
    simulation = start('[ { name: default, affinity: bucket } ]', 'class: default');
    const before = group()!;
    simulation.cut('in', 'eg2');
    simulation.run(100);
    expect(group()).toMatchObject({ id: before.id, members: [{ weight: 65_000 }] });
  });

  test('of a class is reached by the mark of the class', () => {
    simulation = start(
      '[ { name: bulk, affinity: bucket } ]',
      'classify: [ { match: { source: "2001:db8::/32" }, class: bulk } ]',
    );
    const [bulk] = service().classes!;
    expect(bulk).toMatchObject({ name: 'bulk', mode: 'bucket', instances: [] });
    const rule = simulation.objects('in', 'rule').find((it) => it.fwmark === bulk!.mark);
    const route = simulation.node('in').fib.get(`route ${rule!.table} ${WEB}/128`);
    expect(route).toMatchObject({ target: { kind: 'group' } });
    const before = JSON.stringify([...simulation.node('in').fib].sort());
    simulation.kill('in');
    simulation.start('in');
    simulation.run(6000);
    expect(JSON.stringify([...simulation.node('in').fib].sort())).toBe(before);
  });
});

test('affinity none spreads by weight and keeps nothing', () => {
  simulation = start('[ { name: default, affinity: none } ]', 'class: default');
  expect(service()).toMatchObject({ mode: 'none' });
  expect(sharesOf(service().instances)).toEqual({ '5f00:0:4:80::': 1000, '5f00:0:5:80::': 0 });
  simulation.cut('in', 'eg1');
  simulation.run(100);
  expect(sharesOf(service().instances)).toEqual({ '5f00:0:5:80::': 1000 });
});
