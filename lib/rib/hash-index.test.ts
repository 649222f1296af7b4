import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HashIndex, mix } from './hash-index.ts';

/** Rows are their own keys; hashes collide on purpose. */
function indexed(hashOf: (row: number) => number) {
  let wanted = 0;
  const index = new HashIndex((row) => row === wanted);
  return {
    index,
    find: (row: number) => {
      wanted = row;
      return index.find(hashOf(row));
    },
  };
}

test('finds what was put in and not taken out, however it grows and whatever collides', () => {
  const step = fc.record({ row: fc.nat(2000), put: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 1500 }), fc.constantFrom(1, 7, 5000), (steps, spread) => {
      const hashOf = (row: number) => Math.imul(row % spread, 0x9e37_79b1);
      const { index, find } = indexed(hashOf);
      const model = new Set<number>();
      for (const { row, put } of steps) {
        if (put && !model.has(row)) index.insert(row, hashOf(row));
        if (put) model.add(row);
        else if (model.delete(row)) index.remove(row, hashOf(row));
      }
      for (let row = 0; row <= 2000; row++) expect(find(row)).toBe(model.has(row) ? row : -1);
    }),
    { numRuns: 60 },
  );
});

test('stays small when rows come and go', () => {
  const hashOf = (row: number) => Math.imul(row, 0x9e37_79b1);
  const { index, find } = indexed(hashOf);
  for (let row = 0; row < 100_000; row++) {
    index.insert(row, hashOf(row));
    if (row >= 100) index.remove(row - 100, hashOf(row - 100));
  }
  expect(find(99_999)).toBe(99_999);
  expect(find(99_800)).toBe(-1);
  expect(index.bytes).toBeLessThan(16_384);
});

test('is divided when it gets large, and keeps what it has', () => {
  const ROWS = 20_000;
  const hashOf = (row: number) => Math.imul(row, 0x9e37_79b1) ^ (row >>> 3);
  const { index, find } = indexed(hashOf);
  for (let row = 0; row < ROWS; row++) index.insert(row, hashOf(row));
  for (let row = 0; row < ROWS; row += 2) index.remove(row, hashOf(row));
  for (let row = 0; row < ROWS; row++) if (find(row) !== (row % 2 === 0 ? -1 : row)) expect(find(row)).toBe(row);
  // Two words an entry, and never much more room than entries.
  expect(index.bytes).toBeLessThan((ROWS * 8) / 0.5);
});

test('grows evenly: its parts are not all rebuilt at once', () => {
  const hashOf = (row: number) => mix(7, row);
  const { index } = indexed(hashOf);
  const bytesARow: number[] = [];
  for (let row = 0; row < 200_000; row++) {
    index.insert(row, hashOf(row));
    if (row > 50_000 && row % 1000 === 0) bytesARow.push(index.bytes / row);
  }
  expect(Math.max(...bytesARow) / Math.min(...bytesARow)).toBeLessThan(1.05);
});
