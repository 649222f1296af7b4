// Number columns of a table (session.proto rule 7): packed or not, one element a row, one for all rows, or none.
// They know numbers and lengths, not meanings.
import { type Cursor, FIXED32, FIXED64, LEN, tagOf, VARINT } from './cursor.ts';
import { MAX_ROWS } from './limits.ts';
import { int32s, uint32s } from './words.ts';
import type { FrameWriter } from './writer.ts';

export type ColumnKind = 'uint32' | 'sint32' | 'fixed32' | 'fixed64' | 'float';

const WIRE: Readonly<Record<ColumnKind, number>> = {
  uint32: VARINT,
  sint32: VARINT,
  fixed32: FIXED32,
  fixed64: FIXED64,
  float: FIXED32,
};
const HIGH_WORD = 0x1_0000_0000;

type Values = Uint32Array | Int32Array | Float32Array | Float64Array;

/** What was read of one column; `broken` says why its elements cannot be trusted, and is empty otherwise. */
export interface Column<V extends Values = Values> {
  readonly kind: ColumnKind;
  /** Elements 0..count-1; there may be room for more behind them. */
  values: V;
  count: number;
  broken: string;
}

const NONE = {
  uint32: new Uint32Array(0),
  sint32: new Int32Array(0),
  fixed32: new Uint32Array(0),
  fixed64: new Float64Array(0),
  float: new Float32Array(0),
} as const;
type ValuesOf<K extends ColumnKind> = K extends 'sint32'
  ? Int32Array
  : K extends 'fixed64'
    ? Float64Array
    : K extends 'float'
      ? Float32Array
      : Uint32Array;

export const emptyColumn = <K extends ColumnKind>(kind: K): Column<ValuesOf<K>> => ({
  kind,
  values: NONE[kind] as Values as ValuesOf<K>,
  count: 0,
  broken: '',
});

/** Whole and unsigned for the wire: rounds, and saturates instead of wrapping. */
export const toUint32 = (value: number): number => (value > 0 ? Math.min(Math.round(value), 0xffff_ffff) : 0);
export const toUint53 = (value: number): number =>
  value > 0 ? Math.min(Math.round(value), Number.MAX_SAFE_INTEGER) : 0;

/**
 * Reads one occurrence of the column's field, packed or single, and appends it. An unreadable element breaks the column,
 * not the frame: the field's own length says where it ends. More than `MAX_ROWS` elements break it too.
 */
export function takeColumn(cursor: Cursor, tag: number, column: Column): void {
  const wire = tag & 7;
  if (wire === LEN) takePacked(cursor.nested(), column);
  // A single element is read from the frame itself: if it is truncated, so is the frame.
  else if (wire !== WIRE[column.kind] || column.count > MAX_ROWS) cursor.skip(tag);
  else {
    const value = single(cursor, column.kind);
    room(column, 1)[column.count++] = value;
  }
  if (column.count > MAX_ROWS) column.broken = `more than ${MAX_ROWS} elements`;
}

function single(cursor: Cursor, kind: ColumnKind): number {
  if (kind === 'uint32') return cursor.uint32();
  if (kind === 'sint32') return cursor.sint32();
  if (kind === 'fixed32') return cursor.fixed32();
  return kind === 'float' ? cursor.float() : cursor.fixed64();
}

/** Makes room for `more` elements. Nearly every column comes in one piece, and then this allocates once and exactly. */
function room(column: Column, more: number): Values {
  const { values, kind, count } = column;
  if (values.length >= count + more) return values;
  const length = count === 0 ? more : Math.max(count * 2, count + more);
  const grown = newValues(kind, length);
  if (count > 0) grown.set(values);
  column.values = grown;
  return grown;
}

function newValues(kind: ColumnKind, length: number): Values {
  if (kind === 'fixed64') return new Float64Array(length);
  if (kind === 'float') return new Float32Array(length);
  return kind === 'sint32' ? int32s(length) : uint32s(length);
}

/** The elements read, and nothing behind them. */
export function elements<V extends Values>(column: Column<V>): V {
  const { values, count } = column;
  return values.length === count ? values : (values.subarray(0, count) as V);
}

function takePacked(packed: Cursor, column: Column): void {
  const { kind, count: from } = column;
  const most = MAX_ROWS + 1 - from;
  if (kind === 'uint32' || kind === 'sint32') {
    const count = Math.min(packed.varintCount(), most);
    column.broken ||= packed.varints(room(column, count), from, count, kind === 'sint32');
    column.count += count;
    return;
  }
  const width = kind === 'fixed64' ? 8 : 4;
  const { view, pos } = packed;
  const whole = Math.floor((packed.end - pos) / width);
  if (whole * width !== packed.end - pos) column.broken = `length is not a multiple of ${width}`;
  const count = Math.min(whole, most);
  const values = room(column, count);
  if (kind === 'fixed32') for (let i = 0; i < count; i++) values[from + i] = view.getUint32(pos + i * 4, true);
  else if (kind === 'float') for (let i = 0; i < count; i++) values[from + i] = view.getFloat32(pos + i * 4, true);
  else
    for (let i = 0, at = pos; i < count; i++, at += 8)
      values[from + i] = view.getUint32(at + 4, true) * HIGH_WORD + view.getUint32(at, true);
  column.count += count;
}

/** A value column as one element a row, or `undefined` when its length fits neither form. */
export function spread<V extends Values>(column: Column<V>, rows: number): V | undefined {
  if (column.broken !== '') return undefined;
  if (column.count === rows) return elements(column);
  if (column.count > 1) return undefined;
  const all = newValues(column.kind, rows) as V;
  return column.count === 1 ? (all.fill(column.values[0]!) as V) : all;
}

/** Sums a delta column; `undefined` when it is broken or leaves `1..max`. */
export function sumDeltas(column: Column<Int32Array>, max: number): Uint32Array | undefined {
  const values = elements(column);
  if (column.broken !== '') return undefined;
  if (values.length === 0) return NONE.uint32;
  const sums = uint32s(values.length);
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    sum += values[i]!;
    if (sum < 1 || sum > max) return undefined;
    sums[i] = sum;
  }
  return sums;
}

/** Writes a value column in its shortest form: nothing when all are 0, one element when all are equal. */
export function writeColumn(
  writer: FrameWriter,
  field: number,
  kind: Exclude<ColumnKind, 'sint32'>,
  values: ArrayLike<number>,
): void {
  const rows = values.length;
  if (rows === 0) return;
  const first = values[0]!;
  let same = 1;
  while (same < rows && values[same] === first) same++;
  if (same === rows && first === 0) return;
  writer.column(field, kind, values, same === rows ? 1 : rows);
}

/** Where the differences of an UPDATE's handles are made ready. */
const deltaRoom = new Uint32Array(1024);

/** Writes a key column of handles as differences; handles next to each other cost one byte. */
export function writeDeltas(writer: FrameWriter, field: number, handles: ArrayLike<number>): void {
  const { length } = handles;
  if (length === 0) return;
  const deltas = length <= deltaRoom.length ? deltaRoom : new Uint32Array(length);
  let before = 0;
  for (let i = 0; i < length; i++) {
    const delta = handles[i]! - before;
    deltas[i] = (delta << 1) ^ (delta >> 31);
    before = handles[i]!;
  }
  writer.uint32(tagOf(field, LEN)).varints(deltas, length);
}
