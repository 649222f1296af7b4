// The share of new flows each contact instance takes, as ranges of a hash of the flow.

/** The hash of a flow is taken modulo this; weights of a service sum to it. */
export const WEIGHT_TOTAL = 1000;

export interface HashRange {
  /** Inclusive. */
  readonly from: number;
  /** Inclusive. */
  readonly to: number;
  readonly slot: number;
}

/**
 * Divides 0..999 among the instances in order of slot, so that equal weights always give equal ranges; instances
 * without weight get none. Empty when all weights are 0.
 */
export function hashRanges(instances: readonly { readonly slot: number; readonly weight: number }[]): HashRange[] {
  const ranges: HashRange[] = [];
  let from = 0;
  for (const { slot, weight } of inOrder(instances)) {
    if (weight === 0) continue;
    ranges.push({ from, to: from + weight - 1, slot });
    from += weight;
  }
  return ranges;
}

/** Mostly they are. */
function inOrder<T extends { readonly slot: number }>(instances: readonly T[]): readonly T[] {
  for (let i = 1; i < instances.length; i++)
    if (instances[i]!.slot < instances[i - 1]!.slot) return [...instances].sort((a, b) => a.slot - b.slot);
  return instances;
}

export interface RangeChange {
  readonly gone: readonly HashRange[];
  readonly come: readonly HashRange[];
}

/** What turns one division into the other; ranges that stay as they are are left alone. */
export function rangeChange(before: readonly HashRange[], after: readonly HashRange[]): RangeChange {
  const isAmong = (ranges: readonly HashRange[], { from, to, slot }: HashRange) =>
    ranges.some((range) => range.from === from && range.to === to && range.slot === slot);
  return {
    gone: before.filter((range) => !isAmong(after, range)),
    come: after.filter((range) => !isAmong(before, range)),
  };
}
