// A bound on a rate that lets bursts pass: tokens fill at a rate up to a depth, each thing that passes takes one.

export interface BucketConfig {
  readonly perSecond: number;
  /** Most that pass at once. */
  readonly burst: number;
}

/** Owned and stored by the caller; a new one is full. */
export interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

export function fullBucket(config: BucketConfig, atMs: number): Bucket {
  return { tokens: config.burst, atMs };
}

/** The bucket after taking one token at `atMs`; undefined: it is empty, and nothing is taken. */
export function takeToken(bucket: Bucket, config: BucketConfig, atMs: number): Bucket | undefined {
  return takeTokens(bucket, config, atMs, 1);
}

/** The same with `count` tokens, all or none. */
export function takeTokens(bucket: Bucket, config: BucketConfig, atMs: number, count: number): Bucket | undefined {
  const tokens = tokensAt(bucket, config, atMs);
  // A hair less than one counts as one: otherwise the time that `tokenAtMs` names could be too early by rounding.
  return tokens < count - 1e-9 ? undefined : { tokens: Math.max(0, tokens - count), atMs };
}

/** The bucket after something passed that counts for `count`, be they there or not: below zero it was too much. */
export function spendTokens(bucket: Bucket, config: BucketConfig, atMs: number, count: number): Bucket {
  // What came beyond is not owed for ever: a burst's time later the bucket is where an empty one would be.
  return { tokens: Math.max(-config.burst, tokensAt(bucket, config, atMs) - count), atMs };
}

/** When the next token is there; never before `atMs`. */
export function tokenAtMs(bucket: Bucket, config: BucketConfig, atMs: number): number {
  return atMs + Math.max(0, ((1 - tokensAt(bucket, config, atMs)) * 1000) / config.perSecond);
}

/** Tokens that are there at `atMs`. */
export function tokensAt(bucket: Bucket, config: BucketConfig, atMs: number): number {
  return Math.min(config.burst, bucket.tokens + ((atMs - bucket.atMs) * config.perSecond) / 1000);
}
