// ComputeUpdate of session.proto: state by handle, one table-driven column a quantity. A malformed row is dropped: the
// state known before stays until its own validity ends.
import { invariant } from '../errors.ts';
import { METRIC_SOURCES, METRIC_STATISTICS } from '../model/compute-state.ts';
import { stateNumbers } from '../model/state-buffers.ts';
import { STATE, STATE_NUMBERS } from '../model/state-row.ts';
import type { ComputeUpdate } from '../session/message.ts';
import {
  type Column,
  type ColumnKind,
  emptyColumn,
  sumDeltas,
  takeColumn,
  toFloat,
  toUint32,
  toUint53,
  writeDeltas,
} from './column.ts';
import { type Cursor, LEN, tagOf } from './cursor.ts';
import type { FaultLog } from './fault-log.ts';
import { MAX_HANDLE, MAX_ROWS } from './limits.ts';
import { handleColumn } from './service-update.ts';
import type { FrameWriter } from './writer.ts';

const HANDLE = 1;
const BEST_SCORE = 10;

/** Value columns from field 2 on, in the order of session.proto, which is the order of a state row too. */
const COLUMNS: readonly (readonly [string, Exclude<ColumnKind, 'sint32'>])[] = [
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

/** Where a column is made ready for the wire. */
const columnRoom = new Float64Array(1024);

/** Writes the body; more than `MAX_ROWS` rows or unequal columns are a bug of the caller. */
export function writeComputeUpdate(writer: FrameWriter, { handle, state }: ComputeUpdate): void {
  const rows = handle.length;
  invariant(rows * STATE_NUMBERS === state.length, 'a compute row has a handle and a state');
  invariant(rows <= MAX_ROWS, `at most ${MAX_ROWS} rows a frame`);
  writeDeltas(writer, HANDLE, handle);
  if (rows === 0) return;
  const column = rows <= columnRoom.length ? columnRoom.subarray(0, rows) : new Float64Array(rows);
  for (let place = 0; place < COLUMNS.length; place++) {
    const count = toColumn(state, place, column);
    if (count > 1 || column[0] !== 0) writer.column(FIRST_FIELD + place, COLUMNS[place]![1], column, count);
  }
}

/**
 * Numbers of one place in every row as the wire has them: whole ones round and saturate, enums begin with 1, the agent's
 * clock counts us. Returns how many elements the column needs: one where all are equal (session.proto rule 7).
 */
function toColumn(state: Float64Array, place: number, column: Float64Array): number {
  const kind = COLUMNS[place]![1];
  const isEnum = place === STATE.source || place === STATE.statistic;
  const scale = place === STATE.measuredAtMs ? 1000 : 1;
  const first = state[place]!;
  let at = place;
  while (at < state.length && state[at] === first) at += STATE_NUMBERS;
  const count = at >= state.length ? 1 : column.length;
  for (let row = 0, from = place; row < count; row++, from += STATE_NUMBERS) {
    const value = state[from]!;
    if (isEnum) column[row] = value + 1;
    else if (kind === 'float') column[row] = toFloat(value);
    else column[row] = kind === 'fixed64' ? toUint53(value * scale) : toUint32(value);
  }
  return count;
}

/**
 * Reads the body. A sender puts the handles first, and then every column goes straight into the rows; whatever comes in
 * another order or in pieces, which protobuf allows, is collected column by column.
 */
export function readComputeUpdate(cursor: Cursor, faults: FaultLog): ComputeUpdate {
  const from = cursor.pos;
  const rows = readInOrder(cursor);
  if (rows !== undefined) return checkRows(rows, faults);
  cursor.pos = from;
  return readInPieces(cursor, faults);
}

/** Undefined when the columns are not in order, or not whole: then nothing has been decided. */
function readInOrder(cursor: Cursor): ComputeUpdate | undefined {
  if (!cursor.more() || cursor.tag() !== tagOf(HANDLE, LEN)) return undefined;
  const handles = emptyColumn('sint32');
  takeColumn(cursor, tagOf(HANDLE, LEN), handles);
  const handle = sumDeltas(handles, MAX_HANDLE);
  if (handle === undefined) return undefined;
  const state = stateNumbers(handle.length * STATE_NUMBERS);
  return takeStateColumns(cursor, state, 0, state.length) ? { handle, state } : undefined;
}

/** Reads value columns into the rows `from`..`to - 1` of `state`, all 0 before; false when they are not in order, or not whole. */
export function takeStateColumns(cursor: Cursor, state: Float64Array, from: number, to: number): boolean {
  for (let before = -1; cursor.more(); ) {
    const tag = cursor.tag();
    const place = (tag >>> 3) - FIRST_FIELD;
    if (place <= before || place >= COLUMNS.length || (tag & 7) !== LEN) return false;
    if (!cursor.columnInto(COLUMNS[place]![1], state, from + place, to, STATE_NUMBERS)) return false;
    before = place;
  }
  return true;
}

function readInPieces(cursor: Cursor, faults: FaultLog): ComputeUpdate {
  const handles = emptyColumn('sint32');
  const columns: (Column | undefined)[] = [];
  while (cursor.more()) {
    const tag = cursor.tag();
    const place = (tag >>> 3) - FIRST_FIELD;
    if (tag >>> 3 === HANDLE) takeColumn(cursor, tag, handles);
    else if (place >= 0 && place < COLUMNS.length)
      takeColumn(cursor, tag, (columns[place] ??= emptyColumn(COLUMNS[place]![1])));
    else cursor.skip(tag);
  }
  const handle = handleColumn(handles, 'compute.handle_delta');
  const state = new Float64Array(handle.length * STATE_NUMBERS);
  for (let place = 0; place < COLUMNS.length; place++) {
    const column = columns[place];
    if (column === undefined || fromColumn(column, place, state)) continue;
    const why = column.broken || 'wrong length of the column';
    if (handle.length > 0) faults.add(`compute.${COLUMNS[place]![0]}`, `${why}: rows dropped`, handle.length);
    return { handle: new Uint32Array(0), state: new Float64Array(0) };
  }
  return checkRows({ handle, state }, faults);
}

/** Puts a value column into its place of every row; false when its length fits no form of one. */
function fromColumn({ values, count, broken }: Column, place: number, state: Float64Array): boolean {
  const rows = state.length / STATE_NUMBERS;
  if (broken !== '' || (count > 1 && count !== rows)) return false;
  const step = count === rows ? 1 : 0;
  if (count === 0) return true;
  for (let row = 0, at = place, from = 0; row < rows; row++, at += STATE_NUMBERS, from += step)
    state[at] = values[from]!;
  return true;
}

/** Brings enums and clock of a row to the model's numbers; '' when every number is in its range. */
export function settleRow(state: Float64Array, at: number): string {
  state[at + STATE.source] = state[at + STATE.source]! - 1;
  state[at + STATE.statistic] = state[at + STATE.statistic]! - 1;
  const fault = rangeFault(state, at);
  if (fault === '') state[at + STATE.measuredAtMs] = state[at + STATE.measuredAtMs]! / 1000;
  return fault;
}

/** Rows with a number outside its range are left out. */
function checkRows({ handle, state }: ComputeUpdate, faults: FaultLog): ComputeUpdate {
  let kept = 0;
  for (let row = 0, at = 0; row < handle.length; row++, at += STATE_NUMBERS) {
    const fault = settleRow(state, at);
    if (fault !== '') {
      faults.add('compute', `${fault}: row dropped`);
      continue;
    }
    if (kept < row) {
      state.copyWithin(kept * STATE_NUMBERS, at, at + STATE_NUMBERS);
      handle[kept] = handle[row]!;
    }
    kept++;
  }
  if (kept === handle.length) return { handle, state };
  return { handle: handle.slice(0, kept), state: state.slice(0, kept * STATE_NUMBERS) };
}

/** '' when every number is in its range. */
function rangeFault(state: Float64Array, at: number): string {
  const source = state[at + STATE.source]!;
  const statistic = state[at + STATE.statistic]!;
  if (source < 0 || source >= METRIC_SOURCES.length || statistic < 0 || statistic >= METRIC_STATISTICS.length)
    return 'unknown source or statistic';
  if (state[at]! > Number.MAX_SAFE_INTEGER || state[at + STATE.measuredAtMs]! > Number.MAX_SAFE_INTEGER)
    return 'number of 2^53 or more';
  if (
    state[at + STATE.score]! > BEST_SCORE ||
    state[at + STATE.computeScore]! > BEST_SCORE ||
    state[at + STATE.serviceScore]! > BEST_SCORE
  )
    return `score above ${BEST_SCORE}`;
  return isQuantity(state[at + STATE.spareCapacity]!) &&
    isQuantity(state[at + STATE.inFlight]!) &&
    isQuantity(state[at + STATE.arrivalRate]!)
    ? ''
    : 'not a finite number of at least 0';
}

const isQuantity = (value: number): boolean => value >= 0 && value < Number.POSITIVE_INFINITY;
