// Netlink framing, the reading half: bounds-checked cursors over messages and attributes; the layout is drawn in
// writer.ts. Bytes from the kernel are still input: nothing is read outside its message or attribute, and what does
// not fit is a CodedError. Knows no message's meaning.
import { CodedError } from '../errors.ts';
import { bytesToAddress } from '../net/address.ts';
import { HEADER_BYTES } from './constants.ts';

const TYPE_MASK = 0x3fff;
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

const align4 = (n: number) => (n + 3) & ~3;

/** Bounds-checked window on received bytes; offsets in errors count from the start of the buffer. */
class Window {
  protected readonly view: DataView;
  /** First byte of the content. */
  start: number;
  /** First byte after it. */
  end: number;

  constructor(view: DataView, start: number, end: number) {
    this.view = view;
    this.start = start;
    this.end = end;
  }

  protected check(at: number, size: number, what: string): void {
    if (at < this.start || at + size > this.end)
      throw new CodedError('netlink-truncated', `${what} ends before its ${size} bytes`, { offset: at });
  }

  /** Integers of a fixed header, `at` bytes into the content. */
  byteAt(at: number): number {
    this.check(this.start + at, 1, 'header');
    return this.view.getUint8(this.start + at);
  }

  u16At(at: number): number {
    this.check(this.start + at, 2, 'header');
    return this.view.getUint16(this.start + at, LITTLE_ENDIAN);
  }

  u32At(at: number): number {
    this.check(this.start + at, 4, 'header');
    return this.view.getUint32(this.start + at, LITTLE_ENDIAN);
  }

  i32At(at: number): number {
    return this.u32At(at) | 0;
  }

  /** The attributes after a fixed header of `headerBytes`. */
  attributes(headerBytes: number): Attributes {
    this.check(this.start, headerBytes, 'fixed header');
    return new Attributes(this.view, this.start + align4(headerBytes), this.end);
  }
}

/** Cursor over attributes: `while (a.next()) switch (a.type) ...`; content accessors read the current one. */
export class Attributes extends Window {
  /** Type without the nested and byte-order bits. */
  type = 0;
  private position: number;
  private readonly limit: number;

  constructor(view: DataView, start: number, end: number) {
    super(view, start, start);
    this.position = start;
    this.limit = end;
  }

  get length(): number {
    return this.end - this.start;
  }

  /** Moves to the next attribute; false after the last; throws `CodedError` `netlink-truncated`. */
  next(): boolean {
    if (this.position >= this.limit) return false;
    const at = this.position;
    if (at + 4 > this.limit) throw new CodedError('netlink-truncated', 'attribute header is cut off', { offset: at });
    const length = this.view.getUint16(at, LITTLE_ENDIAN);
    if (length < 4 || at + length > this.limit)
      throw new CodedError('netlink-truncated', `attribute length ${length} does not fit`, { offset: at });
    this.type = this.view.getUint16(at + 2, LITTLE_ENDIAN) & TYPE_MASK;
    this.start = at + 4;
    this.end = at + length;
    this.position = at + align4(length);
    return true;
  }

  u8(): number {
    return this.byteAt(0);
  }

  u16(): number {
    return this.u16At(0);
  }

  u32(): number {
    return this.u32At(0);
  }

  /** A 64-bit counter; exact up to 2^53. */
  u64(): number {
    const [low, high] = LITTLE_ENDIAN ? [0, 4] : [4, 0];
    return this.u32At(high) * 0x1_0000_0000 + this.u32At(low);
  }

  /** A view of the content; valid until the receive buffer is used again. */
  content(): Uint8Array {
    return new Uint8Array(this.view.buffer, this.view.byteOffset + this.start, this.length);
  }

  /** Text without its terminating NUL. */
  text(): string {
    const bytes = this.content();
    const nul = bytes.indexOf(0);
    return new TextDecoder().decode(nul < 0 ? bytes : bytes.subarray(0, nul));
  }

  /** Canonical text of a 4- or 16-byte address; throws `CodedError` `bad-address`. */
  address(): string {
    return bytesToAddress(this.content());
  }

  /** The address that fills the content after `skip` bytes (RTA_VIA). */
  addressAfter(skip: number): string {
    return bytesToAddress(this.content().subarray(skip));
  }

  /** 16 bytes, `at` bytes into the content, as IPv6 text. */
  addressAt(at: number): string {
    this.check(this.start + at, 16, 'address');
    return bytesToAddress(new Uint8Array(this.view.buffer, this.view.byteOffset + this.start + at, 16));
  }

  nested(): Attributes {
    return new Attributes(this.view, this.start, this.end);
  }

  /** Attributes inside the content after `skip` bytes (RTA_MULTIPATH), up to `end` bytes into it. */
  slice(skip: number, end: number): Attributes {
    this.check(this.start + skip, Math.max(0, end - skip), 'nest');
    return new Attributes(this.view, this.start + skip, this.start + Math.max(skip, end));
  }
}

/** Cursor over the messages of a receive buffer; the content accessors read the current message's body. */
export class Messages extends Window {
  type = 0;
  flags = 0;
  sequence = 0;
  /** nlmsg_pid: the socket that caused the message, 0 for the kernel. */
  port = 0;
  private position = 0;
  private limit = 0;

  constructor(bytes: Uint8Array, length = bytes.length) {
    super(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, 0);
    this.rewind(length);
  }

  /** Starts again over the first `length` bytes: the buffer was filled anew. */
  rewind(length: number): void {
    this.position = 0;
    this.limit = Math.min(length, this.view.byteLength);
  }

  /** Moves to the next message; false after the last; throws `CodedError` `netlink-truncated`. */
  next(): boolean {
    if (this.position >= this.limit) return false;
    const at = this.position;
    if (at + HEADER_BYTES > this.limit)
      throw new CodedError('netlink-truncated', 'message header is cut off', { offset: at });
    const length = this.view.getUint32(at, LITTLE_ENDIAN);
    if (length < HEADER_BYTES || at + length > this.limit)
      throw new CodedError('netlink-truncated', `message length ${length} does not fit`, { offset: at });
    this.type = this.view.getUint16(at + 4, LITTLE_ENDIAN);
    this.flags = this.view.getUint16(at + 6, LITTLE_ENDIAN);
    this.sequence = this.view.getUint32(at + 8, LITTLE_ENDIAN);
    this.port = this.view.getUint32(at + 12, LITTLE_ENDIAN);
    this.start = at + HEADER_BYTES;
    this.end = at + length;
    this.position = at + align4(length);
    return true;
  }
}

/** The current message of a cursor, as decoders see it. */
export type Message = Messages;
