// Session-local handles (session.proto rule 6), the receiver's side: which row a handle of the peer means. One table a
// session; it dies with it. The sender needs none: its handle is the row itself (lib/rib/adj-rib-out.ts).
const SHIFT = 12;
const CHUNK = 1 << SHIFT;
/** Handles below are an array; a hostile peer may number sparsely, and what is above is a map. */
const DENSE = 1 << 22;

export class HandleTable {
  /** Row + 1; 0: free. */
  readonly #dense: (Uint32Array | undefined)[] = [];
  readonly #sparse = new Map<number, number>();
  /** Handles bound. */
  size = 0;

  /**
   * Notes an announcement. Returns the row that the handle named before when it is another one: that route is withdrawn
   * by this announcement. -1: the handle was free, or named this very row (implicit withdraw of attributes).
   */
  bind(handle: number, row: number): number {
    const before = this.#swap(handle, row + 1) - 1;
    if (before < 0) this.size++;
    return before === row ? -1 : before;
  }

  /** -1: the peer never announced it; state for it is ignored. */
  resolve(handle: number): number {
    if (handle >= DENSE) return (this.#sparse.get(handle) ?? 0) - 1;
    const chunk = this.#dense[handle >>> SHIFT];
    return chunk === undefined ? -1 : chunk[handle & (CHUNK - 1)]! - 1;
  }

  /** Forgets the handle and returns what it named; -1: nothing. */
  unbind(handle: number): number {
    const row = this.resolve(handle);
    if (row < 0) return row;
    this.size--;
    if (handle >= DENSE) this.#sparse.delete(handle);
    else this.#dense[handle >>> SHIFT]![handle & (CHUNK - 1)] = 0;
    return row;
  }

  #swap(handle: number, value: number): number {
    if (handle >= DENSE) {
      const before = this.#sparse.get(handle) ?? 0;
      this.#sparse.set(handle, value);
      return before;
    }
    const chunk = (this.#dense[handle >>> SHIFT] ??= new Uint32Array(CHUNK));
    const before = chunk[handle & (CHUNK - 1)]!;
    chunk[handle & (CHUNK - 1)] = value;
    return before;
  }
}
