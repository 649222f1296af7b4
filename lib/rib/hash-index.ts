// Rows by the hash of their key: open addressing in entries of hash and row, so that a look-up touches a row only when its
// hash agrees. A large index is many small ones, each rebuilt by itself half as large again: no insert waits for a whole table
// (a doubling in one turn stalls a router for 40 ms), and neither an old copy nor a half empty new one is kept.

/** Entries of an index that is one segment; beyond that it has `SEGMENTS`, told apart by the top bits of the hash. */
const ONE_SEGMENT = 4096;
const SEGMENTS = 256;
const SEGMENT_SHIFT = 24;
const FIRST_SLOTS = 32;
/** Share of slots in use right after a segment was rebuilt, and when it is again. */
const BUILT_AT = 0.55;
const FULL_AT = 0.85;
const GONE = 0xffff_ffff;

class Segment {
  slots: number;
  /** Of entries, pairs of words: the hash, and the row + 1; 0: free, `GONE`: was taken out. */
  words: Uint32Array;
  /** Entries that are rows. */
  live = 0;
  /** Entries that may still be written before it is rebuilt. */
  left: number;

  constructor(slots: number) {
    this.slots = slots;
    this.words = new Uint32Array(slots * 2);
    this.left = Math.floor(slots * FULL_AT);
  }

  insert(row: number, hash: number): void {
    if (this.left <= 0) this.#rebuild();
    this.#put(row + 1, hash);
    this.live++;
  }

  remove(row: number, hash: number): void {
    const { words, slots } = this;
    for (let slot = home(hash, slots); words[slot * 2 + 1] !== 0; slot = slot + 1 === slots ? 0 : slot + 1) {
      if (words[slot * 2 + 1] !== row + 1) continue;
      words[slot * 2 + 1] = GONE;
      this.live--;
      return;
    }
  }

  #put(entry: number, hash: number): void {
    const { words, slots } = this;
    let slot = home(hash, slots);
    while (words[slot * 2 + 1] !== 0) slot = slot + 1 === slots ? 0 : slot + 1;
    words[slot * 2] = hash;
    words[slot * 2 + 1] = entry;
    this.left--;
  }

  #rebuild(): void {
    const { words: old } = this;
    this.slots = Math.max(FIRST_SLOTS, Math.ceil(this.live / BUILT_AT));
    this.words = new Uint32Array(this.slots * 2);
    this.left = Math.floor(this.slots * FULL_AT);
    for (let at = 0; at < old.length; at += 2) {
      const entry = old[at + 1]!;
      if (entry !== 0 && entry !== GONE) this.#put(entry, old[at]!);
    }
  }
}

/**
 * Segments fill alike and would all be rebuilt at about the same time; they begin with sizes all along one step of growth,
 * and so are rebuilt one after the other, however large they get.
 */
const firstSlots = (segment: number): number => Math.round(FIRST_SLOTS * (FULL_AT / BUILT_AT) ** (segment / SEGMENTS));

/** Where an entry is looked for first: the low bits of the hash as a share of the slots. */
const home = (hash: number, slots: number): number => Math.imul(hash & 0xffff, slots) >>> 16;

export class HashIndex {
  readonly #matches: (row: number) => boolean;
  #segments = [new Segment(FIRST_SLOTS)];
  /** Only while there is one segment. */
  #isSmall = true;

  /** `matches` says whether the row has the key that is being looked for. */
  constructor(matches: (row: number) => boolean) {
    this.#matches = matches;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { words }) => sum + words.byteLength, 0);
  }

  /** The row of the key, or -1. */
  find(hash: number): number {
    const { words, slots } = this.#segmentOf(hash);
    const wanted = hash >>> 0;
    for (let slot = home(hash, slots); ; slot = slot + 1 === slots ? 0 : slot + 1) {
      const entry = words[slot * 2 + 1]!;
      if (entry === 0) return -1;
      if (words[slot * 2] === wanted && entry !== GONE && this.#matches(entry - 1)) return entry - 1;
    }
  }

  /** The key must not be in the index. */
  insert(row: number, hash: number): void {
    if (this.#isSmall && this.#segments[0]!.live >= ONE_SEGMENT) this.#divide();
    this.#segmentOf(hash).insert(row, hash);
  }

  /** The row must be in the index. */
  remove(row: number, hash: number): void {
    this.#segmentOf(hash).remove(row, hash);
  }

  #segmentOf(hash: number): Segment {
    return this.#segments[this.#isSmall ? 0 : hash >>> SEGMENT_SHIFT]!;
  }

  #divide(): void {
    const { words } = this.#segments[0]!;
    this.#segments = Array.from({ length: SEGMENTS }, (_, i) => new Segment(firstSlots(i)));
    this.#isSmall = false;
    for (let at = 0; at < words.length; at += 2) {
      const entry = words[at + 1]!;
      if (entry !== 0 && entry !== GONE) this.insert(entry - 1, words[at]!);
    }
  }
}

/**
 * One step of the hash of a key: words go in one after the other over a seed that peers do not know. Every bit of a word
 * moves every bit of the result (two rounds of multiply and shift), because slots are told apart by the low ones, segments
 * by the high ones, and addresses differ in any.
 */
export function mix(hash: number, word: number): number {
  let h = hash ^ word;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return h ^ (h >>> 16);
}
