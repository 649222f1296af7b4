// Writing of protobuf into one growing buffer. protobufjs' Writer keeps an object per value until the end: measured on
// columns of 1,000 rows it costs several times what the bytes do, most of it garbage collection.
import { invariant } from '../errors.ts';
import { uint8s } from './words.ts';

const FIRST_BYTES = 256;
const MAX_VARINT_BYTES = 10;
const LENGTH_DELIMITED = 2;
/** A buffer of the writer before is used again up to this size: making one for each frame is a third of a small one. */
const LARGEST_SPARE = 0x1_0000;
const NOTHING = new Uint8Array(0);
const utf8 = new TextEncoder();

interface Room {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

const newRoom = (length: number): Room => {
  const bytes = new Uint8Array(length);
  return { bytes, view: new DataView(bytes.buffer) };
};

let spare: Room | undefined;

const lengthBytes = (length: number): number =>
  length < 0x80 ? 1 : length < 0x4000 ? 2 : length < 0x20_0000 ? 3 : length < 0x1000_0000 ? 4 : 5;

/** Appends protobuf scalars; the codecs write tags themselves. Values are not checked: columns and codecs saturate them. */
export class FrameWriter {
  #room: Room;
  #buf: Uint8Array;
  #view: DataView;
  #pos = 0;
  /** Where what is in each open `fork` begins, and how many bytes in front of it were left for its length. */
  readonly #open: number[] = [];

  /** What is written comes behind `room` bytes of zeros. */
  constructor(sizeHint = FIRST_BYTES, room = 0) {
    const needed = sizeHint + room;
    this.#room = spare !== undefined && spare.bytes.length >= needed ? spare : newRoom(Math.max(needed, FIRST_BYTES));
    spare = undefined;
    this.#buf = this.#room.bytes;
    this.#view = this.#room.view;
    for (; this.#pos < room; this.#pos++) this.#buf[this.#pos] = 0;
  }

  uint32(value: number): this {
    this.#reserve(MAX_VARINT_BYTES);
    const buf = this.#buf;
    let rest = value >>> 0;
    while (rest > 0x7f) {
      buf[this.#pos++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buf[this.#pos++] = rest;
    return this;
  }

  sint32(value: number): this {
    return this.uint32((value << 1) ^ (value >> 31));
  }

  /** A whole number of at most 2^53 - 1. */
  uint53(value: number): this {
    this.#reserve(MAX_VARINT_BYTES);
    let rest = value;
    while (rest > 0x7f) {
      this.#buf[this.#pos++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buf[this.#pos++] = rest;
    return this;
  }

  bool(value: boolean): this {
    return this.uint32(value ? 1 : 0);
  }

  fixed32(value: number): this {
    this.#reserve(4);
    this.#view.setUint32(this.#pos, value, true);
    this.#pos += 4;
    return this;
  }

  double(value: number): this {
    this.#reserve(8);
    this.#view.setFloat64(this.#pos, value, true);
    this.#pos += 8;
    return this;
  }

  /** With its length in front, as are text and `fork`. */
  bytes(value: Uint8Array): this {
    this.uint32(value.length).#reserve(value.length);
    this.#buf.set(value, this.#pos);
    this.#pos += value.length;
    return this;
  }

  string(value: string): this {
    const { length } = value;
    this.uint32(length).#reserve(length);
    const from = this.#pos;
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) {
        // Not ASCII: back to before the length, which is another one in UTF-8.
        this.#pos = from - (length < 0x80 ? 1 : length < 0x4000 ? 2 : 3);
        return this.bytes(utf8.encode(value));
      }
      this.#buf[this.#pos++] = unit;
    }
    return this;
  }

  /** The first `count` of `values` as a packed column with its tag; a loop a kind, because they are what encoding costs. */
  column(
    field: number,
    kind: 'uint32' | 'fixed32' | 'fixed64' | 'float',
    values: ArrayLike<number>,
    count: number,
  ): this {
    this.uint32((field << 3) | LENGTH_DELIMITED);
    if (kind === 'uint32') return this.varints(values, count);
    const length = count * (kind === 'fixed64' ? 8 : 4);
    this.uint32(length).#reserve(length);
    const view = this.#view;
    let at = this.#pos;
    if (kind === 'fixed32') for (let i = 0; i < count; i++, at += 4) view.setUint32(at, values[i]!, true);
    else if (kind === 'float') for (let i = 0; i < count; i++, at += 4) view.setFloat32(at, values[i]!, true);
    else
      for (let i = 0; i < count; i++, at += 8) {
        const value = values[i]!;
        view.setUint32(at, value, true);
        view.setUint32(at + 4, value / 0x1_0000_0000, true);
      }
    this.#pos = at;
    return this;
  }

  /** A packed column of varints. */
  varints(values: ArrayLike<number>, count: number): this {
    const room = lengthBytes(count);
    this.#reserve(room + count * 5);
    const buf = this.#buf;
    const from = this.#pos + room;
    let pos = from;
    for (let i = 0; i < count; i++) {
      let rest = values[i]! >>> 0;
      while (rest > 0x7f) {
        buf[pos++] = (rest & 0x7f) | 0x80;
        rest >>>= 7;
      }
      buf[pos++] = rest;
    }
    this.#pos = pos;
    return this.#close(from, room);
  }

  /**
   * Begins a length-delimited field whose length is known only at `ldelim`. A length that takes more or fewer bytes than that
   * of `guess` moves what was written by then.
   */
  fork(guess = 0): this {
    const room = lengthBytes(guess);
    this.#reserve(room);
    this.#pos += room;
    this.#open.push(this.#pos, room);
    return this;
  }

  ldelim(): this {
    const room = this.#open.pop()!;
    const from = this.#open.pop();
    invariant(from !== undefined, 'every ldelim has its fork');
    return this.#close(from, room);
  }

  /** A copy of what was written; the writer is not to be used again. */
  finish(): Uint8Array {
    invariant(this.#open.length === 0, 'every fork has its ldelim');
    const written = uint8s(this.#pos);
    written.set(this.#buf.subarray(0, this.#pos));
    if (this.#buf.length <= LARGEST_SPARE) spare = this.#room;
    this.#buf = NOTHING;
    return written;
  }

  /** Puts the length of what begins at `from` into the `room` bytes in front of it. */
  #close(from: number, room: number): this {
    const length = this.#pos - from;
    const more = lengthBytes(length) - room;
    // Also room for what `uint32` reserves below: growing there would keep only what stands before the length.
    this.#reserve(MAX_VARINT_BYTES);
    if (more !== 0) this.#buf.copyWithin(from + more, from, this.#pos);
    const end = this.#pos + more;
    this.#pos = from - room;
    this.uint32(length);
    this.#pos = end;
    return this;
  }

  #reserve(bytes: number): this {
    const needed = this.#pos + bytes;
    if (needed <= this.#buf.length) return this;
    const grown = newRoom(Math.max(this.#buf.length * 2, needed));
    grown.bytes.set(this.#buf.subarray(0, this.#pos));
    this.#room = grown;
    this.#buf = grown.bytes;
    this.#view = grown.view;
    return this;
  }
}
