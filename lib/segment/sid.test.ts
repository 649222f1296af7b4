import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressToBytes } from '../net/address.ts';
import { behaviourKind } from './behaviour-kind.ts';
import { behaviourName } from './behaviours.ts';
import { copyBits, isZeroFrom, readBits, writeBits } from './bits.ts';
import { makeSid, sidPrefixBits } from './sid.ts';
import { PrefixTable } from './sid-table.ts';

test('a SID is split into block, C-SID and node', () => {
  expect(makeSid('2001:DB8:b2:20:123::', { block: 48, node: 16, function: 16, argument: 48 }, 105)).toMatchObject({
    address: '2001:db8:b2:20:123::',
    block: '2001:db8:b2::/48',
    node: '2001:db8:b2:20::/64',
    csid: 0x00200123,
    csidBits: 32,
    packs: 'replace',
    unfit: '',
    kind: { action: 'End.X', flavour: 'replace', psp: false },
  });
});

test('a C-SID of 32 bits with the highest one set is a positive number', () => {
  const sid = makeSid('fcaa:bbbb:ff00:1::', { block: 32, node: 16, function: 16, argument: 64 }, 52);
  expect(sid.csid).toBe(0xff000001);
});

test('what is not an address is refused as such', () => {
  expect(() => makeSid('fcaa::/48', { block: 32, node: 16, function: 0, argument: 80 }, 43)).toThrow(
    /not an IP address/,
  );
});

test('every known code point means what its name says', () => {
  const actions: Record<string, string> = { 'End.B6.Encaps': 'End.B6', 'End.B6.Encaps.Red': 'End.B6' };
  let known = 0;
  for (let code = 0; code <= 200; code++) {
    const kind = behaviourKind(code);
    const match = /^(End[\w.]*)(?: with (NEXT|REPLACE)-CSID)?(?: \((.*)\))?$/.exec(behaviourName(code));
    if (kind === undefined) continue;
    known++;
    const [, name = '', flavour = 'none', pops = ''] = match ?? [];
    const action = /^End\.D(X2|T2)/.test(name) ? 'End.L2' : (actions[name] ?? name);
    expect({ code, ...kind }).toEqual({
      code,
      action,
      flavour: flavour.toLowerCase(),
      psp: pops.includes('PSP'),
      usp: pops.includes('USP'),
      usd: pops.includes('USD'),
    });
  }
  expect(known).toBeGreaterThan(100);
});

test('bit fields of any place and length are read and written, and nothing beside them', () => {
  const bits = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  const any = fc.record({
    bytes: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    other: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    offset: fc.nat(96),
    to: fc.nat(96),
    length: fc.nat(32),
    value: fc.integer({ min: 0, max: 0xffffffff }),
  });
  fc.assert(
    fc.property(any, ({ bytes, other, offset, to, length, value }) => {
      const text = bits(bytes);
      expect(readBits(bytes, offset, length)).toBe(Number.parseInt(`0${text.slice(offset, offset + length)}`, 2));
      expect(isZeroFrom(bytes, offset)).toBe(!text.slice(offset).includes('1'));
      const copy = other.slice();
      const longer = Math.min(length * 3, 128 - Math.max(offset, to));
      copyBits(bytes, offset, copy, to, longer);
      const before = bits(other);
      expect(bits(copy)).toBe(before.slice(0, to) + text.slice(offset, offset + longer) + before.slice(to + longer));
      writeBits(bytes, offset, length, value);
      const low = value
        .toString(2)
        .padStart(32, '0')
        .slice(32 - length);
      expect(bits(bytes)).toBe(text.slice(0, offset) + low + text.slice(offset + length));
    }),
  );
});

test('an address that ends at the last bit is zero behind it', () => {
  expect(isZeroFrom(addressToBytes('::1'), 128)).toBe(true);
  expect(isZeroFrom(addressToBytes('::1'), 127)).toBe(false);
});

test('the longest prefix wins, and shorter ones can be left out', () => {
  const table = new PrefixTable<string>();
  table.set(addressToBytes('fcaa:bbbb:6::'), 48, 'End');
  table.set(addressToBytes('fcaa:bbbb:6:1::'), 64, 'End.X');
  table.set(addressToBytes('fcaa:bbbb:6:1::'), 64, 'End.DT6');
  expect(table.find(addressToBytes('fcaa:bbbb:6:2::9'))).toBe('End');
  expect(table.find(addressToBytes('fcaa:bbbb:6:1::9'))).toBe('End.DT6');
  expect(table.find(addressToBytes('fcaa:bbbb:6:2::9'), 48)).toBeUndefined();
  expect(table.find(addressToBytes('fcaa:bbbc::'))).toBeUndefined();
  const sid = makeSid('fcaa:bbbb:6:1::', { block: 32, node: 16, function: 16, argument: 0 }, 18);
  expect(sidPrefixBits(sid)).toBe(64);
});
