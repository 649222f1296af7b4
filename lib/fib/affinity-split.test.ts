import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SplitRange, splitChange, splitRanges } from './affinity-split.ts';
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

const learn = 'svc_fd00_cafe__80_learn';
const rangesOf = (it: AffinityService) => splitRanges(it.service, { ...it, name: '' });
const text = ({ from, to, chain }: SplitRange) => `${from}-${to} ${chain}`;

describe('a change of weights', () => {
  it('takes what is there, and leaves exactly what the new weights mean', () => {
    fc.assert(
      fc.property(twoWeights, ([before, after]) => {
        const { maps } = splitChange(service(before), service(after));
        const held = new Set(rangesOf(service(before)).map(text));
        for (const range of maps.flatMap((it) => it.gone)) expect(held.delete(text(range))).toBe(true);
        for (const range of maps.flatMap((it) => it.come)) {
          expect(held.has(text(range))).toBe(false);
          held.add(text(range));
        }
        expect(held).toEqual(new Set(rangesOf(service(after)).map(text)));
      }),
    );
  });

  it('leaves ranges that stay alone', () => {
    const { maps } = splitChange(service([100, 200, 700]), service([100, 300, 600]));
    expect(maps.flatMap((it) => it.gone.map(text))).toEqual([`100-299 ${learn}_2`, `300-999 ${learn}_3`]);
    expect(maps.flatMap((it) => it.come.map(text))).toEqual([`100-399 ${learn}_2`, `400-999 ${learn}_3`]);
    expect(splitChange(service([400, 600]), service([400, 600]))).toEqual({ maps: [], forget: [] });
  });

  it('forgets the flows of what has failed, and of nothing else', () => {
    expect(splitChange(service([500, 500]), service([0, 1000], [1])).forget).toEqual([
      'live_1',
      'closing_1',
      'recent_1',
    ]);
  });

  it('of one class leaves the maps of the others alone', () => {
    const gold = (w: readonly number[]) => ({
      ...service([1000]),
      classes: [
        { ...service(w), name: 'gold', instances: service(w).instances.map((it) => ({ ...it, slot: it.slot + 10 })) },
      ],
    });
    const { maps } = splitChange(gold([1000, 0]), gold([0, 1000]));
    expect(maps.map(({ map }) => map)).toEqual(['svc_fd00_cafe__80_split_gold']);
    expect(maps[0]!.come.map(text)).toEqual([`0-999 ${learn}_12_gold`]);
  });
});
