import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { linkName, linksOf, parseTopology, routersOf, TopologyError } from './topology.ts';

const text = readFileSync(new URL('../../topologies/metro-3/topology.json', import.meta.url), 'utf8');

function metro(): Record<string, unknown> {
  return JSON.parse(text) as Record<string, unknown>;
}

/** A copy with one value replaced. */
function damaged(path: string, value: string): unknown {
  const copy = metro();
  const keys = path.split('.');
  const last = keys.pop()!;
  const holder = keys.reduce((at, key) => at[key] as Record<string, unknown>, copy);
  holder[last] = value;
  return copy;
}

function faultsOf(value: unknown): readonly string[] {
  try {
    parseTopology(value);
    return [];
  } catch (error) {
    if (error instanceof TopologyError) return error.faults;
    throw error;
  }
}

test('metro-3 has two clients, two ingress, two core and three egress routers, three service hosts', () => {
  const topology = parseTopology(metro());
  expect(
    Object.fromEntries(Object.entries(Object.groupBy(topology.nodes, (n) => n.kind)).map(([k, v]) => [k, v.length])),
  ).toEqual({ client: 2, router: 7, 'service-host': 3 });
  expect(routersOf(topology).map((router) => router.role)).toEqual([
    'ingress',
    'ingress',
    'core',
    'core',
    'egress',
    'egress',
    'egress',
  ]);
});

test('the links of a node come ordered by interface, its own end first', () => {
  const topology = parseTopology(metro());
  expect(linksOf(topology, 'core1').map(({ local, link }) => `${local.interface} ${linkName(link)}`)).toEqual([
    'eth1 in1--core1',
    'eth2 in2--core1',
    'eth3 core1--core2',
    'eth4 core1--eg1',
    'eth5 core1--eg2',
    'eth6 core1--eg3',
  ]);
});

test('every fault of shape is reported with its path', () => {
  expect(faultsOf({ ...metro(), colour: 'red', title: '' })).toEqual([
    expect.stringMatching(/^title: /),
    expect.stringMatching(/^\(root\): .*colour/),
  ]);
});

test.each([
  [
    'an address used twice',
    'nodes.3.loopback',
    'fd00:0:0:11::1',
    'nodes.3.loopback: address fd00:0:0:11::1 is already used at nodes.2.loopback',
  ],
  [
    'a router id used twice',
    'nodes.3.routerId',
    '10.0.0.11',
    'nodes.3.routerId: router id 10.0.0.11 is already used at nodes.2.routerId',
  ],
  [
    'an End SID outside its locator',
    'nodes.2.endSid',
    '5f00:0:99:1::',
    'nodes.2.endSid: outside the locator 5f00:0:11::/48',
  ],
  ['a link to nowhere', 'links.0.endpoints.0.node', 'u9', 'links.0.endpoints.0.node: no node u9'],
  [
    'an interface used twice',
    'links.3.endpoints.0.interface',
    'eth2',
    'links.3.endpoints.0: interface in1:eth2 is already used at links.2.endpoints.0',
  ],
  [
    'ends in two subnets',
    'links.0.endpoints.0.address',
    '2001:db8:9::10/64',
    'links.0.endpoints: 2001:db8:9::10/64 and 2001:db8:1::1/64 share no subnet',
  ],
  [
    'an egress SID outside the egress',
    'services.0.instances.0.sid',
    '5f00:0:32:81::',
    'services.0.instances.0.sid: outside the locator 5f00:0:31::/48 of eg1',
  ],
  [
    'a contact instance that its host has not',
    'services.0.instances.0.contactInstance',
    '2001:db8:101::11',
    'services.0.instances.0.contactInstance: not an address of sv1',
  ],
])('%s is a fault', (_what, path, value, fault) => {
  expect(faultsOf(damaged(path, value))).toEqual([fault]);
});

test('addresses must be canonical, so that texts compare', () => {
  expect(faultsOf(damaged('services.0.id', 'FD00:cafe:0::80'))).toEqual([
    'services.0.id: must be a canonical IP address (RFC 5952)',
  ]);
});
