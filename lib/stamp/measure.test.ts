import { expect, test } from 'vitest';
import { measure } from './measure.ts';

test('variation is the mean step between consecutive delays, and loss never passes its field', () => {
  const probes = [10, 30, 20, undefined, undefined, undefined].map((ms, sequence) => ({
    sequence,
    sentAtMs: 0,
    ...(ms !== undefined && { roundTripUs: ms * 1_000 }),
  }));
  expect(measure(probes, 0)).toEqual({
    delayMinUs: 5_000,
    delayAvgUs: 10_000,
    delayVariationUs: 7_500,
    loss: Math.round(0.5 / 0.00000003),
  });
  expect(measure([...probes, ...probes.slice(3)], 0)?.loss).toBe(2 ** 24 - 2);
  expect(measure(probes, -1)?.loss).toBe(0);
  expect(measure([], 0)).toBeUndefined();
});
