// What a router says of itself, and whom it believes about the domain's links.
import { expect, test } from 'vitest';
import { parseConfig } from '../config/parse.ts';
import type { FibCapability } from '../fib/fib.ts';
import { createRouter, handle } from './handle.ts';
import { install } from './link-state.ts';
import { coreMtu } from './service-mtu.ts';
import { rivalOf, World } from './world.fixture.ts';

const CONFIG = `
name: a
site: site-a
router-id: 10.0.0.1
security: plaintext
services: { web: "fd00:cafe::80" }
stamp: { enabled: false }
srv6: { locator: "5f00:0:1::/48" }
links: [ { name: eth1, neighbour: 10.0.0.2, local-address: "fd00:1::1", remote-address: "fd00:1::2" } ]
peers: [ { name: b, address: "fd00:1::2" } ]
`;

/** What becomes of its link is not known yet. */
function unsettled(capabilities: readonly FibCapability[] = []) {
  const parsed = parseConfig(CONFIG);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  const router = createRouter();
  const start = { type: 'start', config: parsed.config, bootId: 'boot', retained: [], capabilities } as const;
  handle(router, { atMs: 1000, wallMs: 1_790_000_000_000, ...start });
  return { router, state: router.state! };
}

function started(capabilities: readonly FibCapability[]) {
  const { router, state } = unsettled(capabilities);
  handle(router, { atMs: 1001, type: 'link', name: 'eth1', up: true, mtu: 1500 });
  return state;
}

test('a router without a kernel that forwards is no way to others, and says so', () => {
  const kernel = { name: 'kernel', available: false, remark: 'memory only' } as const;
  expect(started([kernel]).ownNode).toMatchObject({ noTransit: true });
  expect(started([]).ownNode).not.toHaveProperty('noTransit');
});

test('what peers held of an earlier life before the links were known is outdone by the first word', () => {
  const { router, state } = unsettled();
  expect(state.ownNode).toBeUndefined();
  const sequence = 1_790_000_900_000;
  const node = { originator: '10.0.0.1', site: 'site-a', name: 'a', sequence, locators: [], prefixes: [], links: [] };
  install(state, { ...node, maxSidDepth: 10 }, 'b');
  handle(router, { atMs: 1001, type: 'link', name: 'eth1', up: true, mtu: 1500 });
  expect(state.ownNode!.sequence).toBeGreaterThan(sequence);
});

test('links of a router that no path leads to are no bound for packets', () => {
  const state = started([]);
  const far = { name: 'eth1', neighbour: '10.0.0.1', localAddress: 'fd00:1::2', remoteAddress: 'fd00:1::1' };
  const numbers = { delayMinUs: 1, delayAvgUs: 1, delayVariationUs: 0, loss: 0, bandwidthBps: 0, srlg: [], mtu: 1280 };
  const node = { site: 'site-b', name: 'b', sequence: 1, locators: [], prefixes: [], maxSidDepth: 10 };
  const link = { ...far, ...numbers, adminGroups: 0, endXSid: '' };
  // It names a neighbour that does not name it.
  install(state, { ...node, originator: '10.0.0.9', links: [{ ...link, remoteAddress: 'fd00:9::1' }] }, undefined);
  expect(state.spf.has('10.0.0.9')).toBe(false);
  expect(coreMtu(state)).toBe(1500);
});

test('a router that another one hid under its router id is known again soon, also when that one says no more', () => {
  const world = new World();
  const rival = rivalOf(world);
  rival.says();
  rival.says([]);
  expect(rival.held()).toBe('rival');
  world.run(11_000);
  expect(rival.held()).toBe('s-0');
  expect(world.logs('s-0', 'duplicate router id')).toHaveLength(1);
});

test('two routers under one router id outdo each other slowly, however often one of them speaks', () => {
  const world = new World();
  const rival = rivalOf(world);
  const before = world.state('s-0').ownNode!.sequence;
  world.sent = [];
  for (let at = 0; at < 30_000; at += 500) {
    rival.says();
    world.run(400);
  }
  // Each time that ours is known for a moment, the other speaks again.
  const ours = world.messages('UPDATE').filter(({ from, message }) => {
    const nodes = 'linkState' in message ? (message.linkState?.nodes ?? []) : [];
    return from === 's-0' && nodes.some((node) => node.name === 's-0');
  });
  expect(world.state('s-0').ownNode!.sequence).toBeGreaterThan(before);
  expect(
    new Set(ours.map(({ message }) => ('linkState' in message ? message.linkState!.nodes[0]!.sequence : 0))).size,
  ).toBeLessThanOrEqual(4);
  expect(ours.length).toBeGreaterThan(0);
});

test('a clone, under our name as well, is outdone like an earlier life, then slowly, and said', () => {
  const world = new World();
  const clone = rivalOf(world, 's-0');
  const own = () => world.state('s-0').ownNode!.sequence;
  clone.says([]);
  const first = own();
  expect(world.state('s-2').lsdb.nodes.get(world.state('s-0').config.routerId)!.links).not.toEqual([]);
  for (let at = 0; at < 30_000; at += 100) clone.says([]);
  // Each word of the clone is one step, each of ours another.
  expect(own() - first).toBeLessThan(300 + 20);
  expect(own() - first).toBeGreaterThan(300 + 9);
  expect(world.logs('s-0', 'another router says what it is under our router id and name')).toHaveLength(1);
});
