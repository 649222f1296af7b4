import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesToAddress } from '../net/address.ts';
import { describePacked } from './describe-packed.ts';
import { testDomain } from './domain.fixture.ts';
import { makeSid } from './sid.ts';
import { sidTable } from './sid-table.ts';

const NEXT = { block: 32, node: 16, function: 0, argument: 80 };
const G32 = { block: 48, node: 16, function: 16, argument: 48 };
const known = sidTable([
  ...[1, 2, 3].map((n) => makeSid(`fcaa:bbbb:${n}::`, NEXT, 43, `r${n}`)),
  makeSid('fcaa:bbbb:6:e001::', { block: 32, node: 16, function: 16, argument: 64 }, 62, 'eg'),
  ...[1, 2, 3].map((n) => makeSid(`fdbb:cafe:0:${n}:1::`, G32, 101, `r${n}`)),
  makeSid('fdbb:cafe:0:3:2::', G32, 1, 'r3'),
  makeSid('fdbb:cafe:0:6:d6::', G32, 118, 'eg'),
]);

/** `kind: node behaviour address, ...` for each entry. */
function lines(segments: readonly string[]): string[] {
  return describePacked(segments, known).map(
    ({ kind, holds }) => `${kind}: ${holds.map((sid) => `${sid.node} ${sid.behaviour} ${sid.address}`).join(', ')}`,
  );
}

test('a NEXT-CSID container is read as the SIDs it holds', () => {
  expect(lines(['fcaa:bbbb:1:3:6:e001::'])).toEqual([
    'next: r1 End with NEXT-CSID fcaa:bbbb:1::, r3 End with NEXT-CSID fcaa:bbbb:3::, eg End.DT6 with NEXT-CSID fcaa:bbbb:6:e001::',
  ]);
});

test('a mixed list is read entry by entry', () => {
  expect(lines(['fdbb:cafe:0:1:1::', '::3:2:2:1', 'fcaa:bbbb:1:2::'])).toEqual([
    'replace-first: r1 End with REPLACE-CSID fdbb:cafe:0:1:1::',
    'replace-packed: r2 End with REPLACE-CSID fdbb:cafe:0:2:1::, r3 End fdbb:cafe:0:3:2::',
    'next: r1 End with NEXT-CSID fcaa:bbbb:1::, r2 End with NEXT-CSID fcaa:bbbb:2::',
  ]);
});

test('a container that is used up by REPLACE-CSID is followed by another', () => {
  expect(lines(['fdbb:cafe:0:1:1::', '2:1:1:1:3:1:2:1', '::6:d6']).map((line) => line.split(':')[0])).toEqual([
    'replace-first',
    'replace-packed',
    'replace-packed',
  ]);
});

test('a zero ends a container, and a full SID follows', () => {
  expect(lines(['fdbb:cafe:0:1:1::', '::2:1', 'fcaa:bbbb:1::'])).toEqual([
    'replace-first: r1 End with REPLACE-CSID fdbb:cafe:0:1:1::',
    'replace-packed: r2 End with REPLACE-CSID fdbb:cafe:0:2:1::',
    'full: r1 End with NEXT-CSID fcaa:bbbb:1::',
  ]);
});

test('a REPLACE-CSID SID that is alone is a full SID', () => {
  expect(lines(['fdbb:cafe:0:1:1::'])).toEqual(['full: r1 End with REPLACE-CSID fdbb:cafe:0:1:1::']);
});

test('behind a SID that is not known nothing is guessed', () => {
  expect(describePacked(['fdbb:cafe:0:1:1::', '::9:9:2:1', '5f00::1'], known).slice(1)).toEqual([
    {
      segment: '::9:9:2:1',
      kind: 'replace-packed',
      holds: [
        { address: 'fdbb:cafe:0:2:1::', behaviour: 'End with REPLACE-CSID', node: 'r2' },
        { address: 'fdbb:cafe:0:9:9::', behaviour: '', node: '' },
      ],
    },
    { segment: '5f00::1', kind: 'unknown', holds: [] },
  ]);
  // A flavour without a C-SID length tells nothing about the next entry either.
  const odd = sidTable([makeSid('5f00::', { block: 128, node: 0, function: 0, argument: 0 }, 101)]);
  expect(describePacked(['5f00::', '::1'], odd).map(({ kind }) => kind)).toEqual(['full', 'unknown']);
});

test('any list is described, each entry once', () => {
  const { installed } = testDomain(32);
  const prefixes = ['fcbb:bbbb', '2001:db8:c', '2001:db8:e:1'];
  const entry = fc.oneof(
    fc.uint8Array({ minLength: 16, maxLength: 16 }).map(bytesToAddress),
    fc.tuple(fc.constantFrom(...prefixes), fc.integer({ min: 0, max: 8 })).map(([head, n]) => `${head}:${n}:1::`),
    fc.array(fc.constantFrom('0', '1', '2', '3', 'd6'), { minLength: 8, maxLength: 8 }).map((it) => it.join(':')),
  );
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 6 }), (segments) => {
      const described = describePacked(segments, installed);
      expect(described.map(({ segment }) => segment)).toEqual(segments);
      for (const { holds } of described) expect(holds.length).toBeLessThanOrEqual(8);
    }),
  );
});
