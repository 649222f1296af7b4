// The share of new flows each contact instance takes, as ranges of a hash of the flow.

/** The hash of a flow is taken modulo this; weights of a service sum to it. */
export const WEIGHT_TOTAL = 1000;

export interface NumberRange {
  /** Inclusive. */
  readonly from: number;
  /** Inclusive. */
  readonly to: number;
}

/**
 * Divides 0..999 among the instances in order of slot, so that equal weights always give equal ranges; instances
 * without weight get none. By slot.
 */
export function hashRanges(
  instances: readonly { readonly slot: number; readonly weight: number }[],
): ReadonlyMap<number, NumberRange | undefined> {
  const ranges = new Map<number, NumberRange | undefined>();
  let from = 0;
  for (const { slot, weight } of inOrder(instances)) {
    ranges.set(slot, weight === 0 ? undefined : { from, to: from + weight - 1 });
    from += weight;
  }
  return ranges;
}

/** True when these are the numbers of a share, ascending and unbroken, and no others. */
export function isShare(ranges: readonly NumberRange[] | undefined, meant: NumberRange | undefined): boolean {
  if (ranges === undefined || ranges.length > 1) return false;
  return ranges[0]?.from === meant?.from && ranges[0]?.to === meant?.to;
}

/** Mostly they are. */
function inOrder<T extends { readonly slot: number }>(instances: readonly T[]): readonly T[] {
  for (let i = 1; i < instances.length; i++)
    if (instances[i]!.slot < instances[i - 1]!.slot) return [...instances].sort((a, b) => a.slot - b.slot);
  return instances;
}
