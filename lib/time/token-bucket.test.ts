import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Bucket, fullBucket, takeToken, tokenAtMs, tokensAt } from './token-bucket.ts';

const CONFIG = { perSecond: 10, burst: 5 };

/** How many of the given times pass. */
function passing(times: readonly number[]): number[] {
  let bucket: Bucket = fullBucket(CONFIG, 0);
  return times.filter((atMs) => {
    const next = takeToken(bucket, CONFIG, atMs);
    if (next !== undefined) bucket = next;
    return next !== undefined;
  });
}

test('a burst passes, then the rate holds', () => {
  expect(passing(new Array(8).fill(0))).toHaveLength(5);
  expect(passing([0, 0, 0, 0, 0, 50, 100, 150, 200])).toEqual([0, 0, 0, 0, 0, 100, 200]);
});

test('over any time no more pass than burst and rate allow, and the time named for the next is the first at which it does', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(300), { maxLength: 60 }), (gaps) => {
      let atMs = 0;
      let bucket = fullBucket(CONFIG, 0);
      let passed = 0;
      for (const gap of gaps) {
        atMs += gap;
        const next = takeToken(bucket, CONFIG, atMs);
        const dueMs = tokenAtMs(bucket, CONFIG, atMs);
        if (next === undefined) {
          expect(takeToken(bucket, CONFIG, dueMs)).toBeDefined();
          expect(takeToken(bucket, CONFIG, dueMs - 1)).toBeUndefined();
          continue;
        }
        expect(dueMs).toBeCloseTo(atMs, 5);
        bucket = next;
        passed++;
      }
      expect(passed).toBeLessThanOrEqual(CONFIG.burst + (atMs * CONFIG.perSecond) / 1000 + 1e-6);
      expect(tokensAt(bucket, CONFIG, atMs + (CONFIG.burst / CONFIG.perSecond) * 1000)).toBeCloseTo(CONFIG.burst, 9);
    }),
  );
});
