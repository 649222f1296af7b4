// Columns read straight into rows against columns collected one by one, which is how a part with an unknown field is read.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeFrame } from './frame.ts';
import { oracleFrame } from './oracle.fixture.ts';
import { FrameWriter } from './writer.ts';

const UPDATE = 0x1a;
const COMPUTE = 0x12;
const UNKNOWN = [0xf8, 0x07, 1];

const field = (tag: number, body: Uint8Array): Uint8Array => new FrameWriter().uint32(tag).bytes(body).finish();

/** The frame's compute part with an unknown field in front. */
function inPieces(compute: object): Uint8Array {
  const frame = oracleFrame({ update: { compute } });
  // Tag and length of the frame's body, and then of the part.
  const lengthBytes = (at: number) => (frame[at + 1]! < 0x80 ? 2 : 3);
  const body = frame.subarray(lengthBytes(0) + lengthBytes(lengthBytes(0)));
  return field(UPDATE, field(COMPUTE, Uint8Array.of(...UNKNOWN, ...body)));
}

it('reads the same, and drops the same rows, in order and in pieces', () => {
  const column = (element: fc.Arbitrary<unknown>, rows: number) =>
    fc.oneof(
      fc.array(element, { minLength: rows, maxLength: rows }),
      fc.array(element, { maxLength: 1 }),
      fc.array(element, { maxLength: rows + 1 }),
    );
  const score = fc.oneof(fc.nat(10), fc.nat(13));
  const oneOf = fc.oneof(fc.integer({ min: 1, max: 2 }), fc.nat(9));
  const number = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 0xffff_ffff }));
  const rate = fc.oneof(fc.float({ min: 0, noDefaultInfinity: true, noNaN: true }), fc.float());
  const large = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 2 ** 53));
  const table = fc.integer({ min: 1, max: 6 }).chain((rows) =>
    fc.record({
      handleDelta: fc.array(fc.constantFrom(1, 5, 70, 9000), { minLength: rows, maxLength: rows }),
      sequence: column(large, rows),
      score: column(score, rows),
      computeScore: column(score, rows),
      serviceTimeUs: column(number, rows),
      spareCapacity: column(rate, rows),
      source: column(oneOf, rows),
      statistic: column(oneOf, rows),
      measuredAtUs: column(large, rows),
      validForMs: column(number, rows),
    }),
  );
  fc.assert(
    fc.property(table, (compute) => {
      expect(decodeFrame(oracleFrame({ update: { compute } }))).toEqual(decodeFrame(inPieces(compute)));
    }),
    { numRuns: 500 },
  );
});
