// What an operator hears of a peer that cannot be reached.
import { beforeEach, expect, test } from 'vitest';
import { UNREACHABLE_MS } from './reach.ts';
import { peerRows } from './view/peers.ts';
import { World } from './world.fixture.ts';

let world: World;
beforeEach(() => {
  world = new World({ hubs: 1 });
});

const row = () => peerRows(world.state('s-2')).find((found) => found.name === 'hub-0')!;
const lines = () => [...world.logs('s-2', 'peer cannot be reached'), ...world.logs('s-2', 'peer can be reached again')];

test('a peer that cannot be reached says why, until a connection is opened', () => {
  const { simulation } = world.domain;
  simulation.post('s-2', { type: 'connection-failed', peer: 'hub-0', reason: 'fd00::1 port 1790: no route' });
  expect(row().lastError).toBe('fd00::1 port 1790: no route');
  expect(row().lastErrorAtMs).toBeGreaterThan(0);
  simulation.post('s-2', { type: 'connection-opened', peer: 'hub-0', connection: 99, direction: 'outbound' });
  expect(row()).toMatchObject({ lastError: '', lastErrorAtMs: 0 });
});

test('is named in the log once, after a while, and once more when it is back', () => {
  const { simulation } = world.domain;
  simulation.kill('hub-0');
  world.run(UNREACHABLE_MS / 2);
  expect(lines()).toEqual([]);
  world.run(20 * UNREACHABLE_MS);
  expect(lines()).toEqual([expect.stringMatching(/peer cannot be reached.*hub-0.*connection refused/)]);
  simulation.start('hub-0');
  world.run(20 * UNREACHABLE_MS);
  expect(lines()).toHaveLength(2);
  expect(lines()[1]).toMatch(/peer can be reached again.*hub-0/);
  expect(world.state('s-2').peers.get('hub-0')!.session).toBeDefined();
});

test('a peer that is there and refuses says why', () => {
  const { simulation } = world.domain;
  const text = 'peer is idle: received NOTIFICATION 6/2: maintenance';
  simulation.post('s-2', { type: 'connection-opened', peer: 'hub-0', connection: 99, direction: 'inbound' });
  simulation.post('s-2', {
    type: 'message',
    peer: 'hub-0',
    connection: 99,
    message: { type: 'NOTIFICATION', code: 6, subcode: 5, data: '', text },
  });
  expect(row()).toMatchObject({ lastError: `received NOTIFICATION 6/5: ${text}` });
});
