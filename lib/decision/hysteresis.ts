// Phase 5: when a better challenger is let in. Stickiness is an input here, applied after costs are known, never
// inside a comparison. A margin keeps equals from trading places, a hold time waits out what passes by itself, and
// neither delays the way out of a site that is in trouble.

import type { ServiceClassConfig } from '../config/config.ts';
import type { Incumbent } from './decision.ts';

/** A challenger this many times cheaper than the incumbent is not a passing difference. */
const URGENT_RATIO = 2;

export interface Challenge {
  readonly accepted: boolean;
  /** Set while a challenger is held. */
  readonly sinceMs?: number;
}

export const NO_CHALLENGE: Challenge = { accepted: false };

/** True when `challengerUs` is below `incumbentUs` by more than the class's margin. */
export function beats(challengerUs: number, incumbentUs: number, wanted: ServiceClassConfig): boolean {
  return challengerUs < incumbentUs * (1 - wanted.hysteresisPercent / 100);
}

/** Judges a challenger that beats the incumbent by the margin; `troubled`: the incumbent's score is in the low band. */
export function judge(
  costs: { readonly challengerUs: number; readonly incumbentUs: number; readonly troubled: boolean },
  incumbent: Incumbent,
  wanted: ServiceClassConfig,
  atMs: number,
): Challenge {
  const sinceMs = incumbent.challengedSinceMs ?? atMs;
  const urgent = costs.troubled || costs.incumbentUs > URGENT_RATIO * costs.challengerUs;
  if (urgent || atMs - sinceMs >= wanted.holdMs) return { accepted: true };
  return { accepted: false, sinceMs };
}
