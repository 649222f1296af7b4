import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesToAddress, canonicalPrefix, maskBytes } from './address.ts';
import { isPlainCanonicalPrefix } from './plain-canonical.ts';

/** Addresses with runs of zeros, as prefixes have them. */
const bytes = fc
  .array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 })
  .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255])));

function isCanonical(text: string): boolean {
  try {
    return canonicalPrefix(text) === text;
  } catch {
    return false;
  }
}

describe('isPlainCanonicalPrefix', () => {
  it.each([
    '::/0',
    '2001:db8::/32',
    '2001:db8:1:2::/64',
    'fd00:cafe::80/128',
    '::1/128',
    '5f00:0:11::/48',
    '1:2:3:4:5:6:7:8/128',
  ])('knows %s', (text) => expect(isPlainCanonicalPrefix(text)).toBe(true));

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
    '10.0.0.0/8',
    '::ffff:10.0.0.0/104',
    '',
    '12345::/16',
  ])('does not vouch for %s', (text) => expect(isPlainCanonicalPrefix(text)).toBe(false));

  it('vouches for nothing that the general parser would write in another way, and for most of what it would not', () => {
    let vouched = 0;
    let canonical = 0;
    fc.assert(
      fc.property(bytes, fc.integer({ min: 0, max: 128 }), fc.boolean(), (address, length, masked) => {
        const text = `${bytesToAddress(masked ? maskBytes(address, length) : address)}/${length}`;
        const plain = isPlainCanonicalPrefix(text);
        if (plain) expect(isCanonical(text)).toBe(true);
        if (isCanonical(text)) canonical++;
        if (plain) vouched++;
      }),
      { numRuns: 3000 },
    );
    expect(vouched).toBeGreaterThan(canonical * 0.9);
  });

  it('says no to text that only looks like a prefix', () => {
    const text = fc.string({ unit: fc.constantFrom('0', '1', 'a', 'f', 'g', ':', '/', '.', 'A'), maxLength: 24 });
    fc.assert(
      fc.property(text, (it) => !isPlainCanonicalPrefix(it) || isCanonical(it)),
      { numRuns: 20_000 },
    );
  });
});
