// Scores (draft-ietf-cats-metric-definition): integers 0..10, higher is better, and the one place where a score becomes
// a cost. 0 is kept for "out of service"; an instance that serves, however badly, scores at least 1.
// Definition of our scores, as the draft asks to publish it: min-max scaling, rounded half up, of
//   compute  offered utilisation lambda*s/c   from 1.1 (worst) to 0.7 (best): above 0.96 is low, 0.8 and below is high
//   service  stretch R/s of a request's time  from 9 (worst) to 1 (best)
// and L2 is the bottleneck (the lower) of the two.
import type { CostUs, Score } from '../model/identity.ts';

export const MAX_SCORE = 10;
/** What an instance out of service is given (gating, same draft). */
export const OUT_OF_SERVICE = 0 as Score;
const UTILISATION_RANGE = { worst: 1.1, best: 0.7 };
const STRETCH_RANGE = { worst: 9, best: 1 };

/** Meaning of a score: 0-3 do not steer here, 4-7 optional, 8-10 prefer. */
export type Band = 'low' | 'medium' | 'high';

export function bandOf(score: Score): Band {
  if (score <= 3) return 'low';
  return score <= 7 ? 'medium' : 'high';
}

/** Rounds half up (what binary fractions miss by a hair counts as half) and clamps to 0..10; not-a-number is 0, because unknown must not look best. */
export function asScore(value: number): Score {
  if (Number.isNaN(value)) return OUT_OF_SERVICE;
  return Math.min(MAX_SCORE, Math.max(0, Math.floor(value + 0.5 + 1e-9))) as Score;
}

/** Brands µs as a cost. */
export function asCostUs(us: number): CostUs {
  return us as CostUs;
}

/** Min-max scaling; `worst` above `best` says that lower raw values are better. */
export function minMaxScore(raw: number, range: { readonly worst: number; readonly best: number }): Score {
  return asScore((MAX_SCORE * (raw - range.worst)) / (range.best - range.worst));
}

/** Sigmoid scaling, the documented alternative: 5 at `midpoint`; negative `steepness` where lower raw values are better. */
export function sigmoidScore(raw: number, shape: { readonly midpoint: number; readonly steepness: number }): Score {
  return asScore(MAX_SCORE / (1 + Math.exp(-shape.steepness * (raw - shape.midpoint))));
}

export function computeScore(offeredUtilisation: number): Score {
  return serving(minMaxScore(offeredUtilisation, UTILISATION_RANGE));
}

export function serviceScore(serviceTimeUs: number, workTimeUs: number): Score {
  return serving(minMaxScore(serviceTimeUs / workTimeUs, STRETCH_RANGE));
}

/** Composition by bottleneck. */
export function bottleneckScore(...scores: readonly Score[]): Score {
  return asScore(Math.min(...scores));
}

function serving(score: Score): Score {
  return Math.max(1, score) as Score;
}

/** Converts a bare score by the class's table (index 0..10, µs); a table that is too short ends with its last entry. */
export function scoreToCostUs(score: Score, table: readonly number[]): CostUs {
  return asCostUs(table[score] ?? table.at(-1) ?? 0);
}
