import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressFamily, addressToBytes, bytesToAddress, canonicalPrefix, maskBytes, parsePrefix } from './address.ts';
import { isIpv4Prefix, PrefixWords, prefixBits, prefixText, readPrefix } from './prefix-words.ts';

/** Addresses with runs of zeros, as prefixes have them. */
const ipv6 = fc
  .array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 })
  .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255])));
const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 });

function isCanonical(text: string): boolean {
  try {
    return canonicalPrefix(text) === text;
  } catch {
    return false;
  }
}

const out = new Uint32Array(6).fill(7);
const read = (text: string) => readPrefix(text, 0, out, 1);

describe('PrefixWords', () => {
  it('say what the text says, and nothing in JSON', () => {
    fc.assert(
      fc.property(fc.oneof(ipv6, ipv4), fc.nat(128), (address, length) => {
        const bits = Math.min(length, address.length * 8);
        const text = `${bytesToAddress(maskBytes(address, bits))}/${bits}`;
        const words = PrefixWords.of(text)!;
        const { first, second, third, fourth, shape } = words;
        expect(prefixText(Uint32Array.of(first, second, third, fourth), 0, shape)).toBe(text);
        expect(JSON.stringify({ text, words })).toBe(JSON.stringify({ text }));
      }),
    );
  });

  it('are not made of text that is no canonical prefix', () => expect(PrefixWords.of('2001:DB8::/32')).toBeUndefined());
});

describe('readPrefix', () => {
  it.each([
    '::/0',
    '2001:db8::/32',
    '2001:db8:1:2::/64',
    'fd00:cafe::80/128',
    '::1/128',
    '5f00:0:11::/48',
    '1:2:3:4:5:6:7:8/128',
    '0.0.0.0/0',
    '10.0.0.0/8',
    '192.0.2.1/32',
    '255.255.255.254/31',
  ])('reads %s', (text) => {
    const shape = read(text);
    const { address, length } = parsePrefix(text);
    expect([isIpv4Prefix(shape), prefixBits(shape)]).toEqual([addressFamily(address) === 'ipv4', length]);
    const bytes = addressToBytes(address);
    expect(new Uint8Array(out.buffer, 4, bytes.length)).toEqual(bytes);
    expect([out[0], out[5]]).toEqual([7, 7]);
    expect(prefixText(out, 1, shape)).toBe(text);
  });

  it('reads what follows something else', () => {
    expect(readPrefix('route 254 2001:db8::/32', 10, out, 1)).toBe(32);
    expect(prefixText(out, 1, 32)).toBe('2001:db8::/32');
  });

  it.each([
    '2001:DB8::/32',
    '2001:0db8::/32',
    '2001:db8::1/64',
    '2001:db8:0:0::/64',
    '1::2:0:0:0:0/128',
    '1:2:3:4:5:6:7::/112',
    '::/129',
    '::/01',
    '::/',
    '::',
    ':/0',
    '1:/16',
    '1::2::3/128',
    '::ffff:10.0.0.0/104',
    '1:10.0.0.0/104',
    '10.0.0.0',
    '10.0.0/8',
    '10.0.0.0.0/8',
    '10.0.0.1/8',
    '010.0.0.0/8',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '256.0.0.0/8',
    'a.0.0.0/8',
    '',
    '12345::/16',
  ])('refuses %s', (text) => expect(read(text)).toBe(-1));

  it('reads exactly what the general parser would write in the same way', () => {
    fc.assert(
      fc.property(fc.oneof(ipv6, ipv4), fc.integer({ min: 0, max: 128 }), fc.boolean(), (address, length, masked) => {
        const text = `${bytesToAddress(masked ? maskBytes(address, length) : address)}/${length}`;
        const shape = read(text);
        expect(shape >= 0).toBe(isCanonical(text));
        if (shape >= 0) expect(prefixText(out, 1, shape)).toBe(text);
      }),
      { numRuns: 5000 },
    );
  });

  it('refuses text that only looks like a prefix', () => {
    const text = fc.string({ unit: fc.constantFrom('0', '1', 'a', 'f', 'g', ':', '/', '.', 'A'), maxLength: 24 });
    fc.assert(
      fc.property(text, (it) => read(it) >= 0 === isCanonical(it)),
      { numRuns: 20_000 },
    );
  });
});
