import { expect, test } from 'vitest';
import { nearestWord } from './nearest-word.ts';

test.each([
  ['hold-tme', 'hold-time'],
  ['hodl-time', 'hold-time'],
  ['HOLD-TIME', 'hold-time'],
  ['pers', 'peers'],
  ['zzz', undefined],
  ['', undefined],
  ['x'.repeat(1000), undefined],
])('%s is taken for %s', (text, expected) => {
  expect(nearestWord(text, ['peers', 'hold-time', 'links'])).toBe(expected);
});
