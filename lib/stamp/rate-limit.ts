// How many test packets a reflector answers: a token bucket per source and one for all. A reflector answers anyone, so
// it must not be a means to load the daemon or a third party (RFC 8762 section 6).

export interface RateLimitConfig {
  /** Answers per second and source, and for all sources together. */
  readonly perSource: number;
  readonly total: number;
  /** Sources remembered; when full, the one that was silent longest is forgotten. */
  readonly maxSources: number;
}

/** 20 links of 50 ms from one neighbour fit in `perSource`. */
export const DEFAULT_RATE_LIMIT: RateLimitConfig = { perSource: 400, total: 5_000, maxSources: 1_024 };

interface Bucket {
  tokens: number;
  atMs: number;
}

/** Buckets hold one second's worth, so that replies after a stall of the daemon still go out. */
export class RateLimit {
  readonly #config: RateLimitConfig;
  readonly #sources = new Map<string, Bucket>();
  readonly #total: Bucket;

  constructor(config: RateLimitConfig, atMs: number) {
    this.#config = config;
    this.#total = { tokens: config.total, atMs };
  }

  /** Takes one token; false: do not answer. `atMs` is monotonic. A refused source does not use up the others' share. */
  allows(source: string, atMs: number): boolean {
    let bucket = this.#sources.get(source);
    if (bucket) this.#sources.delete(source);
    else {
      bucket = { tokens: this.#config.perSource, atMs };
      if (this.#sources.size >= this.#config.maxSources) this.#sources.delete(this.#sources.keys().next().value!);
    }
    // Re-inserted last: the map's order is the order of silence.
    this.#sources.set(source, bucket);
    refill(bucket, this.#config.perSource, atMs);
    if (bucket.tokens < 1) return false;
    refill(this.#total, this.#config.total, atMs);
    if (this.#total.tokens < 1) return false;
    bucket.tokens -= 1;
    this.#total.tokens -= 1;
    return true;
  }
}

function refill(bucket: Bucket, ratePerSecond: number, atMs: number): void {
  bucket.tokens = Math.min(ratePerSecond, bucket.tokens + ((atMs - bucket.atMs) * ratePerSecond) / 1e3);
  bucket.atMs = atMs;
}
