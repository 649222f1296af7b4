import fc from 'fast-check';
import { expect, it } from 'vitest';
import { int32s, uint8s, uint32s } from './words.ts';

/** Rooms of one run fill several slabs. */
const lengths = fc.array(fc.tuple(fc.constantFrom(uint32s, int32s, uint8s), fc.integer({ min: 0, max: 1100 })), {
  minLength: 64,
  maxLength: 128,
});

it('gives rooms of zeros that nobody else has, over the end of a slab as well', () => {
  fc.assert(
    fc.property(lengths, (wanted) => {
      const rooms = wanted.map(([make, length], i) => {
        const room = make(length);
        expect(room).toHaveLength(length);
        expect(room.every((value) => value === 0)).toBe(true);
        return room.fill((i % 127) + 1);
      });
      for (const [i, room] of rooms.entries()) expect(room.every((value) => value === (i % 127) + 1)).toBe(true);
    }),
    { numRuns: 20 },
  );
});
