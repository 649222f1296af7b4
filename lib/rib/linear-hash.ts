// Linear hashing (Litwin 1980) over rows of a `Records`: one chain a bucket, one bucket split an insert. The table grows
// with every row instead of doubling now and then, so an insert costs the same whether there are ten rows or a million.
import type { Records } from './records.ts';

const SHIFT = 12;
const CHUNK = 1 << SHIFT;
const FIRST_BUCKETS = 64;

export class LinearHash {
  readonly #rows: Records;
  readonly #link: number;
  readonly #hashOf: (row: number) => number;
  /** First row + 1 of each bucket. */
  readonly #heads: Uint32Array[] = [new Uint32Array(CHUNK)];
  /** Buckets are `#low + #split`; those below `#split` are split already in this round. */
  #low = FIRST_BUCKETS;
  #split = 0;
  #count = 0;

  /** `link` is the word of a row that holds its successor in the chain + 1; `hashOf` gives what `insert` was given. */
  constructor(rows: Records, link: number, hashOf: (row: number) => number) {
    this.#rows = rows;
    this.#link = link;
    this.#hashOf = hashOf;
  }

  get bytes(): number {
    return this.#heads.length * CHUNK * 4;
  }

  /** First row + 1 of the chain a key of this hash is in; 0 ends it. */
  head(hash: number): number {
    const bucket = this.#bucket(hash);
    return this.#heads[bucket >>> SHIFT]![bucket & (CHUNK - 1)]!;
  }

  insert(row: number, hash: number): void {
    const bucket = this.#bucket(hash);
    const heads = this.#heads[bucket >>> SHIFT]!;
    this.#rows.set(row, this.#link, heads[bucket & (CHUNK - 1)]!);
    heads[bucket & (CHUNK - 1)] = row + 1;
    if (++this.#count > this.#low + this.#split) this.#splitOne();
  }

  /** The row must be in the table. */
  remove(row: number, hash: number): void {
    const bucket = this.#bucket(hash);
    const heads = this.#heads[bucket >>> SHIFT]!;
    const next = this.#rows.get(row, this.#link);
    this.#count--;
    let at = heads[bucket & (CHUNK - 1)]!;
    if (at === row + 1) {
      heads[bucket & (CHUNK - 1)] = next;
      return;
    }
    for (;;) {
      const after = this.#rows.get(at - 1, this.#link);
      if (after === row + 1) return this.#rows.set(at - 1, this.#link, next);
      at = after;
    }
  }

  #bucket(hash: number): number {
    const bucket = hash & (this.#low * 2 - 1);
    return bucket < this.#low + this.#split ? bucket : bucket & (this.#low - 1);
  }

  /** Divides the chain of the next bucket between it and a new one. */
  #splitOne(): void {
    const from = this.#split;
    const to = this.#low + from;
    if (to >>> SHIFT === this.#heads.length) this.#heads.push(new Uint32Array(CHUNK));
    let stay = 0;
    let move = 0;
    for (let at = this.#heads[from >>> SHIFT]![from & (CHUNK - 1)]!; at !== 0; ) {
      const next = this.#rows.get(at - 1, this.#link);
      const moves = (this.#hashOf(at - 1) & this.#low) !== 0;
      this.#rows.set(at - 1, this.#link, moves ? move : stay);
      if (moves) move = at;
      else stay = at;
      at = next;
    }
    this.#heads[from >>> SHIFT]![from & (CHUNK - 1)] = stay;
    this.#heads[to >>> SHIFT]![to & (CHUNK - 1)] = move;
    if (++this.#split === this.#low) {
      this.#low *= 2;
      this.#split = 0;
    }
  }
}

/** One step of the hash of a key: words go in one after the other, so that nobody collides without knowing the seed. */
export function mix(hash: number, word: number): number {
  const h = Math.imul(hash ^ word, 0x85ebca6b);
  return Math.imul(h ^ (h >>> 15), 0xc2b2ae35) ^ (h >>> 13);
}
