import { expect, test } from 'vitest';
import { HoldGrace } from './hold-grace.ts';

const HOLD = 'session/b/hold';

/** How long after its time the timer fires while pressure never ends. */
function waitedMs(grace: HoldGrace): number {
  let nowMs = 1000;
  for (let again = grace.askAgainAtMs(HOLD, nowMs); again !== undefined; again = grace.askAgainAtMs(HOLD, nowMs))
    nowMs = again;
  return nowMs - 1000;
}

test('a hold timer fires at once where nobody was held back lately, any other always', () => {
  expect(new HoldGrace(() => 500).askAgainAtMs(HOLD, 0)).toBeUndefined();
  expect(new HoldGrace(() => 0).askAgainAtMs('session/b/keepalive', 0)).toBeUndefined();
});

test('a hold timer waits while peers are held back, and until they have been read', () => {
  let since = 0;
  const grace = new HoldGrace(() => since);
  expect(grace.askAgainAtMs(HOLD, 1000)).toBe(1500);
  since = 499;
  expect(grace.askAgainAtMs(HOLD, 1500)).toBe(2000);
  since = 999;
  expect(grace.askAgainAtMs(HOLD, 2000)).toBeUndefined();
});

test('so does the deadline of a start: an End-of-RIB while a table lies unread takes its routes from everybody', () => {
  let since = 0;
  const grace = new HoldGrace(() => since);
  expect(grace.askAgainAtMs('ready', 5000)).toBe(5500);
  since = 500;
  expect(grace.askAgainAtMs('ready', 5500)).toBeUndefined();
});

test('pressure without end does not hide a death for ever, and each hold time has its own patience', () => {
  const grace = new HoldGrace(() => 0);
  expect(waitedMs(grace)).toBe(30_000);
  expect(waitedMs(grace)).toBe(30_000);
  expect(grace.askAgainAtMs(HOLD, 40_000)).toBe(40_500);
  grace.forget(HOLD);
  expect(grace.askAgainAtMs(HOLD, 75_000)).toBe(75_500);
});
