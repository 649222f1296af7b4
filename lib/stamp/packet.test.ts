import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CodedError } from '../errors.ts';
import {
  decodeReflectorPacket,
  decodeSenderPacket,
  encodeSenderPacket,
  reflectInPlace,
  reflectPacket,
} from './packet.ts';
import { decodeErrorEstimate, encodeErrorEstimate, readTimestamp, USER_SPACE_ERROR, writeNtp } from './timestamp.ts';

const hex = (bytes: Uint8Array) => [...bytes].map((octet) => octet.toString(16).padStart(2, '0')).join('');
const bytes = (text: string) =>
  Uint8Array.from(text.replace(/\s/g, '').match(/../g) ?? [], (octet) => Number.parseInt(octet, 16));
const ntp = (unixUs: number) => {
  const field = new Uint8Array(8);
  writeNtp(new DataView(field.buffer), 0, unixUs);
  return hex(field);
};
const read = (text: string, ptp = false) => readTimestamp(new DataView(bytes(text).buffer), 0, ptp);

describe('timestamps', () => {
  test.each([
    ['2002-12-17T14:07:24.810Z', 'c1a9ae1ccf5c28f5'],
    ['1970-01-01T00:00:00.000Z', '83aa7e8000000000'],
    ['2036-02-07T06:28:15.000Z', 'ffffffff00000000'],
    ['2036-02-07T06:28:16.500Z', '0000000080000000'],
  ])('%s is %s in NTP format, across the era', (text, field) => {
    expect(ntp(Date.parse(text) * 1e3)).toBe(field);
    expect(Math.round(read(field))).toBe(Date.parse(text) * 1e3);
  });

  test('PTPv2 format counts nanoseconds', () => {
    expect(read('00000002 000003e8', true)).toBe(2_000_001);
  });

  test('any time from 1970 to 2100 survives within half a microsecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_102_444_800_000_000 }), (unixUs) => {
        expect(Math.abs(read(ntp(unixUs)) - unixUs)).toBeLessThanOrEqual(0.5);
      }),
    );
  });

  test('every 16-bit error estimate reads and writes back', () => {
    for (let value = 0; value < 0x10000; value++) expect(encodeErrorEstimate(decodeErrorEstimate(value))).toBe(value);
  });

  test('the estimate for user-space timestamps is about 1 ms, unsynchronised', () => {
    expect(encodeErrorEstimate(USER_SPACE_ERROR)).toBe(0x1601);
    expect(USER_SPACE_ERROR.multiplier * 2 ** (USER_SPACE_ERROR.scale - 32)).toBeCloseTo(0.001, 4);
  });
});

const T1 = Date.parse('2002-12-17T14:07:24.810Z') * 1e3;
const SENDER = `00000007 c1a9ae1ccf5c28f5 1601 1234 ${'00'.repeat(28)}`;
const REFLECTION = { receivedUs: T1 + 1_000_000, reflectedUs: T1 + 2_000_000, error: USER_SPACE_ERROR, senderTtl: 255 };
const REFLECTED = '00000007 c1a9ae1ecf5c28f5 1601 1234 c1a9ae1dcf5c28f5 00000007 c1a9ae1ccf5c28f5 1601 0000 ff 000000';

describe('the sender packet', () => {
  test('has its 44 octets in place, and reads back', () => {
    const packet = { sequence: 7, sentUs: T1, error: USER_SPACE_ERROR, ssid: 0x1234 };
    expect(hex(encodeSenderPacket(packet))).toBe(SENDER.replace(/\s/g, ''));
    const found = decodeSenderPacket(bytes(SENDER));
    expect({ ...found, sentUs: Math.round(found.sentUs) }).toEqual(packet);
  });

  test('is the same when it is written over an earlier one', () => {
    const earlier = encodeSenderPacket({
      sequence: 0xffffffff,
      sentUs: T1 + 123_456,
      error: { synchronised: true, ptp: true, scale: 63, multiplier: 255 },
      ssid: 0xffff,
    });
    encodeSenderPacket({ sequence: 7, sentUs: T1, error: USER_SPACE_ERROR, ssid: 0x1234 }, earlier);
    expect(hex(earlier)).toBe(SENDER.replace(/\s/g, ''));
  });

  test('of TWAMP-Light is read without SSID', () => {
    expect(decodeSenderPacket(bytes(SENDER).subarray(0, 14))).toMatchObject({ sequence: 7, ssid: 0 });
  });
});

describe('the reflector', () => {
  test('puts T2, T3 and the copied fields in place', () => {
    expect(hex(reflectPacket(bytes(SENDER), REFLECTION))).toBe(REFLECTED.replace(/\s/g, ''));
  });

  test('answers a TWAMP-Light packet of 14 octets with a whole base packet', () => {
    const reply = reflectPacket(bytes(SENDER).subarray(0, 14), REFLECTION);
    expect(reply).toHaveLength(44);
    expect(decodeReflectorPacket(reply)).toMatchObject({ senderSequence: 7, ssid: 0 });
  });

  test('gives a sender all it needs for the round trip', () => {
    const found = decodeReflectorPacket(reflectPacket(bytes(SENDER), REFLECTION));
    expect(Math.round(found.sentUs)).toBe(T1);
    expect(Math.round(found.reflectedUs - found.receivedUs)).toBe(1_000_000);
    expect(found).toMatchObject({ sequence: 7, senderSequence: 7, ssid: 0x1234, senderTtl: 255 });
  });

  test.each([
    ['understands padding and clears U', '80 01 0002 abcd', '00 01 0002 abcd'],
    ['leaves U on a type it does not know', '80 05 0004 00000000', '80 05 0004 00000000'],
    ['sets U on an unknown type whose sender forgot it', '00 f0 0000', '80 f0 0000'],
    ['marks a length beyond the packet as malformed and stops', '80 01 0009 ab', 'c0 01 0009 ab'],
    ['goes on after a TLV it knows', '80 01 0000 80 02 0001 aa', '00 01 0000 80 02 0001 aa'],
    ['leaves zero padding alone', '00 00 0000 00 00 0000', '00 00 0000 00 00 0000'],
    ['echoes a rest too short for a header', '80 01 00', '80 01 00'],
  ])('%s', (_what, sent, echoed) => {
    const reply = reflectPacket(bytes(SENDER + sent), REFLECTION);
    expect(hex(reply.subarray(44))).toBe(echoed.replace(/\s/g, ''));
  });

  test('leaves the request as it was', () => {
    const request = bytes(`${SENDER} 00 f0 0000`);
    const before = hex(request);
    reflectPacket(request, REFLECTION);
    expect(hex(request)).toBe(before);
  });
});

test('every strict prefix of a packet fails with a coded error', () => {
  for (let length = 0; length < 44; length++) {
    expect(() => decodeReflectorPacket(bytes(REFLECTED).subarray(0, length))).toThrow(CodedError);
    if (length >= 14) continue;
    expect(() => decodeSenderPacket(bytes(SENDER).subarray(0, length))).toThrow(CodedError);
    expect(() => reflectPacket(bytes(SENDER).subarray(0, length), REFLECTION)).toThrow(CodedError);
  }
});

test('random octets of any length are answered with as many or refused with a coded error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (request) => {
      if (request.length < 14) expect(() => reflectPacket(request, REFLECTION)).toThrow(CodedError);
      else {
        const reply = reflectPacket(request, REFLECTION);
        expect(reply).toHaveLength(Math.max(44, request.length));
        expect(hex(reply.subarray(24, 38))).toBe(hex(request.subarray(0, 14)));
        // The same without a copy, where there is room.
        const inPlace = reflectInPlace(request, REFLECTION);
        expect(hex(inPlace)).toBe(hex(reply));
        expect(inPlace === request).toBe(request.length >= 44);
      }
    }),
  );
});
