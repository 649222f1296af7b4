import { expect, test } from 'vitest';
import { bandwidth, msOfUs, percentOfWeight, plain, span } from './format.ts';

test.each([
  [0, '0ms'],
  [999.9, '999ms'],
  [1000, '1s'],
  [59_999, '59s'],
  [60_000, '1m00s'],
  [3_599_000, '59m59s'],
  [3_600_000, '1h00m'],
  [86_399_000, '23h59m'],
  [86_400_000 * 12 + 3_600_000 * 5, '12d05h'],
])('%d ms is shown as %s', (ms, text) => {
  expect(span(ms)).toBe(text);
});

test.each([
  [1e13, '10tbit'],
  [2.5e9, '2.5gbit'],
  [999_999, '1000kbit'],
  [12, '12bit'],
])('%d bit/s is shown as %s', (bps, text) => {
  expect(bandwidth(bps)).toBe(text);
});

test('numbers keep the precision that means something', () => {
  expect([msOfUs(4200), msOfUs(undefined), plain(3), plain(812.54), percentOfWeight(333)]).toEqual([
    '4.200',
    '-',
    '3',
    '812.5',
    '33.3',
  ]);
});
