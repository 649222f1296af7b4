// Refreshes and digests: what two tables differ in is found and told, in a domain of hubs and sites.
import { beforeEach, describe, expect, test } from 'vitest';
import { serviceRows, serviceUpdate } from '../session/update-rows.ts';
import { peerRows } from './view/peers.ts';
import { ALL, worldOfTest } from './world.fixture.ts';

const { begin, world, state, instances, routeTo, messages, say, announcement } = worldOfTest();

describe('what was lost between two tables', () => {
  const heldRoute = () => {
    const message = announcement({}, 902);
    if (message.type !== 'UPDATE') throw new Error('not an announcement');
    const attributes = serviceRows(message.service!)[0]!.attributes!;
    return { service: new Uint32Array(4), contactInstance: new Uint32Array(4), originator: 1, attributes };
  };
  beforeEach(() => begin({ hubs: 1, digestInterval: '5s' }));

  /** A change that never arrives: the sender believes it told, the receiver never heard. */
  function lose(): void {
    const table = state('s-0').table;
    const row = routeTo('s-0', 2)!.row;
    table.withdraw(row, state('s-0').peers.get('hub-0')!.source);
    expect(instances('s-0')).toEqual(['sv-0', 'sv-1', 'sv-3']);
  }

  test('is found by a digest and cured by a refresh between BEGIN and END', () => {
    world().domain.simulation.run(6000);
    expect(messages('DIGEST').length).toBeGreaterThan(0);
    expect(messages('ROUTE-REFRESH')).toEqual([]);
    lose();
    world().domain.simulation.run(6000);
    const phases = messages('ROUTE-REFRESH').map(({ from, message }) =>
      message.type === 'ROUTE-REFRESH' ? `${from} ${message.family} ${message.phase}` : '',
    );
    expect(phases).toEqual(['s-0 service request', 'hub-0 service begin', 'hub-0 service end']);
    expect(instances('s-0')).toEqual(ALL);
    expect(peerRows(state('s-0'))[0]!.protocol.mismatches).toBe(1);
    world().domain.simulation.run(20_000);
    expect(messages('ROUTE-REFRESH')).toHaveLength(3);
  });

  test('is found in a table that takes many turns to sum, for one peer after the other', () => {
    for (let block = 0; block < 40; block++) {
      const base = announcement({ sitePath: ['s-0'], onlyToDownstream: '' }, 1);
      if (base.type !== 'UPDATE') throw new Error('no UPDATE');
      const rows = Array.from({ length: 500 }, (_, i) => ({
        ...serviceRows(base.service!)[0]!,
        handle: 1000 + block * 500 + i,
        contactInstance: `fd00:bad:${block + 1}::${(i + 1).toString(16)}`,
      }));
      say('s-0', 'hub-0', { type: 'UPDATE', service: serviceUpdate(rows) });
    }
    world().run(4000);
    const big = state('hub-0').table.top;
    expect(big).toBeGreaterThan(20_000);
    expect(state('s-1').table.top).toBe(big);
    world().sent = [];
    world().run(6000);
    const told = messages('DIGEST').filter(
      ({ from, message }) => from === 'hub-0' && message.type === 'DIGEST' && message.family === 'service',
    );
    expect(new Set(told.map(({ to }) => to)).size).toBe(4);
    for (const name of ['s-1', 's-2', 's-3']) expect(peerRows(state(name))[0]!.protocol.mismatches, name).toBe(0);
  });

  test('is looked for at our pace, however many digests a peer sends', () => {
    const wrong = { type: 'DIGEST', family: 'service', count: 1, low: 1, high: 1 } as const;
    for (let i = 0; i < 100; i++) say('s-0', 'hub-0', wrong);
    expect(state('hub-0').peers.get('s-0')!.mismatches).toBe(1);
  });

  test('is swept when the sender no longer has it: what is not told again between BEGIN and END goes', () => {
    say('hub-0', 's-0', announcement({ onlyToDownstream: '', clusterList: ['10.255.0.1'], sitePath: ['s-9'] }));
    expect(instances('s-0')).toContain('extra-900');
    world().domain.simulation.post('s-0', { type: 'peer-command', peer: 'hub-0', command: 'refresh', text: '' });
    world().domain.simulation.run(100);
    expect(instances('s-0')).toEqual(ALL);
  });

  test('is not looked for in maps that differ for a reason: a router that may not be there', () => {
    const entry = (site: string, id: string) =>
      `  - { site: ${site}, router-ids: [ ${id} ], services: [ "::/0" ], locators: [ "::/0" ], relay: ["*"] }`;
    const sites = [0, 1, 2, 3].map((n) => entry(`s-${n}`, `10.1.0.${n}`));
    const siteExtra = ['authorisation:', ...sites, entry('hub-0', '10.255.0.1')].join('\n');
    begin({ hubs: 1, digestInterval: '5s', siteExtra });
    const hub = state('hub-0');
    const known = [...hub.lsdb.nodes.values()][0]!;
    for (let round = 0; round < 12; round++) {
      // It speaks all the time, so that no sum is that of the last round.
      hub.lsdb.install({ ...known, originator: '10.77.0.1', site: 's-9', name: 'stranger', sequence: 1 + round });
      world().run(5000);
    }
    const asked = messages('ROUTE-REFRESH').filter(({ message }) => 'phase' in message && message.phase === 'request');
    expect(asked.map(({ from, to }) => `${from} ${to}`).sort()).toEqual([
      ...['s-0', 's-1', 's-2', 's-3'].map((site) => `hub-0 ${site}`),
      ...['s-0', 's-1', 's-2', 's-3'].map((site) => `${site} hub-0`),
    ]);
    expect(peerRows(state('s-0'))[0]!.refused).toEqual([{ reason: 'site', rows: 1 }]);
  });

  test('leaves no handle and no held route behind when the peer tells everything but that again', () => {
    const session = () => state('hub-0').peers.get('s-0')!.session!;
    const before = session().handles.size;
    say('s-0', 'hub-0', announcement({}, 900));
    say('s-0', 'hub-0', announcement({}, 901));
    session().held.set(902, { ...heldRoute(), why: 'policy' });
    for (const phase of ['begin', 'end'] as const) {
      say('s-0', 'hub-0', { type: 'ROUTE-REFRESH', family: 'service', phase });
      if (phase === 'begin') say('s-0', 'hub-0', announcement({}, 901));
    }
    world().run(1000);
    expect(instances('hub-0').filter((name) => name.startsWith('extra'))).toEqual(['extra-901']);
    // What the site really announced was not told again either.
    expect([before, session().handles.size, session().held.size]).toEqual([1, 1, 0]);
    expect(session().handles.resolve(900)).toBe(-1);
  });

  test('is not looked for where rows were refused: the sums cannot be equal', () => {
    say('hub-0', 's-0', announcement({ sitePath: ['s-0'] }));
    world().domain.simulation.run(30_000);
    expect(messages('ROUTE-REFRESH')).toEqual([]);
    expect(peerRows(state('s-0'))[0]!.protocol.mismatches).toBe(0);
  });

  test('does not go on for ever when a refresh does not help', () => {
    say('hub-0', 's-0', announcement({ sitePath: ['s-9'] }));
    const { table } = state('hub-0');
    // The hub counts a route that it never tells: nothing the site can do about it.
    const row = routeTo('hub-0', 2)!.row;
    state('hub-0').peers.get('s-0')!.session!.out.advertised.delete(row);
    expect(table.isUsed(row)).toBe(true);
    world().domain.simulation.run(60_000);
    expect(
      messages('ROUTE-REFRESH').filter(({ message }) => 'phase' in message && message.phase === 'request').length,
    ).toBeLessThan(4);
  });
});
