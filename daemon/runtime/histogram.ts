// Latency figures of one stage over its newest samples: exact quantiles of a bounded window, cheap to add to.

const WINDOW = 4096;

export interface Quantiles {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export class Histogram {
  readonly #samples = new Float64Array(WINDOW);
  #count = 0;
  #max = 0;

  add(value: number): void {
    this.#samples[this.#count++ % WINDOW] = value;
    if (value > this.#max) this.#max = value;
  }

  /** Quantiles of the newest samples; count and max of all. Zeros when there are none. */
  quantiles(): Quantiles {
    const sorted = this.#samples.slice(0, Math.min(this.#count, WINDOW)).sort();
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return { count: this.#count, p50: at(0.5), p99: at(0.99), max: this.#max };
  }
}
