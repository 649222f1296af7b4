// Integer weights for the data plane: shares become parts of 1000, and small moves are not worth a kernel change.

export const WEIGHT_SUM = 1000;
/** Moves up to this many parts of 1000 are noise. */
const DEAD_BAND = 10;

export type Weights = Readonly<Record<string, number>>;

/** Rounds shares that sum to 1 to integers that sum to 1000, by largest remainder; ties go to the earlier key. */
export function toWeights(keys: readonly string[], shares: readonly number[]): Weights {
  const floors = shares.map((share) => Math.floor(share * WEIGHT_SUM));
  let missing = WEIGHT_SUM - floors.reduce((a, b) => a + b, 0);
  const byRemainder = keys
    .map((_, index) => index)
    .sort((a, b) => remainder(shares[b]!) - remainder(shares[a]!) || (keys[a]! < keys[b]! ? -1 : 1));
  for (const index of byRemainder) {
    if (missing <= 0) break;
    floors[index]!++;
    missing--;
  }
  const weights: Record<string, number> = {};
  for (const index of keys.keys()) if (floors[index]! > 0) weights[keys[index]!] = floors[index]!;
  return weights;
}

function remainder(share: number): number {
  return share * WEIGHT_SUM - Math.floor(share * WEIGHT_SUM);
}

export function sameWeights(a: Weights, b: Weights): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

/** True when some weight differs by more than the dead-band of 1 %. */
export function differs(a: Weights, b: Weights): boolean {
  for (const key in a) if (Math.abs(a[key]! - (b[key] ?? 0)) > DEAD_BAND) return true;
  for (const key in b) if (Math.abs(b[key]! - (a[key] ?? 0)) > DEAD_BAND) return true;
  return false;
}
