// The routes that a forwarding plane holds, by table and prefix: rows of words, found by a hash of them. A change looks up
// many at once, in two passes: first all prefixes are read, then all are looked for, so that the processor waits for the
// memory of several at a time. A hundred thousand are found in a tenth of the time that the kernel works on them, which no
// map with a text for each key does.
import { isIpv4Prefix, SHAPE_WORD as SHAPE } from '../net/prefix-words.ts';
import { Records } from '../records.ts';
import type { FibKey, FibRemoval, FibRoute, RouteTarget } from './fib.ts';
import { HASH, NO_PREFIX, NOT_HELD, RouteSlots, SLOTS, TABLE, WIDTH } from './route-slots.ts';
import { after, FREE, first, GONE, RowIndex } from './row-index.ts';

export { NO_PREFIX, NOT_HELD, SLOTS, WIDTH } from './route-slots.ts';

/** A row is a slot that was kept: its hash chains those that are free. The word behind is for `mark`. */
const MARK = 7;

const NO_PLACE = -1;

export class HeldRoutes extends RouteSlots {
  readonly #records = new Records(WIDTH, HASH);
  readonly #routes: (FibRoute | undefined)[] = [];
  /** Where they go, once more: the routes themselves lie far apart in memory. */
  readonly #targets: RouteTarget[] = [];
  readonly #index = new RowIndex();
  /** Slot by slot, the free entry at which the look-up in the index ended, or `NO_PLACE`; and the era it is of. */
  readonly #places = new Int32Array(SLOTS);
  readonly #eras = new Int32Array(SLOTS);
  /** The row found last, and the step to it: what was put one after the other mostly changes in that order, or back. */
  #last = 0;
  #step = 1;
  #lastMark = 0;

  constructor(seed = 0) {
    super(seed);
  }

  get size(): number {
    return this.#records.live;
  }

  /** The row of a route, as `rows` has it; takes slot 0. */
  find(table: number, prefix: string): number {
    this.readText(0, table, prefix, 0);
    return this.#seekFirst();
  }

  /** The same by its key. */
  findKey(key: FibKey): number {
    this.readKey(0, key);
    return this.#seekFirst();
  }

  /** The same by the words of its prefix, which begin at `at`. */
  findWords(table: number, words: Uint32Array, at: number, shape: number): number {
    this.readWords(0, table, words, at, shape);
    return this.#seekFirst();
  }

  /** Looks up `count` routes, or keys of such, from `from` on, one a slot. */
  findAll(routes: readonly FibRemoval[], from: number, count: number): void {
    this.readAll(routes, from, count);
    this.#seek(count);
  }

  /** Holds the route that the slot was for, which was `NOT_HELD`. Returns one of its key that has been held since the look-up. */
  add(slot: number, route: FibRoute): FibRoute | undefined {
    const hash = this.sought[slot * WIDTH + HASH]! | 0;
    const entries = this.#index.roomy(hash);
    let at = this.#places[slot]!;
    // Nothing but additions since: where it is free still, no other of this key has come.
    if (at === NO_PLACE || this.#eras[slot] !== this.#index.era || entries[at + 1] !== FREE) {
      let gone = NO_PLACE;
      for (at = first(hash, entries); entries[at + 1] !== FREE; at = after(at, entries)) {
        if (entries[at + 1] === GONE) {
          if (gone === NO_PLACE) gone = at;
          continue;
        }
        const other = entries[at + 1]! - 1;
        if (entries[at] !== hash || !this.#isFor(slot, other)) continue;
        this.rows[slot] = other;
        return this.set(other, route);
      }
      if (gone !== NO_PLACE) at = gone;
    }
    const row = this.#records.add();
    this.rows[slot] = row;
    this.#fill(row, slot, hash);
    this.set(row, route);
    this.#index.insert(at, row, hash);
    return undefined;
  }

  /** Without a loop, as all that is done for each of many. */
  #fill(row: number, slot: number, hash: number): void {
    const words = this.#records.chunk(row);
    const to = this.#records.offset(row);
    const { sought } = this;
    const from = slot * WIDTH;
    words[to] = sought[from]!;
    words[to + 1] = sought[from + 1]!;
    words[to + 2] = sought[from + 2]!;
    words[to + 3] = sought[from + 3]!;
    words[to + SHAPE] = sought[from + SHAPE]!;
    words[to + TABLE] = sought[from + TABLE]!;
    words[to + HASH] = hash;
    words[to + MARK] = 0;
  }

  /** Holds another route of the same key in the row; the one before is returned. */
  set(row: number, route: FibRoute): FibRoute | undefined {
    const old = this.#routes[row];
    this.#routes[row] = route;
    this.#targets[row] = route.target;
    return old;
  }

  /** Of a row that is in use. */
  targetOf(row: number): RouteTarget {
    return this.#targets[row]!;
  }

  /** Undefined: the row is not in use. */
  get(row: number): FibRoute | undefined {
    return this.#routes[row];
  }

  /** Forgets the row that the slot has found. */
  remove(slot: number): void {
    const row = this.rows[slot]!;
    this.#index.remove(row, this.#records.get(row, HASH) | 0);
    this.#records.remove(row);
    this.#routes[row] = undefined;
  }

  /** May go on while routes come and go: those may or may not be met. */
  *values(): IterableIterator<FibRoute> {
    for (let row = 0; row < this.#records.top; row++) {
      const route = this.#routes[row];
      if (route) yield route;
    }
  }

  /** A mark that no row bears. */
  newMark(): number {
    return (this.#lastMark = (this.#lastMark + 1) >>> 0);
  }

  /** A walk over the kernel, or over what is wanted, marks what it meets: what is left is what it did not. */
  mark(row: number, mark: number): void {
    this.#records.set(row, MARK, mark);
  }

  isMarked(row: number, mark: number): boolean {
    return this.#records.get(row, MARK) === mark;
  }

  /** Those without their family's mark; as `values`. */
  *unmarked(ipv6: number, ipv4: number): IterableIterator<FibRoute> {
    for (let row = 0; row < this.#records.top; row++) {
      const route = this.#routes[row];
      if (route && !this.isMarked(row, isIpv4Prefix(this.#records.get(row, SHAPE)) ? ipv4 : ipv6)) yield route;
    }
  }

  #seekFirst(): number {
    this.#seek(1);
    return this.rows[0]!;
  }

  #seek(count: number): void {
    const { rows } = this;
    const routes = this.#routes;
    for (let slot = 0; slot < count; slot++) {
      if (rows[slot] === NO_PREFIX) continue;
      const likely = this.#last + this.#step;
      if (likely >= 0 && routes[likely] !== undefined && this.#isFor(slot, likely)) {
        this.#last = likely;
        rows[slot] = likely;
      } else this.#seekInIndex(slot);
    }
  }

  #seekInIndex(slot: number): void {
    const { rows } = this;
    const hash = this.hash(slot);
    const entries = this.#index.segment(hash);
    let at = first(hash, entries);
    let hasGone = false;
    for (; entries[at + 1] !== FREE; at = after(at, entries)) {
      const row = entries[at + 1]! - 1;
      if (entries[at + 1] === GONE) hasGone = true;
      else if (entries[at] === hash && this.#isFor(slot, row)) {
        this.#step = row < this.#last ? -1 : 1;
        rows[slot] = this.#last = row;
        return;
      }
    }
    this.#places[slot] = hasGone ? NO_PLACE : at;
    this.#eras[slot] = this.#index.era;
    rows[slot] = NOT_HELD;
  }

  #isFor(slot: number, row: number): boolean {
    const words = this.#records.chunk(row);
    const to = this.#records.offset(row);
    const { sought } = this;
    const from = slot * WIDTH;
    return (
      words[to + 1] === sought[from + 1] &&
      words[to] === sought[from] &&
      words[to + 2] === sought[from + 2] &&
      words[to + 3] === sought[from + 3] &&
      words[to + SHAPE] === sought[from + SHAPE] &&
      words[to + TABLE] === sought[from + TABLE]
    );
  }
}
