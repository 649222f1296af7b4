// ComputeUpdate of session.proto: state by handle, a column a quantity (state-columns.ts). A malformed row is dropped: the
// state known before stays until its own validity ends.
import { invariant } from '../errors.ts';
import { stateNumbers } from '../model/state-buffers.ts';
import { STATE_NUMBERS } from '../model/state-row.ts';
import type { ComputeUpdate } from '../session/message.ts';
import { type Column, emptyColumn, takeColumn, writeDeltas } from './column.ts';
import { type Cursor, LEN, tagOf } from './cursor.ts';
import type { FaultLog } from './fault-log.ts';
import { MAX_ROWS } from './limits.ts';
import { handleColumn } from './service-update.ts';
import { FIRST_FIELD, STATE_COLUMNS, takeStateColumns, writeStateColumns } from './state-columns.ts';
import { uint32s } from './words.ts';
import type { FrameWriter } from './writer.ts';

const HANDLE = 1;

/** Writes the body; more than `MAX_ROWS` rows or unequal columns are a bug of the caller. */
export function writeComputeUpdate(writer: FrameWriter, { handle, state }: ComputeUpdate): void {
  const rows = handle.length;
  invariant(rows * STATE_NUMBERS === state.length, 'a compute row has a handle and a state');
  invariant(rows <= MAX_ROWS, `at most ${MAX_ROWS} rows a frame`);
  writeDeltas(writer, HANDLE, handle);
  if (rows > 0) writeStateColumns(writer, state);
}

/**
 * Reads the body. A sender puts the handles first, and then every column goes straight into the rows; whatever comes in
 * another order or in pieces, which protobuf allows, is collected column by column.
 */
export function readComputeUpdate(cursor: Cursor, faults: FaultLog): ComputeUpdate {
  const from = cursor.pos;
  const rows = readInOrder(cursor);
  if (rows !== undefined) return rows;
  cursor.pos = from;
  return readInPieces(cursor, faults);
}

/** Undefined when the columns are not in order, not whole, or not within their ranges: then nothing has been decided. */
function readInOrder(cursor: Cursor): ComputeUpdate | undefined {
  if (!cursor.more() || cursor.tag() !== tagOf(HANDLE, LEN)) return undefined;
  const count = cursor.countAhead();
  if (count > MAX_ROWS) return undefined;
  const handle = uint32s(count);
  if (cursor.handlesInto(handle, 0) !== count) return undefined;
  const state = stateNumbers(count * STATE_NUMBERS);
  return takeStateColumns(cursor, state, 0, state.length) ? { handle, state } : undefined;
}

function readInPieces(cursor: Cursor, faults: FaultLog): ComputeUpdate {
  const handles = emptyColumn('sint32');
  const columns: (Column | undefined)[] = [];
  while (cursor.more()) {
    const tag = cursor.tag();
    const place = (tag >>> 3) - FIRST_FIELD;
    if (tag >>> 3 === HANDLE) takeColumn(cursor, tag, handles);
    else if (place >= 0 && place < STATE_COLUMNS.length)
      takeColumn(cursor, tag, (columns[place] ??= emptyColumn(STATE_COLUMNS[place]!.kind)));
    else cursor.skip(tag);
  }
  const handle = handleColumn(handles, 'compute.handle_delta');
  const state = new Float64Array(handle.length * STATE_NUMBERS);
  for (let place = 0; place < STATE_COLUMNS.length; place++) {
    const column = columns[place];
    if (column === undefined || fromColumn(column, place, state)) continue;
    const why = column.broken || 'wrong length of the column';
    if (handle.length > 0) faults.add(`compute.${STATE_COLUMNS[place]!.name}`, `${why}: rows dropped`, handle.length);
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

/** Rows with a number outside its range are left out. */
function checkRows({ handle, state }: ComputeUpdate, faults: FaultLog): ComputeUpdate {
  let kept = 0;
  for (let row = 0, at = 0; row < handle.length; row++, at += STATE_NUMBERS) {
    const fault = settleRow(state, at);
    if (fault !== undefined) {
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

/** Brings the numbers of the wire to the model's; otherwise says which is outside its range. */
function settleRow(state: Float64Array, first: number): string | undefined {
  for (let place = 0; place < STATE_NUMBERS; place++) {
    const { base, most, unit, otherwise } = STATE_COLUMNS[place]!;
    const value = state[first + place]!;
    // Not a number, too.
    if (!(value >= base && value <= most)) return otherwise;
    state[first + place] = (value - base) / unit;
  }
  return undefined;
}
