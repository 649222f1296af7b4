// The load generator as a library: short flows, long-lived flows and a UDP stream against one service, marked in phases,
// summed up in one document. main.ts is its command line; the demo uses either.
import { type LongFlowSummary, LongFlows } from './long-flows.ts';
import { ShortFlows } from './short-flows.ts';
import { BUCKET_MS, LoadStats, type LoadTotals, type PhaseSummary, percentiles, type TimelineBucket } from './stats.ts';
import { type UdpPhaseSummary, UdpStream } from './udp-stream.ts';

export interface LoadOptions {
  readonly target: string;
  /** Short flows per second; 0: none. */
  readonly ratePerSecond: number;
  readonly connections: 'new' | 'keep';
  readonly longLived: number;
  readonly longIntervalMs: number;
  readonly connectTimeoutMs: number;
  readonly responseTimeoutMs: number;
  /** UDP echo to stream to; absent: none. */
  readonly udp?: { readonly host: string; readonly port: number; readonly ratePerSecond: number };
  /** Name of the phase before the first mark. */
  readonly phase: string;
}

export const DEFAULT_LOAD_OPTIONS: Omit<LoadOptions, 'target'> = {
  ratePerSecond: 50,
  connections: 'new',
  longLived: 0,
  longIntervalMs: 100,
  connectTimeoutMs: 500,
  responseTimeoutMs: 3_000,
  phase: 'start',
};

export interface LoadSummary {
  readonly type: 'summary';
  readonly target: string;
  /** Wall clock, ms since 1970; `timeline[i].atMs` counts from here. */
  readonly startedAtMs: number;
  readonly phases: readonly (PhaseSummary & { readonly udp?: UdpPhaseSummary })[];
  readonly longFlows?: LongFlowSummary;
  /** Answers of the UDP stream that this host dropped before they were read: lost here, not in the network. */
  readonly udpDroppedHere?: number;
  /** Lost packets of the UDP stream per bucket of the timeline, as far as there are any. */
  readonly udpLostOverTime?: readonly number[];
  /** Requests that were not sent because too many were waiting. */
  readonly skipped: number;
  readonly bucketMs: number;
  readonly timeline: readonly TimelineBucket[];
}

/** One line a second while it runs. */
export interface LoadSecond extends Omit<TimelineBucket, 'atMs'> {
  readonly type: 'second';
  /** Seconds since the start. */
  readonly second: number;
  readonly phase: string;
  /** Since the start; the other counts are of the last second. */
  readonly totals: LoadTotals;
  readonly longFlows?: Readonly<Record<string, number>>;
  readonly udp?: { readonly sent: number; readonly received: number };
}

export interface Load {
  /** Begins a phase; returns its wall-clock start, ms since 1970. */
  mark(phase: string): number;
  setRate(ratePerSecond: number): void;
  second(): LoadSecond;
  /** Stops, waits for what is under way (bounded by the timeouts), sums up. */
  stop(): Promise<LoadSummary>;
}

/** Starts at once. Throws a TypeError when `target` is no URL. */
export function startLoad(options: LoadOptions): Load {
  const target = new URL(options.target);
  const startMs = performance.now();
  const stats = new LoadStats(startMs, performance.timeOrigin, options.phase);
  const short = new ShortFlows({ ...options, target }, stats);
  const long =
    options.longLived > 0
      ? new LongFlows({ ...options, target, count: options.longLived, intervalMs: options.longIntervalMs }, stats)
      : undefined;
  const udp = options.udp && new UdpStream(options.udp, stats);
  let phases = 1;
  return {
    mark(phase) {
      const atMs = performance.now();
      stats.mark(phase, atMs);
      phases++;
      return Math.round(performance.timeOrigin + atMs);
    },
    setRate(ratePerSecond) {
      short.ratePerSecond = ratePerSecond;
    },
    second() {
      const nowMs = performance.now();
      return {
        type: 'second',
        second: Math.floor((nowMs - startMs) / 1e3),
        phase: stats.phase,
        totals: stats.totals,
        ...stats.lastSecond(nowMs),
        ...(long && { longFlows: long.summary.instances }),
        ...(udp && { udp: udp.counters }),
      };
    },
    async stop() {
      const endMs = performance.now();
      const longFlows = long?.summary;
      long?.stop();
      await Promise.all([short.stop(), udp?.stop()]);
      const udpPhases = udp?.summary(phases, percentiles);
      return {
        type: 'summary',
        target: options.target,
        startedAtMs: Math.round(performance.timeOrigin + startMs),
        phases: stats.summary(endMs).map((phase, i) => ({ ...phase, ...(udpPhases && { udp: udpPhases[i]! }) })),
        ...(longFlows && { longFlows }),
        ...(udp && { udpDroppedHere: udp.droppedHere, udpLostOverTime: udp.lostOverTime(startMs, BUCKET_MS) }),
        skipped: short.skipped,
        bucketMs: BUCKET_MS,
        timeline: stats.timeline(),
      };
    },
  };
}
