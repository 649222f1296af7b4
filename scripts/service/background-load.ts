// Arrivals that come from nowhere: they occupy workers like requests and make a site busy without a client. Poisson, so
// that queues form before the pool is full, as they do under real demand.
import type { WorkerPool } from './worker-pool.ts';

const TICK_MS = 5;
/** After a stall no more than this much demand is made up for. */
const MAX_CATCH_UP_MS = 250;

export class BackgroundLoad {
  readonly #pool: WorkerPool;
  #timer: NodeJS.Timeout | undefined;
  #ratePerSecond = 0;
  #nextAtMs = 0;

  constructor(pool: WorkerPool) {
    this.#pool = pool;
  }

  get ratePerSecond(): number {
    return this.#ratePerSecond;
  }

  /** Sets the demand, requests per second; 0 ends it. */
  set(ratePerSecond: number): void {
    this.#ratePerSecond = ratePerSecond;
    clearInterval(this.#timer);
    if (ratePerSecond <= 0) return;
    this.#nextAtMs = performance.now() + this.#gapMs();
    this.#timer = setInterval(() => this.#arrive(), TICK_MS);
  }

  #arrive(): void {
    const nowMs = performance.now();
    this.#nextAtMs = Math.max(this.#nextAtMs, nowMs - MAX_CATCH_UP_MS);
    while (this.#nextAtMs <= nowMs) {
      this.#pool.submit();
      this.#nextAtMs += this.#gapMs();
    }
  }

  #gapMs(): number {
    return (-Math.log(1 - Math.random()) * 1e3) / this.#ratePerSecond;
  }
}
