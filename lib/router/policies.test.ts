// What a receiver asks to hear and what policies let through, changed while sessions stay.
import { beforeEach, describe, expect, test } from 'vitest';
import type { PolicyConfig } from '../config/config.ts';
import { COMMUNITY } from '../model/service-route.ts';
import { serviceRows, serviceUpdate } from '../session/update-rows.ts';
import { instanceAddress, SERVICE } from './domain.fixture.ts';
import { peerRows } from './view/peers.ts';
import { policyTest } from './view/policy-test.ts';
import { ALL, worldOfTest } from './world.fixture.ts';

const { begin, world, state, instances, routeTo, messages } = worldOfTest();

describe('a subscription', () => {
  const hears = (services: readonly string[], regions: readonly string[] = []) => ({
    name: 'hub-0',
    importPolicy: '',
    exportPolicy: '',
    subscription: { services, regions, classes: [] },
  });

  test('in the configuration keeps what is not wanted from ever being sent', () => {
    begin({ subscribe: { site: 0, text: 'subscribe: { regions: [nowhere] }' } });
    expect(instances('s-0')).toEqual(['sv-0']);
    expect(instances('s-1')).toEqual(ALL);
    expect(peerRows(state('hub-0')).find((row) => row.name === 's-0')!.protocol.remoteSubscription).toEqual([
      'region nowhere',
    ]);
  });

  test('changes while the session stays: what is unwanted is withdrawn, what is wanted comes', () => {
    begin({ hubs: 1 });
    const { flaps } = state('s-0').peers.get('hub-0')!;
    world().domain.simulation.post('s-0', { type: 'policies', policies: [], peers: [hears(['fd00:beef::/32'])] });
    world().domain.simulation.run(50);
    expect(messages('SUBSCRIBE')).toHaveLength(1);
    expect(instances('s-0')).toEqual(['sv-0']);
    world().domain.simulation.post('s-0', { type: 'policies', policies: [], peers: [hears([`${SERVICE}/128`])] });
    world().domain.simulation.run(50);
    expect(instances('s-0')).toEqual(ALL);
    expect(instances('s-1')).toEqual(ALL);
    expect(state('s-0').peers.get('hub-0')!.flaps).toBe(flaps);
  });

  test('that changes for ever leaves nothing behind', () => {
    begin({ hubs: 1 });
    const { exportGroups, peers } = state('hub-0');
    for (let i = 0; i < 100; i++) {
      const subscription = { services: [`${SERVICE}/128`], regions: [`region-${i}`], classes: [] };
      world().say('s-0', 'hub-0', { type: 'SUBSCRIBE', subscription });
    }
    expect(exportGroups.size).toBeLessThanOrEqual(peers.size + 1);
    world().say('s-0', 'hub-0', { type: 'SUBSCRIBE', subscription: { services: [], regions: [], classes: [] } });
    world().run(100);
    for (const name of world().domain.sites) expect(instances(name), name).toEqual(ALL);
  });
});

describe('a policy', () => {
  const rule = (name: string, site: string, set: object, verdict: 'accept' | 'reject') => ({
    name,
    match: { services: [], sites: [site], regions: [], tags: [], classes: [], peers: [], communities: [] },
    set: { addCommunities: [], removeCommunities: [], ...set },
    verdict,
  });
  const POLICY: PolicyConfig = {
    name: 'p',
    rules: [
      rule('no-2', 's-2', {}, 'reject'),
      rule('mark', 's-*', { addCommunities: ['seen'], preference: 7 }, 'accept'),
    ],
    otherwise: 'reject',
  };
  const attach = (peer: string, way: 'import' | 'export', name: string) => ({
    type: 'policies' as const,
    policies: [POLICY],
    peers: [
      {
        name: peer,
        importPolicy: way === 'import' ? name : '',
        exportPolicy: way === 'export' ? name : '',
        subscription: { services: [], regions: [], classes: [] },
      },
    ],
  });

  beforeEach(() => begin({ hubs: 1 }));

  test('of import is applied to what is there already, and undone again, without a word to the peer', () => {
    world().domain.simulation.post('s-0', attach('hub-0', 'import', 'p'));
    expect(instances('s-0')).toEqual(['sv-0', 'sv-1', 'sv-3']);
    expect(routeTo('s-0', 1)!.attributes).toMatchObject({ communities: ['seen'], preference: 7 });
    expect(peerRows(state('s-0'))[0]!.protocol).toMatchObject({ importPolicy: 'p', rejected: 1 });
    world().domain.simulation.run(500);
    world().domain.simulation.post('s-0', attach('hub-0', 'import', ''));
    expect(instances('s-0')).toEqual(ALL);
    expect(routeTo('s-0', 1)!.attributes).toMatchObject({ communities: [], preference: 0 });
    expect(messages('ROUTE-REFRESH')).toEqual([]);
    expect(state('s-0').peers.get('hub-0')!.flaps).toBe(0);
  });

  test('of import is applied to what is kept of a peer that is away, and what is long-lived stays so', () => {
    const { simulation } = world().domain;
    simulation.kill('hub-0');
    world().run(1000);
    expect(instances('s-0')).toEqual(ALL);
    simulation.post('s-0', attach('hub-0', 'import', 'p'));
    expect(instances('s-0')).toEqual(['sv-0', 'sv-1', 'sv-3']);
    expect(routeTo('s-0', 1)!.attributes).toMatchObject({ communities: ['seen'], preference: 7 });
    world().run(state('s-0').config.protocol.restartTimeMs + 1000);
    simulation.post('s-0', attach('hub-0', 'import', ''));
    expect(routeTo('s-0', 1)!.attributes).toMatchObject({ communities: [COMMUNITY.llgrStale], preference: 0 });
    // What the policy took away comes back with the peer.
    expect(instances('s-0')).toEqual(['sv-0', 'sv-1', 'sv-3']);
    simulation.start('hub-0');
    world().run(60_000);
    expect(instances('s-0')).toEqual(ALL);
  });

  test('of import judges a large table some rows a turn, and misses nothing of what is said meanwhile', () => {
    const block = (number: number) => {
      const base = world().announcement({ sitePath: ['s-1'], onlyToDownstream: '' }, 1);
      if (base.type !== 'UPDATE') throw new Error('no UPDATE');
      const rows = Array.from({ length: 500 }, (_, i) => ({
        ...serviceRows(base.service!)[0]!,
        handle: 1000 + number * 500 + i,
        contactInstance: `fd00:bad:${number + 1}::${(i + 1).toString(16)}`,
      }));
      return { type: 'UPDATE' as const, service: serviceUpdate(rows) };
    };
    for (let number = 0; number < 20; number++) world().say('s-1', 'hub-0', block(number));
    world().run(1000);
    const { table, peers } = state('hub-0');
    const { session } = peers.get('s-1')!;
    const sum = () => session!.handles.size + session!.held.size;
    const all = table.size;
    expect(sum()).toBe(10_001);
    const picky = { ...attach('s-1', 'import', 'q'), policies: [{ ...POLICY, name: 'q', rules: [] }] };
    world().domain.simulation.post('hub-0', picky);
    // The first part was done, and others have their turns before the last.
    expect(session!.held.size).toBeGreaterThan(0);
    expect(table.size).toBeGreaterThan(ALL.length);
    world().say('s-1', 'hub-0', block(30));
    world().say('s-1', 'hub-0', { type: 'UPDATE', service: serviceUpdate([], [1000, 1000 + 19 * 500]) });
    world().run(1000);
    expect(table.size).toBe(ALL.length - 1);
    expect([session!.handles.size, session!.held.size]).toEqual([0, 10_499]);

    world().domain.simulation.post('hub-0', attach('s-1', 'import', ''));
    expect(session!.held.size).toBeGreaterThan(0);
    // Another change of mind: what was under way is given up.
    world().domain.simulation.post('hub-0', picky);
    world().domain.simulation.post('hub-0', attach('s-1', 'import', ''));
    world().run(1000);
    expect([session!.handles.size, session!.held.size]).toEqual([10_499, 0]);
    expect(table.size).toBe(all + 498);
    expect(instances('s-0').length).toBe(table.size);
    expect(peers.get('s-1')!.session).toBe(session);
    expect(messages('ROUTE-REFRESH')).toEqual([]);
  });

  test('of import judges what comes later as well, and withdrawals of what it rejected', () => {
    world().domain.simulation.post('s-0', attach('hub-0', 'import', 'p'));
    world().domain.simulation.post('s-2', {
      type: 'drain',
      service: SERVICE,
      contactInstance: instanceAddress(2),
      drain: true,
    });
    world().domain.simulation.run(100);
    expect(instances('s-0')).toEqual(['sv-0', 'sv-1', 'sv-3']);
    world().domain.simulation.post('s-2', { type: 'stop', text: 'bye' });
    world().domain.simulation.run(2000);
    world().domain.simulation.post('s-0', attach('hub-0', 'import', ''));
    expect(instances('s-0')).toEqual(['sv-0', 'sv-1', 'sv-3']);
  });

  test('of export decides what one peer hears, and nobody else', () => {
    world().domain.simulation.post('hub-0', attach('s-0', 'export', 'p'));
    world().domain.simulation.run(100);
    expect(instances('s-0')).toEqual(['sv-0', 'sv-1', 'sv-3']);
    expect(routeTo('s-0', 1)!.attributes.communities).toEqual(['seen']);
    expect(instances('s-1')).toEqual(ALL);
    world().domain.simulation.post('hub-0', attach('s-0', 'export', ''));
    world().domain.simulation.run(100);
    expect(instances('s-0')).toEqual(ALL);
  });

  test('can be tried before it is attached', () => {
    world().domain.simulation.post('s-0', attach('hub-0', 'import', ''));
    const { policies, peers } = state('s-0');
    const rows = policyTest(state('s-0'), peers.get('hub-0')!, 'import', policies.get('p')!, SERVICE);
    expect(rows.map((row) => `${row.instanceName} ${row.accepted} ${row.by} ${row.changes.join(', ')}`)).toEqual([
      'sv-1 true mark preference 0 -> 7, communities [] -> [seen]',
      'sv-2 false no-2 ',
      'sv-3 true mark preference 0 -> 7, communities [] -> [seen]',
    ]);
    expect(instances('s-0')).toEqual(ALL);
  });
});
