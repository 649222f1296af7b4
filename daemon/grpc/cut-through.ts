// The socket of a connection that carries one call, read and written by two: node:http2 has all that makes, keeps and ends
// HTTP/2, and the DATA of the call goes past it. Whatever a peer may do wrong outside the call is nghttp2's to judge.
//
//   socket --> frames -+- DATA of the call, WINDOW_UPDATE --> Call
//                      +- all other frames -----------------> slowPath --> node:http2
//   socket <-- frames <+- DATA of the call, WINDOW_UPDATE <-- Call
//                      +- all other frames <----------------- slowPath <-- node:http2
//
// Deviates from the streams of node:http2, which send when the turn of the loop is over: an update that leaves an idle router
// at once, past them, takes a seventh less time from peer to peer. The other end cannot tell the difference.
import type { Http2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { ReceiveCredit, SendCredit } from '../../lib/wire/http2-credit.ts';
import {
  FLAG,
  FRAME,
  type FrameHead,
  FrameReader,
  HEAD_BYTES,
  MAX_PAYLOAD_BYTES,
  PREFACE_BYTES,
  putHead,
  type Treatment,
  word,
} from '../../lib/wire/http2-frame.ts';
import { Call } from './call.ts';
import { FLOW_CONTROL_ERROR, WINDOW_BYTES } from './peer-method.ts';

/** At most so many bytes of the call go to the socket at once. */
const WRITE_BYTES = 4 * MAX_PAYLOAD_BYTES;
const SETTING_BYTES = 6;
const INITIAL_WINDOW_SIZE = 4;
const WINDOW_UPDATE_BYTES = HEAD_BYTES + 4;

function nothing(): void {}

function mayEnd(type: number): boolean {
  return type === FRAME.headers || type === FRAME.data;
}

export class CutThrough {
  /** What node:http2 is given for the socket. */
  readonly slowPath: Duplex;
  readonly #socket: Socket;
  readonly #inbound: FrameReader;
  readonly #outbound: FrameReader;
  readonly #send = new SendCredit();
  readonly #receive = new ReceiveCredit(WINDOW_BYTES);
  readonly #call: Call;
  /** The side that says HEADERS first: of the call, or of what may become it. */
  readonly #opener: 'peer' | 'us';
  #stream = 0;
  /** HEADERS of ours have gone out on the stream: DATA may follow. */
  #isOpen = false;
  /** Our side of the stream is over: it is no call, or was one. */
  #isAnswered = false;
  /** The peer has ended the stream. */
  #isEnded = false;
  /** HEADERS that CONTINUATION must follow: nothing may stand between them. */
  #continuesIn = false;
  #continuesOut = false;
  /** nghttp2 is to judge whatever else comes. */
  #isBroken = false;
  #flushing = false;

  /** From here on nobody else reads the socket. */
  constructor(socket: Socket, side: 'server' | 'client') {
    this.#socket = socket;
    this.#opener = side === 'server' ? 'peer' : 'us';
    this.#inbound = new FrameReader(side === 'server' ? PREFACE_BYTES : 0, {
      begins: (head) => this.#sort(head),
      past: (frames) => this.slowPath.push(frames),
      piece: (bytes) => this.#take(bytes),
      over: (head) => this.#endOf(head),
      whole: (head, payload) => this.#takeWhole(head, payload),
    });
    this.#outbound = new FrameReader(side === 'client' ? PREFACE_BYTES : 0, {
      begins: (head) => this.#note(head),
      past: nothing,
      piece: nothing,
      over: nothing,
      whole: nothing,
    });
    this.#call = new Call({ waits: () => this.#flushFirst(), read: (bytes) => this.#giveBack(bytes) });
    this.slowPath = new Duplex({
      read: () => {},
      write: (frames: Buffer, _, done) => {
        this.#outbound.take(frames);
        socket.write(frames, done);
        if (this.#call.waitingBytes > 0) this.#flushSoon();
      },
      final: (done) => void socket.end(done),
      destroy: (error, done) => {
        socket.destroy();
        done(error);
      },
    });
    socket.on('data', (bytes: Buffer) => this.#inbound.take(bytes));
    socket.on('drain', () => this.#flush());
    socket.on('end', () => this.slowPath.push(null));
    socket.on('error', (error) => this.slowPath.destroy(error));
    socket.on('close', () => this.slowPath.destroy());
  }

  /** The stream that node:http2 knows as `stream` is the call; undefined: there is one already. */
  adopt(stream: Http2Stream): Call | undefined {
    if (this.#call.isAdopted || stream.id !== this.#stream) return undefined;
    this.#call.adopt(stream);
    return this.#call;
  }

  /** Inbound. */
  #sort(head: FrameHead): Treatment {
    const { type, flags, stream } = head;
    if (this.#isBroken) return 'past';
    if (this.#continuesIn || head.length > MAX_PAYLOAD_BYTES) {
      // Of a list of headers, or against the rules.
      this.#continuesIn = type === FRAME.continuation && (flags & FLAG.endHeaders) === 0;
      this.#isBroken = type !== FRAME.continuation;
      return 'past';
    }
    switch (type) {
      case FRAME.data:
        if (stream !== this.#stream || this.#isEnded) return 'past';
        return (flags & FLAG.padded) === 0 ? 'pieces' : 'whole';
      case FRAME.windowUpdate:
        // nghttp2 says what is wrong with one of another length.
        return head.length === 4 && (stream === 0 || stream === this.#stream) ? 'whole' : 'past';
      case FRAME.settings:
        return (flags & FLAG.ack) === 0 ? 'whole' : 'past';
      case FRAME.headers:
        this.#continuesIn = (flags & FLAG.endHeaders) === 0;
        if (this.#opener === 'peer') this.#begin(stream);
        if (stream === this.#stream && (flags & FLAG.endStream) !== 0) this.#isEnded = true;
        return 'past';
      default:
        return 'past';
    }
  }

  /** Outbound, from nghttp2. */
  #note({ type, flags, stream, length }: FrameHead): Treatment {
    if (type === FRAME.headers && this.#opener === 'us') this.#begin(stream);
    if (type === FRAME.headers && stream === this.#stream) this.#isOpen = true;
    if (stream === this.#stream && (type === FRAME.reset || (mayEnd(type) && (flags & FLAG.endStream) !== 0)))
      this.#isAnswered = true;
    if (type === FRAME.headers || type === FRAME.continuation) this.#continuesOut = (flags & FLAG.endHeaders) === 0;
    if (type === FRAME.data) this.#send.spendElsewhere(length);
    return 'past';
  }

  /**
   * A stream that may become the call; what was no call before it is forgotten. Not while it may still become one: whoever
   * begins another behind it, before node:http2 has looked at the first, has one call all the same.
   */
  #begin(stream: number): void {
    if (this.#call.isAdopted || stream === this.#stream || (this.#stream !== 0 && !this.#isAnswered)) return;
    this.#stream = stream;
    this.#isAnswered = false;
    this.#isOpen = false;
    this.#isEnded = false;
    this.#send.restart();
    this.#giveBack(this.#call.forget());
  }

  #take(bytes: Uint8Array): void {
    if (!this.#receive.came(bytes.length)) return this.#fail();
    this.#call.take(bytes);
  }

  #takeWhole(head: FrameHead, payload: Uint8Array): void {
    if (head.type === FRAME.data) return this.#takePadded(head, payload);
    if (head.type === FRAME.settings) this.#takeSettings(payload);
    if (head.type !== FRAME.windowUpdate) return this.#passOn(head, payload);
    const bytes = word(payload, 0) & 0x7fff_ffff;
    if (bytes === 0) return this.#passOn(head, payload);
    const isRight = head.stream === 0 ? this.#send.widenConnection(bytes) : this.#send.widenStream(bytes);
    if (!isRight) return this.#fail();
    if (this.#call.waitingBytes > 0) this.#flushSoon();
  }

  #takeSettings(payload: Uint8Array): void {
    for (let at = 0; at + SETTING_BYTES <= payload.length; at += SETTING_BYTES) {
      // One that is too large is refused by nghttp2, who sees it as well.
      if (((payload[at]! << 8) | payload[at + 1]!) === INITIAL_WINDOW_SIZE)
        this.#send.setInitial(word(payload, at + 2));
    }
  }

  /** Padding counts as what it pads (section 6.1). */
  #takePadded(head: FrameHead, payload: Uint8Array): void {
    const padding = payload[0];
    if (padding === undefined || padding >= payload.length) return this.#passOn(head, payload);
    if (!this.#receive.came(payload.length)) return this.#fail();
    this.#giveBack(padding + 1);
    const bytes = payload.subarray(1, payload.length - padding);
    if (bytes.length > 0) this.#call.take(bytes);
    this.#endOf(head);
  }

  #endOf({ flags, stream }: FrameHead): void {
    if ((flags & FLAG.endStream) === 0) return;
    this.#isEnded = true;
    const end = Buffer.alloc(HEAD_BYTES);
    putHead(end, 0, 0, FRAME.data, FLAG.endStream, stream);
    this.slowPath.push(end);
  }

  #passOn({ length, type, flags, stream }: FrameHead, payload: Uint8Array): void {
    const frame = Buffer.allocUnsafe(HEAD_BYTES + length);
    putHead(frame, 0, length, type, flags, stream);
    frame.set(payload, HEAD_BYTES);
    this.slowPath.push(frame);
  }

  /** The peer sends more than it was let, or lets us send more than there is. */
  #fail(): void {
    this.#call.cut(FLOW_CONTROL_ERROR);
    this.#socket.destroySoon();
  }

  #giveBack(bytes: number): void {
    const back = this.#receive.read(bytes);
    if (back === 0 || this.#socket.destroyed) return;
    const updates = Buffer.allocUnsafe(2 * WINDOW_UPDATE_BYTES);
    [0, this.#stream].forEach((stream, i) => {
      putHead(updates, i * WINDOW_UPDATE_BYTES, 4, FRAME.windowUpdate, 0, stream);
      updates.writeUInt32BE(back, i * WINDOW_UPDATE_BYTES + HEAD_BYTES);
    });
    this.#socket.write(updates);
  }

  /** What is written first in a turn of the loop leaves at once; all that comes behind it leaves together, at its end. */
  #flushFirst(): void {
    if (this.#flushing) return;
    this.#flush();
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    process.nextTick(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    const call = this.#call;
    while (call.waitingBytes > 0 && this.#maySend) {
      const bytes = Math.min(call.waitingBytes, this.#send.bytes, WRITE_BYTES);
      if (bytes === 0) return;
      this.#send.spend(bytes);
      this.#socket.write(this.#framed(bytes));
    }
    if (!this.#socket.writableNeedDrain) call.flushed();
  }

  get #maySend(): boolean {
    const { writableNeedDrain, writable } = this.#socket;
    return this.#isOpen && writable && !writableNeedDrain && !this.#continuesOut && this.#outbound.isBetweenFrames;
  }

  /** DATA frames of the next `bytes` of the call. */
  #framed(bytes: number): Buffer {
    const out = Buffer.allocUnsafe(bytes + HEAD_BYTES * Math.ceil(bytes / MAX_PAYLOAD_BYTES));
    for (let at = 0, left = bytes; left > 0; ) {
      const length = Math.min(left, MAX_PAYLOAD_BYTES);
      putHead(out, at, length, FRAME.data, 0, this.#stream);
      at += HEAD_BYTES;
      this.#call.move(out, at, length);
      at += length;
      left -= length;
    }
    return out;
  }
}
