// A domain of hubs and sites as a whole: it converges, loses a hub, is cut in two and healed. `scripts/bench simulation` runs
// the same with a thousand sites.
import { expect, test } from 'vitest';
import { DomainRun } from './domain-run.fixture.ts';

const SITES = 24;
const run = new DomainRun({ sites: SITES, hubs: 4 });

test('a cold start ends with the same routes and reports everywhere', () => {
  expect(run.coldStart()).toBeLessThan(2000);
});

test('a report reaches every other site once through each of its hubs, and no more', () => {
  const seconds = 5;
  const { rows, messages, bytes, sampledRows } = run.load(1000, seconds * 1000);
  // producers x consumers x rate x sessions, less what was conflated on the way.
  const formula = SITES * (SITES - 1) * seconds * 2;
  expect(rows / formula).toBeGreaterThan(0.8);
  expect(rows / formula).toBeLessThanOrEqual(1.01);
  expect(messages).toBeLessThanOrEqual(rows);
  expect(bytes / sampledRows).toBeLessThan(120);
});

test('a hub that dies takes no route from any site, and comes back into the same domain', () => {
  expect(run.loseHub('hub-0', 3000)).toBe(0);
  expect(run.restartHub('hub-0')).toBeLessThan(10_000);
});

test('cut in two for a minute both halves keep what is theirs, and the heal leaves the tables of before', () => {
  const before = run.tables();
  const { inside, cut } = run.partition();
  run.domain.simulation.run(60_000);
  expect(run.straysAcross(inside)).toBe(0);
  expect(run.heal(cut, before)).toBeLessThan(10_000);
});

test('nobody outdoes what it says itself when that comes back around a circle of hubs', () => {
  const mesh = new DomainRun({ sites: 16, hubs: 8 });
  expect(mesh.coldStart()).toBeLessThan(500);
  const { simulation, hubs } = mesh.domain;
  // Once for each link that came up, at most; a fight with oneself goes into the hundreds.
  for (const name of hubs) {
    const { ownNode, wallOriginMs, startedAtMs } = simulation.node(name).router.state!;
    const said = ownNode!.sequence - Math.floor(wallOriginMs + startedAtMs);
    expect(said, name).toBeLessThanOrEqual(ownNode!.links.length + 1);
  }
});
