// The routes of each service: rows in blocks of three, the newest block first, all others full. A row holds its place, so it
// is taken out without a walk; and a new one is written beside the last of its service and touches no row before it: of
// rows that came long ago none is in any cache. The only route of a service needs no block.
import { Records } from '../records.ts';

/** Words of a block: rows, and behind them the block before + 1. */
const ROOM = 3;
const LINK = ROOM;
const WIDTH = ROOM + 1;
const SHIFT = 2;

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

  /** Adds to a list of `count` rows. Returns the list, which its owner keeps: the only row + 1, or the newest block + 1. */
  add(list: number, count: number, row: number): number {
    if (count === 0) return row + 1;
    if (count === 1) {
      const block = this.#begin(0, list - 1);
      this.#put(block, 1, row);
      return block + 1;
    }
    const at = count % ROOM;
    if (at === 0) return this.#begin(list, row) + 1;
    this.#put(list - 1, at, row);
    return list;
  }

  /** Takes a row out of a list of `count`. Returns the list, 0 when nothing is left. */
  remove(list: number, count: number, row: number): number {
    if (count === 1) return 0;
    const newest = list - 1;
    const at = (count - 1) % ROOM;
    const place = this.#rows.get(row, this.#place);
    this.#put(place >>> SHIFT, place & (WIDTH - 1), this.#blocks.get(newest, at));
    if (count === 2) return this.#end(newest, this.#blocks.get(newest, 0) + 1);
    return at > 0 ? list : this.#end(newest, this.#blocks.get(newest, LINK));
  }

  /** The only row of a list of one. */
  only(list: number): number {
    return list - 1;
  }

  /** Rows of a list of `count`, in no order that means anything. */
  rowsOf(list: number, count: number): number[] {
    if (count <= 1) return count === 0 ? [] : [list - 1];
    const rows: number[] = [];
    let used = ((count - 1) % ROOM) + 1;
    for (let block = list; block !== 0; block = this.#blocks.get(block - 1, LINK), used = ROOM)
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
