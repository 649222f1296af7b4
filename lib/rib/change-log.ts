// What changed, in order, for readers that go at their own pace: a row stands in the log at most once for whoever has not
// read it, so a slow reader costs one entry a row and finds only the newest. Two lanes: losses are read before news.
const SHIFT = 12;
const CHUNK = 1 << SHIFT;
const LANE = 0x8000_0000;
const WRAP = 0x8000_0000;
/** A reader this many entries behind, beyond two for each row there is, starts over instead. */
const SLACK = 16_384;

const LANES = [1, 0] as const;
const LOSSES = [1] as const;

/** Has a word of each row for a log: lib/records.ts, or a column of its own. */
export interface LogWords {
  get(row: number, word: number): number;
  set(row: number, word: number, value: number): void;
}

/** Where a reader stands; the log moves it on. */
export interface LogReader {
  readonly next: [news: number, losses: number];
  /** The log let go of what it had not read: it has to look at every row. */
  lapped: boolean;
}

class Lane {
  chunks: Uint32Array[] = [];
  /** Entries `start`..`end - 1` are held; `start` is a multiple of the chunk. */
  start = 0;
  end = 0;
  /** No reader has read this entry or a later one. */
  frontier = 0;

  at(index: number): number {
    return this.chunks[(index - this.start) >>> SHIFT]![index & (CHUNK - 1)]!;
  }

  append(row: number): number {
    if ((this.end & (CHUNK - 1)) === 0) this.chunks.push(new Uint32Array(CHUNK));
    this.chunks[this.chunks.length - 1]![this.end & (CHUNK - 1)] = row;
    return this.end++;
  }

  trim(to: number): void {
    const chunks = Math.floor((to - this.start) / CHUNK);
    if (chunks <= 0) return;
    this.chunks.splice(0, chunks);
    this.start += chunks * CHUNK;
  }
}

export class ChangeLog {
  readonly #rows: { readonly live: number };
  readonly #words: LogWords;
  readonly #word: number;
  readonly #lanes = [new Lane(), new Lane()] as const;
  readonly #readers = new Set<LogReader>();
  /** Grows with every change that somebody has still to read. */
  changes = 0;

  /** Word `word` of each row in `words` holds where the row stands in the log. */
  constructor(rows: { readonly live: number }, words: LogWords, word: number) {
    this.#rows = rows;
    this.#words = words;
    this.#word = word;
  }

  /** A reader of what changes from now on. */
  subscribe(): LogReader {
    const reader: LogReader = { next: [this.#lanes[0].end, this.#lanes[1].end], lapped: false };
    this.#readers.add(reader);
    this.#advance();
    return reader;
  }

  unsubscribe(reader: LogReader): void {
    this.#readers.delete(reader);
    this.#advance();
  }

  /** Notes a change; one that everybody still has to read is not noted twice. */
  touch(row: number, loss: boolean): void {
    if (this.#readers.size === 0) return;
    const number = loss ? 1 : 0;
    const lane = this.#lanes[number];
    const word = this.#words.get(row, this.#word);
    const stands = word >= LANE ? 1 : 0;
    // What stands among the losses is read soon enough, whatever became of it.
    if (stands >= number) {
      const index = this.#indexOf(row, word);
      if (index >= this.#lanes[stands].frontier) return;
    }
    this.#words.set(row, this.#word, (number * LANE + (lane.end % WRAP)) >>> 0);
    lane.append(row);
    this.changes++;
  }

  /** Entries the reader has still to look at, an upper bound of the rows that changed. */
  pending(reader: LogReader): number {
    return this.#lanes[0].end - reader.next[0] + this.#lanes[1].end - reader.next[1];
  }

  /** Whether the reader will still come to the row's last change. */
  isAhead(reader: LogReader, row: number): boolean {
    const word = this.#words.get(row, this.#word);
    return this.#indexOf(row, word) >= reader.next[word >= LANE ? 1 : 0];
  }

  /** The same of the losses alone: what passes all pacing. */
  pendingLosses(reader: LogReader): number {
    return this.#lanes[1].end - reader.next[1];
  }

  /** Reads at most `max` rows that changed into `into` from `count` on, losses first or alone; returns the new count. */
  read(reader: LogReader, into: Uint32Array, count: number, max: number, lossesOnly = false): number {
    let filled = count;
    for (const number of lossesOnly ? LOSSES : LANES) {
      const lane = this.#lanes[number];
      let index = reader.next[number];
      for (; index < lane.end && filled < max; index++) {
        const row = lane.at(index);
        // Otherwise the row changed again later, and stands there.
        if (this.#words.get(row, this.#word) === (number * LANE + (index % WRAP)) >>> 0) into[filled++] = row;
      }
      reader.next[number] = index;
      if (index > lane.frontier) lane.frontier = index;
    }
    return filled;
  }

  /** Puts a reader where another one stands that has read the same. */
  follow(reader: LogReader, leader: LogReader): void {
    reader.next[0] = leader.next[0];
    reader.next[1] = leader.next[1];
  }

  /** Lets go of what everybody has read, and laps readers that are too far behind. To be called now and then. */
  trim(): void {
    const most = 2 * this.#rows.live + SLACK;
    for (const reader of this.#readers) {
      if (this.pending(reader) <= most) continue;
      reader.lapped = true;
      reader.next[0] = this.#lanes[0].end;
      reader.next[1] = this.#lanes[1].end;
    }
    this.#advance();
  }

  #advance(): void {
    for (const number of [0, 1] as const) {
      const lane = this.#lanes[number];
      let slowest = lane.end;
      for (const reader of this.#readers) {
        const next = reader.next[number];
        if (next < slowest) slowest = next;
        if (next > lane.frontier) lane.frontier = next;
      }
      lane.trim(slowest);
    }
  }

  /** Index in its lane at which the row stands; -1 when the log has let go of it. Indexes are held modulo 2^31. */
  #indexOf(row: number, word: number): number {
    const lane = this.#lanes[word >= LANE ? 1 : 0];
    const behind = (lane.end - (word & (WRAP - 1)) + WRAP) % WRAP;
    const index = lane.end - behind;
    return behind > 0 && index >= lane.start && lane.at(index) === row ? index : -1;
  }
}
