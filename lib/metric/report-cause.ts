// When a measurement is worth a message: early reports are what lets a long interval do (decision.md section 0), and
// a bound on their rate is what keeps a noisy site from flooding the domain.
import type { Measurement } from './measure.ts';
import { isWithinDeadBand } from './quantise.ts';
import { type Band, bandOf } from './score.ts';

/** Why a report goes out now. */
export type ReportCause = 'first' | 'interval' | 'in-flight' | 'rate' | 'band' | 'health';

/** Least time between event reports of one instance, but for the ones that warn. */
const EVENT_GAP_MS = 300;
/** A report that comes this much before its interval ends is on time: scrapes jitter. */
const ON_TIME = 0.95;
const BAND_ORDER: Readonly<Record<Band, number>> = { low: 0, medium: 1, high: 2 };

/** Absent: every interval has its report. */
export interface DeadBand {
  readonly percent: number;
  /** Also what does not change is said this often: state ages (DESIGN section 4). */
  readonly repeatMs: number;
}

/** Compares a new measurement with the last report, sent `sinceMs` ago; absent: not worth a message. */
export function reportCause(
  now: Measurement,
  reported: Measurement,
  sinceMs: number,
  intervalMs: number,
  deadBand?: DeadBand,
): ReportCause | undefined {
  const bands = BAND_ORDER[bandOf(now.score)] - BAND_ORDER[bandOf(reported.score)];
  // Bad news waits for nothing; a fall by one level at the edge of a band is within the noise of rounding.
  if (bands < 0 && (bandOf(now.score) === 'low' || reported.score - now.score >= 2)) return 'band';
  if (sinceMs >= EVENT_GAP_MS) {
    if (movedInFlight(now, reported)) return 'in-flight';
    if (movedRate(now, reported)) return 'rate';
    if (bands !== 0 && Math.abs(now.score - reported.score) >= 2) return 'band';
  }
  if (sinceMs < ON_TIME * intervalMs) return undefined;
  const silent =
    deadBand !== undefined && sinceMs < deadBand.repeatMs && isWithinDeadBand(now, reported, deadBand.percent);
  return silent ? undefined : 'interval';
}

/** More than a fifth of the workers and three sigma. */
function movedInFlight(now: Measurement, reported: Measurement): boolean {
  const larger = Math.max(now.inFlight, reported.inFlight);
  return Math.abs(now.inFlight - reported.inFlight) > 0.2 * now.workers + 3 * Math.sqrt(larger);
}

/** More than a tenth of the capacity and three sigma of the noise of both windows. */
function movedRate(now: Measurement, reported: Measurement): boolean {
  if (now.workTimeUs <= 0 || now.windowMs <= 0) return false;
  const capacity = (now.workers * 1e6) / now.workTimeUs;
  const noise = Math.sqrt(Math.max(now.arrivalRate, reported.arrivalRate) / (now.windowMs / 1000));
  return Math.abs(now.arrivalRate - reported.arrivalRate) > 0.1 * capacity + 3 * noise;
}
