// What becomes of the link state of routers that are gone, over hours of virtual time.
import { beforeEach, expect, test } from 'vitest';
import { MAX_AGE_MS } from './ageing.ts';
import { World } from './world.fixture.ts';

const MINUTE_MS = 60_000;
let world: World;
let dead: string;

beforeEach(() => {
  world = new World({ hubs: 2 });
  dead = world.state('s-3').config.routerId;
  world.domain.simulation.kill('s-3');
  world.sent = [];
});

const LIVE = ['hub-0', 'hub-1', 's-0', 's-1', 's-2'];
const knows = (name: string) => world.state(name).lsdb.nodes.has(dead);
const requests = () =>
  world.messages('ROUTE-REFRESH').filter(({ message }) => 'phase' in message && message.phase === 'request');

test('a router that says nothing for an hour is forgotten by everybody, and stays forgotten', () => {
  world.run(MAX_AGE_MS - 10 * MINUTE_MS);
  expect(LIVE.filter(knows)).toEqual(LIVE);
  world.run(12 * MINUTE_MS);
  expect(LIVE.filter(knows)).toEqual([]);
  // Digests are compared every minute: nobody misses it.
  world.run(60 * MINUTE_MS);
  expect(LIVE.filter(knows)).toEqual([]);
  expect(requests()).toEqual([]);
  expect(world.logs('hub-0', 'router forgotten')).toHaveLength(1);
  const brought = [...world.state('hub-0').nodesFrom.values()].reduce((sum, count) => sum + count, 0);
  expect(brought).toBe(world.state('hub-0').lsdb.nodes.size);
});

test('routers that live say so in time: they are known after many hours, under higher sequences', () => {
  const { routerId } = world.state('s-0').config;
  const before = world.state('s-2').lsdb.nodes.get(routerId)!.sequence;
  world.run(5 * MAX_AGE_MS);
  for (const name of LIVE) expect(world.state(name).lsdb.nodes.size, name).toBe(LIVE.length);
  expect(world.state('s-2').lsdb.nodes.get(routerId)!.sequence).toBeGreaterThan(before + 8);
});

test('a router that hears of a dead one late forgets it with the others: age travels with it', () => {
  world.run(MAX_AGE_MS - 5 * MINUTE_MS);
  world.domain.simulation.kill('hub-0');
  world.run(MINUTE_MS);
  world.domain.simulation.start('hub-0');
  world.run(MINUTE_MS);
  expect(knows('hub-0')).toBe(true);
  world.run(5 * MINUTE_MS);
  expect(LIVE.filter(knows)).toEqual([]);
});

test('a node that is too old is taken from nobody', () => {
  world.run(MAX_AGE_MS + 2 * MINUTE_MS);
  const old = { ...world.state('s-0').lsdb.nodes.get(world.state('s-1').config.routerId)!, originator: dead };
  for (const [ageSeconds, taken] of [
    [MAX_AGE_MS / 1000, false],
    [MAX_AGE_MS / 1000 - 60, true],
  ] as const) {
    world.say('s-0', 'hub-0', { type: 'UPDATE', linkState: { nodes: [{ ...old, ageSeconds }] } });
    expect(knows('hub-0'), `${ageSeconds} s`).toBe(taken);
  }
});
