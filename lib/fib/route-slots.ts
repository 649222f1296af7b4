// Routes that are to be looked up, many at once: their prefixes are read, from whatever names a route, into slots of words
// that lie one behind the other. Knows the hash of a slot, and not what is held.
import { PREFIX_WORDS, prefixBits, readPrefix, SHAPE_WORD as SHAPE } from '../net/prefix-words.ts';
import { type FibKey, type FibRemoval, ROUTE_KEY } from './fib.ts';

/** Words of a slot; 0..3 are the prefix's address, as it lies in a packet, and 4 is its shape. */
export const TABLE = 5;
/** Once it was asked for. */
export const HASH = 6;
/** Words from one slot to the next. */
export const WIDTH = 8;

/** Routes that are looked up at once. */
export const SLOTS = 256;

/** Bits of the hash that are those of the prefix: eight entries of the index are a line of memory. */
const NEAR = 7;

export const NOT_HELD = -1;
/** No canonical prefix: nothing is held under it. */
export const NO_PREFIX = -2;

export class RouteSlots {
  readonly #seed: number;
  /** What is being looked for, slot by slot; valid until the next look-up. */
  readonly sought = new Uint32Array(SLOTS * WIDTH);
  /** What was found, slot by slot: a row, or `NOT_HELD`, or `NO_PREFIX`. */
  readonly rows = new Int32Array(SLOTS);

  /** `seed` keeps whoever chooses prefixes from choosing such that collide. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Where the address of a slot begins among the words `sought`. */
  addressAt(slot: number): number {
    return slot * WIDTH;
  }

  shapeOf(slot: number): number {
    return this.sought[slot * WIDTH + SHAPE]!;
  }

  tableOf(slot: number): number {
    return this.sought[slot * WIDTH + TABLE]!;
  }

  /** A slot each for `count` routes, or keys of such, from `from` on. */
  protected readAll(routes: readonly FibRemoval[], from: number, count: number): void {
    const { sought, rows } = this;
    // Written out: this is where a large change waits for the memory of its routes.
    for (let slot = 0, at = 0; slot < count; slot++, at += WIDTH) {
      const route = routes[from + slot]!;
      if (typeof route === 'string') {
        this.readKey(slot, route);
        continue;
      }
      const { table, prefix, words } = route;
      if (words === undefined) {
        this.readText(slot, table, prefix, 0);
        continue;
      }
      sought[at] = words.first;
      sought[at + 1] = words.second;
      sought[at + 2] = words.third;
      sought[at + 3] = words.fourth;
      sought[at + SHAPE] = words.shape;
      sought[at + TABLE] = table;
      rows[slot] = NOT_HELD;
    }
  }

  protected readKey(slot: number, key: FibKey): void {
    let table = 0;
    let at = ROUTE_KEY.length;
    // Digit by digit: a number made of a text made of a text would cost more than the rest of a removal.
    for (let c = key.charCodeAt(at); c >= 48 && c <= 57; c = key.charCodeAt(++at)) table = table * 10 + c - 48;
    this.readText(slot, table, key, at + 1);
  }

  /** Fills a slot with the prefix that stands from `from` to the end of the text. */
  protected readText(slot: number, table: number, text: string, from: number): void {
    const shape = readPrefix(text, from, this.sought, slot * WIDTH);
    if (shape < 0) this.rows[slot] = NO_PREFIX;
    else this.#complete(slot, table, shape);
  }

  /** Fills a slot with a prefix whose words begin at `at`. */
  protected readWords(slot: number, table: number, words: Uint32Array, at: number, shape: number): void {
    for (let i = 0; i < PREFIX_WORDS; i++) this.sought[slot * WIDTH + i] = words[at + i]!;
    this.#complete(slot, table, shape);
  }

  /** Of a slot that was read, as a signed number: the engine needs no box for one. */
  protected hash(slot: number): number {
    const { sought } = this;
    const at = slot * WIDTH;
    const shape = sought[at + SHAPE]!;
    // Prefixes that differ in the last bits of their last octet only lie side by side in the index, in one line of memory:
    // they were counted up when they were given out, and change together.
    const octet = Math.max(0, prefixBits(shape) - 1) >> 3;
    const shift = (octet & 3) << 3;
    const last = octet >> 2;
    const near = (sought[at + last]! >>> shift) & NEAR;
    const left = near << shift;
    let hash = this.#seed ^ Math.imul(sought[at + TABLE]! * 512 + shape, 0x165667b1);
    hash = mix(hash, last === 0 ? sought[at]! ^ left : sought[at]!);
    hash = mix(hash, last === 1 ? sought[at + 1]! ^ left : sought[at + 1]!);
    hash = mix(hash, last === 2 ? sought[at + 2]! ^ left : sought[at + 2]!);
    hash = mix(hash, last === 3 ? sought[at + 3]! ^ left : sought[at + 3]!);
    hash = (Math.imul(hash ^ (hash >>> 13), 0x85ebca6b) & ~NEAR) | near;
    sought[at + HASH] = hash;
    return hash;
  }

  /** A slot whose address is there. */
  #complete(slot: number, table: number, shape: number): void {
    const { sought } = this;
    sought[slot * WIDTH + SHAPE] = shape;
    sought[slot * WIDTH + TABLE] = table;
    this.rows[slot] = NOT_HELD;
  }
}

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
