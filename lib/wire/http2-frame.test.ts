import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  FLAG,
  FRAME,
  type FrameHead,
  FrameReader,
  frameOf,
  HEAD_BYTES,
  initialWindowSizes,
  PREFACE_BYTES,
  type Treatment,
  windowUpdate,
} from './http2-frame.ts';

const TREATMENTS = ['past', 'pieces', 'whole'] as const;

/** Each type is treated in one way. */
const treatmentOf = (type: number): Treatment => TREATMENTS[type % TREATMENTS.length]!;

interface Said {
  readonly what: string;
  readonly bytes: number[];
}

/** What a visitor is told, with pieces that follow each other as one. */
class Visitor {
  readonly said: Said[] = [];
  /** All that was told, as it would stand on the wire. */
  readonly wire: number[] = [];

  begins(head: FrameHead): Treatment {
    return treatmentOf(head.type);
  }
  past(bytes: Uint8Array): void {
    this.#note('past', bytes);
    this.wire.push(...bytes);
  }
  piece(bytes: Uint8Array): void {
    this.#note('piece', bytes);
  }
  over(head: FrameHead): void {
    const last = this.said.at(-1);
    const payload = last?.what === 'piece' ? last.bytes : [];
    this.said.push({ what: `over ${JSON.stringify(head)}`, bytes: [] });
    this.wire.push(...frameOf(head.type, head.flags, head.stream, Uint8Array.from(payload)));
  }
  whole(head: FrameHead, payload: Uint8Array): void {
    this.said.push({ what: `whole ${JSON.stringify(head)}`, bytes: [...payload] });
    this.wire.push(...frameOf(head.type, head.flags, head.stream, payload));
  }
  #note(what: string, bytes: Uint8Array): void {
    expect(bytes.length).toBeGreaterThan(0);
    const last = this.said.at(-1);
    if (last?.what === what) last.bytes.push(...bytes);
    else this.said.push({ what, bytes: [...bytes] });
  }
}

const frames = fc.array(
  fc.record({
    type: fc.integer({ min: 0, max: 255 }),
    flags: fc.integer({ min: 0, max: 255 }),
    stream: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    payload: fc.oneof(fc.constant(new Uint8Array(0)), fc.uint8Array({ maxLength: 40 })),
  }),
  { maxLength: 12 },
);
const cuts = fc.oneof(
  fc.constant([1]),
  fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 20 }).filter((sizes) => sizes.some(Boolean)),
);

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

describe('frames', () => {
  test('are told the same however the bytes are cut, all of them, in order, and their ends are known', () => {
    fc.assert(
      fc.property(frames, cuts, fc.boolean(), (sent, sizes, hasPreface) => {
        const preface = new Uint8Array(hasPreface ? PREFACE_BYTES : 0).fill(0x50);
        const parts = [preface, ...sent.map((it) => frameOf(it.type, it.flags, it.stream, it.payload))];
        const bytes = join(parts);
        const ends = new Set([0].filter(() => !hasPreface));
        for (let i = 0, end = 0; i < parts.length; i++) ends.add((end += parts[i]!.length));

        const whole = new Visitor();
        new FrameReader(preface.length, whole).take(bytes);
        expect(whole.wire).toEqual([...bytes]);

        const cut = new Visitor();
        const reader = new FrameReader(preface.length, cut);
        expect(reader.isBetweenFrames).toBe(ends.has(0));
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const end = Math.min(bytes.length, at + sizes[i % sizes.length]!);
          // A piece of its own, so that nobody reads beyond it.
          reader.take(bytes.slice(at, end));
          at = end;
          expect(reader.isBetweenFrames).toBe(ends.has(at));
        }
        expect(cut.said).toEqual(whole.said);
        expect(cut.wire).toEqual([...bytes]);
      }),
      { numRuns: 500 },
    );
  });

  test('that are taken whole or in pieces have the head that they were sent with', () => {
    const visitor = new Visitor();
    const head = { type: 2, flags: 0xa5, stream: 0x7fff_fffe };
    new FrameReader(0, visitor).take(frameOf(head.type, head.flags, head.stream, Uint8Array.of(1, 2, 3)));
    expect(visitor.said).toEqual([{ what: `whole ${JSON.stringify({ length: 3, ...head })}`, bytes: [1, 2, 3] }]);
  });

  test('longer than two octets can say keep their length, and the reserved bit is none of the stream', () => {
    const heads: FrameHead[] = [];
    const reader = new FrameReader(0, {
      begins: (head) => {
        heads.push({ ...head });
        return 'past';
      },
      past: () => {},
      piece: () => {},
      over: () => {},
      whole: () => {},
    });
    reader.take(Uint8Array.of(0x01, 0x02, 0x03, FRAME.data, FLAG.padded, 0x80, 0, 0, 7));
    expect(heads).toEqual([{ length: 0x010203, type: FRAME.data, flags: FLAG.padded, stream: 7 }]);
    reader.take(new Uint8Array(0x010202));
    expect(reader.isBetweenFrames).toBe(false);
    reader.take(new Uint8Array(1));
    expect(reader.isBetweenFrames).toBe(true);
  });

  test('that go past are views into the piece that they came in', () => {
    const past: Uint8Array[] = [];
    const visitor = new Visitor();
    visitor.past = (bytes) => void past.push(bytes);
    const bytes = join([frameOf(0, 0, 1, Uint8Array.of(1)), frameOf(3, 0, 1, Uint8Array.of(2))]);
    new FrameReader(0, visitor).take(bytes);
    expect(past).toHaveLength(1);
    expect(past[0]!.buffer).toBe(bytes.buffer);
  });

  test('that go past may be kept, also a head that came in pieces', () => {
    const kept: Uint8Array[] = [];
    const visitor = new Visitor();
    visitor.past = (bytes) => void kept.push(bytes);
    const reader = new FrameReader(0, visitor);
    const bytes = join([frameOf(0, 1, 1), frameOf(3, 2, 2), frameOf(6, 3, 3)]);
    for (const byte of bytes) reader.take(Uint8Array.of(byte));
    expect(join(kept)).toEqual(bytes);
  });
});

test('a WINDOW_UPDATE stands as RFC 9113 6.9 has it', () => {
  expect([...windowUpdate(0x01020304, 0x7fff_fffe)]).toEqual([0, 0, 4, 8, 0, 1, 2, 3, 4, 0x7f, 0xff, 0xff, 0xfe]);
  expect(windowUpdate(0, 1)).toHaveLength(HEAD_BYTES + 4);
});

test('of SETTINGS the initial windows are read, in order, and nothing of a rest that is no setting', () => {
  const settings = [
    [0, 3, 0, 0, 0, 9],
    [0, 4, 0, 0, 0, 0],
    [1, 4, 0, 0, 0, 5],
    [0, 4, 0xff, 0xff, 0xff, 0xff],
    [0, 4, 0, 0],
  ];
  expect(initialWindowSizes(Uint8Array.from(settings.flat()))).toEqual([0, 2 ** 32 - 1]);
});
