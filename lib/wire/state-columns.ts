// The value columns of ComputeUpdate between the wire and rows of state, without anything in between: a loop a kind, because
// they are what encoding and decoding cost.
import { METRIC_SOURCES, METRIC_STATISTICS } from '../model/compute-state.ts';
import { STATE_NUMBERS } from '../model/state-row.ts';
import { toUint32, toUint53 } from './column.ts';
import { type Cursor, LEN } from './cursor.ts';
import type { FrameWriter } from './writer.ts';

const BEST_SCORE = 10;
const UINT32 = 0xffff_ffff;
const MOST_LARGE = Number.MAX_SAFE_INTEGER;
/** The largest float of 32 bits. */
const MOST_RATE = 3.4028234663852886e38;

/** A column: which numbers it may have, and how they become those of a state row: less `base`, and then over `unit`. */
interface StateColumn {
  readonly name: string;
  readonly kind: 'uint32' | 'float' | 'fixed64';
  /** The highest; `base` is the lowest. */
  readonly most: number;
  /** Enums begin with 1 on the wire. */
  readonly base: 0 | 1;
  readonly unit: 1 | 1000;
  /** What is said of another number. */
  readonly otherwise: string;
}

const PLAIN = { kind: 'uint32', most: UINT32, base: 0, unit: 1, otherwise: '' } as const;
const whole = (name: string): StateColumn => ({ ...PLAIN, name });
const score = (name: string): StateColumn => {
  return { ...PLAIN, name, most: BEST_SCORE, otherwise: `score above ${BEST_SCORE}` };
};
const large = (name: string, unit: 1 | 1000): StateColumn => {
  return { ...PLAIN, name, kind: 'fixed64', most: MOST_LARGE, unit, otherwise: 'number of 2^53 or more' };
};
const rate = (name: string): StateColumn => {
  return { ...PLAIN, name, kind: 'float', most: MOST_RATE, otherwise: 'not a finite number of at least 0' };
};
const oneOf = (name: string, names: readonly string[]): StateColumn => {
  return { ...PLAIN, name, most: names.length, base: 1, otherwise: `unknown ${name}` };
};

/** Columns from field 2 on, in the order of session.proto, which is the order of a state row too. */
export const STATE_COLUMNS: readonly StateColumn[] = [
  large('sequence', 1),
  score('score'),
  score('compute_score'),
  score('service_score'),
  whole('service_time_us'),
  whole('work_time_us'),
  rate('spare_capacity'),
  rate('in_flight'),
  rate('arrival_rate'),
  whole('workers'),
  oneOf('source', METRIC_SOURCES),
  oneOf('statistic', METRIC_STATISTICS),
  whole('window_ms'),
  large('measured_at_us', 1000),
  whole('valid_for_ms'),
];
export const FIRST_FIELD = 2;
const SOURCE = 10;
const STATISTIC = 11;

/** Where a column is made ready for the wire: numbers of 32 bits, and others. One type each, or every element is asked for its. */
const SPACE = 1024;
const wholeSpace = new Uint32Array(SPACE);
const otherSpace = new Float64Array(SPACE);

/** Writes a column for every quantity that is not 0 in all rows; where all are equal it has one element (session.proto rule 7). */
export function writeStateColumns(writer: FrameWriter, state: Float64Array): void {
  const rows = state.length / STATE_NUMBERS;
  const whole = rows <= SPACE ? wholeSpace : new Uint32Array(rows);
  const other = rows <= SPACE ? otherSpace : new Float64Array(rows);
  for (let place = 0; place < STATE_NUMBERS; place++) {
    const { kind, base, unit } = STATE_COLUMNS[place]!;
    const count = isSame(state, place) ? 1 : rows;
    if (kind === 'uint32') fillWhole(state, place, base, whole, count);
    else if (kind === 'float') fillRates(state, place, other, count);
    else fillLarge(state, place, unit, other, count);
    const column = kind === 'uint32' ? whole : other;
    if (count > 1 || column[0] !== 0) writer.column(FIRST_FIELD + place, kind, column, count);
  }
}

function isSame(state: Float64Array, place: number): boolean {
  const first = state[place]!;
  let at = place;
  while (at < state.length && state[at] === first) at += STATE_NUMBERS;
  return at >= state.length;
}

/** Rounds and saturates what is not whole yet. */
function fillWhole(state: Float64Array, place: number, base: number, column: Uint32Array, count: number): void {
  for (let row = 0, from = place; row < count; row++, from += STATE_NUMBERS) {
    const value = state[from]! + base;
    const whole = value >>> 0;
    column[row] = whole === value ? whole : toUint32(value);
  }
}

function fillRates(state: Float64Array, place: number, column: Float64Array, count: number): void {
  for (let row = 0, from = place; row < count; row++, from += STATE_NUMBERS) {
    const value = state[from]!;
    column[row] = value > 0 ? Math.min(value, MOST_RATE) : 0;
  }
}

function fillLarge(state: Float64Array, place: number, unit: number, column: Float64Array, count: number): void {
  for (let row = 0, from = place; row < count; row++, from += STATE_NUMBERS)
    column[row] = toUint53(state[from]! * unit);
}

/**
 * Reads the columns into the rows `from`..`to - 1` of `state`, all 0 before. False: they are not in order, not whole, or a
 * number is outside its range; what was written by then means nothing.
 */
export function takeStateColumns(cursor: Cursor, state: Float64Array, from: number, to: number): boolean {
  let before = -1;
  for (;;) {
    // 0 is no source and no statistic.
    if (!cursor.more()) return before >= STATISTIC;
    const tag = cursor.tag();
    const place = (tag >>> 3) - FIRST_FIELD;
    if (place <= before || place >= STATE_COLUMNS.length || (tag & 7) !== LEN) return false;
    if ((before < SOURCE && place > SOURCE) || (before < STATISTIC && place > STATISTIC)) return false;
    const at = from + place;
    const filled = takeElements(cursor, STATE_COLUMNS[place]!, state, at, to);
    if (filled === at + STATE_NUMBERS)
      for (let next = filled; next < to; next += STATE_NUMBERS) state[next] = state[at]!;
    else if (filled < to) return false;
    before = place;
  }
}

/** Puts each element into its row, the first at `at`. Returns the place behind the last; -1: one cannot be read, or there are too many. */
function takeElements(cursor: Cursor, column: StateColumn, state: Float64Array, at: number, to: number): number {
  const { kind, most, base, unit } = column;
  const length = cursor.uint32();
  const from = cursor.advance(length);
  if (kind === 'uint32') return readWhole(cursor.buf, from, from + length, state, at, to, base, most);
  const count = length / (kind === 'float' ? 4 : 8);
  if (at + (count - 1) * STATE_NUMBERS >= to || !Number.isInteger(count)) return -1;
  return kind === 'float'
    ? readRates(cursor.view, from, state, at, count)
    : readLarge(cursor.view, from, state, at, count, unit);
}

function readWhole(
  buf: Uint8Array,
  from: number,
  end: number,
  state: Float64Array,
  first: number,
  to: number,
  base: number,
  most: number,
): number {
  let at = first;
  for (let pos = from; pos < end; at += STATE_NUMBERS) {
    let value = buf[pos++]!;
    if (value >= 0x80) {
      let byte = value;
      value &= 0x7f;
      for (let shift = 7; byte >= 0x80; shift += 7) {
        if (pos >= end || shift > 28) return -1;
        byte = buf[pos++]!;
        // The fifth byte has four bits left.
        if (shift === 28 && byte > 0x0f) return -1;
        value |= (byte & 0x7f) << shift;
      }
      value >>>= 0;
    }
    if (value < base || value > most || at >= to) return -1;
    state[at] = value - base;
  }
  return at;
}

function readRates(view: DataView, from: number, state: Float64Array, first: number, count: number): number {
  let at = first;
  const end = from + count * 4;
  for (let pos = from; pos < end; pos += 4, at += STATE_NUMBERS) {
    const value = view.getFloat32(pos, true);
    // Not a number, too.
    if (!(value >= 0 && value <= MOST_RATE)) return -1;
    state[at] = value;
  }
  return at;
}

function readLarge(
  view: DataView,
  from: number,
  state: Float64Array,
  first: number,
  count: number,
  unit: number,
): number {
  let at = first;
  const end = from + count * 8;
  for (let pos = from; pos < end; pos += 8, at += STATE_NUMBERS) {
    const value = view.getUint32(pos + 4, true) * 0x1_0000_0000 + view.getUint32(pos, true);
    if (value > MOST_LARGE) return -1;
    state[at] = value / unit;
  }
  return at;
}
