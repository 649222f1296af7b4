// Checks what a scrape or a push claims before anything is computed from it. A sample is used whole or not at all;
// unknown must never look best (elastic/elasticsearch#147579), so nothing is guessed for a number that is wrong.
import type { ComputeState } from '../model/compute-state.ts';

/** Both clocks at one moment: monotonic for intervals, ms since 1970 for what goes on the wire. */
export interface Moment {
  readonly atMs: number;
  readonly wallMs: number;
}

/** What one scrape saw. `arrivals`, `completions` and `busySeconds` are totals since the service started. */
export interface InstanceSample extends Moment {
  readonly workers: number;
  readonly inFlight: number;
  readonly arrivals: number;
  readonly completions: number;
  readonly busySeconds: number;
  /** The source's own clock, where it says; ms since 1970. */
  readonly measuredAtMs?: number;
}

/** A ready-made report from outside; what is absent is unknown, and a bare score is enough. */
export type PushedReport = Moment & Partial<Omit<ComputeState, 'sequence'>>;

/** Why a sample or pushed report was not used; verbatim in logs and `show metrics`. */
export type SampleFault =
  | 'not-a-number'
  | 'negative'
  | 'sentinel'
  | 'stale'
  | 'skewed'
  | 'no-workers'
  | 'counter-reset'
  | 'out-of-range'
  | 'incomplete';

export interface Rejection {
  readonly reason: SampleFault;
  readonly detail: string;
}

/** A source's clock may be ahead of ours by this much. */
const SKEW_MS = 2000;
/** Gauges at these values mean "unknown" in the exporters that print them: all ones in 32 bits, and beyond 2^53. */
const SENTINELS: ReadonlySet<number> = new Set([0xffff_ffff, 0x7fff_ffff]);

/** Finds what is wrong with a number, or nothing. */
export function numberFault(name: string, value: number): Rejection | undefined {
  if (!Number.isFinite(value)) return { reason: 'not-a-number', detail: `${name} is ${value}` };
  if (value < 0) return { reason: 'negative', detail: `${name} is ${value}` };
  if (value > Number.MAX_SAFE_INTEGER || SENTINELS.has(value))
    return { reason: 'sentinel', detail: `${name} is ${value}` };
  return undefined;
}

/** Checks one sample against the one before it; `validForMs` bounds the age of the source's own timestamp. */
export function sampleFault(
  sample: InstanceSample,
  previous: InstanceSample | undefined,
  validForMs: number,
): Rejection | undefined {
  for (const name of ['workers', 'inFlight', 'arrivals', 'completions', 'busySeconds'] as const) {
    const fault = numberFault(name, sample[name]);
    if (fault !== undefined) return fault;
  }
  if (sample.workers < 1) return { reason: 'no-workers', detail: `workers is ${sample.workers}` };
  if (previous !== undefined && sample.atMs <= previous.atMs) {
    return { reason: 'stale', detail: `${previous.atMs - sample.atMs} ms before the sample already used` };
  }
  return timeFault(sample, validForMs);
}

/** Checks the source's own timestamp, where there is one, against our clock. */
export function timeFault(
  sample: Moment & { readonly measuredAtMs?: number },
  validForMs: number,
): Rejection | undefined {
  if (sample.measuredAtMs === undefined) return undefined;
  const fault = numberFault('measuredAtMs', sample.measuredAtMs);
  if (fault !== undefined) return fault;
  const ageMs = sample.wallMs - sample.measuredAtMs;
  if (ageMs < -SKEW_MS) return { reason: 'skewed', detail: `measured ${-ageMs} ms in the future` };
  if (ageMs > validForMs) return { reason: 'stale', detail: `measured ${ageMs} ms ago` };
  return undefined;
}

/** A total that fell: the service restarted, and its totals began anew. */
export function hasReset(sample: InstanceSample, previous: InstanceSample): boolean {
  return (
    sample.arrivals < previous.arrivals ||
    sample.completions < previous.completions ||
    sample.busySeconds < previous.busySeconds
  );
}
