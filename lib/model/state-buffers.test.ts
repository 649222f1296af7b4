import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { giveBack, stateNumbers } from './state-buffers.ts';

describe('room for compute state', () => {
  it('is zeros that nobody else has, given back or not', () => {
    const step = fc.record({ length: fc.integer({ min: 0, max: 9000 }), back: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const held: { numbers: Float64Array; mark: number }[] = [];
        steps.forEach(({ length, back }, i) => {
          const numbers = stateNumbers(length);
          expect(numbers.length).toBe(length);
          expect(numbers.every((it) => it === 0)).toBe(true);
          numbers.fill(i + 1);
          held.push({ numbers, mark: i + 1 });
          if (back) giveBack(held.splice(0, 1)[0]!.numbers);
        });
        for (const { numbers, mark } of held) expect(numbers.every((it) => it === mark)).toBe(true);
      }),
    );
  });

  it('is used again once it was given back', () => {
    const numbers = stateNumbers(7500);
    giveBack(numbers);
    expect(stateNumbers(7000).buffer).toBe(numbers.buffer);
  });
});
