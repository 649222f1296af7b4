// Histories of what comes and goes: how many are kept, what a mass withdrawal costs, and that all ways to go count.
import { expect, test } from 'vitest';
import type { SessionMessage } from '../session/message.ts';
import { type ServiceRow, serviceRows, serviceUpdate } from '../session/update-rows.ts';
import { noteFlap } from './flaps.ts';
import { peerRows } from './view/peers.ts';
import { World } from './world.fixture.ts';

const KEPT = 65_536;

test('a mass withdrawal fills the histories and no more, and looks through them once', () => {
  const state = new World({ sites: 1, hubs: 1 }).state('hub-0');
  // To look for what may be forgotten at each of these would take minutes.
  for (let key = 1; key <= KEPT + 100_000; key++) noteFlap(state, key);
  expect(state.flaps.size).toBe(KEPT);
  // A flap of 1000 says nothing any more below 375: after a minute and a half.
  state.atMs += 90_000;
  noteFlap(state, KEPT + 1);
  expect([...state.flaps.keys()]).toEqual([KEPT + 1]);
});

/** The row of an announcement, changed. */
function changed(message: SessionMessage, fields: Partial<ServiceRow>): SessionMessage {
  if (message.type !== 'UPDATE' || message.service === undefined) throw new Error('not an announcement');
  return { type: 'UPDATE', service: serviceUpdate(serviceRows(message.service).map((row) => ({ ...row, ...fields }))) };
}

test.each([
  ['a handle that names another route each time', { handle: 900 }],
  ['an announcement that is malformed', { attributes: undefined }],
])('%s takes routes away as a withdrawal does, and counts as one', (_, fields) => {
  const world = new World({ hubs: 1 });
  const [first, second] = [world.announcement({}, 900), world.announcement({}, 901)];
  for (let i = 0; i < 9; i++) {
    world.say('s-0', 'hub-0', first);
    world.run(500);
    world.say('s-0', 'hub-0', changed('handle' in fields ? second : first, fields));
    world.run(500);
  }
  world.say('s-0', 'hub-0', first);
  expect(world.instances('hub-0')).not.toContain('extra-900');
  expect(peerRows(world.state('hub-0')).find(({ name }) => name === 's-0')!.protocol.damped).toBeGreaterThan(0);
});
