// What a router keeps out of the domain, and what it asks of packets that go in, as the link state has it.
import { beforeEach, describe, expect, test } from 'vitest';
import type { RouterConfig } from '../config/config.ts';
import { parseConfig } from '../config/parse.ts';
import { type Border, fibRoute } from '../fib/fib.ts';
import { Simulation } from './simulation.fixture.ts';

const WEB = 'fd00:cafe::80';
const ADDRESSES: Record<string, string> = { in: 'fd00:ffff::1', eg: 'fd00:ffff::2' };

function config(name: 'in' | 'eg', sections: string): RouterConfig {
  const far = name === 'in' ? 'eg' : 'in';
  const id = { in: 1, eg: 2 };
  const parsed = parseConfig(`
name: ${name}
site: site-${name}
router-id: 10.0.0.${id[name]}
security: plaintext
services: { web: "${WEB}" }
links:
  - { name: core0, neighbour: 10.0.0.${id[far]}, local-address: "${ADDRESSES[name]}", remote-address: "${ADDRESSES[far]}" }
peers: [ { name: ${far}, address: "${ADDRESSES[far]}" } ]
${sections}`);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.config;
}

const INGRESS = 'steering: { services: [ { service: web } ], blackout: 1s }\n';
const EGRESS = `instances: [ { name: sv, service: web, address: "fd00:2::80", sid: "5f00:0:2:80::", metrics: { kind: push }, valid-for: 60s } ]\n`;
const LOCATORS = { in: 'srv6: { locator: "5f00:0:1::/48" }\n', eg: 'srv6: { locator: "5f00:0:2::/48" }\n' };

let simulation: Simulation;
const run = (ingress: string, egress: string) => {
  simulation.add(config('in', ingress));
  simulation.add(config('eg', egress));
  simulation.start('in');
  simulation.start('eg');
  simulation.run(400);
  const report = {
    wallMs: 1_790_000_000_000 + simulation.atMs,
    workers: 4,
    workTimeUs: 4000,
    inFlight: 0,
    arrivalRate: 10,
  };
  simulation.post('eg', { type: 'instance-report', service: WEB, contactInstance: 'fd00:2::80', report });
  simulation.run(1600);
};
const border = (): Border => simulation.objects('in', 'border')[0]!;

beforeEach(() => {
  simulation = new Simulation();
});

describe('the border', () => {
  test('takes the links for inside and the block of the locators for SIDs', () => {
    run(`${LOCATORS.in}border: { inside: [ cluster0 ] }`, LOCATORS.eg);
    expect(border()).toEqual({ kind: 'border', inside: ['core0', 'cluster0'], sidSpace: ['5f00::/32'] });
  });

  test('learns blocks of other routers, and keeps to locators where the block holds other addresses', () => {
    run(LOCATORS.in, 'srv6: { locator: "fd00:0:2::/48" }\nprefixes: [ "fd00:0:77::/64" ]');
    expect(border().sidSpace).toEqual(['5f00::/32', 'fd00:0:2::/48']);
  });

  test('lets no locator of a peer cut off a prefix, and believes no block of half the world', () => {
    run(
      `${LOCATORS.in}prefixes: [ "5f01:0:2:7::/64" ]`,
      'srv6: { locator: "5f01:0:2::/48", structure: { block: 8, node: 40, function: 16 } }',
    );
    expect(border().sidSpace).toEqual(['5f00::/32']);
  });

  test('is not drawn where it is turned off, nor by a router that forwards nothing', () => {
    run(`${LOCATORS.in}border: { enabled: false }`, `${LOCATORS.eg}roles: [ c-ps, c-nma ]`);
    expect(simulation.objects('in', 'border')).toEqual([]);
    expect(simulation.objects('eg', 'border')).toEqual([]);
  });
});

describe('packets to services', () => {
  const mtu = () => simulation.objects('in', 'mtu').map((it) => it.mtu);
  const tooBig = () => simulation.objects('in', 'route').filter(({ target }) => target.kind === 'too-big');

  test('leave room for the longest list and three more SIDs on Ethernet', () => {
    run(LOCATORS.in + INGRESS, LOCATORS.eg + EGRESS);
    const [list] = simulation.objects('in', 'nexthop');
    const bytes = 40 + 8 + 16 * (list!.segments.length + 3 - 1);
    expect(simulation.objects('in', 'mtu')).toEqual([{ kind: 'mtu', services: [WEB], mtu: 1500 - bytes, mark: 0xfff }]);
    expect(tooBig()).toEqual([fibRoute(`${WEB}/128`, 10_000, { kind: 'too-big', mtu: 1500 - bytes })]);
    expect(simulation.objects('in', 'rule')).toContainEqual({
      ...{ kind: 'rule', family: 'ipv6', priority: 10_000, fwmark: 0xfff, mask: 0xfff, table: 10_000 },
    });
  });

  test('follow the tightest link that anybody tells of, and need nothing where links are larger', () => {
    run(LOCATORS.in + INGRESS, LOCATORS.eg + EGRESS);
    const [before] = mtu();
    const link = (name: string, bytes: number) => {
      simulation.post(name, { type: 'link', name: 'core0', up: true, mtu: bytes });
      simulation.run(500);
    };
    link('in', 1600);
    expect(mtu()).toEqual([]);
    expect(tooBig()).toEqual([]);
    link('eg', 1480);
    expect(mtu()).toEqual([before! - 20]);
    link('eg', 9000);
    simulation.post('in', { type: 'access-mtu', mtu: 9000 });
    expect(mtu()).toEqual([before! + 100]);
  });

  test('are what the file says, and are left alone where it says off', () => {
    run(`${LOCATORS.in + INGRESS}mtu: 1450`, LOCATORS.eg + EGRESS);
    expect(mtu()[0]).toBeLessThan(1450 - 40);
    simulation = new Simulation();
    run(`${LOCATORS.in + INGRESS}mtu: off`, LOCATORS.eg + EGRESS);
    expect(mtu()).toEqual([]);
    expect(simulation.objects('in', 'nexthop')).not.toEqual([]);
  });
});
