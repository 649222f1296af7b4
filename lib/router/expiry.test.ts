// Reports that nobody renews: stale, then forgotten, then out of the table and every view.
import { beforeEach, expect, test } from 'vitest';
import type { Score } from '../model/identity.ts';
import { computeUpdate, serviceRows, serviceUpdate } from '../session/update-rows.ts';
import { SERVICE } from './domain.fixture.ts';
import { candidates } from './steering.ts';
import { peerRows } from './view/peers.ts';
import { ribRows } from './view/services.ts';
import { ALL, World } from './world.fixture.ts';

const VALID_MS = 5000;
let world: World;

beforeEach(() => {
  world = new World({ hubs: 1, digestInterval: '0s' });
});

/** States of the extra instances at a router, `undefined` where there is none. */
const extras = (name: string) => {
  // Views are as of the last event.
  world.domain.simulation.post(name, { type: 'timer', timer: 'ready' });
  return ribRows(world.state(name))
    .filter((row) => row.instanceName.startsWith('extra'))
    .map(({ state }) => state && { score: state.score, stale: state.stale });
};

function report(sequence: number, score: number, handles: readonly number[] = [900]): void {
  const { state } = world.routeTo('s-0', 0)!;
  const said = { ...state!, sequence, score: score as Score, validForMs: VALID_MS };
  world.say('s-0', 'hub-0', {
    type: 'UPDATE',
    compute: computeUpdate(handles.map((handle) => ({ handle, state: said }))),
  });
}

test('a report that is not renewed is stale, then gone everywhere, while its route and other reports stay', () => {
  const everywhere = ['hub-0', 's-1', 's-2'];
  world.say('s-0', 'hub-0', world.announcement({ sitePath: ['s-0'], onlyToDownstream: '' }));
  report(1000, 9);
  world.run(VALID_MS - 1000);
  for (const name of everywhere) expect(extras(name), name).toEqual([{ score: 9, stale: false }]);
  world.run(2000);
  for (const name of everywhere) expect(extras(name), name).toEqual([{ score: 9, stale: true }]);
  world.run(VALID_MS + 1000);
  for (const name of everywhere) {
    expect(extras(name), name).toEqual([undefined]);
    expect(ribRows(world.state(name)).filter(({ state }) => state !== undefined).length, name).toBe(ALL.length);
  }
  const extra = candidates(world.state('s-1'), {
    service: SERVICE,
    class: world.state('s-1').config.steering.classes[0]!,
  }).find((it) => it.route.attributes.instanceName.startsWith('extra'));
  expect(extra).toMatchObject({ stale: false, stateAgeMs: 0 });
  expect(extra!.state).toBeUndefined();
  const { received, advertised } = peerRows(world.state('hub-0')).find((row) => row.name === 's-0')!;
  expect([received.service, received.compute, advertised.compute]).toEqual([2, 1, 3]);

  // Told again it is as old as before; a newer one counts.
  report(1000, 9);
  world.run(500);
  for (const name of everywhere) expect(extras(name), name).toEqual([undefined]);
  report(1001, 8);
  world.run(500);
  for (const name of everywhere) expect(extras(name), name).toEqual([{ score: 8, stale: false }]);
});

test('a report that is renewed in time stays for ever', () => {
  world.say('s-0', 'hub-0', world.announcement({ sitePath: ['s-0'], onlyToDownstream: '' }));
  for (let i = 0; i < 20; i++) {
    report(1000 + i, 9);
    world.run(VALID_MS * 1.9);
    expect(extras('s-1')).toEqual([{ score: 9, stale: true }]);
  }
});

test('a large table is gone through in turns, and what comes meanwhile stays', () => {
  const base = world.announcement({ sitePath: ['s-0'], onlyToDownstream: '' });
  if (base.type !== 'UPDATE') throw new Error('no UPDATE');
  const row = serviceRows(base.service!)[0]!;
  const handles = (block: number) => Array.from({ length: 500 }, (_, i) => 1000 + block * 500 + i);
  for (let block = 0; block < 10; block++) {
    const rows = handles(block).map((handle) => ({
      ...row,
      handle,
      contactInstance: `fd00:bad:1::${handle.toString(16)}`,
    }));
    world.say('s-0', 'hub-0', { type: 'UPDATE', service: serviceUpdate(rows) });
    report(1000, 9, handles(block));
  }
  const state = world.state('hub-0');
  const known = () => [...state.table.rows()].filter((at) => state.table.states.has(at)).length;
  expect(known()).toBe(5000 + ALL.length);
  world.run(VALID_MS * 1.5);
  report(1001, 9, handles(3));
  world.run(VALID_MS * 0.5 + 1500);
  expect(known()).toBe(500 + ALL.length);
  world.run(VALID_MS * 2);
  expect(known()).toBe(ALL.length);
});
