import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeFrame } from './frame.ts';
import { MessageReader, PREFIX_BYTES, putPrefix, withPrefix } from './length-prefixed.ts';

const MAX = 300;
const took = (reader: MessageReader, piece: Uint8Array): Uint8Array[] => {
  const messages: Uint8Array[] = [];
  reader.take(piece, (bytes, from, to) => messages.push(bytes.subarray(from, to)));
  return messages;
};
const concat = (parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

describe('length-prefixed messages', () => {
  test('come out as they went in, however the bytes are cut', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: MAX }), { maxLength: 12 });
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(messages, cuts, (sent, sizes) => {
        const bytes = concat(sent.map(withPrefix));
        const reader = new MessageReader(MAX);
        const got: Uint8Array[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const end = at + sizes[i % sizes.length]!;
          got.push(...took(reader, bytes.slice(at, end)));
          at = end;
        }
        expect(got.map((it) => [...it])).toEqual(sent.map((it) => [...it]));
      }),
    );
  });

  test('are told as the last of their piece when nothing is behind them in it', () => {
    const bytes = concat([Uint8Array.of(1, 2), Uint8Array.of(3), Uint8Array.of(4)].map(withPrefix));
    const reader = new MessageReader(MAX);
    const lasts = (piece: Uint8Array) => {
      const told: boolean[] = [];
      reader.take(piece, (_bytes, _from, _to, isLast) => told.push(isLast));
      return told;
    };
    const firstEnds = PREFIX_BYTES + 2;
    expect(lasts(bytes.subarray(0, 3))).toEqual([]);
    expect(lasts(bytes.subarray(3, firstEnds))).toEqual([true]);
    expect(lasts(bytes.subarray(firstEnds, firstEnds + 2))).toEqual([]);
    // The first of these came in two pieces, and two whole bytes of the next are here too.
    expect(lasts(bytes.subarray(firstEnds + 2, bytes.length - 4))).toEqual([false]);
    expect(lasts(bytes.subarray(bytes.length - 4))).toEqual([true]);
  });

  test('are views into the piece that holds them whole', () => {
    const bytes = concat([withPrefix(Uint8Array.of(1, 2)), withPrefix(Uint8Array.of(3))]);
    const [first, second] = took(new MessageReader(MAX), bytes);
    expect([first!.buffer, second!.buffer]).toEqual([bytes.buffer, bytes.buffer]);
  });

  test('are the same with the prefix put where the encoder left room for it', () => {
    const message = { type: 'NOTIFICATION', code: 6, subcode: 2, data: '', text: 'maintenance' } as const;
    expect(putPrefix(encodeFrame(message, PREFIX_BYTES))).toEqual(withPrefix(encodeFrame(message)));
  });

  test.each([
    ['too-long', Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff), 'a message of 4294967295 bytes, at most 300'],
    ['too-long', Uint8Array.of(0, 0, 0, 1, 45), 'a message of 301 bytes, at most 300'],
    ['compressed', Uint8Array.of(1, 0, 0, 0, 1, 7), 'a compressed message, which nobody has agreed to'],
  ])('%s is refused at the prefix, whole or in pieces', (code, bytes, text) => {
    const error = expect.objectContaining({ code, message: text });
    expect(() => took(new MessageReader(MAX), bytes)).toThrow(error);
    const reader = new MessageReader(MAX);
    expect(() => [...bytes].map((byte) => took(reader, Uint8Array.of(byte)))).toThrow(error);
  });
});
