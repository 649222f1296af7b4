// Named timers as the core asks for them: one of a name at a time, due at a monotonic time, and never before it. What is
// due at once comes when the input at hand has been read, not a millisecond later; what is late, because the process did not
// get to run, comes after it too: a peer is not dead whose KEEPALIVE lies unread.
import { monotonicMs } from './clock.ts';

const LONGEST_WAIT_MS = 0x7fffffff;
/** Node looks at timers before it looks at sockets: one that is later than this lets them go first. */
const LATE_MS = 20;

type Pending =
  /** Looks at the clock at `wakesAtMs`, which is not after `dueMs`. */
  | { readonly timeout: NodeJS.Timeout; readonly wakesAtMs: number; dueMs: number }
  | { readonly immediate: NodeJS.Immediate };

export class Timers {
  readonly #pending = new Map<string, Pending>();
  readonly #fired: (timer: string, lateMs: number) => void;

  /** `fired` is told how long after its time a timer comes, ms. */
  constructor(fired: (timer: string, lateMs: number) => void) {
    this.#fired = fired;
  }

  /** `share` of the wait is waited: 1, or less for jitter. */
  set(timer: string, atMs: number, share = 1): void {
    const now = monotonicMs();
    const dueMs = now + Math.max(0, atMs - now) * share;
    const pending = this.#pending.get(timer);
    // Most timers are put off again and again, and never fire: one that runs already learns its time when it looks.
    if (pending !== undefined && 'timeout' in pending && pending.wakesAtMs <= dueMs) pending.dueMs = dueMs;
    else this.#arm(timer, dueMs, now);
  }

  cancel(timer: string): void {
    const pending = this.#pending.get(timer);
    if (pending === undefined) return;
    clear(pending);
    this.#pending.delete(timer);
  }

  cancelAll(): void {
    for (const pending of this.#pending.values()) clear(pending);
    this.#pending.clear();
  }

  #arm(timer: string, dueMs: number, now: number): void {
    this.cancel(timer);
    if (dueMs <= now) return this.#armAfterInput(timer, dueMs);
    const waitMs = Math.min(LONGEST_WAIT_MS, Math.ceil(dueMs - now));
    // Node counts in whole ms of the loop's clock and may be up to one early. The core takes a timer before its time for
    // one that no longer applies, and would never decide.
    const timeout = setTimeout(() => {
      const then = monotonicMs();
      if (then < pending.dueMs) this.#arm(timer, pending.dueMs, then);
      else if (then > pending.dueMs + LATE_MS) this.#armAfterInput(timer, pending.dueMs);
      else this.#fire(timer, pending.dueMs);
    }, waitMs);
    const pending = { timeout, wakesAtMs: dueMs, dueMs };
    this.#pending.set(timer, pending);
  }

  #armAfterInput(timer: string, dueMs: number): void {
    this.#pending.set(timer, { immediate: setImmediate(() => this.#fire(timer, dueMs)) });
  }

  #fire(timer: string, dueMs: number): void {
    this.#pending.delete(timer);
    this.#fired(timer, monotonicMs() - dueMs);
  }
}

function clear(pending: Pending): void {
  if ('immediate' in pending) clearImmediate(pending.immediate);
  else clearTimeout(pending.timeout);
}
