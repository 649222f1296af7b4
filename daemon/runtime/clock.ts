// The clocks of the shell. Monotonic time is CLOCK_MONOTONIC, so that stamps of processes on one machine compare.

/** Wall clock and monotonic time drift apart by less than this unless the wall clock was set or the machine slept. */
const STEP_MS = 20;

/** What `performance.now` counts from: it reads the same clock without making a bigint. */
const originMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();
const offsetAtStartMs = performance.timeOrigin - originMs;
let offsetMs = offsetAtStartMs;

/** Monotonic milliseconds with microsecond resolution. */
export function monotonicMs(): number {
  return originMs + performance.now();
}

/**
 * Milliseconds since 1970 with microsecond resolution. Follows the system's clock when that is set, and over a suspend, which
 * the monotonic clock does not count; from then on good to a millisecond.
 */
export function wallClockMs(): number {
  const wallMs = monotonicMs() + offsetMs;
  const stepMs = stepOf(wallMs, Date.now());
  offsetMs += stepMs;
  return wallMs + stepMs;
}

/** As `wallClockMs` was at the start, and never stepped: for stamps of which only differences count. */
export function steadyWallMs(): number {
  return steadyWallAtMs(monotonicMs());
}

/** What `steadyWallMs` was at a moment of the monotonic clock. */
export function steadyWallAtMs(atMs: number): number {
  return atMs + offsetAtStartMs;
}

/** By how much an estimate is off; 0 while that may be the grain of `systemMs`, whole milliseconds. */
export function stepOf(estimateMs: number, systemMs: number): number {
  const byMs = systemMs + 0.5 - estimateMs;
  return Math.abs(byMs) < STEP_MS ? 0 : byMs;
}

/** Tells, within a second or two, when the wall clock has stepped by `byMs`. Returns how to stop. */
export function watchWallClock(stepped: (wallMs: number, byMs: number) => void): () => void {
  let known = wallClockMs() - monotonicMs();
  const timer = setInterval(() => {
    const wallMs = wallClockMs();
    const byMs = wallMs - monotonicMs() - known;
    if (Math.abs(byMs) < STEP_MS / 2) return;
    known += byMs;
    stepped(wallMs, byMs);
  }, 1000);
  timer.unref();
  return () => clearInterval(timer);
}
