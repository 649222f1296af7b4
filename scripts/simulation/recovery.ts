// A site whose work takes ten times as long for a while, and what becomes of its share: 4 ingresses, 3 sites, 180 requests a
// second, so that nobody needs the slow one. What measures and what decides is the product's own code.
import { type Result, simulate } from './herd.ts';
import { SCENARIO, type Scenario } from './herd-scenario.ts';

const NEVER = Number.MAX_SAFE_INTEGER;
export const SLOW = { site: 0, factor: 10, fromMs: 20_000, toMs: 60_000 };
export const STAYS_SLOW = { ...SLOW, toMs: NEVER };
export const DURATION_MS = 200_000;
/** Whatever the site lost is lost by then. */
export const SETTLED_MS = SLOW.toMs;

export function recover(given: Partial<Scenario> = {}): Result {
  const plain = { ...SCENARIO, ingresses: 4, sites: [8, 8, 8], load: 0.15, crowdAtMs: NEVER, lossAtMs: NEVER };
  return simulate({ ...plain, durationMs: DURATION_MS, slow: SLOW, ...given });
}

/** Share of the requests from `fromMs` to `toMs` that went to the site. */
export function shareOf({ responses }: Result, fromMs: number, toMs: number): number {
  const sent = responses.filter((it) => it.sentMs >= fromMs && it.sentMs < toMs);
  return sent.filter((it) => it.site === SLOW.site).length / sent.length;
}

/** Share of the site before it was slow. */
export function formerShare(result: Result): number {
  return shareOf(result, SLOW.fromMs / 2, SLOW.fromMs);
}

/** Seconds from when the site is well to half of its former share; infinite where it does not come to that. */
export function secondsToReturn(result: Result, wellAtMs: number): number {
  const half = formerShare(result) / 2;
  for (let atMs = wellAtMs; atMs < DURATION_MS; atMs += 1000)
    if (shareOf(result, atMs, atMs + 5000) >= half) return (atMs - wellAtMs) / 1000;
  return Number.POSITIVE_INFINITY;
}
