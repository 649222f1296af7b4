import { describe, expect, test } from 'vitest';
import { fill, type Site } from './fill.ts';
import { loadModel, priceAt } from './load-model.ts';

const model = loadModel(
  { workers: 2, workTimeUs: 4000 } as Parameters<typeof loadModel>[0],
  1,
  Array.from({ length: 11 }, () => 0),
);

function site(fixedUs: number, share: number, rate = 0, of = model): Site {
  return { key: `${fixedUs}`, fixedUs, backlogUs: 0, model: of, reportedRate: rate, rate, share, troubled: false };
}

describe('fill', () => {
  test('without any traffic the level is what the cheapest site costs idle, so that a cheaper newcomer can beat it', () => {
    const { shares, levelUs } = fill([site(9000, 1)], 0);
    expect(shares).toEqual([1]);
    expect(levelUs).toBeCloseTo(9000 + priceAt(model, 0), 0);
  });

  test('a site that alone serves everybody has the price of that load as its level', () => {
    const { levelUs } = fill([site(9000, 1, 250)], 250);
    expect(levelUs / (9000 + priceAt(model, 250))).toBeCloseTo(1, 2);
  });

  test('sites of so many workers that their load costs nothing yet are told apart all the same', () => {
    const large = (workTimeUs: number) =>
      loadModel({ workers: 100, workTimeUs } as Parameters<typeof loadModel>[0], 1, []);
    const slow = site(2000, 1, 400, large(100_000));
    const fast = site(20_000, 0, 0, large(10_000));
    expect(fill([slow, fast], 400).shares).toEqual([0, 1]);
    expect(fill([fast, slow], 400).shares).toEqual([1, 0]);
  });
});
