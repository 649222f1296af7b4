// The framing of messages inside a gRPC call: Length-Prefixed-Message of "gRPC over HTTP2". Pure; knows no HTTP/2.
//
//    0               1                                           5
//   +---------------+-------------------------------------------+----------------
//   | compressed: 0 | length of the message, big endian         | message ...
//   +---------------+-------------------------------------------+----------------
import { CodedError } from '../errors.ts';

export const PREFIX_BYTES = 5;
const NOTHING = new Uint8Array(0);

/** A prefix that nobody may send: where the next message begins is not known any more. */
export class PrefixFault extends CodedError {
  constructor(code: 'compressed' | 'too-long', text: string) {
    super(code, text);
    this.name = 'PrefixFault';
  }
}

/** A copy of `message` with its prefix in front. */
export function withPrefix(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PREFIX_BYTES + message.length);
  bytes.set(message, PREFIX_BYTES);
  return putPrefix(bytes);
}

/** Writes the prefix into the room in front of a message that has left `PREFIX_BYTES` of it. */
export function putPrefix(bytes: Uint8Array): Uint8Array {
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(1, bytes.length - PREFIX_BYTES);
  return bytes;
}

/** Puts messages together again from pieces of any size. Holds no more than one message and one piece. */
export class MessageReader {
  readonly #maxBytes: number;
  /** Prefix and message under way, as far as it has come. */
  #partial: Uint8Array = NOTHING;
  #filled = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Tells each message that `piece` completes, in order, by the bytes it stands in: those of the piece where that holds it
   * whole; `isLast`: nothing is behind it in the piece. Throws `CodedError` `compressed` or `too-long` at a prefix that
   * nobody may send; the reader is not to be used after that.
   */
  take(piece: Uint8Array, message: (bytes: Uint8Array, from: number, to: number, isLast: boolean) => void): void {
    let at = 0;
    while (at < piece.length) {
      if (this.#filled > 0) {
        at += this.#fill(piece.subarray(at));
        if (this.#filled < this.#partial.length) continue;
        const whole = this.#partial;
        this.#partial = NOTHING;
        this.#filled = 0;
        message(whole, PREFIX_BYTES, whole.length, at === piece.length);
        continue;
      }
      const end = piece.length - at < PREFIX_BYTES ? Number.POSITIVE_INFINITY : at + this.#sizeOf(piece, at);
      if (end > piece.length) {
        this.#begin(piece.subarray(at));
        break;
      }
      const from = at + PREFIX_BYTES;
      at = end;
      message(piece, from, end, end === piece.length);
    }
  }

  /** The rest of a piece, which does not hold its message whole. */
  #begin(rest: Uint8Array): void {
    const size = rest.length < PREFIX_BYTES ? PREFIX_BYTES : this.#sizeOf(rest, 0);
    this.#partial = new Uint8Array(size);
    this.#partial.set(rest);
    this.#filled = rest.length;
  }

  /** Goes on with the message under way; how many bytes that took. */
  #fill(piece: Uint8Array): number {
    const taken = piece.subarray(0, this.#partial.length - this.#filled);
    this.#partial.set(taken, this.#filled);
    this.#filled += taken.length;
    if (this.#filled < this.#partial.length) return taken.length;
    const size = this.#sizeOf(this.#partial, 0);
    if (size > this.#filled) {
      // Only the prefix was complete: the message gets its room now.
      const whole = new Uint8Array(size);
      whole.set(this.#partial);
      this.#partial = whole;
      return taken.length;
    }
    return taken.length;
  }

  /** Prefix included. */
  #sizeOf(bytes: Uint8Array, at: number): number {
    if (bytes[at] !== 0) throw new PrefixFault('compressed', 'a compressed message, which nobody has agreed to');
    const length = ((bytes[at + 1]! << 24) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 8) | bytes[at + 4]!) >>> 0;
    if (length > this.#maxBytes)
      throw new PrefixFault('too-long', `a message of ${length} bytes, at most ${this.#maxBytes}`);
    return PREFIX_BYTES + length;
  }
}
