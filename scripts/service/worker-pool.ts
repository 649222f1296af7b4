// The service's capacity: N workers, each serving one request at a time, and a bounded queue before them.
//
// A request occupies its worker for `workUs`. Of that, `cpuShare` burns this process's CPU; the rest waits, as a worker
// waits for an accelerator. So three services and seven daemons fit on two cores, and the state that is measured
// (requests in the system, time busy, waiting) is that of a real M/D/c queue, not a figure.

export interface WorkerPoolConfig {
  readonly workers: number;
  readonly workUs: number;
  /** 0..1. */
  readonly cpuShare: number;
  /** Requests that may wait; one more overflows. */
  readonly queueLimit: number;
}

export interface Served {
  readonly queuedMs: number;
  readonly workedMs: number;
}

/** Timers fire up to this late; the next request on the worker gets the time back, so that capacity is `workers / workUs`. */
const TIMER_GRAIN_MS = 2;

export class WorkerPool {
  readonly config: WorkerPoolConfig;
  #running = 0;
  readonly #waiting: { readonly sinceMs: number; readonly resolve: (served: Served) => void }[] = [];
  #busyMs = 0;
  #accountedMs = performance.now();
  arrivals = 0;
  completed = 0;
  overflowed = 0;

  constructor(config: WorkerPoolConfig) {
    this.config = config;
  }

  /** In the system: waiting and being served. */
  get inFlight(): number {
    return this.#running + this.#waiting.length;
  }

  /** Worker-seconds spent, requests that are being served included: the integral of busy workers. */
  get busySeconds(): number {
    this.#account(performance.now());
    return this.#busyMs / 1e3;
  }

  /** Serves one request; undefined at once when the queue is full. */
  submit(): Promise<Served> | undefined {
    this.arrivals++;
    const nowMs = performance.now();
    if (this.#running < this.config.workers) {
      return new Promise((resolve) => {
        this.#account(nowMs);
        this.#running++;
        this.#work(nowMs, nowMs, 0, resolve);
      });
    }
    if (this.#waiting.length >= this.config.queueLimit) {
      this.overflowed++;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push({ sinceMs: nowMs, resolve }));
  }

  #work(arrivedMs: number, startMs: number, lateMs: number, resolve: (served: Served) => void): void {
    const workMs = this.config.workUs / 1e3;
    burnUntil(startMs + workMs * this.config.cpuShare);
    this.#finishAt(startMs + workMs - lateMs, (dueMs) => {
      const endMs = performance.now();
      this.completed++;
      resolve({ queuedMs: startMs - arrivedMs, workedMs: endMs - startMs });
      const next = this.#waiting.shift();
      if (next) return this.#work(next.sinceMs, endMs, Math.min(TIMER_GRAIN_MS, endMs - dueMs), next.resolve);
      this.#account(endMs);
      this.#running--;
    });
  }

  /** Timers count in whole milliseconds from the start of the turn, so one may also fire early: then the rest is waited for. */
  #finishAt(dueMs: number, finish: (dueMs: number) => void): void {
    const leftMs = dueMs - performance.now();
    if (leftMs <= 0) return void setImmediate(finish, dueMs);
    setTimeout(() => (performance.now() < dueMs ? this.#finishAt(dueMs, finish) : finish(dueMs)), leftMs);
  }

  #account(nowMs: number): void {
    this.#busyMs += this.#running * (nowMs - this.#accountedMs);
    this.#accountedMs = nowMs;
  }
}

/** Real work for the processor, until a time. */
function burnUntil(untilMs: number): void {
  let value = 1;
  while (performance.now() < untilMs) {
    for (let i = 0; i < 100; i++) value = Math.imul(value, 1_664_525) + 1_013_904_223;
  }
  // The loop must have an effect that the compiler cannot see through.
  if (value === 0.5) throw new Error('impossible');
}
