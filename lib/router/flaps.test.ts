// Histories of what comes and goes: how many are kept, and what a mass withdrawal costs.
import { expect, test } from 'vitest';
import { noteFlap } from './flaps.ts';
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
