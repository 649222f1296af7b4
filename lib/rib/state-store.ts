// Newest compute state of each route, by row, in 64 bytes: memory exists only for chunks of rows in which somebody
// reported. Rates are kept as 32-bit floats and durations as whole numbers, as the wire has them.
import type { ComputeState } from '../model/compute-state.ts';
import { STATE, STATE_NUMBERS, stateAt } from '../model/state-row.ts';

const SHIFT = 10;
const MASK = (1 << SHIFT) - 1;
const BYTES = 64;
const DOUBLES = BYTES / 8;
const WORDS = BYTES / 4;
/** Doubles 0..2: sequence, measured at, received at. Then words: */
const MEASURED = 1;
const RECEIVED = 2;
const SERVICE_TIME = 6;
const WORK_TIME = 7;
const SPARE = 8;
const IN_FLIGHT = 9;
const ARRIVALS = 10;
const WORKERS = 11;
const WINDOW = 12;
const VALID_FOR = 13;
/** Scores at bits 0, 4, 8; source at 12, statistic at 16; bit 30: there was a state, 31: there is. */
const SMALL = 14;
const FROM = 15;
const PRESENT = 0x8000_0000;
const EXPIRED = 0x4000_0000;

interface Chunk {
  readonly words: Uint32Array;
  readonly floats: Float32Array;
  readonly doubles: Float64Array;
}

export class StateStore {
  readonly #chunks: (Chunk | undefined)[] = [];
  #bytes = 0;
  readonly #row = new Float64Array(STATE_NUMBERS);

  get bytes(): number {
    return this.#bytes;
  }

  has(row: number): boolean {
    const chunk = this.#chunks[row >>> SHIFT];
    return chunk !== undefined && chunk.words[(row & MASK) * WORDS + SMALL]! >= PRESENT;
  }

  /** -1 when there is no state. */
  sequence(row: number): number {
    return this.has(row) ? this.#chunks[row >>> SHIFT]!.doubles[(row & MASK) * DOUBLES]! : -1;
  }

  score(row: number): number {
    return this.#chunks[row >>> SHIFT]!.words[(row & MASK) * WORDS + SMALL]! & 15;
  }

  /** Our own clock, so that a skewed agent cannot live for ever. */
  receivedAtMs(row: number): number {
    return this.has(row) ? this.#chunks[row >>> SHIFT]!.doubles[(row & MASK) * DOUBLES + RECEIVED]! : 0;
  }

  /** By the agent's clock; meaningful only with a state, as are the next two. */
  measuredAtMs(row: number): number {
    return this.#chunks[row >>> SHIFT]!.doubles[(row & MASK) * DOUBLES + MEASURED]!;
  }

  validForMs(row: number): number {
    return this.#chunks[row >>> SHIFT]!.words[(row & MASK) * WORDS + VALID_FOR]!;
  }

  /** Who brought it. */
  from(row: number): number {
    return this.#chunks[row >>> SHIFT]!.words[(row & MASK) * WORDS + FROM]!;
  }

  /** The row is another route's: nothing of it is remembered. */
  clear(row: number): void {
    const chunk = this.#chunks[row >>> SHIFT];
    if (chunk !== undefined) chunk.words[(row & MASK) * WORDS + SMALL] = 0;
  }

  /** The state is gone, but not its sequence: a peer that still tells it does not bring it back to life. */
  expire(row: number): void {
    if (this.has(row)) this.#chunks[row >>> SHIFT]!.words[(row & MASK) * WORDS + SMALL] = EXPIRED;
  }

  /** True when a state with this sequence is no news, whether the one before is still here or not. */
  isOld(row: number, sequence: number): boolean {
    const chunk = this.#chunks[row >>> SHIFT];
    if (chunk === undefined || chunk.words[(row & MASK) * WORDS + SMALL] === 0) return false;
    return chunk.doubles[(row & MASK) * DOUBLES]! >= sequence;
  }

  /** Takes the state row that begins at `at` (lib/model/state-row.ts). */
  put(row: number, values: Float64Array, at: number, from: number, receivedAtMs: number): void {
    const { words, floats, doubles } = this.#chunkOf(row);
    const double = (row & MASK) * DOUBLES;
    const word = (row & MASK) * WORDS;
    doubles[double] = values[at]!;
    doubles[double + MEASURED] = values[at + STATE.measuredAtMs]!;
    doubles[double + RECEIVED] = receivedAtMs;
    words[word + SERVICE_TIME] = whole(values[at + STATE.serviceTimeUs]!);
    words[word + WORK_TIME] = whole(values[at + STATE.workTimeUs]!);
    floats[word + SPARE] = values[at + STATE.spareCapacity]!;
    floats[word + IN_FLIGHT] = values[at + STATE.inFlight]!;
    floats[word + ARRIVALS] = values[at + STATE.arrivalRate]!;
    words[word + WORKERS] = whole(values[at + STATE.workers]!);
    words[word + WINDOW] = whole(values[at + STATE.windowMs]!);
    words[word + VALID_FOR] = whole(values[at + STATE.validForMs]!);
    words[word + SMALL] =
      PRESENT |
      values[at + STATE.score]! |
      (values[at + STATE.computeScore]! << 4) |
      (values[at + STATE.serviceScore]! << 8) |
      (values[at + STATE.source]! << 12) |
      (values[at + STATE.statistic]! << 16);
    words[word + FROM] = from;
  }

  /** Copies the state into the row that begins at `at`; there must be one. */
  copy(row: number, into: Float64Array, at: number): void {
    const { words, floats, doubles } = this.#chunks[row >>> SHIFT]!;
    const double = (row & MASK) * DOUBLES;
    const word = (row & MASK) * WORDS;
    const small = words[word + SMALL]!;
    into[at] = doubles[double]!;
    into[at + STATE.score] = small & 15;
    into[at + STATE.computeScore] = (small >>> 4) & 15;
    into[at + STATE.serviceScore] = (small >>> 8) & 15;
    into[at + STATE.serviceTimeUs] = words[word + SERVICE_TIME]!;
    into[at + STATE.workTimeUs] = words[word + WORK_TIME]!;
    into[at + STATE.spareCapacity] = floats[word + SPARE]!;
    into[at + STATE.inFlight] = floats[word + IN_FLIGHT]!;
    into[at + STATE.arrivalRate] = floats[word + ARRIVALS]!;
    into[at + STATE.workers] = words[word + WORKERS]!;
    into[at + STATE.source] = (small >>> 12) & 15;
    into[at + STATE.statistic] = (small >>> 16) & 15;
    into[at + STATE.windowMs] = words[word + WINDOW]!;
    into[at + STATE.measuredAtMs] = doubles[double + MEASURED]!;
    into[at + STATE.validForMs] = words[word + VALID_FOR]!;
  }

  get(row: number): ComputeState | undefined {
    if (!this.has(row)) return undefined;
    this.copy(row, this.#row, 0);
    return stateAt(this.#row, 0);
  }

  #chunkOf(row: number): Chunk {
    const known = this.#chunks[row >>> SHIFT];
    if (known !== undefined) return known;
    const buffer = new ArrayBuffer(BYTES << SHIFT);
    const made = {
      words: new Uint32Array(buffer),
      floats: new Float32Array(buffer),
      doubles: new Float64Array(buffer),
    };
    this.#chunks[row >>> SHIFT] = made;
    this.#bytes += buffer.byteLength;
    return made;
  }
}

/** Rounds and saturates, as the wire does. */
function whole(value: number): number {
  return value > 0 ? Math.min(Math.round(value), 0xffff_ffff) : 0;
}
