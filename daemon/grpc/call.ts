// One call as its owner has it: bytes in, bytes out. What it writes waits here until its connection may send it; what came
// waits here while it is not to be read. It knows no frames and no windows (cut-through.ts).
import { EventEmitter } from 'node:events';
import type { Http2Stream } from 'node:http2';

/** Bytes that may wait before the writer is to stop until `drain`. */
const HIGH_WATER_BYTES = 64 * 1024;

export interface CallOwner {
  /** Something waits to be sent. */
  waits(): void;
  /** So many bytes were read: the peer may send as many more. */
  read(bytes: number): void;
}

/** `end`: the peer ended it, or it was lost; `close` follows. Both as node:http2 says them of its stream. */
interface Events {
  data: [Uint8Array];
  drain: [];
  end: [];
  close: [];
}

export class Call extends EventEmitter<Events> {
  readonly #owner: CallOwner;
  #stream: Http2Stream | undefined;
  readonly #waiting: Uint8Array[] = [];
  /** Of the first that waits: bytes that are sent. */
  #sent = 0;
  #waitingBytes = 0;
  #needsDrain = false;
  #isEnding = false;
  readonly #held: Uint8Array[] = [];
  /** Until its owner has had the time to listen. */
  #isPaused = true;
  /** And not said yet. */
  #isEnded = false;
  #isClosed = false;

  constructor(owner: CallOwner) {
    super();
    this.#owner = owner;
  }

  /** HTTP/2 error code; 0 while there is none. */
  get rstCode(): number {
    return this.#stream?.rstCode ?? 0;
  }

  /** False: the writer is to stop until `drain`. Keeps `bytes`. */
  write(bytes: Uint8Array): boolean {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#owner.waits();
    this.#needsDrain ||= this.#waitingBytes >= HIGH_WATER_BYTES;
    return !this.#needsDrain;
  }

  /** Ends our side after what waits. */
  end(): void {
    this.#isEnding = true;
    if (this.#waitingBytes === 0) this.#stream?.end();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    while (!this.#isPaused && this.#held.length > 0) this.#read(this.#held.shift()!);
    this.#sayEnd();
  }

  // What its connection calls.

  get isAdopted(): boolean {
    return this.#stream !== undefined;
  }

  /** `stream` is what node:http2 knows of it. What came before is read when whoever is told of the call listens. */
  adopt(stream: Http2Stream): void {
    this.#stream = stream;
    stream.resume();
    stream.on('end', () => {
      this.#isEnded = true;
      this.#sayEnd();
    });
    stream.on('close', () => {
      this.#isClosed = true;
      if (!this.#isEnded) this.emit('close');
    });
    process.nextTick(() => this.resume());
  }

  /** It came to nothing: drops what came for it. How many bytes that were. */
  forget(): number {
    return this.#held.splice(0).reduce((sum, bytes) => sum + bytes.length, 0);
  }

  take(bytes: Uint8Array): void {
    if (this.#isPaused) this.#held.push(bytes);
    else this.#read(bytes);
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
    if (this.#waitingBytes > 0) return;
    if (this.#isEnding) this.#stream?.end();
    this.#isEnding = false;
    if (!this.#needsDrain) return;
    this.#needsDrain = false;
    this.emit('drain');
  }

  /** The peer broke the rules of flow control. */
  cut(code: number): void {
    this.#stream?.session?.destroy(undefined, code);
  }

  #read(bytes: Uint8Array): void {
    this.emit('data', bytes);
    this.#owner.read(bytes.length);
  }

  /** Behind all that was said before it, and that includes what its owner has put aside: so not while it is paused. */
  #sayEnd(): void {
    if (!this.#isEnded || this.#isPaused) return;
    this.#isEnded = false;
    this.emit('end');
    if (this.#isClosed) this.emit('close');
  }
}
