import fc from 'fast-check';
import { expect, test } from 'vitest';
import { acted, dueAt, QUIET } from './debounce.ts';

const config = { minMs: 10, maxMs: 250 };

test('a first change is acted on at once', () => {
  expect(dueAt(QUIET, 5)).toBe(5);
});

test('a storm waits longer and longer, up to the maximum, and quiet forgives', () => {
  let debounce = QUIET;
  let atMs = 0;
  const pauses: number[] = [];
  for (let i = 0; i < 8; i++) {
    atMs = dueAt(debounce, atMs);
    debounce = acted(debounce, config, atMs);
    pauses.push(debounce.pauseMs);
  }
  expect(pauses).toEqual([10, 20, 40, 80, 160, 250, 250, 250]);
  expect(acted(debounce, config, atMs + 501).pauseMs).toBe(10);
});

test('no change ever waits longer than the maximum', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 400, noNaN: true }), { maxLength: 50 }), (gaps) => {
      let debounce = QUIET;
      let atMs = 0;
      for (const gap of gaps) {
        atMs += gap;
        const due = dueAt(debounce, atMs);
        expect(due - atMs).toBeLessThanOrEqual(config.maxMs + 1e-6);
        atMs = due;
        debounce = acted(debounce, config, due);
      }
    }),
  );
});
