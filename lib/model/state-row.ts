// Compute state as a row of numbers: what the wire's columns, the table and Adj-RIB-Out pass on without an object a
// route. Fifteen doubles a row, so that one array carries whole numbers up to 2^53 and fractions alike.
import { type ComputeState, METRIC_SOURCES, METRIC_STATISTICS } from './compute-state.ts';
import type { Score } from './identity.ts';

/** Place of each quantity in a row; `source` and `statistic` as their place in METRIC_SOURCES and METRIC_STATISTICS. */
export const STATE = {
  sequence: 0,
  score: 1,
  computeScore: 2,
  serviceScore: 3,
  serviceTimeUs: 4,
  workTimeUs: 5,
  spareCapacity: 6,
  inFlight: 7,
  arrivalRate: 8,
  workers: 9,
  source: 10,
  statistic: 11,
  windowMs: 12,
  measuredAtMs: 13,
  validForMs: 14,
} as const;
export const STATE_NUMBERS = 15;

/** The row that begins at `at`. */
export function stateAt(values: Float64Array, at: number): ComputeState {
  return {
    sequence: values[at]!,
    // Scores are 0..10 wherever they come in: the codec and the agent check what the brand stands for.
    score: values[at + STATE.score]! as Score,
    computeScore: values[at + STATE.computeScore]! as Score,
    serviceScore: values[at + STATE.serviceScore]! as Score,
    serviceTimeUs: values[at + STATE.serviceTimeUs]!,
    workTimeUs: values[at + STATE.workTimeUs]!,
    spareCapacity: values[at + STATE.spareCapacity]!,
    inFlight: values[at + STATE.inFlight]!,
    arrivalRate: values[at + STATE.arrivalRate]!,
    workers: values[at + STATE.workers]!,
    source: METRIC_SOURCES[values[at + STATE.source]!]!,
    statistic: METRIC_STATISTICS[values[at + STATE.statistic]!]!,
    windowMs: values[at + STATE.windowMs]!,
    measuredAtMs: values[at + STATE.measuredAtMs]!,
    validForMs: values[at + STATE.validForMs]!,
  };
}

export function putState(values: Float64Array, at: number, state: ComputeState): void {
  values[at] = state.sequence;
  values[at + STATE.score] = state.score;
  values[at + STATE.computeScore] = state.computeScore;
  values[at + STATE.serviceScore] = state.serviceScore;
  values[at + STATE.serviceTimeUs] = state.serviceTimeUs;
  values[at + STATE.workTimeUs] = state.workTimeUs;
  values[at + STATE.spareCapacity] = state.spareCapacity;
  values[at + STATE.inFlight] = state.inFlight;
  values[at + STATE.arrivalRate] = state.arrivalRate;
  values[at + STATE.workers] = state.workers;
  values[at + STATE.source] = METRIC_SOURCES.indexOf(state.source);
  values[at + STATE.statistic] = METRIC_STATISTICS.indexOf(state.statistic);
  values[at + STATE.windowMs] = state.windowMs;
  values[at + STATE.measuredAtMs] = state.measuredAtMs;
  values[at + STATE.validForMs] = state.validForMs;
}

/** One row a state, in order. */
export function statesToRows(states: readonly ComputeState[]): Float64Array {
  const values = new Float64Array(states.length * STATE_NUMBERS);
  for (let i = 0; i < states.length; i++) putState(values, i * STATE_NUMBERS, states[i]!);
  return values;
}

export function rowsToStates(values: Float64Array): ComputeState[] {
  return Array.from({ length: values.length / STATE_NUMBERS }, (_, i) => stateAt(values, i * STATE_NUMBERS));
}
