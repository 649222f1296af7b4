import { expect, test } from 'vitest';
import type { ComputeStateView } from '../../lib/model/view.ts';
import { bandwidth, grouped, msOfUs, ofState, percentOfWeight, plain, span } from './format.ts';

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

test('a state that is no more than a score has no quantities', () => {
  const state = { workers: 0, inFlight: 0, serviceTimeUs: 0 } as ComputeStateView;
  expect(ofState(state, state.inFlight)).toBe('-');
  expect(ofState(state, state.serviceTimeUs, msOfUs)).toBe('-');
  expect(ofState({ ...state, inFlight: 3 }, 3)).toBe('3');
  expect(ofState({ ...state, workers: 4 }, 0)).toBe('0');
  expect(ofState(undefined, undefined)).toBe('-');
});

test.each([
  [7, '7'],
  [1000, '1,000'],
  [1_000_000, '1,000,000'],
])('%d is %s', (value, text) => {
  expect(grouped(value)).toBe(text);
});
