// Number columns of a table (session.proto rule 7): packed or not, one element a row, one for all rows, or none.
// They know numbers and lengths, not meanings.
import { type Cursor, FIXED32, FIXED64, LEN, tagOf, VARINT, WireFault } from './cursor.ts';
import { MAX_ROWS } from './limits.ts';
import type { FrameWriter } from './writer.ts';

export type ColumnKind = 'uint32' | 'sint32' | 'fixed32' | 'fixed64' | 'float';

const WIRE: Readonly<Record<ColumnKind, number>> = {
  uint32: VARINT,
  sint32: VARINT,
  fixed32: FIXED32,
  fixed64: FIXED64,
  float: FIXED32,
};
const FLOAT_MAX = 3.4028234663852886e38;
const HIGH_WORD = 0x1_0000_0000;

/** What was read of one column; `broken` says why its elements cannot be trusted, and is empty otherwise. */
export interface Column {
  readonly kind: ColumnKind;
  readonly values: number[];
  broken: string;
}

export const emptyColumn = (kind: ColumnKind): Column => ({ kind, values: [], broken: '' });

/** Whole and unsigned for the wire: rounds, and saturates instead of wrapping. */
export const toUint32 = (value: number): number => (value > 0 ? Math.min(Math.round(value), 0xffff_ffff) : 0);
export const toUint53 = (value: number): number =>
  value > 0 ? Math.min(Math.round(value), Number.MAX_SAFE_INTEGER) : 0;
export const toFloat = (value: number): number => (value > 0 ? Math.min(value, FLOAT_MAX) : 0);

/**
 * Reads one occurrence of the column's field, packed or single, and appends it. An unreadable element breaks the column,
 * not the frame: the field's own length says where it ends. More than `MAX_ROWS` elements break it too.
 */
export function takeColumn(cursor: Cursor, tag: number, column: Column): void {
  const wire = tag & 7;
  const { kind, values } = column;
  if (wire === LEN) takePacked(cursor.nested(), column);
  // A single element is read from the frame itself: if it is truncated, so is the frame.
  else if (wire !== WIRE[kind] || values.length > MAX_ROWS) cursor.skip(tag);
  else if (kind === 'uint32') values.push(cursor.uint32());
  else if (kind === 'sint32') values.push(cursor.sint32());
  else if (kind === 'fixed32') values.push(cursor.fixed32());
  else if (kind === 'float') values.push(cursor.float());
  else values.push(cursor.fixed64());
  if (values.length > MAX_ROWS) column.broken = `more than ${MAX_ROWS} elements`;
}

function takePacked(packed: Cursor, column: Column): void {
  const { values, kind } = column;
  try {
    if (kind === 'uint32' || kind === 'sint32') {
      packed.varints(values, MAX_ROWS + 1);
      if (kind === 'sint32') for (let i = 0; i < values.length; i++) values[i] = (values[i]! >>> 1) ^ -(values[i]! & 1);
      return;
    }
    const width = kind === 'fixed64' ? 8 : 4;
    const { view, pos } = packed;
    const bytes = packed.end - pos;
    if (bytes % width !== 0) column.broken = `length is not a multiple of ${width}`;
    // Whole elements only: half of one at the end of a frame would be read from beyond it.
    const count = Math.min(Math.floor(bytes / width), MAX_ROWS + 1 - values.length);
    if (kind === 'fixed32') for (let i = 0; i < count; i++) values.push(view.getUint32(pos + i * 4, true));
    else if (kind === 'float') for (let i = 0; i < count; i++) values.push(view.getFloat32(pos + i * 4, true));
    else {
      for (let at = pos; at < pos + count * 8; at += 8) {
        values.push(view.getUint32(at + 4, true) * HIGH_WORD + view.getUint32(at, true));
      }
    }
  } catch (error) {
    if (!(error instanceof WireFault)) throw error;
    column.broken = error.message;
  }
}

/** A value column as one element a row, or `undefined` when its length fits neither form. */
export function spread(column: Column, rows: number): readonly number[] | undefined {
  const { values } = column;
  if (column.broken !== '') return undefined;
  if (values.length === rows) return values;
  if (values.length === 1) return new Array<number>(rows).fill(values[0]!);
  return values.length === 0 ? new Array<number>(rows).fill(0) : undefined;
}

/** Sums a delta column in place; `undefined` when it is broken or leaves `1..max`. */
export function sumDeltas(column: Column, max: number): readonly number[] | undefined {
  const { values } = column;
  if (column.broken !== '') return undefined;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    sum += values[i]!;
    if (sum < 1 || sum > max) return undefined;
    values[i] = sum;
  }
  return values;
}

/** Writes a value column in its shortest form: nothing when all are 0, one element when all are equal. */
export function writeColumn(writer: FrameWriter, field: number, kind: ColumnKind, values: ArrayLike<number>): void {
  const rows = values.length;
  if (rows === 0) return;
  const first = values[0]!;
  let same = 1;
  while (same < rows && values[same] === first) same++;
  if (same === rows && first === 0) return;
  const count = same === rows ? 1 : rows;
  writer.uint32(tagOf(field, LEN));
  if (kind === 'uint32') writer.varints(values, count);
  else if (kind === 'fixed32') writer.fixed(count, 4, (view, at, row) => view.setUint32(at, values[row]!, true));
  else if (kind === 'float') writer.fixed(count, 4, (view, at, row) => view.setFloat32(at, values[row]!, true));
  else if (kind === 'fixed64') {
    writer.fixed(count, 8, (view, at, row) => {
      const value = values[row]!;
      view.setUint32(at, value, true);
      view.setUint32(at + 4, value / HIGH_WORD, true);
    });
  } else {
    writer.varints(
      Array.from(values, (value) => (value << 1) ^ (value >> 31)),
      count,
    );
  }
}

/** Writes a key column of handles as differences; handles next to each other cost one byte. */
export function writeDeltas(writer: FrameWriter, field: number, handles: readonly number[]): void {
  if (handles.length === 0) return;
  const deltas = new Uint32Array(handles.length);
  let before = 0;
  for (let i = 0; i < handles.length; i++) {
    const delta = handles[i]! - before;
    deltas[i] = (delta << 1) ^ (delta >> 31);
    before = handles[i]!;
  }
  writer.uint32(tagOf(field, LEN)).varints(deltas, deltas.length);
}
