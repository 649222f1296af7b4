// When a timer is believed that finds peers silent, a hold timer or the deadline of a start: not while they are held back, nor
// right after, because who is not read cannot be heard. But a peer that floods must not keep the death of all others from
// being noticed, so patience has an end.
import { READY_TIMER } from '../../lib/router/start.ts';

/** Time to read what peers said while they were held back. */
const GRACE_MS = 500;
/** However long the pressure lasts. */
const MAX_GRACE_MS = 30_000;

export class HoldGrace {
  readonly #sincePressureMs: () => number;
  /** When each timer was due first. */
  readonly #dueAtMs = new Map<string, number>();

  /** `sincePressureMs`: how long ago peers were held back for the last time; 0 while they are. */
  constructor(sincePressureMs: () => number) {
    this.#sincePressureMs = sincePressureMs;
  }

  /** A timer is due at `nowMs`: when to ask again; undefined: it fires. */
  askAgainAtMs(timer: string, nowMs: number): number | undefined {
    if (timer !== READY_TIMER && !timer.endsWith('/hold')) return undefined;
    const dueAtMs = this.#dueAtMs.get(timer) ?? nowMs;
    if (this.#sincePressureMs() >= GRACE_MS || nowMs - dueAtMs >= MAX_GRACE_MS) {
      this.#dueAtMs.delete(timer);
      return undefined;
    }
    this.#dueAtMs.set(timer, dueAtMs);
    return nowMs + GRACE_MS;
  }

  /** It was set anew, or cancelled. */
  forget(timer: string): void {
    this.#dueAtMs.delete(timer);
  }
}
