// A simulated site: first come, first served, exponential work, `workers` in parallel; counts what the service host of a
// lab exposes, so that the real C-SMA can measure it.

import { Heap } from './heap.ts';
import { exponential, type Random } from './random.ts';

export class SimulatedSite {
  readonly #random: Random;
  readonly #workTimeMs: number;
  /** When each worker is free again. */
  #free = new Heap();
  /** When each request in the system leaves. */
  readonly #departures = new Heap();
  /** Workers that leave as soon as they are free. */
  #leaving = 0;
  workers: number;
  /** Work takes this many times as long. */
  slowness = 1;
  arrivals = 0;
  completions = 0;
  busySeconds = 0;

  constructor(workers: number, workTimeUs: number, random: Random) {
    this.workers = workers;
    this.#workTimeMs = workTimeUs / 1000;
    this.#random = random;
    for (let i = 0; i < workers; i++) this.#free.push(0);
  }

  /** Takes a request that arrives at `atMs` (rising) and returns when it leaves, ms. */
  serve(atMs: number): number {
    this.settle(atMs);
    for (; this.#leaving > 0; this.#leaving--) this.#free.pop();
    const work = exponential(this.#random, this.#workTimeMs * this.slowness);
    const leaves = Math.max(atMs, this.#free.least) + work;
    this.#free.replaceLeast(leaves);
    this.#departures.push(leaves);
    this.arrivals++;
    this.busySeconds += work / 1000;
    return leaves;
  }

  /** Lets go what has left by `atMs`; returns how many are still in the system. */
  settle(atMs: number): number {
    while (this.#departures.least <= atMs) {
      this.#departures.pop();
      this.completions++;
    }
    return this.#departures.size;
  }

  /** The totals of a service that starts anew; what it was doing is done all the same. */
  restart(): void {
    this.arrivals = this.#departures.size;
    this.completions = 0;
    this.busySeconds = 0;
  }

  /** Takes workers away for good: they finish what they do. */
  lose(workers: number): void {
    this.workers -= workers;
    this.#leaving += workers;
  }
}
