import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  erlangWaitUs,
  inverseTable,
  LINEAR_ABOVE,
  marginalUs,
  rateAt,
  rateAtPrice,
  sensitivityUs,
  serviceTimeUs,
  utilisation,
} from './service-time.ts';

const workers = fc.integer({ min: 1, max: 128 });
const workTimeUs = fc.integer({ min: 50, max: 5_000_000 });

describe('service time', () => {
  it.each([
    { workers: 1, rho: 0.5 },
    { workers: 1, rho: 0.9 },
    { workers: 4, rho: 0.7 },
    { workers: 16, rho: 0.9 },
    { workers: 64, rho: 0.94 },
  ])('is within 3 % of the exact M/M/c time at $workers workers, utilisation $rho', ({ workers, rho }) => {
    const rate = rateAt(rho, workers, 20_000);
    const exact = 20_000 + erlangWaitUs(rate, workers, 20_000);
    expect(Math.abs(serviceTimeUs(rate, workers, 20_000) / exact - 1)).toBeLessThan(0.03);
  });

  it('is exactly M/M/1 with one worker', () => {
    expect(serviceTimeUs(50, 1, 10_000)).toBeCloseTo(20_000, 6);
    expect(marginalUs(50, 1, 10_000)).toBeCloseTo(40_000, 6);
  });

  it.each([
    [0.5, 20.6, 3.7],
    [0.7, 26, 49],
    [0.9, 131, 2220],
    [0.95, 505, 19_000],
  ])(
    'prices 16 workers of 20 ms at utilisation %d as published: %d ms, sensitivity %d ms',
    (rho, price, sensitivity) => {
      const rate = rateAt(rho, 16, 20_000);
      expect(marginalUs(rate, 16, 20_000) / 1e3 / price).toBeCloseTo(1, 1);
      expect(sensitivityUs(rate, 16, 20_000) / 1e3 / sensitivity).toBeCloseTo(1, 1);
    },
  );

  it('never falls when load rises, overload included, and its price is the derivative of rate times time', () => {
    fc.assert(
      fc.property(workers, workTimeUs, fc.double({ min: 0.01, max: 3, noNaN: true }), (c, s, rho) => {
        const rate = rateAt(rho, c, s);
        const step = rate * 1e-4;
        expect(utilisation(rate, c, s)).toBeCloseTo(rho, 9);
        expect(serviceTimeUs(rate + step, c, s)).toBeGreaterThanOrEqual(serviceTimeUs(rate, c, s) * (1 - 1e-12));
        expect(marginalUs(rate + step, c, s)).toBeGreaterThanOrEqual(marginalUs(rate, c, s) * (1 - 1e-12));
        const total = (at: number) => at * serviceTimeUs(at, c, s);
        const slope = (total(rate + step) - total(rate - step)) / (2 * step);
        expect(slope / marginalUs(rate, c, s)).toBeCloseTo(1, 3);
      }),
    );
  });

  it('has a price and a time without a jump where the linear continuation begins', () => {
    for (const c of [1, 2, 16, 100]) {
      const below = rateAt(LINEAR_ABOVE - 1e-9, c, 1000);
      const above = rateAt(LINEAR_ABOVE + 1e-9, c, 1000);
      expect(marginalUs(above, c, 1000) / marginalUs(below, c, 1000)).toBeCloseTo(1, 5);
      expect(serviceTimeUs(above, c, 1000) / serviceTimeUs(below, c, 1000)).toBeCloseTo(1, 5);
    }
  });
});

describe('inverse of the price', () => {
  it('gives back the rate within 1 % of the capacity', () => {
    fc.assert(
      fc.property(workers, workTimeUs, fc.double({ min: 0.3, max: 2, noNaN: true }), (c, s, rho) => {
        const rate = rateAt(rho, c, s);
        // Where waiting is below a millionth of the work time the price says nothing about the rate.
        if (marginalUs(rate, c, s) < s * (1 + 1e-6)) return;
        const back = rateAtPrice(inverseTable(c), marginalUs(rate, c, s), s);
        expect(Math.abs(utilisation(back, c, s) - rho)).toBeLessThan(0.01);
      }),
    );
  });

  it('never falls when the price rises, and is 0 for a price that an idle site exceeds', () => {
    const table = inverseTable(4);
    let last = 0;
    for (let price = 0; price < 400_000; price += 500) {
      const rate = rateAtPrice(table, price, 10_000);
      expect(rate).toBeGreaterThanOrEqual(last);
      last = rate;
    }
    expect(rateAtPrice(table, 10_000, 10_000)).toBe(0);
    expect(rateAtPrice(table, Number.NaN, 10_000)).toBe(0);
  });
});
