// Whatever locator is configured, the SIDs that come of it are fit for their flavour, inside the locator, and all different.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parsePrefix, prefixContains } from '../net/address.ts';
import { behaviourCode } from '../segment/behaviour-kind.ts';
import { makeSid } from '../segment/sid.ts';
import { adjacencyFunction, endFunction, instanceFunction, type Locator, sidOf, structureOf } from './locator.ts';

const hex = (value: number) => value.toString(16);
const node16 = fc.integer({ min: 1, max: 0xdfff });

const locator: fc.Arbitrary<Locator> = fc.oneof(
  node16.map((n) => of(`5f00:0:${hex(n)}::/48`, 'end', 0, 32, 16, 16)),
  node16.map((n) => of(`fcbb:bbbb:${hex(n)}::/48`, 'next-csid', 16, 32, 16, 16)),
  node16.map((n) => of(`fcbb:bbbb:1:${hex(n)}::/64`, 'next-csid', 16, 48, 16, 16)),
  node16.map((n) => of(`fcbb:bbbb:${hex(n)}::/48`, 'next-csid', 32, 32, 16, 16)),
  node16.map((n) => of(`fdbb:cafe:0:${hex(n)}::/64`, 'replace-csid', 32, 48, 16, 16)),
  fc.integer({ min: 1, max: 255 }).map((n) => of(`fdbb:beef:0:0:${hex(n * 256)}::/72`, 'replace-csid', 16, 64, 8, 8)),
  fc.integer({ min: 1, max: 1023 }).map((n) => of(`fdbb:beef:0:0:${hex(n * 64)}::/74`, 'replace-csid', 16, 64, 10, 6)),
);

function of(
  prefix: string,
  family: Locator['family'],
  csidBits: Locator['csidBits'],
  block: number,
  node: number,
  functionBits: number,
): Locator {
  return {
    prefix: prefix.replace(/^(.*)::\/(\d+)$/, '$1::/$2'),
    family,
    csidBits,
    block,
    node,
    function: functionBits,
  };
}

test('SIDs of a locator are fit, inside it and all different', () => {
  fc.assert(
    fc.property(locator, (it) => {
      const flavour = ({ end: 'none', 'next-csid': 'next', 'replace-csid': 'replace' } as const)[it.family];
      const numbers = Array.from({ length: 20 }, (_, n) => n + 1);
      const values = [
        endFunction(it),
        ...numbers.flatMap((n) => adjacencyFunction(it, n) ?? []),
        ...numbers.flatMap((n) => instanceFunction(it, n) ?? []),
      ];
      const sids = values.map((value) =>
        makeSid(sidOf(it, value), structureOf(it, value), behaviourCode('End', flavour)),
      );
      expect(sids.map((sid) => sid.unfit).filter((fault) => fault !== '')).toEqual([]);
      expect(sids.every((sid) => sid.packs === flavour)).toBe(true);
      expect(sids.every((sid) => prefixContains(parsePrefix(it.prefix), sid.address))).toBe(true);
      expect(new Set(sids.map((sid) => sid.address)).size).toBe(values.length);
      // At least three links and three contact instances, however few function bits.
      expect(values.length).toBeGreaterThanOrEqual(7);
    }),
  );
});
