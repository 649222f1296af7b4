// Named timers as the core asks for them: one of a name at a time, due at a monotonic time.
import { monotonicMs } from './clock.ts';

export class Timers {
  readonly #pending = new Map<string, NodeJS.Timeout>();
  readonly #fired: (timer: string) => void;

  constructor(fired: (timer: string) => void) {
    this.#fired = fired;
  }

  /** `share` of the wait is waited: 1, or less for jitter. */
  set(timer: string, atMs: number, share = 1): void {
    clearTimeout(this.#pending.get(timer));
    // Node rounds down to whole ms: round up, or a timer fires before its time and the core would set it again.
    const delayMs = Math.max(0, Math.ceil((atMs - monotonicMs()) * share));
    this.#pending.set(
      timer,
      setTimeout(
        () => {
          this.#pending.delete(timer);
          this.#fired(timer);
        },
        Math.min(delayMs, 0x7fffffff),
      ),
    );
  }

  cancel(timer: string): void {
    clearTimeout(this.#pending.get(timer));
    this.#pending.delete(timer);
  }

  cancelAll(): void {
    for (const pending of this.#pending.values()) clearTimeout(pending);
    this.#pending.clear();
  }
}
