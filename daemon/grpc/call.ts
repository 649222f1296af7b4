// One call as its owner has it: bytes in, bytes out. What it writes waits here until its connection may send it; what came
// waits here while it is not to be read. It knows no frames and no windows (cut-through.ts).
import { EventEmitter } from 'node:events';
import type { Http2Stream } from 'node:http2';
import { resetText } from './peer-method.ts';

/** Bytes that may wait before the writer is to stop until `drain`. */
const HIGH_WATER_BYTES = 64 * 1024;
/** Pieces shorter than this are held together: an object for each would cost a hundred times what it holds. */
const SHORT_BYTES = 256;
const BLOCK_BYTES = 4096;

export interface CallOwner {
  /** Something waits to be sent. */
  waits(): void;
  /** So many bytes were read: the peer may send as many more. */
  read(bytes: number): void;
  /** All that was written has gone, and node:http2 is about to end our side. */
  ends(): void;
  /** Why the connection is gone, or goes; undefined: it is not. */
  lost(): string | undefined;
}

/** `end`: the peer ended it, or it was lost; `close`, once, is the last. Data that came with an end comes before both. */
interface Events {
  data: [Uint8Array];
  drain: [];
  end: [];
  close: [];
}

export class Call extends EventEmitter<Events> {
  readonly #owner: CallOwner;
  #stream: Http2Stream | undefined;
  #waiting: Uint8Array[] = [];
  /** Of the first that waits: bytes that are sent. */
  #sent = 0;
  #waitingBytes = 0;
  #needsDrain = false;
  #isEnding = false;
  #held: Uint8Array[] = [];
  /** Of the last that is held, when it is made of short ones. */
  #block = new Uint8Array(0);
  #isPaused = true;
  /** Behind all that was said before it, and that includes what its owner has put aside: so not while it is paused. */
  readonly #toSay = new Set<'end' | 'close'>();
  #isClosed = false;

  constructor(owner: CallOwner) {
    super();
    this.#owner = owner;
  }

  /** Why it is over; undefined: because a side ended it, or it is not. */
  get fault(): string | undefined {
    const code = this.#stream?.rstCode ?? 0;
    return code === 0 ? undefined : (this.#owner.lost() ?? resetText(code));
  }

  /** False: the writer is to stop until `drain`. Keeps `bytes`. */
  write(bytes: Uint8Array): boolean {
    if (this.#isClosed || bytes.length === 0) return true;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#owner.waits();
    this.#needsDrain ||= this.#waitingBytes >= HIGH_WATER_BYTES;
    return !this.#needsDrain;
  }

  /** Ends our side after what waits. */
  end(): void {
    this.#isEnding = true;
    if (this.#waitingBytes === 0) this.#endNow();
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** It begins paused: whoever told its owner of it lets it go on then. */
  resume(): void {
    this.#isPaused = false;
    while (!this.#isPaused && this.#held.length > 0) this.#read(this.#held.shift()!);
    this.#sayAll();
  }

  // What its connection calls.

  get isAdopted(): boolean {
    return this.#stream !== undefined;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** `stream` is what node:http2 knows of it. */
  adopt(stream: Http2Stream): void {
    this.#stream = stream;
    stream.resume();
    stream.on('end', () => this.#say('end'));
    stream.on('close', () => {
      this.#isClosed = true;
      this.#waiting = [];
      this.#waitingBytes = 0;
      if (this.#toSay.has('end')) return this.#say('close');
      // It was lost: nobody waits for what it might still have said.
      this.#held = [];
      this.emit('close');
    });
  }

  /** It came to nothing: drops what came for it. */
  forget(): void {
    this.#held = [];
  }

  take(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    if (!this.#isPaused) return this.#read(bytes);
    if (bytes.length >= SHORT_BYTES) return void this.#held.push(bytes);
    const last = this.#held.at(-1);
    const filled = last?.buffer === this.#block.buffer ? last.length : BLOCK_BYTES;
    if (filled + bytes.length > BLOCK_BYTES) {
      this.#block = new Uint8Array(BLOCK_BYTES);
      this.#block.set(bytes);
      this.#held.push(this.#block.subarray(0, bytes.length));
    } else {
      this.#block.set(bytes, filled);
      this.#held[this.#held.length - 1] = this.#block.subarray(0, filled + bytes.length);
    }
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Moves the next `length` bytes that wait to `out`. */
  move(out: Uint8Array, at: number, length: number): void {
    this.#waitingBytes -= length;
    const end = at + length;
    let gone = 0;
    while (at < end) {
      const first = this.#waiting[gone]!;
      const piece = first.subarray(this.#sent, this.#sent + end - at);
      out.set(piece, at);
      at += piece.length;
      this.#sent += piece.length;
      if (this.#sent < first.length) break;
      this.#sent = 0;
      gone++;
    }
    this.#waiting.splice(0, gone);
  }

  /** The socket takes more. */
  flushed(): void {
    if (this.#waitingBytes > 0 || this.#isClosed) return;
    if (this.#isEnding) this.#endNow();
    if (!this.#needsDrain) return;
    this.#needsDrain = false;
    this.emit('drain');
  }

  #endNow(): void {
    this.#isEnding = false;
    if (this.#isClosed) return;
    this.#owner.ends();
    this.#stream?.end();
  }

  #read(bytes: Uint8Array): void {
    this.emit('data', bytes);
    this.#owner.read(bytes.length);
  }

  #say(event: 'end' | 'close'): void {
    this.#toSay.add(event);
    this.#sayAll();
  }

  #sayAll(): void {
    if (this.#isPaused) return;
    for (const event of this.#toSay) {
      this.#toSay.delete(event);
      this.emit(event);
    }
  }
}
