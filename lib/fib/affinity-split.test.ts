import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitChange } from './affinity-split.ts';
import { hashRanges, type NumberRange } from './affinity-weights.ts';
import type { AffinityService } from './fib.ts';

function service(weights: readonly number[], failed: readonly number[] = []): AffinityService {
  return {
    kind: 'affinity',
    service: 'fd00:cafe::80',
    mode: 'flow',
    instances: weights.map((weight, i) => ({ slot: i + 1, mark: 0x101 + i, weight, failed: failed.includes(i + 1) })),
    idleTimeoutMs: 300_000,
    closingTimeoutMs: 2000,
  };
}

/** Weights of `count` instances that sum to 1000, or are all 0. */
const weights = (count: number) =>
  fc.oneof(
    fc.constant(new Array<number>(count).fill(0)),
    fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: count - 1, maxLength: count - 1 }).map((cuts) => {
      const edges = [0, ...cuts.sort((a, b) => a - b), 1000];
      return edges.slice(1).map((edge, i) => edge - edges[i]!);
    }),
  );
const twoWeights = fc.integer({ min: 1, max: 8 }).chain((count) => fc.tuple(weights(count), weights(count)));

const text = (set: string, range: NumberRange | undefined) => (range ? [`${set} ${range.from}-${range.to}`] : []);
const sharesOf = (it: AffinityService) =>
  [...hashRanges(it.instances)].flatMap(([slot, range]) => text(`share_${slot}`, range));

describe('a change of weights', () => {
  it('takes what is there, and leaves exactly what the new weights mean', () => {
    fc.assert(
      fc.property(twoWeights, ([before, after]) => {
        const { shares } = splitChange(service(before), service(after));
        const held = new Set(sharesOf(service(before)));
        for (const range of shares.flatMap((it) => text(it.set, it.gone))) expect(held.delete(range)).toBe(true);
        for (const range of shares.flatMap((it) => text(it.set, it.come))) {
          expect(held.has(range)).toBe(false);
          held.add(range);
        }
        expect(held).toEqual(new Set(sharesOf(service(after))));
      }),
    );
  });

  it('leaves shares that stay alone', () => {
    const { shares } = splitChange(service([100, 200, 700]), service([100, 300, 600]));
    expect(shares).toEqual([
      { set: 'share_2', gone: { from: 100, to: 299 }, come: { from: 100, to: 399 } },
      { set: 'share_3', gone: { from: 300, to: 999 }, come: { from: 400, to: 999 } },
    ]);
    expect(splitChange(service([400, 600]), service([400, 600]))).toEqual({ shares: [], forget: [] });
  });

  it('forgets the flows of what has failed, and of nothing else', () => {
    expect(splitChange(service([500, 500]), service([0, 1000], [1])).forget).toEqual([
      'live_1',
      'closing_1',
      'recent_1',
    ]);
  });

  it('of one class leaves the shares of the others alone', () => {
    const gold = (w: readonly number[]) => ({
      ...service([1000]),
      classes: [
        { ...service(w), name: 'gold', instances: service(w).instances.map((it) => ({ ...it, slot: it.slot + 10 })) },
      ],
    });
    const { shares } = splitChange(gold([1000, 0]), gold([0, 1000]));
    expect(shares.map(({ set }) => set)).toEqual(['share_11', 'share_12']);
    expect(shares[1]!.come).toEqual({ from: 0, to: 999 });
  });
});
