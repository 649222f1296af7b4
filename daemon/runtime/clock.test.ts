import { afterEach, expect, test, vi } from 'vitest';
import { steadyWallMs, stepOf, wallClockMs, watchWallClock } from './clock.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** However long the process stands still in between. */
function expectToFollow(): void {
  const before = Date.now();
  const said = wallClockMs();
  expect(said).toBeGreaterThan(before - 25);
  expect(said).toBeLessThan(Date.now() + 25);
}

test('the wall clock follows the system’s, and keeps its resolution while nothing happens', () => {
  expectToFollow();
  expect(stepOf(1000.7, 1000)).toBe(0);
  expect(stepOf(1000.7, 1015)).toBe(0);
  expect(stepOf(1000.7, 61_000)).toBeCloseTo(59_999.8);
  expect(stepOf(61_000, 1000)).toBeCloseTo(-59_999.5);
});

test('a clock that is set is followed at once and told, there and back; steady stamps do not move', () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const seen: number[] = [];
  const stop = watchWallClock((_, byMs) => seen.push(Math.round(byMs / 1000)));
  const real = Date.now;
  const steady = steadyWallMs();
  const set = vi.spyOn(Date, 'now').mockImplementation(() => real() + 3_600_000);
  expect(wallClockMs() - real()).toBeGreaterThan(3_599_000);
  vi.advanceTimersByTime(3000);
  set.mockRestore();
  vi.advanceTimersByTime(3000);
  stop();
  expect(seen).toEqual([3600, -3600]);
  expectToFollow();
  expect(steadyWallMs() - steady).toBeLessThan(60_000);
});
