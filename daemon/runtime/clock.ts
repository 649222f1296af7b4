// The two clocks of the shell. Monotonic time is CLOCK_MONOTONIC, so that stamps of processes on one machine compare.

/** Monotonic milliseconds with microsecond resolution. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Milliseconds since 1970 with microsecond resolution. */
export function wallClockMs(): number {
  return performance.timeOrigin + performance.now();
}
