import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CodedError } from '../errors.ts';
import { addressToBytes } from '../net/address.ts';
import { decodeSrv6Packet } from './srh.ts';

const bytes = (hex: string) =>
  Uint8Array.from(hex.replace(/\s/g, '').match(/../g) ?? [], (octet) => Number.parseInt(octet, 16));
const hexOf = (address: string) =>
  [...addressToBytes(address)].map((octet) => octet.toString(16).padStart(2, '0')).join('');

const SOURCE = '5f00:0:11::1';
const [S1, S2, S3] = ['5f00:0:21:1::', '5f00:0:22:1::', '5f00:0:31:d6::'];
const CLIENT = 'fd00:1::2';
const SERVICE = 'fd00:cafe::80';
// Version 6, flow label 0x12345, hop limit 63.
const outer = (nextHeader: string, destination: string) =>
  `60012345 0000 ${nextHeader} 3f ${hexOf(SOURCE)} ${hexOf(destination)}`;
const inner6 = `60000000 0000 06 40 ${hexOf(CLIENT)} ${hexOf(SERVICE)}`;

interface Vector {
  readonly what: string;
  readonly packet: string;
  readonly segments: readonly string[];
  readonly segmentsLeft: number;
  readonly nextHeader?: number;
}
const VECTORS: readonly Vector[] = [
  { what: 'one segment needs no SRH', packet: `${outer('29', S3)} ${inner6}`, segments: [S3], segmentsLeft: 0 },
  {
    what: 'reduced SRH at the headend: the first segment is in the destination only',
    packet: `${outer('2b', S1)} 29 04 04 02 01 00 0000 ${hexOf(S3)} ${hexOf(S2)} ${inner6}`,
    segments: [S1, S2, S3],
    segmentsLeft: 2,
  },
  {
    what: 'reduced SRH one hop later: the first segment is gone',
    packet: `${outer('2b', S2)} 29 04 04 01 01 00 0000 ${hexOf(S3)} ${hexOf(S2)} ${inner6}`,
    segments: [S2, S3],
    segmentsLeft: 1,
  },
  {
    what: 'full SRH names every segment to the end',
    packet: `${outer('2b', S3)} 29 06 04 00 02 00 0000 ${hexOf(S3)} ${hexOf(S2)} ${hexOf(S1)} ${inner6}`,
    segments: [S1, S2, S3],
    segmentsLeft: 0,
  },
  {
    what: 'TLVs after the list are not segments (PadN of 8 octets)',
    packet: `${outer('2b', S1)} 29 03 04 01 00 00 0000 ${hexOf(S3)} 0406000000000000 ${inner6}`,
    segments: [S1, S3],
    segmentsLeft: 1,
  },
  {
    what: 'an SRH behind a destination options header is found',
    packet: `${outer('3c', S1)} 2b 00 010400000000 29 02 04 01 00 00 0000 ${hexOf(S3)} ${inner6}`,
    segments: [S1, S3],
    segmentsLeft: 1,
  },
  {
    what: 'another routing type is passed over',
    packet: `${outer('2b', S3)} 29 00 03 01 00000000 ${inner6}`,
    segments: [S3],
    segmentsLeft: 0,
  },
  {
    what: 'UDP behind an SRH has no inner header',
    packet: `${outer('2b', S1)} 11 02 04 01 00 00 0000 ${hexOf(S3)} 035e035e00080000`,
    segments: [S1, S3],
    segmentsLeft: 1,
    nextHeader: 17,
  },
];

describe.each(VECTORS)('$what', ({ packet, segments, segmentsLeft, nextHeader = 41 }) => {
  const whole = bytes(packet);

  test('decodes', () => {
    const found = decodeSrv6Packet(whole);
    expect(found).toMatchObject({
      source: SOURCE,
      segments,
      segmentsLeft,
      nextHeader,
      hopLimit: 63,
      flowLabel: 0x12345,
    });
    if (nextHeader === 41) expect(found.inner).toEqual({ source: CLIENT, destination: SERVICE, nextHeader: 6 });
    else expect(found.inner).toBeUndefined();
  });

  test('decodes from the middle of a larger buffer', () => {
    const larger = new Uint8Array(whole.length + 14);
    larger.set(whole, 14);
    expect(decodeSrv6Packet(larger.subarray(14))).toEqual(decodeSrv6Packet(whole));
  });

  test('every prefix that cuts a header fails with a coded error', () => {
    const needed = whole.length - (nextHeader === 17 ? 8 : 0);
    for (let length = 0; length < needed; length++) {
      expect(() => decodeSrv6Packet(whole.subarray(0, length))).toThrow(CodedError);
    }
  });
});

test('an inner IPv4 packet is shown', () => {
  const packet = `${outer('04', S3)} 45000014 00000000 40060000 0a000001 0a000002`;
  expect(decodeSrv6Packet(bytes(packet)).inner).toEqual({ source: '10.0.0.1', destination: '10.0.0.2', nextHeader: 6 });
});

test.each([
  ['IPv4 outside', 'version', '45'.padEnd(80, '0')],
  ['last entry beyond the header', 'last-entry', `${outer('2b', S1)} 29 02 04 01 01 00 0000 ${hexOf(S3)} ${inner6}`],
  [
    'segments left beyond the list',
    'segments-left',
    `${outer('2b', S1)} 29 02 04 02 00 00 0000 ${hexOf(S3)} ${inner6}`,
  ],
  ['an endless chain of extension headers', 'extension-headers', `${outer('3c', S1)} ${'3c00010400000000'.repeat(9)}`],
  ['inner version that contradicts the next header', 'inner-version', `${outer('29', S1)} ${'00'.repeat(40)}`],
])('%s is refused', (_what, field, packet) => {
  expect(() => decodeSrv6Packet(bytes(packet))).toThrow(
    expect.objectContaining({ code: 'bad-packet', detail: expect.objectContaining({ field }) }),
  );
});

test('random octets decode or fail with a coded error, nothing else', () => {
  const start = fc.constantFrom('', outer('2b', S1), `${outer('2b', S1)} 29 04 04`, outer('3c', S1));
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 200 }), (known, random) => {
      try {
        decodeSrv6Packet(Uint8Array.from([...bytes(known), ...random]));
      } catch (error) {
        expect(error).toBeInstanceOf(CodedError);
      }
    }),
    { numRuns: 500 },
  );
});
