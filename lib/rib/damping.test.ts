import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Flaps, flapped, isForgiven, isSuppressed, penaltyAt, reuseAtMs, UNFLAPPED } from './damping.ts';

/** RFC 7196 with a half-life of a minute. */
const CONFIG = { penalty: 1000, suppress: 6000, reuse: 750, halfLifeMs: 60_000 };

const flaps = (times: readonly number[]): Flaps =>
  times.reduce((history, atMs) => flapped(history, CONFIG, atMs), UNFLAPPED);
const every = (gapMs: number, count: number) => Array.from({ length: count }, (_, i) => i * gapMs);

test("a restart or two are nobody's business", () => {
  expect(flaps(every(1000, 5)).suppressed).toBe(false);
});

test('a heavy flapper is held back, and used again below the reuse threshold', () => {
  const heavy = flaps(every(1000, 7));
  expect(isSuppressed(heavy, CONFIG, 6001)).toBe(true);
  const reuse = reuseAtMs(heavy, CONFIG);
  expect(penaltyAt(heavy, CONFIG, reuse)).toBeCloseTo(CONFIG.reuse);
  expect(isSuppressed(heavy, CONFIG, reuse - 1)).toBe(true);
  expect(isSuppressed(heavy, CONFIG, reuse)).toBe(false);
  expect(isForgiven(heavy, CONFIG, reuse)).toBe(false);
  expect(isForgiven(heavy, CONFIG, reuse + CONFIG.halfLifeMs + 1)).toBe(true);
});

test('flapping once every half-life is never held back', () => {
  expect(flaps(every(CONFIG.halfLifeMs, 100)).suppressed).toBe(false);
});

test('however often it flapped, four half-lives after the last flap it is used again', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5000), { maxLength: 200 }), (gaps) => {
      let atMs = 0;
      const history = flaps(gaps.map((gap) => (atMs += gap)));
      expect(isSuppressed(history, CONFIG, atMs + 4 * CONFIG.halfLifeMs)).toBe(false);
      expect(reuseAtMs(history, CONFIG)).toBeLessThanOrEqual(atMs + 4 * CONFIG.halfLifeMs);
    }),
  );
});
