// Turns samples into load: arrival rate from totals, work time from busy time (work.ts), and from both the CATS scores and
// the predicted service time. Knows no clock but the samples' own, and not when anything is sent.
import type { ComputeState, MetricSource } from '../model/compute-state.ts';
import type { InstanceSample } from './sample.ts';
import { bottleneckScore, computeScore, serviceScore } from './score.ts';
import { backlogUs, LINEAR_ABOVE, rateAt, serviceTimeUs, utilisation } from './service-time.ts';
import { addWork, firstWork, isProven, knownWorkTimeUs, NOMINAL_WORK_TIME_US, type Work } from './work.ts';

/** Everything of a report but its place in the sequence. */
export type Measurement = Omit<ComputeState, 'sequence'>;

/** A rate of 100 arrivals is known to 10 %; small sites need the longest window for it. */
const ENOUGH_ARRIVALS = 100;
const LONGEST_WINDOW_MS = 3000;
const MOST_SAMPLES = 64;
export interface Measured {
  /** Samples that the next window may use, oldest first. */
  readonly samples: readonly InstanceSample[];
  readonly work: Work;
  readonly measurement: Measurement;
}

/** Adds a sound sample; `samples` are those before it since the last reset, `known` the work seen so far. */
export function measure(
  samples: readonly InstanceSample[],
  known: Work,
  sample: InstanceSample,
  windowMs: number,
  validForMs: number,
): Measured {
  const previous = samples.at(-1);
  const recent = samples.filter((old) => sample.atMs - old.atMs <= LONGEST_WINDOW_MS).slice(1 - MOST_SAMPLES);
  const kept = previous !== undefined && recent.length > 0 && jumped(recent, sample) ? [previous] : recent;
  const start = windowStart(kept, sample, windowMs);
  const work = previous === undefined ? firstWork(known, sample) : addWork(known, previous, start ?? previous, sample);
  const knownUs = knownWorkTimeUs(work);
  const workUs = knownUs ?? NOMINAL_WORK_TIME_US;
  const rate =
    start === undefined
      ? littleRate(sample, workUs)
      : (1000 * (sample.arrivals - start.arrivals)) / (sample.atMs - start.atMs);
  // A work time that nothing confirms any more is an estimate, however well it was measured once: an ingress then tries.
  const isMeasured = start !== undefined && isProven(work, sample.atMs);
  const source: MetricSource = knownUs === undefined ? 'nominal' : isMeasured ? 'measured' : 'estimation';
  return {
    samples: [...kept, sample],
    work,
    measurement: {
      ...describeLoad(rate, sample.inFlight, sample.workers, workUs),
      source,
      statistic: start === undefined ? 'cur' : 'mean',
      windowMs: start === undefined ? 0 : Math.round(sample.atMs - start.atMs),
      measuredAtMs: sample.measuredAtMs ?? sample.wallMs,
      validForMs,
    },
  };
}

/** Load numbers and scores of a queue with known rate, requests in the system, workers and work time. */
export function describeLoad(rate: number, inFlight: number, workers: number, workTimeUs: number) {
  const timeUs = serviceTimeUs(rate, workers, workTimeUs) + backlogUs(inFlight, rate, workers, workTimeUs);
  const compute = computeScore(utilisation(rate, workers, workTimeUs));
  const service = serviceScore(timeUs, workTimeUs);
  return {
    score: bottleneckScore(compute, service),
    computeScore: compute,
    serviceScore: service,
    serviceTimeUs: Math.round(timeUs),
    workTimeUs: Math.round(workTimeUs),
    spareCapacity: Math.max(0, rateAt(LINEAR_ABOVE, workers, workTimeUs) - rate),
    inFlight,
    arrivalRate: rate,
    workers,
  };
}

/** Before there are two samples: what keeps that many workers busy (Little's law). */
function littleRate(sample: InstanceSample, workTimeUs: number): number {
  return (Math.min(sample.inFlight, sample.workers) * 1e6) / workTimeUs;
}

/** Shortest window of at least `windowMs` with enough arrivals, or the longest there is. */
function windowStart(
  samples: readonly InstanceSample[],
  now: InstanceSample,
  windowMs: number,
): InstanceSample | undefined {
  const enough = samples.findLast(
    (old) => now.atMs - old.atMs >= windowMs && now.arrivals - old.arrivals >= ENOUGH_ARRIVALS,
  );
  return enough ?? samples[0];
}

/** The last interval differs from the window before it by more than chance: older samples describe another load. */
function jumped(samples: readonly InstanceSample[], sample: InstanceSample): boolean {
  const first = samples[0]!;
  const previous = samples.at(-1)!;
  const beforeMs = previous.atMs - first.atMs;
  if (beforeMs <= 0) return false;
  const expected = ((previous.arrivals - first.arrivals) * (sample.atMs - previous.atMs)) / beforeMs;
  const seen = sample.arrivals - previous.arrivals;
  return Math.abs(seen - expected) > 0.2 * expected + 4 * Math.sqrt(Math.max(1, expected));
}
