// Netlink framing, the writing half: messages and attributes appended to one buffer. Knows lengths and alignment, and
// no message's meaning. Integers are host-endian, addresses and ports network order.
//
//   nlmsghdr   0               2               4        nlattr   0               2
//             +-------------------------------+                 +---------------+---------------+
//             |             length            |                 |    length     | N B   type    |
//             +---------------+---------------+                 +---------------+---------------+
//             |      type     |     flags     |                 | payload, zero-padded to 4 ... |
//             +---------------+---------------+                 +-------------------------------+
//             |            sequence           |                 length counts header and payload, not the padding;
//             +-------------------------------+                 N = nested, B = network byte order
//             |              port             |
//             +-------------------------------+
import { CodedError, invariant } from '../errors.ts';
import { writeAddress, writePrefix } from './address-text.ts';
import { HEADER_BYTES } from './constants.ts';

const NESTED = 0x8000;
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Something that appends exactly one message to a writer; pure, so that a retry may call it again. */
export type Encode = (writer: Writer) => void;

const align4 = (n: number) => (n + 3) & ~3;

/**
 * Room that is kept behind the cursor: what fixed-size writers use between two that reserve. Only those whose size the
 * caller decides reserve, and `end` checks the sum: a route takes 100 ns, and a check for each word would be felt.
 */
const HEADROOM = 512;

/** Two 16-bit numbers as they lie in memory, in one store. */
const pair: (first: number, second: number) => number = LITTLE_ENDIAN
  ? (first, second) => first | (second << 16)
  : (first, second) => (first << 16) | second;

/** Appends messages to one growing buffer that is used again and again; all starts 4-aligned, padding is zeroed. */
export class Writer {
  bytes: Uint8Array;
  /** End of the last finished message, aligned: what a send() takes. */
  length = 0;
  /** Offset of the last finished message. */
  last = 0;
  /** Offset of the message being written. */
  private start = 0;
  private u16: Uint16Array;
  private u32: Uint32Array;
  private at = 0;

  constructor(capacity = 16384) {
    this.bytes = new Uint8Array(align4(capacity));
    this.u16 = new Uint16Array(this.bytes.buffer);
    this.u32 = new Uint32Array(this.bytes.buffer);
  }

  reset(): void {
    this.length = this.last = this.start = this.at = 0;
  }

  /** Starts a message; sequence and port stay zero until `stamp`. */
  begin(type: number, flags: number): void {
    this.start = this.at = this.length;
    this.reserve(HEADER_BYTES);
    const { u32 } = this;
    const word = this.at >> 2;
    u32[word] = 0;
    u32[word + 1] = pair(type, flags);
    u32[word + 2] = 0;
    u32[word + 3] = 0;
    this.at += HEADER_BYTES;
  }

  end(): void {
    invariant(this.at <= this.bytes.length, 'a message fits the room reserved for it');
    this.u32[this.start >> 2] = this.at - this.start;
    this.length = this.at;
    this.last = this.start;
  }

  /** Appends a whole message as it lies in memory; its sequence number is `stamp`'s. */
  message(words: Uint32Array): void {
    const count = words.length;
    const start = this.length;
    this.at = start;
    this.reserve(count * 4);
    const { u32 } = this;
    const word = start >> 2;
    for (let i = 0; i < count; i++) u32[word + i] = words[i]!;
    this.at = this.length = start + count * 4;
    this.last = start;
  }

  /** Gives the last finished message its sequence number and further flags: the socket's concern, not the codec's. */
  stamp(sequence: number, flags: number): void {
    this.u32[(this.last >> 2) + 2] = sequence;
    if (flags !== 0) this.u16[(this.last >> 1) + 3]! |= flags;
  }

  /** Four bytes of a fixed header. */
  quad(a: number, b: number, c: number, d: number): void {
    this.word(pair(LITTLE_ENDIAN ? a | (b << 8) : (a << 8) | b, LITTLE_ENDIAN ? c | (d << 8) : (c << 8) | d));
  }

  word(value: number): void {
    this.u32[this.at >> 2] = value;
    this.at += 4;
  }

  /** Two host-endian 16-bit numbers. */
  halves(a: number, b: number): void {
    this.word(pair(a, b));
  }

  /** Makes room for `count` bytes of words and quads in a loop. */
  reserve(count: number): void {
    if (this.at + count + HEADROOM > this.bytes.length) this.grow(this.at + count + HEADROOM);
  }

  /** An IPv6 address without attribute header: a segment of an SRH; throws `CodedError` `bad-address`. */
  rawAddress(address: string): void {
    this.reserve(16);
    if (writeAddress(address, this.bytes, this.at) !== 16)
      throw new CodedError('bad-address', `a segment is an IPv6 address, not ${JSON.stringify(address)}`);
    this.at += 16;
  }

  /** The first `count` words, as they lie in memory. */
  words(values: Uint32Array, count: number): void {
    this.reserve(4 * count);
    const { u32 } = this;
    const word = this.at >> 2;
    for (let i = 0; i < count; i++) u32[word + i] = values[i]!;
    this.at += 4 * count;
  }

  /** Copies the last `count` words written, for `words`. */
  copyLastWords(out: Uint32Array, count: number): void {
    const from = (this.at >> 2) - count;
    for (let i = 0; i < count; i++) out[i] = this.u32[from + i]!;
  }

  zeros(count: number): void {
    this.reserve(align4(count));
    this.bytes.fill(0, this.at, this.at + align4(count));
    this.at += align4(count);
  }

  flag(type: number): void {
    this.halves(4, type);
  }

  u8(type: number, value: number): void {
    this.halves(5, type);
    this.quad(value, 0, 0, 0);
  }

  u16Attribute(type: number, value: number): void {
    this.halves(6, type);
    this.halves(value, 0);
  }

  u32Attribute(type: number, value: number): void {
    this.halves(8, type);
    this.word(value);
  }

  /** A NUL-terminated string. */
  text(type: number, value: string): void {
    const { length } = value;
    const padded = align4(length + 1);
    const begun = this.at;
    this.reserve(4 + padded);
    this.halves(5 + length, type);
    this.u32[(this.at + padded - 4) >> 2] = 0;
    const { bytes, at } = this;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) {
        this.at = begun;
        return this.binary(type, new TextEncoder().encode(`${value}\0`));
      }
      bytes[at + i] = code;
    }
    this.at += padded;
  }

  binary(type: number, value: Uint8Array): void {
    this.halves(4 + value.length, type);
    this.reserve(value.length);
    const padded = align4(value.length);
    if (padded > 0) this.u32[(this.at + padded - 4) >> 2] = 0;
    this.bytes.set(value, this.at);
    this.at += padded;
  }

  /** An IPv4 or IPv6 address attribute; throws `CodedError` `bad-address`. */
  address(type: number, value: string): void {
    this.reserve(20);
    const size = writeAddress(value, this.bytes, this.at + 4);
    this.halves(4 + size, type);
    this.at += size;
  }

  /** The address of `address/length` as an attribute; returns the length in bits; throws `CodedError`. */
  prefix(type: number, value: string, ipv6: boolean): number {
    this.reserve(20);
    const bits = writePrefix(value, ipv6, this.bytes, this.at + 4);
    const size = ipv6 ? 16 : 4;
    this.halves(4 + size, type);
    this.at += size;
    return bits;
  }

  /** Overwrites a byte of the message being written, `offset` bytes from its start. */
  setByte(offset: number, value: number): void {
    this.bytes[this.start + offset] = value;
  }

  /** Opens a nest and returns what `close` needs. The nested bit is always set: NHA_ENCAP insists on it. */
  open(type: number): number {
    return this.openRaw(type | NESTED);
  }

  /** Opens an attribute with raw content written by `word`, `quad` and `rawAddress`. */
  openRaw(type: number): number {
    this.reserve(4);
    const start = this.at;
    this.halves(0, type);
    return start;
  }

  close(start: number): void {
    this.u16[start >> 1] = this.at - start;
  }

  private grow(capacity: number): void {
    const bytes = new Uint8Array(align4(Math.max(this.bytes.length * 2, capacity)));
    bytes.set(this.bytes.subarray(0, this.at));
    this.bytes = bytes;
    this.u16 = new Uint16Array(bytes.buffer);
    this.u32 = new Uint32Array(bytes.buffer);
  }
}
