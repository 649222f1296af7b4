// A 32-bit word a row, 0 until it is set: memory exists only for chunks of rows in which one was.
const SHIFT = 10;
const MASK = (1 << SHIFT) - 1;

export class SparseColumn {
  readonly #chunks: (Uint32Array | undefined)[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get(row: number): number {
    const chunk = this.#chunks[row >>> SHIFT];
    return chunk === undefined ? 0 : chunk[row & MASK]!;
  }

  /** As of a table (`LogWords`): there is one word. */
  set(row: number, _word: number, value: number): void {
    let chunk = this.#chunks[row >>> SHIFT];
    if (chunk === undefined) {
      chunk = new Uint32Array(1 << SHIFT);
      this.#chunks[row >>> SHIFT] = chunk;
      this.#bytes += chunk.byteLength;
    }
    chunk[row & MASK] = value;
  }
}
