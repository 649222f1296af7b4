// Number columns of a table (session.proto rule 7): packed or not, one element a row, one for all rows, or none.
// They know numbers and lengths, not meanings.
import type { Writer } from 'protobufjs/minimal.js';
import { type Cursor, FIXED32, FIXED64, LEN, tagOf, VARINT, WireFault } from './cursor.ts';
import { MAX_ROWS } from './limits.ts';

export type ColumnKind = 'uint32' | 'sint32' | 'fixed32' | 'fixed64' | 'float';

const WIRE: Readonly<Record<ColumnKind, number>> = {
  uint32: VARINT,
  sint32: VARINT,
  fixed32: FIXED32,
  fixed64: FIXED64,
  float: FIXED32,
};
const FLOAT_MAX = 3.4028234663852886e38;

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
  if (wire !== LEN) {
    // A single element is read from the frame itself: if it is truncated, so is the frame.
    if (wire === WIRE[column.kind] && column.values.length <= MAX_ROWS) append(cursor, column, 1);
    else cursor.skip(tag);
    return;
  }
  const packed = cursor.nested();
  try {
    append(packed, column, MAX_ROWS + 1);
  } catch (error) {
    if (!(error instanceof WireFault)) throw error;
    column.broken = error.message;
  }
}

function append(cursor: Cursor, column: Column, most: number): void {
  const { values, kind } = column;
  const room = Math.min(most, MAX_ROWS + 1 - values.length);
  let count = 0;
  if (kind === 'uint32') for (; count < room && cursor.more(); count++) values.push(cursor.uint32());
  else if (kind === 'sint32') for (; count < room && cursor.more(); count++) values.push(cursor.sint32());
  else if (kind === 'fixed32') for (; count < room && cursor.more(); count++) values.push(cursor.fixed32());
  else if (kind === 'fixed64') {
    for (; count < room && cursor.more(); count++) {
      const low = cursor.fixed32();
      values.push(cursor.fixed32() * 0x1_0000_0000 + low);
    }
  } else appendFloats(cursor, values, room);
  if (values.length > MAX_ROWS) column.broken = `more than ${MAX_ROWS} elements`;
}

function appendFloats(cursor: Cursor, values: number[], room: number): void {
  const view = new DataView(cursor.buf.buffer, cursor.buf.byteOffset, cursor.buf.byteLength);
  for (let count = 0; count < room && cursor.more(); count++) {
    const at = cursor.pos;
    cursor.fixed32();
    values.push(view.getFloat32(at, true));
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
export function writeColumn(writer: Writer, field: number, kind: ColumnKind, values: readonly number[]): void {
  if (values.length === 0) return;
  const first = values[0]!;
  const uniform = values.every((value) => value === first);
  if (uniform && first === 0) return;
  const count = uniform ? 1 : values.length;
  writer.uint32(tagOf(field, LEN)).fork();
  if (kind === 'uint32') for (let i = 0; i < count; i++) writer.uint32(values[i]!);
  else if (kind === 'sint32') for (let i = 0; i < count; i++) writer.sint32(values[i]!);
  else if (kind === 'fixed32') for (let i = 0; i < count; i++) writer.fixed32(values[i]!);
  else if (kind === 'float') for (let i = 0; i < count; i++) writer.float(values[i]!);
  else {
    for (let i = 0; i < count; i++) {
      const value = values[i]!;
      writer.fixed32(value % 0x1_0000_0000).fixed32(Math.floor(value / 0x1_0000_0000));
    }
  }
  writer.ldelim();
}

/** Writes a key column of handles as differences; handles next to each other cost one byte. */
export function writeDeltas(writer: Writer, field: number, handles: readonly number[]): void {
  if (handles.length === 0) return;
  writer.uint32(tagOf(field, LEN)).fork();
  let before = 0;
  for (const handle of handles) {
    writer.sint32(handle - before);
    before = handle;
  }
  writer.ldelim();
}
