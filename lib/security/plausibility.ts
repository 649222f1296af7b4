// Which numbers are believed. A site that reports ten million idle workers, or nothing at all dated next year, is broken or
// lies; either way traffic must not follow. What is not believed is replaced, not dropped: the instance may well serve,
// so it stays the last resort until its reports make sense again.
import type { PlausibilityConfig } from '../config/config.ts';
import type { ComputeState } from '../model/compute-state.ts';
import type { Score } from '../model/identity.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import { STATE, statesToRows } from '../model/state-row.ts';

/** RFC 8570 4.1: a delay has 24 bits of microseconds. */
const MAX_DELAY_US = 0xff_ffff;

/**
 * The first number that is not believed; '' when all are. `nowMs` is wall clock. A service time may be anything: an
 * honest instance that is overloaded predicts hours, and nobody attracts traffic by it.
 */
export function stateFault(state: ComputeState, bounds: PlausibilityConfig, nowMs: number): string {
  return stateRowFault(statesToRows([state]), 0, bounds, nowMs);
}

/** The same of the row that begins at `at` (lib/model/state-row.ts). */
export function stateRowFault(values: Float64Array, at: number, bounds: PlausibilityConfig, nowMs: number): string {
  const { maxWorkTimeUs, maxRate, maxInFlight, maxWorkers, clockSkewMs } = bounds;
  if (values[at + STATE.workTimeUs]! > maxWorkTimeUs) return 'work-time';
  if (values[at + STATE.spareCapacity]! > maxRate) return 'spare-capacity';
  if (values[at + STATE.arrivalRate]! > maxRate) return 'arrival-rate';
  if (values[at + STATE.inFlight]! > maxInFlight) return 'in-flight';
  if (values[at + STATE.workers]! > maxWorkers) return 'workers';
  if (clockSkewMs > 0 && Math.abs(values[at + STATE.measuredAtMs]! - nowMs) > clockSkewMs) return 'measured-at';
  return '';
}

/**
 * Sequences start from the wall clock and grow by one a change, so they never overtake it. One that does would make every
 * later word of the same originator an old one.
 */
export function isFromTheFuture(sequence: number, clockSkewMs: number, nowMs: number): boolean {
  return clockSkewMs > 0 && sequence > nowMs + clockSkewMs;
}

/** What stands in for a report that is not believed: the worst score and no other number, under the same sequence. */
export function quarantined(state: ComputeState, nowMs: number): ComputeState {
  const worst = 0 as Score;
  return {
    ...state,
    score: worst,
    computeScore: worst,
    serviceScore: worst,
    serviceTimeUs: 0,
    workTimeUs: 0,
    spareCapacity: 0,
    inFlight: 0,
    arrivalRate: 0,
    workers: 0,
    source: 'nominal',
    measuredAtMs: nowMs,
  };
}

/** The first number of an advertisement that is not believed; '' when all are. */
export function nodeFault(node: NodeAdvertisement): string {
  for (const { delayMinUs, delayAvgUs, delayVariationUs } of node.links) {
    if (delayMinUs > MAX_DELAY_US || delayAvgUs > MAX_DELAY_US || delayVariationUs > MAX_DELAY_US) return 'link-delay';
  }
  return '';
}

/** A route in quarantine. */
export interface Quarantine {
  /** What was not believed last. */
  readonly reason: string;
  readonly sinceMs: number;
  /** Believable reports in a row since. */
  readonly good: number;
}

/** The next state of a route's quarantine after a report with this fault ('': none); undefined: it is over, or never was. */
export function nextQuarantine(
  present: Quarantine | undefined,
  fault: string,
  releaseAfter: number,
  atMs: number,
): Quarantine | undefined {
  if (fault !== '') return { reason: fault, sinceMs: present?.sinceMs ?? atMs, good: 0 };
  if (present === undefined || present.good + 1 >= releaseAfter) return undefined;
  return { ...present, good: present.good + 1 };
}
