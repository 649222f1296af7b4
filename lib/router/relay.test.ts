// What a site may not pass on it does not say: where everyone has the same entries of authorisation, nobody refuses a row.
import { expect, test } from 'vitest';
import type { DomainOptions } from './domain.fixture.ts';
import { peerRows } from './view/peers.ts';
import { ALL, World } from './world.fixture.ts';

const ids = { 's-0': '10.1.0.0', 's-1': '10.1.0.1', 's-2': '10.1.0.2', 's-3': '10.1.0.3' };
const hubs = { 'hub-0': '10.255.0.1', 'hub-1': '10.255.0.2' };
const entry = (relay: string) => (one: readonly [string, string]) =>
  `  - { site: ${one[0]}, router-ids: [ ${one[1]} ], services: [ "::/0" ], locators: [ "::/0" ], relay: ${relay} }`;
const ENTRIES = [
  'authorisation:',
  ...Object.entries(ids).map(entry('[]')),
  ...Object.entries(hubs).map(entry('["*"]')),
].join('\n');

const refused = (world: World) =>
  world.domain.hubs.flatMap((hub) => peerRows(world.state(hub)).flatMap((row) => row.refused));

/** With the options, when all is known and a hub has come back; without roles nothing but the entries says who is a leaf. */
function afterRestart(options: Partial<DomainOptions>): World {
  const world = new World({ hubExtra: ENTRIES, siteExtra: ENTRIES, ...options });
  world.domain.simulation.kill('hub-0');
  world.run(500);
  world.domain.simulation.start('hub-0');
  world.run(20_000);
  for (const name of world.domain.sites) expect(world.instances(name), name).toEqual(ALL);
  for (const name of [...world.domain.sites, ...world.domain.hubs])
    expect(world.state(name).lsdb.nodes.size, name).toBe(6);
  return world;
}

test('a leaf site with two neighbours floods neither’s map to the other, and everyone knows everything', () => {
  expect(refused(afterRestart({}))).toEqual([]);
});

test('nor does it say the one what the other told it of services, where no role keeps it from that', () => {
  expect(refused(afterRestart({ roles: false }))).toEqual([]);
});
