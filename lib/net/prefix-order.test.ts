import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalPrefix, parsePrefix, prefixContains } from './address.ts';
import { holdersOf, outermost } from './prefix-order.ts';

/** Few enough that some lie within others. */
const someAddress = fc
  .tuple(fc.constantFrom('5f00', 'fd00'), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }))
  .map(([a, b, c]) => `${a}:${b}:${c}::1`);
const somePrefix = fc
  .tuple(someAddress, fc.constantFrom(0, 16, 30, 32, 47, 48, 64, 128))
  .map(([address, length]) => canonicalPrefix(`${address}/${length}`));
const contains = (outer: string, inner: string) => {
  const [a, b] = [parsePrefix(outer), parsePrefix(inner)];
  return a.length <= b.length && prefixContains(a, b.address);
};

describe('prefixes in order', () => {
  it('are the outermost when none lies within another, and all others do', () => {
    fc.assert(
      fc.property(fc.array(somePrefix, { maxLength: 20 }), (prefixes) => {
        const kept = outermost(prefixes);
        const expected = new Set(
          prefixes.filter((inner) => !prefixes.some((outer) => outer !== inner && contains(outer, inner))),
        );
        expect(kept).toEqual([...expected].sort());
      }),
    );
  });

  it('hold an address or none, as looking at every one says', () => {
    fc.assert(
      fc.property(fc.array(someAddress, { maxLength: 20 }), somePrefix, (addresses, text) => {
        const prefix = parsePrefix(text);
        expect(holdersOf(addresses)(prefix)).toBe(addresses.some((address) => prefixContains(prefix, address)));
      }),
    );
  });

  it('of a large domain are told in a moment', () => {
    const count = 10_000;
    const text = (n: number, length: number) =>
      canonicalPrefix(`5f00:${(n >> 12).toString(16)}:${n & 0xfff}::/${length}`);
    const from = performance.now();
    const locators = Array.from({ length: count }, (_, n) => text(n, 48));
    const holds = holdersOf(locators.map((locator) => parsePrefix(locator).address));
    expect(locators.filter((locator) => !holds(parsePrefix(locator)))).toEqual([]);
    expect(outermost(locators).length).toBe(new Set(locators).size);
    // Each with each would be some minutes.
    expect(performance.now() - from).toBeLessThan(10_000);
  });
});
