import { expect, test } from 'vitest';
import { formatDelay, formatRate, parseDelay, parseLinkVars, parseLoss, parseRate } from './impairment.ts';

test.each([
  ['5ms', 5000],
  ['250us', 250],
  ['1.5s', 1_500_000],
  ['2.5ms', 2500],
])('%s is %d µs', (text, us) => {
  expect(parseDelay(text)).toBe(us);
  expect(parseDelay(formatDelay(us))).toBe(us);
});

test.each([['5'], ['5 ms'], ['ms'], ['-1ms'], ['5m']])('%j is no delay', (text) => {
  expect(() => parseDelay(text)).toThrow('needs a number with a unit');
});

test('loss is a share of 0 to 100 percent', () => {
  expect([parseLoss('1%'), parseLoss('0.5'), parseLoss('100%')]).toEqual([1, 0.5, 100]);
  expect(() => parseLoss('101%')).toThrow('is not a percentage');
});

test('rates are written as tc writes them', () => {
  expect([parseRate('100mbit'), parseRate('2.5gbit'), formatRate(100e6), formatRate(1500)]).toEqual([
    100e6,
    2.5e9,
    '100mbit',
    '1500bit',
  ]);
});

test('unknown link variables are refused with their place', () => {
  expect(parseLinkVars({ delay: '1ms', loss: '1%' }, 'x')).toEqual({
    delayUs: 1000,
    jitterUs: 0,
    lossPercent: 1,
    rateBps: 0,
  });
  expect(() => parseLinkVars({ latency: '1ms' }, 'topology.links.0.vars')).toThrow('topology.links.0.vars.latency');
});
