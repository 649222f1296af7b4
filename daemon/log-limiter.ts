// Says a thing that may repeat fast once per interval and how often it happened meanwhile: a flapping link or a peer
// that sends garbage must not fill the disk. Memory is bounded by the number of keys kept.

type Level = 'debug' | 'info' | 'warn' | 'error';
type LogFunction = (fields: Record<string, unknown>, text: string) => void;

export interface LogLimiter<L extends Level = Level> {
  /** Logs the first of `key` at once, then at most one an interval with `suppressed` = the number left out before it. */
  say(key: string, level: L, fields: Record<string, unknown>, text: string): void;
}

export interface LogLimiterOptions {
  readonly intervalMs: number;
  /** Monotonic ms. */
  readonly now: () => number;
  /** Most keys remembered; the one longest unheard of is forgotten. Default 256. */
  readonly maxKeys?: number;
}

/** What a peer or a fault may repeat at its own pace: warnings, and what peers say to each other while they cannot agree. */
export function mayRepeat(level: Level, text: string): boolean {
  return level === 'warn' || (level === 'info' && /^(sent|received) NOTIFICATION /.test(text));
}

/** Wraps a log. */
export function createLogLimiter<L extends Level>(
  log: Readonly<Record<L, LogFunction>>,
  options: LogLimiterOptions,
): LogLimiter<L> {
  const { intervalMs, now, maxKeys = 256 } = options;
  /** Insertion order = order of last mention. */
  const keys = new Map<string, { saidAtMs: number; suppressed: number }>();
  return {
    say(key, level, fields, text) {
      const atMs = now();
      const entry = keys.get(key);
      keys.delete(key);
      if (entry !== undefined && atMs - entry.saidAtMs < intervalMs) {
        keys.set(key, { ...entry, suppressed: entry.suppressed + 1 });
        return;
      }
      keys.set(key, { saidAtMs: atMs, suppressed: 0 });
      if (keys.size > maxKeys) keys.delete(keys.keys().next().value!);
      const suppressed = entry?.suppressed ?? 0;
      log[level](suppressed > 0 ? { ...fields, suppressed } : fields, text);
    },
  };
}
