// Aligned tables: headers with units, numbers to the right, two spaces between columns, nothing cut off.
import type { Paint, Tone } from './style.ts';

export interface Column<Row> {
  /** Upper case, unit in brackets: `RTT[ms]`. */
  readonly head: string;
  readonly align?: 'right';
  readonly cell: (row: Row, nowMs: number) => string;
  readonly tone?: (row: Row) => Tone | undefined;
  /** Its text changes by itself as time passes; `watch` does not report it. */
  readonly ages?: true;
}

/** A column of numbers, right-aligned; its head ends in `[unit]` or says what is counted. */
export function number<Row>(
  head: string,
  cell: (row: Row) => string,
  tone?: (row: Row) => Tone | undefined,
): Column<Row> {
  return { head, align: 'right', cell, ...(tone ? { tone } : {}) };
}

/** Renders rows below a header; no trailing spaces; no line for no rows but the header. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  nowMs: number,
  paint: Paint,
): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.cell(row, nowMs))));
  const widths = columns.map((column, i) => Math.max(column.head.length, ...cells.map((line) => line[i]!.length)));
  const lastLeft = columns.at(-1)?.align !== 'right';
  const pad = (text: string, i: number): string => {
    if (columns[i]!.align === 'right') return text.padStart(widths[i]!);
    return lastLeft && i === columns.length - 1 ? text : text.padEnd(widths[i]!);
  };
  // Padding stays outside the colour, so that widths are those of the text.
  const painted = (text: string, i: number, tone: Tone | undefined): string =>
    pad(text, i).replace(text, () => (text === '' ? '' : paint(tone, text)));
  const lines = [
    columns.map((column, i) => painted(column.head, i, 'head')).join('  '),
    ...cells.map((line, r) => line.map((text, i) => painted(text, i, columns[i]!.tone?.(rows[r]!))).join('  ')),
  ];
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

/** Names and texts come from peers too: what could steer a terminal is shown as its code point. */
export function printable(text: string): string {
  return text.replace(
    /\p{Cc}|\p{Cf}/gu,
    (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  );
}

/** Name and value pairs, values aligned. */
export function renderPairs(pairs: readonly (readonly [string, string])[], paint: Paint): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${paint('head', name)}${' '.repeat(width - name.length)}  ${value}\n`).join('');
}
