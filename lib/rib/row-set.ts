// A set of rows, one bit each: what a peer was told.
const SHIFT = 15;
const WORDS = 1 << (SHIFT - 5);

export class RowSet {
  readonly #chunks: (Uint32Array | undefined)[] = [];
  size = 0;

  has(row: number): boolean {
    const chunk = this.#chunks[row >>> SHIFT];
    return chunk !== undefined && (chunk[(row >>> 5) & (WORDS - 1)]! & (1 << (row & 31))) !== 0;
  }

  /** True when it was not there. */
  add(row: number): boolean {
    const chunk = (this.#chunks[row >>> SHIFT] ??= new Uint32Array(WORDS));
    const word = chunk[(row >>> 5) & (WORDS - 1)]!;
    const bit = 1 << (row & 31);
    if ((word & bit) !== 0) return false;
    chunk[(row >>> 5) & (WORDS - 1)] = word | bit;
    this.size++;
    return true;
  }

  /** True when it was there. */
  delete(row: number): boolean {
    if (this.size === 0 || !this.has(row)) return false;
    this.#chunks[row >>> SHIFT]![(row >>> 5) & (WORDS - 1)]! &= ~(1 << (row & 31));
    this.size--;
    return true;
  }
}
