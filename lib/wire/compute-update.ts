// ComputeUpdate of session.proto: state by handle, one table-driven column a quantity. A malformed row is dropped: the
// state known before stays until its own validity ends.
import type { Writer } from 'protobufjs/minimal.js';
import { invariant } from '../errors.ts';
import { type ComputeState, METRIC_SOURCES, METRIC_STATISTICS } from '../model/compute-state.ts';
import type { Score } from '../model/identity.ts';
import type { ComputeUpdate } from '../session/message.ts';
import {
  type ColumnKind,
  emptyColumn,
  spread,
  takeColumn,
  toFloat,
  toUint32,
  toUint53,
  writeColumn,
  writeDeltas,
} from './column.ts';
import type { Cursor } from './cursor.ts';
import type { FaultLog } from './fault-log.ts';
import { MAX_ROWS } from './limits.ts';
import { handleColumn } from './service-update.ts';

const HANDLE = 1;
const BEST_SCORE = 10;

/** Field number, name in session.proto, kind, and how a state becomes the number. */
const COLUMNS: readonly (readonly [number, string, ColumnKind, (state: ComputeState) => number])[] = [
  [2, 'sequence', 'fixed64', (state) => toUint53(state.sequence)],
  [3, 'score', 'uint32', (state) => state.score],
  [4, 'compute_score', 'uint32', (state) => state.computeScore],
  [5, 'service_score', 'uint32', (state) => state.serviceScore],
  [6, 'service_time_us', 'uint32', (state) => toUint32(state.serviceTimeUs)],
  [7, 'work_time_us', 'uint32', (state) => toUint32(state.workTimeUs)],
  [8, 'spare_capacity', 'float', (state) => toFloat(state.spareCapacity)],
  [9, 'in_flight', 'float', (state) => toFloat(state.inFlight)],
  [10, 'arrival_rate', 'float', (state) => toFloat(state.arrivalRate)],
  [11, 'workers', 'uint32', (state) => toUint32(state.workers)],
  [12, 'source', 'uint32', (state) => METRIC_SOURCES.indexOf(state.source) + 1],
  [13, 'statistic', 'uint32', (state) => METRIC_STATISTICS.indexOf(state.statistic) + 1],
  [14, 'window_ms', 'uint32', (state) => toUint32(state.windowMs)],
  [15, 'measured_at_ms', 'fixed64', (state) => toUint53(state.measuredAtMs)],
  [16, 'valid_for_ms', 'uint32', (state) => toUint32(state.validForMs)],
];
const FIRST_FIELD = 2;
const LAST_FIELD = 16;

/** Writes the body; more than `MAX_ROWS` rows or unequal columns are a bug of the caller. */
export function writeComputeUpdate(writer: Writer, update: ComputeUpdate): void {
  invariant(update.handle.length === update.state.length, 'a compute row has a handle and a state');
  invariant(update.handle.length <= MAX_ROWS, `at most ${MAX_ROWS} rows a frame`);
  writeDeltas(writer, HANDLE, update.handle);
  for (const [field, , kind, numberOf] of COLUMNS) writeColumn(writer, field, kind, update.state.map(numberOf));
}

export function readComputeUpdate(cursor: Cursor, faults: FaultLog): ComputeUpdate {
  const handles = emptyColumn('sint32');
  const columns = COLUMNS.map(([, , kind]) => emptyColumn(kind));
  while (cursor.more()) {
    const tag = cursor.tag();
    const field = tag >>> 3;
    if (field === HANDLE) takeColumn(cursor, tag, handles);
    else if (field >= FIRST_FIELD && field <= LAST_FIELD) takeColumn(cursor, tag, columns[field - FIRST_FIELD]!);
    else cursor.skip(tag);
  }
  const all = handleColumn(handles, 'compute.handle_delta');
  const values: (readonly number[])[] = [];
  for (const [i, column] of columns.entries()) {
    const rows = spread(column, all.length);
    if (rows === undefined) {
      const why = column.broken || 'wrong length of the column';
      if (all.length > 0) faults.add(`compute.${COLUMNS[i]![1]}`, `${why}: rows dropped`, all.length);
      return { handle: [], state: [] };
    }
    values.push(rows);
  }
  const handle: number[] = [];
  const state: ComputeState[] = [];
  for (let row = 0; row < all.length; row++) {
    const read = stateAt(values, row, faults);
    if (read === undefined) continue;
    handle.push(all[row]!);
    state.push(read);
  }
  return { handle, state };
}

/** One row in field order, or `undefined` and a fault when a number is outside its range. */
function stateAt(values: readonly (readonly number[])[], row: number, faults: FaultLog): ComputeState | undefined {
  const at = (field: number) => values[field - FIRST_FIELD]![row]!;
  const source = METRIC_SOURCES[at(12) - 1];
  const statistic = METRIC_STATISTICS[at(13) - 1];
  const wrong =
    at(2) > Number.MAX_SAFE_INTEGER || at(15) > Number.MAX_SAFE_INTEGER
      ? 'number of 2^53 or more'
      : at(3) > BEST_SCORE || at(4) > BEST_SCORE || at(5) > BEST_SCORE
        ? `score above ${BEST_SCORE}`
        : !isQuantity(at(8)) || !isQuantity(at(9)) || !isQuantity(at(10))
          ? 'not a finite number of at least 0'
          : source === undefined || statistic === undefined
            ? 'unknown source or statistic'
            : '';
  if (wrong !== '' || source === undefined || statistic === undefined) {
    faults.add('compute', `${wrong}: row dropped`);
    return undefined;
  }
  return {
    sequence: at(2),
    // Scores are 0..10 from here on: the check above is what the brand stands for.
    score: at(3) as Score,
    computeScore: at(4) as Score,
    serviceScore: at(5) as Score,
    serviceTimeUs: at(6),
    workTimeUs: at(7),
    spareCapacity: at(8),
    inFlight: at(9),
    arrivalRate: at(10),
    workers: at(11),
    source,
    statistic,
    windowMs: at(14),
    measuredAtMs: at(15),
    validForMs: at(16),
  };
}

const isQuantity = (value: number): boolean => value >= 0 && value < Number.POSITIVE_INFINITY;
