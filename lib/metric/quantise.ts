// What a report leaves out: digits that are noise, and whole reports that would say nothing new. Fewer different numbers
// make smaller columns, and a quiet site costs the domain a report now and then instead of one a second.
import type { Measurement } from './measure.ts';

/** Measured (scripts/bench decision): with three, the differences between reports drown and the split loses half its quality. */
const DIGITS = 5;
/** Rates and times; counts and scores are whole numbers already. */
const ROUNDED = ['serviceTimeUs', 'workTimeUs', 'spareCapacity', 'arrivalRate'] as const;
const COMPARED = [...ROUNDED, 'inFlight'] as const;

/** The measurement with five significant digits: far below what a window knows, and above what the split can feel. */
export function quantise(measurement: Measurement): Measurement {
  const out = { ...measurement };
  for (const name of ROUNDED) out[name] = Number(measurement[name].toPrecision(DIGITS));
  return out;
}

/** Whether a report would say the same as the last: same scores and source, and no quantity moved by more than the share. */
export function isWithinDeadBand(now: Measurement, reported: Measurement, percent: number): boolean {
  if (now.score !== reported.score || now.computeScore !== reported.computeScore) return false;
  if (now.serviceScore !== reported.serviceScore || now.workers !== reported.workers) return false;
  // Who only remembers how fast it is is tried again; who knows is not.
  if (now.source !== reported.source) return false;
  return COMPARED.every((name) => Math.abs(now[name] - reported[name]) <= (percent / 100) * reported[name]);
}
