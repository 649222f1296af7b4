import fc from 'fast-check';
import { expect, test } from 'vitest';
import { samePlain } from './same-plain.ts';

/** JSON with the keys of every object in order. */
function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_, it) =>
    typeof it === 'object' && it !== null && !Array.isArray(it)
      ? Object.fromEntries(Object.entries(it).sort(([a], [b]) => (a < b ? -1 : 1)))
      : it,
  );
}

const plain = fc.jsonValue({ maxDepth: 3 }).filter((it) => !JSON.stringify(it).includes('__proto__'));

test('two values are the same exactly when their JSON is', () => {
  fc.assert(
    fc.property(plain, plain, (a, b) => {
      expect(samePlain(a, b)).toBe(sortedJson(a) === sortedJson(b));
      expect(samePlain(a, JSON.parse(JSON.stringify(a)))).toBe(true);
    }),
  );
});

test.each([
  [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
  [{ a: 1, b: undefined }, { a: 1 }, true],
  [{ a: 1 }, { a: 1, b: null }, false],
  [[1, [2]], [1, [2]], true],
  [[1, 2], [2, 1], false],
  [[], {}, false],
  [{}, [], false],
  [null, {}, false],
  [1, '1', false],
])('%j and %j: %s', (a, b, same) => {
  expect(samePlain(a, b)).toBe(same);
  expect(samePlain(b, a)).toBe(same);
});
