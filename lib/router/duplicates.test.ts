// Two routers under one router id, as the rows say it at whoever hears of both.
import { expect, test } from 'vitest';
import { duplicatesDue } from './duplicates.ts';
import { install } from './link-state.ts';
import { linkStateRows, peerRows } from './view/peers.ts';
import { rivalOf, World } from './world.fixture.ts';

/** Longer than two that live are silent. */
const GONE_MS = 61_000;

function faultOf(world: World, at: string): string {
  const { routerId } = world.state('s-0').config;
  return linkStateRows(world.state(at)).find((row) => row.originator === routerId)!.fault;
}

function peerFaults(world: World, at: string): string[] {
  return peerRows(world.state(at)).map((row) => row.fault);
}

test('two that go on under one router id are a fault of its row, everywhere, until a minute after one of them', () => {
  const world = new World();
  const { routerId, site } = world.state('s-0').config;
  const rival = rivalOf(world);
  expect(faultOf(world, 's-2')).toBe('');
  rival.says();
  expect(faultOf(world, 's-0')).toBe(`router id ${routerId} is also that of rival of ${site}`);
  // Whose row it is changes hands; the other one is the fault.
  expect(rival.held()).toBe('rival');
  expect(faultOf(world, 's-2')).toBe(`router id ${routerId} is also that of s-0 of ${site}`);
  world.run(11_000);
  expect(rival.held()).toBe('s-0');
  expect(faultOf(world, 's-2')).toBe(`router id ${routerId} is also that of rival of ${site}`);
  expect(world.logs('s-2', 'router id announced under two names')).toHaveLength(1);
  world.run(GONE_MS);
  expect(['s-0', 's-2'].map((at) => faultOf(world, at))).toEqual(['', '']);
  expect(world.state('s-2').duplicates.size).toBe(0);
});

test('who watches a view hears of the fault and of its end', () => {
  const state = new World().state('s-0');
  const views = () => state.effects.splice(0).flatMap((effect) => (effect.type === 'view-changed' ? effect.view : []));
  views();
  install(state, { ...state.ownNode!, name: 'rival', sequence: state.ownNode!.sequence + 1 }, 'hub-0');
  expect(views()).toEqual(['link-state', 'peers']);
  state.atMs += GONE_MS;
  duplicatesDue(state);
  expect(views()).toEqual(['link-state', 'peers']);
});

test('a router that took another name is no fault', () => {
  const world = new World();
  world.run(GONE_MS);
  rivalOf(world, 'renamed').says();
  expect(faultOf(world, 's-2')).toBe('');
});

test('a clone, under our name as well, is a fault of our own row', () => {
  const world = new World();
  const { name, routerId, site } = world.state('s-0').config;
  const clone = rivalOf(world, name);
  clone.says();
  expect(faultOf(world, 's-0')).toBe('');
  for (let i = 0; i < 12; i++) clone.says([]);
  expect(faultOf(world, 's-0')).toBe(`router id ${routerId} is also that of ${name} of ${site}`);
});

test('a peer whose router id another one uses is at fault, and so are two peers with one', () => {
  const world = new World();
  const { routerId, site } = world.state('s-0').config;
  expect(new Set(peerFaults(world, 'hub-0'))).toEqual(new Set(['']));
  rivalOf(world).says();
  const faults = () => peerRows(world.state('hub-0')).filter((row) => row.fault !== '');
  expect(faults().map((row) => [row.name, row.fault])).toEqual([
    ['s-0', `router id ${routerId} is also that of rival of ${site}`],
  ]);
  world.run(11_000 + GONE_MS);
  expect(faults()).toEqual([]);
  // No word of link state tells these two apart.
  const second = world.state('hub-0').peers.get('s-1')!;
  second.remote = { ...second.remote!, routerId };
  expect(faults().map((row) => [row.name, row.fault])).toEqual([
    ['s-0', `router id ${routerId} is also that of peer s-1`],
    ['s-1', `router id ${routerId} is also that of peer s-0`],
  ]);
});

test('names that a peer makes up are bounded', () => {
  const world = new World();
  for (let i = 0; i < 40; i++) rivalOf(world, `rival-${i}`).says();
  expect(world.state('s-2').duplicates.size).toBe(16);
  expect(world.logs('s-2', 'router id announced under two names').length).toBeLessThanOrEqual(16);
});
