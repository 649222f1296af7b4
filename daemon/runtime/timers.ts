// Named timers as the core asks for them: one of a name at a time, due at a monotonic time, and never before it.
import { monotonicMs } from './clock.ts';

const LONGEST_WAIT_MS = 0x7fffffff;

export class Timers {
  readonly #pending = new Map<string, NodeJS.Timeout>();
  readonly #fired: (timer: string) => void;

  constructor(fired: (timer: string) => void) {
    this.#fired = fired;
  }

  /** `share` of the wait is waited: 1, or less for jitter. */
  set(timer: string, atMs: number, share = 1): void {
    const now = monotonicMs();
    this.#arm(timer, now + Math.max(0, atMs - now) * share);
  }

  cancel(timer: string): void {
    clearTimeout(this.#pending.get(timer));
    this.#pending.delete(timer);
  }

  cancelAll(): void {
    for (const pending of this.#pending.values()) clearTimeout(pending);
    this.#pending.clear();
  }

  #arm(timer: string, dueMs: number): void {
    clearTimeout(this.#pending.get(timer));
    const waitMs = Math.min(LONGEST_WAIT_MS, Math.max(0, Math.ceil(dueMs - monotonicMs())));
    this.#pending.set(
      timer,
      setTimeout(() => {
        // Node counts in whole ms of the loop's clock and may be up to one early. The core takes a timer before its time
        // for one that no longer applies, and would never decide.
        if (monotonicMs() < dueMs) return this.#arm(timer, dueMs);
        this.#pending.delete(timer);
        this.#fired(timer);
      }, waitMs),
    );
  }
}
