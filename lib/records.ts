// Rows of 32-bit words in chunks: a table that grows without ever copying what it has, so no turn stalls on a doubling,
// and that hands out small row numbers again after they are freed. It knows no meaning of a word but the free list's.

const SHIFT = 12;
const CHUNK_ROWS = 1 << SHIFT;
const MASK = CHUNK_ROWS - 1;

export class Records {
  readonly #width: number;
  readonly #link: number;
  readonly #chunks: Uint32Array[] = [];
  /** First free row + 1; each free row holds the next one in its link word. */
  #free = 0;
  #top = 0;
  #live = 0;

  /** `link` is the word that chains free rows; it is the owner's while the row is in use. */
  constructor(width: number, link: number) {
    this.#width = width;
    this.#link = link;
  }

  /** Rows in use. */
  get live(): number {
    return this.#live;
  }

  /** One more than the highest row ever handed out. */
  get top(): number {
    return this.#top;
  }

  get bytes(): number {
    return this.#chunks.length * CHUNK_ROWS * this.#width * 4;
  }

  get(row: number, word: number): number {
    return this.#chunks[row >>> SHIFT]![(row & MASK) * this.#width + word]!;
  }

  set(row: number, word: number, value: number): void {
    this.#chunks[row >>> SHIFT]![(row & MASK) * this.#width + word] = value;
  }

  /** The chunk that holds the row, for reading several words of it; they begin at `offset(row)`. */
  chunk(row: number): Uint32Array {
    return this.#chunks[row >>> SHIFT]!;
  }

  offset(row: number): number {
    return (row & MASK) * this.#width;
  }

  /** A row whose words hold what its last owner left: the caller writes them all. The last one freed comes first. */
  add(): number {
    this.#live++;
    if (this.#free > 0) {
      const row = this.#free - 1;
      this.#free = this.get(row, this.#link);
      return row;
    }
    const row = this.#top++;
    if ((row & MASK) === 0) this.#chunks.push(new Uint32Array(CHUNK_ROWS * this.#width));
    return row;
  }

  remove(row: number): void {
    this.#live--;
    this.set(row, this.#link, this.#free);
    this.#free = row + 1;
  }
}
