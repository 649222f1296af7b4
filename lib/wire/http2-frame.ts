// The frames of an HTTP/2 connection (RFC 9113 section 4.1), told apart in a stream of bytes that comes in pieces of any size.
// Pure; knows heads and lengths, not what a frame means.
//
//    0               3       4       5               9
//   +---------------+-------+-------+---------------+----------------
//   | length        | type  | flags | stream (31)   | payload ...
//   +---------------+-------+-------+---------------+----------------
export const HEAD_BYTES = 9;
/** What a client says first (section 3.4). */
export const PREFACE_BYTES = 24;
/** Longest payload while nobody has said otherwise (section 6.5.2). */
export const MAX_PAYLOAD_BYTES = 16_384;

export const FRAME = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const FLAG = { ack: 1, endStream: 1, endHeaders: 4, padded: 8 } as const;

const NOTHING = new Uint8Array(0);

/** Of one frame after the other: not to be kept. */
export interface FrameHead {
  length: number;
  type: number;
  flags: number;
  stream: number;
}

/** Who gets a frame: `past` as it stands; its payload in `pieces` as they come; its payload `whole`. */
export type Treatment = 'past' | 'pieces' | 'whole';

export interface FrameVisitor {
  begins(head: FrameHead): Treatment;
  /** Bytes of frames that go past and of the preface, with their heads. */
  past(bytes: Uint8Array): void;
  piece(bytes: Uint8Array): void;
  /** After the last piece; there may have been none. */
  over(head: FrameHead): void;
  whole(head: FrameHead, payload: Uint8Array): void;
}

/** Writes a head at `at`. */
export function putHead(
  out: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  stream: number,
): void {
  out[at] = length >>> 16;
  out[at + 1] = length >>> 8;
  out[at + 2] = length;
  out[at + 3] = type;
  out[at + 4] = flags;
  out[at + 5] = stream >>> 24;
  out[at + 6] = stream >>> 16;
  out[at + 7] = stream >>> 8;
  out[at + 8] = stream;
}

/** A frame as it stands on the wire. */
export function frameOf(type: number, flags: number, stream: number, payload: Uint8Array = NOTHING): Uint8Array {
  const frame = new Uint8Array(HEAD_BYTES + payload.length);
  putHead(frame, 0, payload.length, type, flags, stream);
  frame.set(payload, HEAD_BYTES);
  return frame;
}

/** WINDOW_UPDATE (section 6.9). */
export function windowUpdate(stream: number, bytes: number): Uint8Array {
  return frameOf(FRAME.windowUpdate, 0, stream, Uint8Array.of(bytes >>> 24, bytes >>> 16, bytes >>> 8, bytes));
}

const SETTING_BYTES = 6;
const INITIAL_WINDOW_SIZE = 4;

/** SETTINGS_INITIAL_WINDOW_SIZE as often as a payload of SETTINGS has it, in order (section 6.5.1). */
export function initialWindowSizes(settings: Uint8Array): number[] {
  const sizes: number[] = [];
  for (let at = 0; at + SETTING_BYTES <= settings.length; at += SETTING_BYTES)
    if (settings[at] === 0 && settings[at + 1] === INITIAL_WINDOW_SIZE) sizes.push(word(settings, at + 2));
  return sizes;
}

/** Four octets, big endian. */
export function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

export class FrameReader {
  readonly #visitor: FrameVisitor;
  readonly #head: FrameHead = { length: 0, type: 0, flags: 0, stream: 0 };
  /** A head that came in pieces, as far as it has come. */
  readonly #partial = new Uint8Array(HEAD_BYTES);
  #filled = 0;
  #treatment: Treatment = 'past';
  /** Bytes of the preface or of a payload that are still to come. */
  #left: number;
  #gathered: Uint8Array = NOTHING;

  /** `prefaceBytes` go past before the first frame. */
  constructor(prefaceBytes: number, visitor: FrameVisitor) {
    this.#left = prefaceBytes;
    this.#visitor = visitor;
  }

  /** What was taken ends where a frame does. */
  get isBetweenFrames(): boolean {
    return this.#left === 0 && this.#filled === 0;
  }

  /** Tells the visitor, in order, what is in `piece`, by slices of it wherever that is possible. */
  take(piece: Uint8Array): void {
    let at = 0;
    /** Where a run of bytes that go past began. */
    let run = -1;
    while (at < piece.length) {
      if (this.#left > 0) {
        const end = Math.min(piece.length, at + this.#left);
        if (this.#treatment === 'past') run = run < 0 ? at : run;
        this.#takePayload(piece, at, end);
        at = end;
        continue;
      }
      const from = at;
      at = this.#takeHead(piece, at);
      if (this.#filled > 0) break;
      const treatment = this.#visitor.begins(this.#head);
      if (treatment === 'past') {
        if (at - from === HEAD_BYTES) run = run < 0 ? from : run;
        // Its first bytes came with the piece before.
        else this.#visitor.past(this.#partial.slice());
      } else if (run >= 0) {
        this.#visitor.past(piece.subarray(run, from));
        run = -1;
      }
      this.#begin(treatment);
    }
    if (run >= 0)
      this.#visitor.past(piece.subarray(run, this.#filled > 0 ? piece.length - this.#filled : piece.length));
  }

  /** Where the head ends, or the piece; `#filled` is 0 when it is whole. */
  #takeHead(piece: Uint8Array, at: number): number {
    if (this.#filled === 0 && piece.length - at >= HEAD_BYTES) {
      this.#readHead(piece, at);
      return at + HEAD_BYTES;
    }
    const taken = Math.min(HEAD_BYTES - this.#filled, piece.length - at);
    this.#partial.set(piece.subarray(at, at + taken), this.#filled);
    this.#filled += taken;
    if (this.#filled === HEAD_BYTES) {
      this.#filled = 0;
      this.#readHead(this.#partial, 0);
    }
    return at + taken;
  }

  #readHead(bytes: Uint8Array, at: number): void {
    const head = this.#head;
    head.length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    head.type = bytes[at + 3]!;
    head.flags = bytes[at + 4]!;
    head.stream = word(bytes, at + 5) & 0x7fff_ffff;
  }

  #begin(treatment: Treatment): void {
    this.#treatment = treatment;
    this.#left = this.#head.length;
    if (this.#left > 0) return;
    if (treatment === 'pieces') this.#visitor.over(this.#head);
    else if (treatment === 'whole') this.#visitor.whole(this.#head, NOTHING);
  }

  #takePayload(piece: Uint8Array, from: number, to: number): void {
    const before = this.#head.length - this.#left;
    this.#left -= to - from;
    if (this.#treatment === 'past') return;
    const bytes = piece.subarray(from, to);
    if (this.#treatment === 'pieces') {
      this.#visitor.piece(bytes);
      if (this.#left === 0) this.#visitor.over(this.#head);
    } else if (before === 0 && this.#left === 0) this.#visitor.whole(this.#head, bytes);
    else {
      if (before === 0) this.#gathered = new Uint8Array(this.#head.length);
      this.#gathered.set(bytes, before);
      if (this.#left > 0) return;
      this.#visitor.whole(this.#head, this.#gathered);
      this.#gathered = NOTHING;
    }
  }
}
