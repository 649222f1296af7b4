// Bounds-checked reading of protobuf (https://protobuf.dev/programming-guides/encoding): tags, scalars, lengths. It knows
// no message. protobufjs' Reader is not used for reading because it lets a nested message overrun its parent.
import { CodedError } from '../errors.ts';
import { MAX_HANDLE } from './limits.ts';
import { recentText, rememberText } from './text-memo.ts';

export const VARINT = 0;
export const FIXED64 = 1;
export const LEN = 2;
export const FIXED32 = 5;

/** Something inside a frame cannot be read; the caller decides whether that costs the entry or the stream. */
export class WireFault extends CodedError {
  constructor(text: string, offset: number) {
    super('wire-fault', text, { offset });
    this.name = 'WireFault';
  }
}

/** Field number and wire type as one number, as they stand before each field. */
export const tagOf = (field: number, wire: number): number => (field << 3) | wire;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export interface Span {
  readonly from: number;
  readonly length: number;
}

export class Cursor {
  readonly buf: Uint8Array;
  pos: number;
  end: number;
  readonly view: DataView;

  constructor(buf: Uint8Array, pos = 0, end = buf.length, view?: DataView) {
    this.buf = buf;
    this.pos = pos;
    this.end = end;
    this.view = view ?? new DataView(buf.buffer, buf.byteOffset, buf.byteLength);
  }

  /** True while fields are left. */
  more(): boolean {
    return this.pos < this.end;
  }

  tag(): number {
    const tag = this.uint32();
    if (tag < 8) throw this.fault('field number 0');
    return tag;
  }

  /** Low 32 bits of a varint of at most 10 bytes, unsigned. */
  uint32(): number {
    const { buf, end } = this;
    let value = 0;
    // Most are of one byte.
    if (this.pos < end && buf[this.pos]! < 0x80) return buf[this.pos++]!;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.pos >= end) throw this.fault('truncated number');
      const byte = buf[this.pos++]!;
      // Bits above 32 are dropped, as every protobuf implementation does for 32-bit fields.
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw this.fault('number of more than 10 bytes');
  }

  /** How many varints end before this cursor does. */
  varintCount(): number {
    const { buf, end } = this;
    let count = 0;
    for (let i = this.pos; i < end; i++) count += buf[i]! < 0x80 ? 1 : 0;
    return count;
  }

  /**
   * Reads `count` varints, as zigzag where `signed`, into `into` from `at` on. The hot loop of decoding, so it says what is
   * wrong instead of throwing: '' when nothing is, and nothing is left over.
   */
  varints(into: { [index: number]: number }, at: number, count: number, signed: boolean): string {
    const { buf, end } = this;
    let pos = this.pos;
    for (let i = at; i < at + count; i++) {
      let value = buf[pos++]!;
      if (value >= 0x80) {
        value &= 0x7f;
        let shift = 7;
        for (let byte = 0x80; byte >= 0x80; shift += 7) {
          if (shift >= 70) return 'number of more than 10 bytes';
          byte = buf[pos++]!;
          // Bits above 32 are dropped, as every protobuf implementation does for 32-bit fields.
          if (shift < 32) value |= (byte & 0x7f) << shift;
        }
      }
      into[i] = signed ? (value >>> 1) ^ -(value & 1) : value >>> 0;
    }
    this.pos = pos;
    // The bytes after the last end of a number that was counted, unless the caller asked for fewer than there are.
    return pos < end && buf[end - 1]! >= 0x80 ? 'truncated number' : '';
  }

  /**
   * Reads a packed key column of handles (session.proto rule 6) into `into` from `at` on. Returns how many there were, or -1
   * when one cannot be read or is out of its range, or there is no room.
   */
  handlesInto(into: Uint32Array, at: number): number {
    const { buf } = this;
    const length = this.uint32();
    let pos = this.advance(length);
    const end = pos + length;
    let handle = 0;
    let to = at;
    for (; pos < end; to++) {
      let delta = buf[pos++]!;
      if (delta >= 0x80) {
        let byte = delta;
        delta &= 0x7f;
        for (let shift = 7; byte >= 0x80; shift += 7) {
          if (pos >= end || shift > 28) return -1;
          byte = buf[pos++]!;
          delta |= (byte & 0x7f) << shift;
        }
      }
      handle += (delta >>> 1) ^ -(delta & 1);
      if (handle < 1 || handle > MAX_HANDLE || to >= into.length) return -1;
      into[to] = handle;
    }
    return to - at;
  }

  sint32(): number {
    const value = this.uint32();
    return (value >>> 1) ^ -(value & 1);
  }

  /** Refuses numbers of 2^53 and more: they would lose their last digits silently. */
  uint53(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      if (this.pos >= this.end) throw this.fault('truncated number');
      const byte = this.buf[this.pos++]!;
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte >= 0x80) continue;
      if (value > Number.MAX_SAFE_INTEGER) throw this.fault('number of 2^53 or more');
      return value;
    }
    throw this.fault('number of more than 10 bytes');
  }

  bool(): boolean {
    return this.uint53() !== 0;
  }

  fixed32(): number {
    return this.view.getUint32(this.advance(4), true);
  }

  /** May come out beyond 2^53; the caller refuses that. */
  fixed64(): number {
    const at = this.advance(8);
    return this.view.getUint32(at + 4, true) * 0x1_0000_0000 + this.view.getUint32(at, true);
  }

  float(): number {
    return this.view.getFloat32(this.advance(4), true);
  }

  /** Finite and not negative, or a fault. */
  double(): number {
    const value = this.view.getFloat64(this.advance(8), true);
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) throw this.fault('not a finite number of at least 0');
    return value;
  }

  /** A length-delimited field as a view into the frame, not a copy. */
  bytes(): Uint8Array {
    const length = this.uint32();
    const at = this.advance(length);
    return this.buf.subarray(at, at + length);
  }

  /** Where a length-delimited field stands in the frame: cheaper than a view of it. */
  span(): Span {
    const length = this.uint32();
    return { from: this.advance(length), length };
  }

  /** How many elements the packed column of varints has that is next; it stays next. */
  countAhead(): number {
    const { pos, end } = this;
    const length = this.uint32();
    this.end = this.advance(length) + length;
    this.pos = this.end - length;
    const count = this.varintCount();
    this.pos = pos;
    this.end = end;
    return count;
  }

  /** A cursor over a length-delimited field that cannot leave it. */
  nested(): Cursor {
    const length = this.uint32();
    const at = this.advance(length);
    return new Cursor(this.buf, at, at + length, this.view);
  }

  text(maxBytes: number): string {
    const bytes = this.bytes();
    if (bytes.length > maxBytes) throw this.fault(`text of ${bytes.length} bytes, at most ${maxBytes}`);
    return recentText(bytes) ?? this.decodeText(bytes);
  }

  /** Skips one field of a tag that is not known; groups do not exist in proto3. */
  skip(tag: number): void {
    const wire = tag & 7;
    if (wire === VARINT) this.uint32();
    else if (wire === FIXED64) this.advance(8);
    else if (wire === LEN) this.advance(this.uint32());
    else if (wire === FIXED32) this.advance(4);
    else throw this.fault(`wire type ${wire}`);
  }

  fault(text: string): WireFault {
    return new WireFault(text, this.pos);
  }

  private decodeText(bytes: Uint8Array): string {
    try {
      const text = strictUtf8.decode(bytes);
      rememberText(bytes, text);
      return text;
    } catch {
      throw this.fault('text is not UTF-8');
    }
  }

  /** Claims `length` bytes and returns where they begin. */
  advance(length: number): number {
    const at = this.pos;
    if (length > this.end - at) throw this.fault(`${length} bytes wanted, ${this.end - at} left`);
    this.pos = at + length;
    return at;
  }
}
