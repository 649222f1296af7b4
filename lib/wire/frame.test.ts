// The codec against protobufjs' reflection over session.proto, against itself, and against hostile bytes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SessionMessage } from '../session/message.ts';
import { decodeFrame, encodeFrame } from './frame.ts';
import { MAX_FRAME_BYTES } from './limits.ts';
import { message, update } from './messages.fixture.ts';
import { oracleDecode, oracleEncode, oracleNormal } from './oracle.fixture.ts';
import { SessionError } from './session-error.ts';

/** Decodes or returns the SessionError; anything else thrown fails the test. */
function attempt(bytes: Uint8Array): SessionMessage | SessionError {
  try {
    return decodeFrame(bytes);
  } catch (error) {
    if (error instanceof SessionError) return error;
    throw error;
  }
}

describe('the session codec', () => {
  it('round-trips every legal message', () => {
    fc.assert(
      fc.property(message, (m) => {
        expect(decodeFrame(encodeFrame(m))).toEqual(m);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps messages apart, however many are held at once', () => {
    fc.assert(
      fc.property(fc.array(update, { minLength: 200, maxLength: 300 }), (messages) => {
        const frames = messages.map((m) => encodeFrame(m));
        const read = frames.map((frame) => decodeFrame(frame));
        for (const [i, m] of messages.entries()) expect(read[i]).toEqual(m);
      }),
      // To shrink what is this large would take minutes.
      { numRuns: 10, endOnFailure: true },
    );
  });

  it('writes what protobufjs reads from session.proto as the same message', () => {
    fc.assert(
      fc.property(message, (m) => {
        expect(oracleDecode(encodeFrame(m))).toEqual(oracleNormal(m));
      }),
      { numRuns: 500 },
    );
  });

  it('reads what protobufjs writes from session.proto', () => {
    fc.assert(
      fc.property(message, (m) => {
        expect(decodeFrame(oracleEncode(m))).toEqual(m);
      }),
      { numRuns: 500 },
    );
  });

  it('fails cleanly on every strict prefix of a frame', () => {
    fc.assert(
      fc.property(message, (m) => {
        const bytes = encodeFrame(m);
        for (let length = 0; length < bytes.length; length++) {
          expect(attempt(bytes.subarray(0, length))).toBeInstanceOf(SessionError);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('throws nothing but SessionError on random bytes, and on legal frames with flipped bytes, in bounded time', () => {
    const startMs = performance.now();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void attempt(bytes)),
      { numRuns: 3000 },
    );
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(update, flips, (m, changes) => {
        const bytes = Uint8Array.from(encodeFrame(m));
        for (const [at, mask] of changes) if (bytes.length > 0) bytes[at % bytes.length]! ^= mask;
        attempt(bytes);
      }),
      { numRuns: 1500 },
    );
    expect(performance.now() - startMs).toBeLessThan(20_000);
  });

  it('ignores unknown fields at every level', () => {
    fc.assert(
      fc.property(update, (m) => {
        const unknown = Uint8Array.of(0xfa, 0x07, 3, 1, 2, 3, 0xf8, 0x07, 0x96, 0x01, 0xfd, 0x07, 1, 2, 3, 4);
        const bytes = encodeFrame(m);
        expect(decodeFrame(Uint8Array.of(...unknown, ...bytes, ...unknown))).toEqual(m);
      }),
    );
    // The same three fields inside UPDATE and inside OPEN.
    const inside = [0xfa, 0x07, 1, 9, 0xf8, 0x07, 1, 0xfd, 0x07, 0, 0, 0, 0];
    expect(decodeFrame(Uint8Array.of(0x1a, inside.length, ...inside))).toEqual({ type: 'UPDATE' });
    expect(decodeFrame(Uint8Array.of(0x0a, inside.length + 2, 0x08, 1, ...inside))).toMatchObject({
      type: 'OPEN',
      version: 1,
    });
  });

  it.each([
    ['an empty frame', [], 1, 3],
    ['only an unknown message', [0x7a, 0], 1, 3],
    ['two bodies', [0x12, 0, 0x12, 0], 1, 2],
    ['a body longer than the frame', [0x1a, 5, 0], 1, 2],
    ['field number 0', [0x02, 0], 1, 2],
    ['a group, which proto3 does not have', [0x0b, 0x0c, 0x12, 0], 1, 2],
    ['a part of UPDATE that appears twice', [0x1a, 4, 0x0a, 0, 0x0a, 0], 3, 1],
    ['OPEN with text that is not UTF-8', [0x0a, 3, 0x12, 1, 0xff], 2, 0],
    ['ROUTE-REFRESH of no known family', [0x2a, 4, 0x08, 9, 0x10, 1], 7, 1],
    ['OPEN with a subscription that has a length and no prefix', [0x0a, 5, 0x72, 3, 0x12, 1, 64], 2, 0],
    ['OPEN with a graceful restart cut short', [0x0a, 3, 0x62, 1, 0x08], 2, 0],
    ['SUBSCRIBE with an unreadable column', [0x32, 3, 0x12, 1, 0x80], 1, 2],
    ['DIGEST of no known family', [0x3a, 2, 0x08, 9], 1, 3],
    ['handles that leave their range', [0x1a, 5, 0x0a, 3, 0x12, 1, 0x01], 3, 10],
  ])('closes on %s with the NOTIFICATION that session.proto names', (_, bytes, code, subcode) => {
    const error = attempt(Uint8Array.from(bytes));
    expect(error).toBeInstanceOf(SessionError);
    expect(error instanceof SessionError && error.notification).toMatchObject({ code, subcode });
  });

  it('refuses a frame over the limit without reading it', () => {
    expect(attempt(new Uint8Array(MAX_FRAME_BYTES + 1))).toBeInstanceOf(SessionError);
  });

  it('clips the texts of NOTIFICATION to 255 bytes at a character boundary', () => {
    const long = { type: 'NOTIFICATION', code: 6, subcode: 2, data: '', text: '算'.repeat(200) } as const;
    expect(decodeFrame(encodeFrame(long))).toEqual({ ...long, text: '算'.repeat(85) });
  });
});
