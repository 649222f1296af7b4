// What a candidate's service costs at a rate of requests that it does not have yet: the one place that knows whether
// the numbers come from a queue model or from a bare score. Knows nothing of distances, shares or other candidates.

import { scoreToCostUs } from '../metric/score.ts';
import {
  type InverseTable,
  inverseTable,
  marginalUs,
  rateAtPrice,
  sensitivityUs,
  serviceTimeUs,
  utilisation,
} from '../metric/service-time.ts';
import type { ComputeState } from '../model/compute-state.ts';

/** `queue`: workers and work time are known. `score`: only a score is; the class's table stands for the time. */
export type LoadModel =
  | { readonly kind: 'queue'; readonly workers: number; readonly workTimeUs: number; readonly table: InverseTable }
  | { readonly kind: 'score'; readonly timeUs: number };

/** Rate by which the price of a bare score doubles, requests per second: unknown capacity must not be unlimited. */
const SCORE_DOUBLES_AT = 100;
/** Learned capacities are rounded to this, so that few tables exist. */
const WORKER_STEP = 1 / 32;
const TABLES_KEPT = 512;
// A memo, not state: the table of a number of workers is always the same.
const tables = new Map<number, InverseTable>();

function tableFor(workers: number): InverseTable {
  const known = tables.get(workers);
  if (known !== undefined) return known;
  if (tables.size >= TABLES_KEPT) tables.clear();
  const made = inverseTable(workers);
  tables.set(workers, made);
  return made;
}

export function hasQueueNumbers(state: ComputeState): boolean {
  return state.workers > 0 && state.workTimeUs > 0;
}

/** `factor` corrects the advertised number of workers (learned, 0.3..1.5). */
export function loadModel(state: ComputeState | undefined, factor: number, scoreToUs: readonly number[]): LoadModel {
  if (state === undefined) return { kind: 'score', timeUs: 0 };
  if (!hasQueueNumbers(state)) {
    return {
      kind: 'score',
      timeUs: state.serviceTimeUs > 0 ? state.serviceTimeUs : scoreToCostUs(state.score, scoreToUs),
    };
  }
  const workers = Math.max(WORKER_STEP, Math.round((state.workers * factor) / WORKER_STEP) * WORKER_STEP);
  return { kind: 'queue', workers, workTimeUs: state.workTimeUs, table: tableFor(workers) };
}

/** Mean time of a request at `rate`, µs. */
export function timeAt(model: LoadModel, rate: number): number {
  if (model.kind === 'queue') return serviceTimeUs(rate, model.workers, model.workTimeUs);
  return model.timeUs * (1 + rate / (2 * SCORE_DOUBLES_AT));
}

/** Marginal price at `rate`, µs. */
export function priceAt(model: LoadModel, rate: number): number {
  if (model.kind === 'queue') return marginalUs(rate, model.workers, model.workTimeUs);
  return model.timeUs * (1 + rate / SCORE_DOUBLES_AT);
}

/** How strongly the price answers to a relative change of the rate, µs. */
export function sensitivityAt(model: LoadModel, rate: number): number {
  if (model.kind === 'queue') return sensitivityUs(rate, model.workers, model.workTimeUs);
  return (model.timeUs * rate) / SCORE_DOUBLES_AT;
}

/** Rate at which the marginal price is `priceUs`; 0 where even the idle instance costs more. */
export function rateFor(model: LoadModel, priceUs: number): number {
  if (model.kind === 'queue') return rateAtPrice(model.table, priceUs, model.workTimeUs);
  // A time of 0 (nothing known) is free at any rate; one µs keeps the inverse finite.
  const timeUs = Math.max(1, model.timeUs);
  return Math.max(0, (priceUs / timeUs - 1) * SCORE_DOUBLES_AT);
}

/** Above this utilisation a site has little room for a crowd that arrives at once. */
const BUSY_ABOVE = 0.5;

/** True when a crowd that arrives at once would be felt. */
export function isBusy(model: LoadModel, rate: number): boolean {
  return model.kind === 'queue' && utilisation(rate, model.workers, model.workTimeUs) > BUSY_ABOVE;
}
