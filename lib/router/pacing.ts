// Least time between news of a family to a group of peers (MinRouteAdvertisementInterval, RFC 4271 9.2.1.1), with jitter so
// that routers do not fall into step. The first change leaves at once; a backlog that is being told is not held up; losses
// (withdrawals, falls to a lower band of the score) never wait.
import { FAMILIES, type Family } from '../model/identity.ts';
import type { AdjRibOut } from '../rib/adj-rib-out.ts';
import { mix } from '../rib/hash-index.ts';
import type { FlushState } from './state.ts';

export interface Pace {
  readonly intervalMs: Readonly<Record<Family, number>>;
  /** News of the family wait until then. */
  readonly opensAtMs: Record<Family, number>;
  closed: ReadonlySet<Family>;
}

const NOTHING: ReadonlySet<Family> = new Set();

export function startPace(intervalMs: Readonly<Record<Family, number>>): Pace {
  return { intervalMs, opensAtMs: { service: 0, compute: 0, 'link-state': 0 }, closed: NOTHING };
}

/** Brings `closed` up to the present. */
export function openPace(pace: Pace, atMs: number): void {
  const opens = pace.opensAtMs;
  const isOpen = opens.service <= atMs && opens.compute <= atMs && opens['link-state'] <= atMs;
  pace.closed = isOpen ? NOTHING : new Set(FAMILIES.filter((family) => opens[family] > atMs));
}

/** Families of which something waits for the peer and may go now. */
export function newsOf(out: AdjRibOut, pace: Pace): Family[] {
  return FAMILIES.filter((family) => !pace.closed.has(family) && pace.intervalMs[family] > 0 && out.isWaiting(family));
}

/** What was news has been told: the next waits its time, 0.75..1 of the interval. */
export function closePace(pace: Pace, told: readonly Family[], flush: FlushState, atMs: number): void {
  for (const family of told) {
    const chance = (mix(flush.seed, flush.turns) >>> 8) / 2 ** 24;
    pace.opensAtMs[family] = atMs + pace.intervalMs[family] * (0.75 + chance / 4);
  }
}

/** When the first family opens for which something waits; infinite when none does. */
export function opensAtMs(out: AdjRibOut, pace: Pace): number {
  let soonest = Number.POSITIVE_INFINITY;
  for (const family of pace.closed) if (out.isWaiting(family)) soonest = Math.min(soonest, pace.opensAtMs[family]);
  return soonest;
}
