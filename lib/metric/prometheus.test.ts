import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CodedError } from '../errors.ts';
import { parseScrape } from './prometheus.ts';

const names = new Set(['requests_total', 'workers']);

test('wanted samples are summed over their labels, others and comments are passed over', () => {
  const text = [
    '# HELP requests_total Requests.',
    '# TYPE requests_total counter',
    'requests_total{code="200",path="/a b{c}\\"d"} 10',
    'requests_total{code="500"} 2.5e0',
    'other 7',
    'workers 4 1790000000123',
    '',
  ].join('\n');
  const scrape = parseScrape(text, names);
  expect(Object.fromEntries(scrape.values)).toEqual({ requests_total: 12.5, workers: 4 });
  expect(scrape.measuredAtMs).toBe(1790000000123);
});

test.each(['NaN', '+Inf', '-Inf', 'many'])('a wanted sample with the value %s is refused with its line', (value) => {
  expect(() => parseScrape(`other NaN\nworkers ${value}`, names)).toThrow(/line 2/);
});

test('what is not the format is refused: an HTML page is no idle service', () => {
  expect(() => parseScrape('<html>busy</html>', names)).toThrow(CodedError);
});

test('any text gives samples or a coded error', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
      try {
        for (const value of parseScrape(text, names).values.values()) expect(Number.isFinite(value)).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(CodedError);
      }
    }),
  );
});
