// Hubs reflect and roles keep routes from going the wrong way, in a domain of hubs and sites.
import { beforeEach, describe, expect, test } from 'vitest';
import { serviceRows } from '../session/update-rows.ts';
import { peerRows } from './view/peers.ts';
import { ALL, worldOfTest } from './world.fixture.ts';

const { begin, world, state, routes, instances, routeTo, messages, logs, say, announcement } = worldOfTest();

describe('reflection', () => {
  beforeEach(() => begin());

  test('brings every contact instance to every site: a hub never chooses for its clients', () => {
    for (const name of [...world().domain.sites, ...world().domain.hubs]) expect(instances(name), name).toEqual(ALL);
  });

  test('adds the hub to the cluster list and nothing to the site path (RFC 4456, RFC 7947)', () => {
    const far = routeTo('s-0', 2)!;
    expect(far.attributes.sitePath).toEqual(['s-2']);
    expect(far.attributes.clusterList).toHaveLength(1);
    expect(far.attributes.clusterList[0]).toMatch(/^10\.255\.0\./);
  });

  test('survives the loss of one hub: routes through the other take over, and nothing is lost meanwhile', () => {
    world().domain.simulation.kill('hub-0');
    for (let i = 0; i < 20; i++) {
      world().domain.simulation.run(100);
      for (const name of world().domain.sites) expect(instances(name), name).toEqual(ALL);
    }
    // The hub is gone for good: its copies go with the restart time, and everyone has the other's.
    world().domain.simulation.run(130_000);
    for (const name of world().domain.sites) {
      expect(instances(name), name).toEqual(ALL);
      expect(routes(name).every((it) => it.best !== 'hub-0')).toBe(true);
    }
  });

  test('ends where it began: a route with the own id in its cluster list is dropped', () => {
    say('s-0', 'hub-0', announcement({ clusterList: ['10.255.0.1'], onlyToDownstream: '' }));
    expect(instances('hub-0')).toEqual(ALL);
  });

  test('ends where a set can name no more hubs: 64 of them are taken, and told to nobody', () => {
    const crossed = Array.from({ length: 64 }, (_, i) => `10.9.0.${i + 1}`);
    say('s-0', 'hub-0', announcement({ clusterList: crossed, onlyToDownstream: '' }));
    world().domain.simulation.run(1000);
    expect(instances('hub-0')).toHaveLength(ALL.length + 1);
    expect(instances('s-1')).toEqual(ALL);
  });
});

describe('roles', () => {
  beforeEach(() => begin());

  test('mark what went down, and no site passes it up again', () => {
    expect(routeTo('s-0', 2)!.attributes.onlyToDownstream).toMatch(/^10\.255\.0\./);
    expect(routeTo('hub-0', 2)!.attributes.onlyToDownstream).toBe('');
    // Each hub heard of the others' sites by itself, never through a site.
    for (const hub of world().domain.hubs)
      expect(routes(hub).every((it) => it.attributes.sitePath.length === 1)).toBe(true);
  });

  test('take a route that went down and comes up again for a leak, and say so once', () => {
    for (const handle of [900, 901]) say('s-0', 'hub-0', announcement({ onlyToDownstream: '10.255.0.2' }, handle));
    expect(instances('hub-0')).toEqual(ALL);
    expect(peerRows(state('hub-0')).find((row) => row.name === 's-0')!.refused).toEqual([{ reason: 'leak', rows: 2 }]);
    expect(logs('hub-0', 'refused, treated as withdrawn')).toHaveLength(1);
    expect(state('hub-0').peers.get('s-0')!.session).toBeDefined();
  });

  test('let an observer hear everything and say nothing', () => {
    begin({ siteExtra: '', observers: [3] });
    expect(instances('s-3')).toEqual(ALL);
    expect(instances('hub-0')).toEqual(['sv-0', 'sv-1', 'sv-2']);
    expect(state('hub-1').lsdb.nodes.has(state('s-3').config.routerId)).toBe(false);
  });

  test('refuse a peer of another role with NOTIFICATION 2/11', () => {
    begin({ wrongRole: true });
    const refusals = world()
      .domain.simulation.node('hub-0')
      .logs.filter((line) => line.includes('NOTIFICATION 2/11'));
    expect(refusals[0]).toContain('role is site, expected hub');
    expect(state('s-1').peers.get('hub-0')!.session).toBeDefined();
  });
});

test('a hub that restarts loses nobody a route, and says nothing twice to those who were there', () => {
  begin({ hubs: 1 });
  const hub = world().domain.hubs[0]!;
  world().domain.simulation.kill(hub);
  world().domain.simulation.run(500);
  for (const name of world().domain.sites) expect(instances(name)).toEqual(ALL);
  world().domain.simulation.start(hub);
  for (let i = 0; i < 80; i++) {
    world().domain.simulation.run(100);
    for (const name of world().domain.sites) expect(instances(name), `${name} at ${i}`).toEqual(ALL);
  }
  for (const name of world().domain.sites) expect(state(name).peers.get(hub)!.retention.phase).toBe('none');
  const told = messages('UPDATE').filter(({ from }) => from === hub);
  const rows = told.flatMap(({ message }) =>
    message.type === 'UPDATE' && message.service ? serviceRows(message.service) : [],
  );
  // Four sites hear three routes each, in whatever order they come.
  expect(rows.length).toBeLessThanOrEqual(2 * 12);
});
