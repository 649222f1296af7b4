// The routes of each service: rows in blocks of three, the newest block first, all others full. A row holds its place, so it
// is taken out without a walk; and a new one is written beside the last of its service and touches no row before it: of
// rows that came long ago none is in any cache. The only route of a service needs no block. A list is one number of 31 bits,
// which its owner keeps: how many rows its newest block has, and which block that is; 0 when it is empty.
import { Records } from '../records.ts';

/** Words of a block: rows, and behind them the block before + 1. */
const ROOM = 3;
const LINK = ROOM;
const WIDTH = ROOM + 1;
/** A list: the newest block + 1, and below it the rows in that block; none there: the only row + 1. A place: block and index. */
const SHIFT = 2;
const LOW = WIDTH - 1;

export class RouteLists {
  readonly #blocks = new Records(WIDTH, LINK);
  readonly #rows: Records;
  readonly #place: number;

  /** Word `place` of each row is this list's: number of the block, and of the row in it. */
  constructor(rows: Records, place: number) {
    this.#rows = rows;
    this.#place = place;
  }

  get bytes(): number {
    return this.#blocks.bytes;
  }

  /** Returns the list with the row in it. */
  add(list: number, row: number): number {
    if (list === 0) return listOf(row, 0);
    const used = list & LOW;
    if (used === 0) {
      const block = this.#begin(0, this.only(list));
      this.#put(block, 1, row);
      return listOf(block, 2);
    }
    if (used === ROOM) return listOf(this.#begin(list >>> SHIFT, row), 1);
    this.#put((list >>> SHIFT) - 1, used, row);
    return list + 1;
  }

  /** Returns the list without the row, which must be in it. */
  remove(list: number, row: number): number {
    const used = list & LOW;
    if (used === 0) return 0;
    const newest = (list >>> SHIFT) - 1;
    const place = this.#rows.get(row, this.#place);
    this.#put(place >>> SHIFT, place & LOW, this.#blocks.get(newest, used - 1));
    const before = this.#blocks.get(newest, LINK);
    if (used === 2 && before === 0) return this.#end(newest, listOf(this.#blocks.get(newest, 0), 0));
    return used > 1 ? list - 1 : this.#end(newest, listOf(before - 1, ROOM));
  }

  /** Whether it has one row. */
  isOnly(list: number): boolean {
    return list !== 0 && (list & LOW) === 0;
  }

  /** The only row of a list of one. */
  only(list: number): number {
    return (list >>> SHIFT) - 1;
  }

  /** Rows of a list, in no order that means anything. */
  rowsOf(list: number): number[] {
    if (this.isOnly(list)) return [this.only(list)];
    const rows: number[] = [];
    let used = list & LOW;
    for (let block = list >>> SHIFT; block !== 0; block = this.#blocks.get(block - 1, LINK), used = ROOM)
      for (let at = 0; at < used; at++) rows.push(this.#blocks.get(block - 1, at));
    return rows;
  }

  /** A block with one row in front of `before`. */
  #begin(before: number, row: number): number {
    const block = this.#blocks.add();
    this.#blocks.set(block, LINK, before);
    this.#put(block, 0, row);
    return block;
  }

  #end(block: number, rest: number): number {
    this.#blocks.remove(block);
    return rest;
  }

  #put(block: number, at: number, row: number): void {
    this.#blocks.set(block, at, row);
    this.#rows.set(row, this.#place, (block << SHIFT) | at);
  }
}

/** `number` is the newest block's where `used` rows are in it, and with 0 that of the only row. */
const listOf = (number: number, used: number): number => ((number + 1) << SHIFT) | used;
