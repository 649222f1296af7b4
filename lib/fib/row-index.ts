// Rows by the hash of their key: open addressing in pairs of hash and row + 1, in segments that are made anew each by
// itself, so that no insertion waits for a whole table. The caller compares keys: a look-up is in his loop, not behind a
// call. It goes from `first` by `after` up to an entry that is `FREE`. Hashes are signed numbers: the engine needs no box for one.

const SEGMENTS = 64;
const SEGMENT_SHIFT = 26;
const FIRST_SLOTS = 16;

/** In the place of a row + 1: nothing was ever here, and what was here was taken out. */
export const FREE = 0;
export const GONE = -1;

export class RowIndex {
  readonly #segments: Int32Array[] = Array.from({ length: SEGMENTS }, () => new Int32Array(2 * FIRST_SLOTS));
  /** Entries with a row, and all that are not free. */
  readonly #live = new Uint32Array(SEGMENTS);
  readonly #used = new Uint32Array(SEGMENTS);
  /** 32 bits that change with whatever makes it wrong to take an entry that a look-up before has found free. */
  era = 0;

  /** The entries among which those of the hash are. */
  segment(hash: number): Int32Array {
    return this.#segments[hash >>> SEGMENT_SHIFT]!;
  }

  /** The same with room for one more: at least half of them are free then. */
  roomy(hash: number): Int32Array {
    const number = hash >>> SEGMENT_SHIFT;
    const entries = this.#segments[number]!;
    if ((this.#used[number]! + 1) * 4 <= entries.length) return entries;
    const live = this.#live[number]!;
    this.#used[number] = live;
    this.era = (this.era + 1) | 0;
    return (this.#segments[number] = rebuilt(entries, live * 8 > entries.length ? entries.length * 2 : entries.length));
  }

  /** Takes an entry of `roomy` that is free or gone. */
  insert(at: number, row: number, hash: number): void {
    const number = hash >>> SEGMENT_SHIFT;
    const entries = this.#segments[number]!;
    if (entries[at + 1] === FREE) this.#used[number]!++;
    entries[at] = hash;
    entries[at + 1] = row + 1;
    this.#live[number]!++;
  }

  /** The row must be here under this hash. */
  remove(row: number, hash: number): void {
    const number = hash >>> SEGMENT_SHIFT;
    const entries = this.#segments[number]!;
    let at = first(hash, entries);
    while (entries[at + 1] !== row + 1) at = after(at, entries);
    entries[at + 1] = GONE;
    this.era = (this.era + 1) | 0;
    if (--this.#live[number]! > 0) return;
    entries.fill(FREE);
    this.#used[number] = 0;
  }
}

/** Where a look-up of the hash begins in its segment. */
export const first = (hash: number, entries: Int32Array): number => (hash << 1) & (entries.length - 1);

/** Where it goes on. */
export const after = (at: number, entries: Int32Array): number => (at + 2) & (entries.length - 1);

function rebuilt(old: Int32Array, length: number): Int32Array {
  const entries = new Int32Array(length);
  for (let from = 0; from < old.length; from += 2) {
    const entry = old[from + 1]!;
    if (entry === FREE || entry === GONE) continue;
    let at = first(old[from]!, entries);
    while (entries[at + 1] !== FREE) at = after(at, entries);
    entries[at] = old[from]!;
    entries[at + 1] = entry;
  }
  return entries;
}
