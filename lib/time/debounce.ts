// Holds back storms, not first changes: a change after a quiet time is acted on at once, and only while changes keep
// coming does the pause grow from `minMs` to `maxMs` (DESIGN section 5; Open/R's 10..250 ms).

export interface DebounceConfig {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Pause presently in force and the time before which the next change waits. Owned and stored by the caller. */
export interface Debounce {
  readonly pauseMs: number;
  readonly notBeforeMs: number;
}

export const QUIET: Debounce = { pauseMs: 0, notBeforeMs: Number.NEGATIVE_INFINITY };

/** Time at which a change that comes now may be acted on; `atMs` itself when it need not wait. */
export function dueAt(debounce: Debounce, atMs: number): number {
  return Math.max(atMs, debounce.notBeforeMs);
}

/** State after acting at `atMs`: quiet for longer than the pause starts again at the minimum, otherwise it doubles. */
export function acted(debounce: Debounce, config: DebounceConfig, atMs: number): Debounce {
  const storm = atMs < debounce.notBeforeMs + debounce.pauseMs;
  const pauseMs = storm ? Math.min(config.maxMs, debounce.pauseMs * 2) : config.minMs;
  return { pauseMs, notBeforeMs: atMs + pauseMs };
}
