// The routes that a forwarding plane holds, by table and prefix: rows of words, found by a hash of them. A change looks up
// many at once, in two passes: first all prefixes are read, then all are looked for, so that the processor waits for the
// memory of several at a time. A hundred thousand are found in a tenth of the time that the kernel works on them, which no
// map with a text for each key does.
import { isIpv4Prefix, PREFIX_WORDS, prefixBits, readPrefix } from '../net/prefix-words.ts';
import { Records } from '../records.ts';
import { type FibKey, type FibRemoval, type FibRoute, ROUTE_KEY } from './fib.ts';
import { after, FREE, first, GONE, RowIndex } from './row-index.ts';

/** Words of a row, and of a slot; 0..3 are the prefix's address, as it lies in a packet. */
const SHAPE = 4;
const TABLE = 5;
/** Of a slot: its hash. Of a row: chains those that are free. */
const HASH = 6;
/** Of a row: see `mark`. */
const MARK = 7;
const WIDTH = 8;

/** Routes that are looked up at once. */
export const SLOTS = 256;

/** Bits of the hash that are those of the prefix: eight entries of the index are a line of memory. */
const NEAR = 7;

export const NOT_HELD = -1;
/** No canonical prefix: nothing is held under it. */
export const NO_PREFIX = -2;

export class HeldRoutes {
  readonly #records = new Records(WIDTH, HASH);
  readonly #routes: (FibRoute | undefined)[] = [];
  readonly #index = new RowIndex();
  readonly #seed: number;
  /** What is being looked for, slot by slot; valid until the next look-up. */
  readonly sought = new Uint32Array(SLOTS * WIDTH);
  /** What was found, slot by slot: a row, or `NOT_HELD`, or `NO_PREFIX`. */
  readonly rows = new Int32Array(SLOTS);
  /** The row found last, and the step to it: what was put one after the other mostly changes in that order, or back. */
  #last = 0;
  #step = 1;
  #lastMark = 0;

  /** `seed` keeps whoever chooses prefixes from choosing such that collide. */
  constructor(seed = 0) {
    this.#seed = seed;
  }

  get size(): number {
    return this.#records.live;
  }

  /** The row of a route, as `rows` has it; takes slot 0. */
  find(table: number, prefix: string): number {
    this.#read(0, table, prefix, 0);
    return this.#seek(0);
  }

  /** The same by its key. */
  findKey(key: FibKey): number {
    this.#readKey(0, key);
    return this.#seek(0);
  }

  /** The same by the words of its prefix, which begin at `at`. */
  findWords(table: number, words: Uint32Array, at: number, shape: number): number {
    for (let i = 0; i < PREFIX_WORDS; i++) this.sought[i] = words[at + i]!;
    this.#fill(0, table, shape);
    return this.#seek(0);
  }

  /** Looks up `count` routes from `from` on, one a slot. */
  findAll(routes: readonly FibRoute[], from: number, count: number): void {
    for (let slot = 0; slot < count; slot++) this.#readRoute(slot, routes[from + slot]!);
    for (let slot = 0; slot < count; slot++) this.#seek(slot);
  }

  /** The same for those that are to go. */
  findRemovals(removals: readonly FibRemoval[], from: number, count: number): void {
    for (let slot = 0; slot < count; slot++) {
      const removal = removals[from + slot]!;
      if (typeof removal === 'string') this.#readKey(slot, removal);
      else this.#readRoute(slot, removal);
    }
    for (let slot = 0; slot < count; slot++) this.#seek(slot);
  }

  /** Holds the route that the slot was for, which was `NOT_HELD`. One of its key that was held since is returned. */
  add(slot: number, route: FibRoute): FibRoute | undefined {
    const hash = this.sought[slot * WIDTH + HASH]!;
    const entries = this.#index.roomy(hash);
    let at = first(hash, entries);
    let gone = -1;
    for (; entries[at + 1] !== FREE; at = after(at, entries)) {
      if (entries[at + 1] === GONE) {
        if (gone < 0) gone = at;
        continue;
      }
      const other = entries[at + 1]! - 1;
      if (entries[at] !== hash || !this.#isFor(slot, other)) continue;
      const old = this.#routes[other];
      this.#routes[other] = route;
      return old;
    }
    const row = this.#records.add();
    const words = this.#records.chunk(row);
    const to = this.#records.offset(row);
    const { sought } = this;
    const from = slot * WIDTH;
    for (let i = 0; i < WIDTH; i++) words[to + i] = sought[from + i]!;
    this.#routes[row] = route;
    this.#index.insert(gone < 0 ? at : gone, row, hash);
    return undefined;
  }

  /** Holds another route of the same key in the row. */
  set(row: number, route: FibRoute): void {
    this.#routes[row] = route;
  }

  /** Undefined: the row is not in use. */
  get(row: number): FibRoute | undefined {
    return this.#routes[row];
  }

  /** Forgets the row that the slot has found. */
  remove(slot: number): void {
    const row = this.rows[slot]!;
    this.#index.remove(row, this.sought[slot * WIDTH + HASH]!);
    this.#records.remove(row);
    this.#routes[row] = undefined;
  }

  /** Where the address of a slot begins among the words `sought`. */
  addressAt(slot: number): number {
    return slot * WIDTH;
  }

  shapeOf(slot: number): number {
    return this.sought[slot * WIDTH + SHAPE]!;
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

  #seek(slot: number): number {
    const { rows } = this;
    if (rows[slot] === NO_PREFIX) return NO_PREFIX;
    const likely = this.#last + this.#step;
    if (likely >= 0 && this.#routes[likely] !== undefined && this.#isFor(slot, likely)) {
      this.#last = likely;
      return (rows[slot] = likely);
    }
    const hash = this.sought[slot * WIDTH + HASH]!;
    const entries = this.#index.segment(hash);
    for (let at = first(hash, entries); entries[at + 1] !== FREE; at = after(at, entries)) {
      const row = entries[at + 1]! - 1;
      if (entries[at] !== hash || entries[at + 1] === GONE || !this.#isFor(slot, row)) continue;
      this.#step = row < this.#last ? -1 : 1;
      this.#last = row;
      return (rows[slot] = row);
    }
    return (rows[slot] = NOT_HELD);
  }

  #readRoute(slot: number, { table, prefix, words }: FibRoute): void {
    if (words === undefined) {
      this.#read(slot, table, prefix, 0);
      return;
    }
    const { sought } = this;
    const at = slot * WIDTH;
    sought[at] = words.first;
    sought[at + 1] = words.second;
    sought[at + 2] = words.third;
    sought[at + 3] = words.fourth;
    this.#fill(slot, table, words.shape);
  }

  #readKey(slot: number, key: FibKey): void {
    let table = 0;
    let at = ROUTE_KEY.length;
    // Digit by digit: a number made of a text made of a text would cost more than the rest of a removal.
    for (let c = key.charCodeAt(at); c >= 48 && c <= 57; c = key.charCodeAt(++at)) table = table * 10 + c - 48;
    this.#read(slot, table, key, at + 1);
  }

  /** Fills a slot with the prefix that stands from `from` to the end of the text. */
  #read(slot: number, table: number, text: string, from: number): void {
    const { sought } = this;
    const at = slot * WIDTH;
    const shape = readPrefix(text, from, sought, at);
    if (shape < 0) {
      this.rows[slot] = NO_PREFIX;
      return;
    }
    this.#fill(slot, table, shape);
  }

  /** Completes a slot whose address is there. */
  #fill(slot: number, table: number, shape: number): void {
    const { sought } = this;
    const at = slot * WIDTH;
    this.rows[slot] = NOT_HELD;
    sought[at + SHAPE] = shape;
    sought[at + TABLE] = table;
    // Prefixes that differ in the last bits of their last octet only lie side by side in the index, in one line of memory:
    // they were counted up when they were given out, and change together.
    const octet = Math.max(0, prefixBits(shape) - 1) >> 3;
    const shift = (octet & 3) << 3;
    const word = at + (octet >> 2);
    const near = (sought[word]! >>> shift) & NEAR;
    let hash = this.#seed ^ Math.imul(table * 512 + shape, 0x165667b1);
    for (let i = at; i < at + PREFIX_WORDS; i++) {
      hash = Math.imul(hash ^ (i === word ? sought[i]! ^ (near << shift) : sought[i]!), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash ^ (hash >>> 13), 0x85ebca6b);
    sought[at + HASH] = (hash & ~NEAR) | near;
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
