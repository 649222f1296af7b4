// Rows by the hash of their key: open addressing in entries of hash and row, so that a look-up touches a row only when its
// hash agrees. It grows a few entries at a time: the old table stays beside the new one until all of it has moved, and no
// insert ever waits for a whole table (a doubling in one turn stalls a router for 40 ms).

const FIRST_SLOTS = 256;
/** Entries moved at each insert; more than one and a half, so that a table has moved before the next is full. */
const MOVED_PER_INSERT = 4;
const GONE = 0xffff_ffff;

/** Of entries, pairs of words: the hash, and the row + 1; 0: free, `GONE`: was taken out. */
interface Slots {
  readonly words: Uint32Array;
  readonly mask: number;
}

const slotsOf = (count: number): Slots => ({ words: new Uint32Array(count * 2), mask: count - 1 });

export class HashIndex {
  readonly #matches: (row: number) => boolean;
  #slots = slotsOf(FIRST_SLOTS);
  /** What is still to move, and from which entry on. */
  #old: Slots | undefined;
  #moved = 0;
  #live = 0;
  /** Entries of `#slots` that are not free. */
  #used = 0;

  /** `matches` says whether the row has the key that is being looked for. */
  constructor(matches: (row: number) => boolean) {
    this.#matches = matches;
  }

  get bytes(): number {
    return this.#slots.words.byteLength + (this.#old?.words.byteLength ?? 0);
  }

  /** The row of the key, or -1. */
  find(hash: number): number {
    const found = this.#probe(this.#slots, hash);
    return found >= 0 || this.#old === undefined ? found : this.#probe(this.#old, hash);
  }

  /** The key must not be in the index. */
  insert(row: number, hash: number): void {
    if (this.#old !== undefined) this.#move();
    else if (this.#used * 10 >= (this.#slots.mask + 1) * 7) this.#grow();
    this.#put(row, hash);
    this.#live++;
  }

  /** The row must be in the index. */
  remove(row: number, hash: number): void {
    this.#live--;
    // An entry that moved stands in both.
    take(this.#slots, row, hash);
    if (this.#old !== undefined) take(this.#old, row, hash);
  }

  #probe({ words, mask }: Slots, hash: number): number {
    const wanted = hash >>> 0;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = words[slot * 2 + 1]!;
      if (entry === 0) return -1;
      if (words[slot * 2] === wanted && entry !== GONE && this.#matches(entry - 1)) return entry - 1;
    }
  }

  #put(row: number, hash: number): void {
    const { words, mask } = this.#slots;
    let slot = hash & mask;
    while (words[slot * 2 + 1] !== 0) slot = (slot + 1) & mask;
    words[slot * 2] = hash;
    words[slot * 2 + 1] = row + 1;
    this.#used++;
  }

  #grow(): void {
    const slots = this.#slots.mask + 1;
    this.#old = this.#slots;
    this.#moved = 0;
    // Mostly entries that were taken out: the same size will do.
    this.#slots = slotsOf(this.#live * 3 > slots ? slots * 2 : slots);
    this.#used = 0;
  }

  #move(): void {
    const { words, mask } = this.#old!;
    const until = Math.min(this.#moved + MOVED_PER_INSERT, mask + 1);
    for (let slot = this.#moved; slot < until; slot++) {
      const entry = words[slot * 2 + 1]!;
      if (entry !== 0 && entry !== GONE) this.#put(entry - 1, words[slot * 2]!);
    }
    this.#moved = until;
    if (until > mask) this.#old = undefined;
  }
}

function take({ words, mask }: Slots, row: number, hash: number): void {
  for (let slot = hash & mask; words[slot * 2 + 1] !== 0; slot = (slot + 1) & mask) {
    if (words[slot * 2 + 1] !== row + 1) continue;
    words[slot * 2 + 1] = GONE;
    return;
  }
}

/**
 * One step of the hash of a key: words go in one after the other over a seed that peers do not know. Every bit of a word
 * moves every bit of the result (two rounds of multiply and shift), because slots are told apart by the low ones and
 * addresses differ in any.
 */
export function mix(hash: number, word: number): number {
  let h = hash ^ word;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return h ^ (h >>> 16);
}
