// Rows by the hash of their key: open addressing in pairs of hash and row + 1, in segments that double each by itself, so
// that no insertion waits for a whole table. What is taken out leaves no mark: what stands behind moves up. The caller
// compares keys: a look-up is in his loop, not behind a call.

const SEGMENTS = 64;
const SEGMENT_SHIFT = 26;
const FIRST_SLOTS = 16;

export class RowIndex {
  readonly #segments: Uint32Array[] = Array.from({ length: SEGMENTS }, () => new Uint32Array(2 * FIRST_SLOTS));
  readonly #live = new Uint32Array(SEGMENTS);

  /** The entries among which those of the hash are, from `first` on up to one without a row, and round the end. */
  segment(hash: number): Uint32Array {
    return this.#segments[hash >>> SEGMENT_SHIFT]!;
  }

  insert(row: number, hash: number): void {
    const number = hash >>> SEGMENT_SHIFT;
    let entries = this.#segments[number]!;
    // At most half of the slots are taken.
    if (++this.#live[number]! * 4 > entries.length) {
      entries = doubled(entries);
      this.#segments[number] = entries;
    }
    place(entries, row + 1, hash >>> 0);
  }

  /** The row must be here under this hash. */
  remove(row: number, hash: number): void {
    const entries = this.segment(hash);
    let hole = first(hash, entries);
    while (entries[hole + 1] !== row + 1) hole = after(hole, entries);
    for (let at = after(hole, entries); entries[at + 1] !== 0; at = after(at, entries)) {
      // One whose way from its first slot leads over the hole moves into it.
      const way = (at - first(entries[at]!, entries)) & (entries.length - 1);
      if (way < ((at - hole) & (entries.length - 1))) continue;
      entries[hole] = entries[at]!;
      entries[hole + 1] = entries[at + 1]!;
      hole = at;
    }
    entries[hole + 1] = 0;
    this.#live[hash >>> SEGMENT_SHIFT]!--;
  }
}

/** Where a look-up of the hash begins in its segment. */
export const first = (hash: number, entries: Uint32Array): number => (hash << 1) & (entries.length - 1);

/** Where it goes on. */
export const after = (at: number, entries: Uint32Array): number => (at + 2) & (entries.length - 1);

function doubled(old: Uint32Array): Uint32Array {
  const entries = new Uint32Array(old.length * 2);
  for (let at = 0; at < old.length; at += 2) if (old[at + 1] !== 0) place(entries, old[at + 1]!, old[at]!);
  return entries;
}

function place(entries: Uint32Array, entry: number, hash: number): void {
  let at = first(hash, entries);
  while (entries[at + 1] !== 0) at = after(at, entries);
  entries[at] = hash;
  entries[at + 1] = entry;
}
