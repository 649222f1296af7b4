// ComputeUpdate of session.proto: state by handle, one table-driven column a quantity. A malformed row is dropped: the
// state known before stays until its own validity ends.
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
import type { FrameWriter } from './writer.ts';

const HANDLE = 1;
const BEST_SCORE = 10;

/** Value columns from field 2 on, in the order of session.proto; `fill` and `stateAt` keep the same order. */
const COLUMNS: readonly (readonly [string, ColumnKind])[] = [
  ['sequence', 'fixed64'],
  ['score', 'uint32'],
  ['compute_score', 'uint32'],
  ['service_score', 'uint32'],
  ['service_time_us', 'uint32'],
  ['work_time_us', 'uint32'],
  ['spare_capacity', 'float'],
  ['in_flight', 'float'],
  ['arrival_rate', 'float'],
  ['workers', 'uint32'],
  ['source', 'uint32'],
  ['statistic', 'uint32'],
  ['window_ms', 'uint32'],
  ['measured_at_us', 'fixed64'],
  ['valid_for_ms', 'uint32'],
];
const FIRST_FIELD = 2;

/** Writes the body; more than `MAX_ROWS` rows or unequal columns are a bug of the caller. */
export function writeComputeUpdate(writer: FrameWriter, update: ComputeUpdate): void {
  invariant(update.handle.length === update.state.length, 'a compute row has a handle and a state');
  invariant(update.handle.length <= MAX_ROWS, `at most ${MAX_ROWS} rows a frame`);
  writeDeltas(writer, HANDLE, update.handle);
  const rows = update.state.length;
  const numbers = new Float64Array(rows * COLUMNS.length);
  for (let row = 0; row < rows; row++) fill(numbers, rows, row, update.state[row]!);
  for (const [i, [, kind]] of COLUMNS.entries()) {
    writeColumn(writer, FIRST_FIELD + i, kind, numbers.subarray(i * rows, (i + 1) * rows));
  }
}

/** One state into its row of all columns: a single pass, because a pass a column over objects is what costs. */
function fill(to: Float64Array, rows: number, row: number, state: ComputeState): void {
  let at = row;
  const put = (value: number) => {
    to[at] = value;
    at += rows;
  };
  put(toUint53(state.sequence));
  put(state.score);
  put(state.computeScore);
  put(state.serviceScore);
  put(toUint32(state.serviceTimeUs));
  put(toUint32(state.workTimeUs));
  put(toFloat(state.spareCapacity));
  put(toFloat(state.inFlight));
  put(toFloat(state.arrivalRate));
  put(toUint32(state.workers));
  put(METRIC_SOURCES.indexOf(state.source) + 1);
  put(METRIC_STATISTICS.indexOf(state.statistic) + 1);
  put(toUint32(state.windowMs));
  put(toUint53(Math.round(state.measuredAtMs * 1000)));
  put(toUint32(state.validForMs));
}

export function readComputeUpdate(cursor: Cursor, faults: FaultLog): ComputeUpdate {
  const handles = emptyColumn('sint32');
  const columns = COLUMNS.map(([, kind]) => emptyColumn(kind));
  while (cursor.more()) {
    const tag = cursor.tag();
    const field = tag >>> 3;
    if (field === HANDLE) takeColumn(cursor, tag, handles);
    else if (field >= FIRST_FIELD && field < FIRST_FIELD + COLUMNS.length)
      takeColumn(cursor, tag, columns[field - FIRST_FIELD]!);
    else cursor.skip(tag);
  }
  const all = handleColumn(handles, 'compute.handle_delta');
  const values: (readonly number[])[] = [];
  for (const [i, column] of columns.entries()) {
    const rows = spread(column, all.length);
    if (rows === undefined) {
      const why = column.broken || 'wrong length of the column';
      if (all.length > 0) faults.add(`compute.${COLUMNS[i]![0]}`, `${why}: rows dropped`, all.length);
      return { handle: [], state: [] };
    }
    values.push(rows);
  }
  return joinRows(all, values, faults);
}

/** Turns columns, in the order of `COLUMNS`, into states; rows with a number outside its range are left out. */
function joinRows(
  handles: readonly number[],
  columns: readonly (readonly number[])[],
  faults: FaultLog,
): ComputeUpdate {
  const [sequence, score, computeScore, serviceScore, serviceTime, workTime, spare, inFlight] = columns;
  const [arrivals, workers, source, statistic, windowMs, measuredAt, validFor] = columns.slice(8);
  const handle: number[] = [];
  const state: ComputeState[] = [];
  for (let row = 0; row < handles.length; row++) {
    const read = {
      sequence: sequence![row]!,
      // Scores are 0..10 from here on: `rangeFault` checks what the brand stands for.
      score: score![row] as Score,
      computeScore: computeScore![row] as Score,
      serviceScore: serviceScore![row] as Score,
      serviceTimeUs: serviceTime![row]!,
      workTimeUs: workTime![row]!,
      spareCapacity: spare![row]!,
      inFlight: inFlight![row]!,
      arrivalRate: arrivals![row]!,
      workers: workers![row]!,
      source: METRIC_SOURCES[source![row]! - 1],
      statistic: METRIC_STATISTICS[statistic![row]! - 1],
      windowMs: windowMs![row]!,
      measuredAtMs: measuredAt![row]! / 1000,
      validForMs: validFor![row]!,
    };
    if (isNamed(read) && rangeFault(read) === '') {
      handle.push(handles[row]!);
      state.push(read);
    } else faults.add('compute', `${isNamed(read) ? rangeFault(read) : 'unknown source or statistic'}: row dropped`);
  }
  return { handle, state };
}

type Unchecked = Omit<ComputeState, 'source' | 'statistic'> & {
  readonly source: ComputeState['source'] | undefined;
  readonly statistic: ComputeState['statistic'] | undefined;
};

const isNamed = (state: Unchecked): state is ComputeState =>
  state.source !== undefined && state.statistic !== undefined;

/** '' when every number is in its range. */
function rangeFault(state: Unchecked): string {
  const { score, computeScore, serviceScore, spareCapacity, inFlight, arrivalRate } = state;
  if (state.sequence > Number.MAX_SAFE_INTEGER || state.measuredAtMs * 1000 > Number.MAX_SAFE_INTEGER) {
    return 'number of 2^53 or more';
  }
  if (score > BEST_SCORE || computeScore > BEST_SCORE || serviceScore > BEST_SCORE) return `score above ${BEST_SCORE}`;
  return isQuantity(spareCapacity) && isQuantity(inFlight) && isQuantity(arrivalRate)
    ? ''
    : 'not a finite number of at least 0';
}

const isQuantity = (value: number): boolean => value >= 0 && value < Number.POSITIVE_INFINITY;
