import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../errors.ts';
import { bytesToAddress, generalBytes, parsePrefix } from '../net/address.ts';
import { isIpv6, writeAddress, writePrefix } from './address-text.ts';

/** The bytes written, between guards that must survive. */
function written(text: string): number[] {
  const out = new Uint8Array(24).fill(0xee);
  const size = writeAddress(text, out, 4);
  expect([...out.subarray(0, 4), ...out.subarray(4 + size)]).toEqual(new Array(24 - size).fill(0xee));
  return [...out.subarray(4, 4 + size)];
}

/** Either parser's answer: bytes, or the code of the refusal. */
function answer(parse: () => number[]): number[] | string {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return error.code;
  }
}

describe('addresses straight into a buffer', () => {
  it.each([
    '::',
    '::1',
    '1::',
    '2001:db8::',
    '2001:db8:0:1::/64'.slice(0, -3),
    'fd00:1:2:3:4:5:6:7',
    '::2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7::',
    'FE80::ABCD',
    '::ffff:192.0.2.1',
    '0.0.0.0',
    '192.0.2.255',
  ])('writes %s as the general parser reads it', (text) => {
    expect(written(text)).toEqual([...generalBytes(text)]);
  });

  it.each([
    '',
    ':',
    ':::',
    '1',
    '1:',
    ':1',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    'g::',
    '::1%eth0',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1..2.3',
    'é::1',
    '::\u0131',
  ])('refuses %j with the coded error of the general parser', (text) => {
    expect(answer(() => written(text))).toBe('bad-address');
  });

  it('agrees with the general parser on any text of address characters', () => {
    const character = fc.constantFrom(...'0123456789abcdefABF:.:::'.split(''));
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 42 }), (text) => {
        expect(answer(() => written(text))).toEqual(answer(() => [...generalBytes(text)]));
      }),
      { numRuns: 2000 },
    );
  });

  it('writes back every canonical text', () => {
    const address = fc.oneof(
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.array(fc.constantFrom(0, 0, 0, 1), { minLength: 16, maxLength: 16 }).map((a) => Uint8Array.from(a)),
    );
    fc.assert(
      fc.property(address, (bytes) => {
        expect(written(bytesToAddress(bytes))).toEqual([...bytes]);
      }),
    );
  });
});

describe('prefixes straight into a buffer', () => {
  it.each(['::/0', '2001:db8::/32', '2001:db8::1/128', '10.0.0.0/8', '192.0.2.1/32', '0.0.0.0/0'])(
    'writes %s',
    (text) => {
      const out = new Uint8Array(16);
      const bits = writePrefix(text, isIpv6(text), out, 0);
      expect(`${bytesToAddress(out.subarray(0, isIpv6(text) ? 16 : 4))}/${bits}`).toBe(text);
      expect(bits).toBe(parsePrefix(text).length);
    },
  );

  it.each(['::/129', '10.0.0.0/33', '::/', '/64', '::/x', '::/-1', '::/0064', '2001:db8::1::/64'])(
    'refuses %s',
    (text) => {
      expect(() => writePrefix(text, isIpv6(text), new Uint8Array(16), 0)).toThrow(CodedError);
    },
  );
});
