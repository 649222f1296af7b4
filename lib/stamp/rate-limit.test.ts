import { expect, test } from 'vitest';
import { RateLimit } from './rate-limit.ts';

const allowed = (limit: RateLimit, source: string, count: number, atMs: number) =>
  Array.from({ length: count }, () => limit.allows(source, atMs)).filter(Boolean).length;

test('a source gets its rate and a second of burst, then waits', () => {
  const limit = new RateLimit({ perSource: 10, total: 100, maxSources: 9 }, 0);
  expect(allowed(limit, 'a', 50, 0)).toBe(10);
  expect(allowed(limit, 'a', 50, 500)).toBe(5);
  expect(allowed(limit, 'a', 50, 60_000)).toBe(10);
});

test('one source that floods does not silence another', () => {
  const limit = new RateLimit({ perSource: 10, total: 15, maxSources: 9 }, 0);
  expect(allowed(limit, 'flood', 1_000, 0)).toBe(10);
  expect(allowed(limit, 'b', 5, 0)).toBe(5);
});

test('all together never get more than the total', () => {
  const limit = new RateLimit({ perSource: 10, total: 15, maxSources: 9 }, 0);
  expect(['a', 'b', 'c'].reduce((sum, source) => sum + allowed(limit, source, 10, 0), 0)).toBe(15);
});

test('the table of sources is bounded and forgets the one silent longest', () => {
  const limit = new RateLimit({ perSource: 1, total: 100, maxSources: 2 }, 0);
  expect([limit.allows('a', 0), limit.allows('b', 0), limit.allows('a', 1), limit.allows('c', 2)]).toEqual([
    true,
    true,
    false,
    true,
  ]);
  // b was forgotten for c, a was not.
  expect([limit.allows('a', 3), limit.allows('b', 3)]).toEqual([false, true]);
});
