// One call of Session/Peer, whichever side dialled: bytes in and out with bounded memory. A reader that stalls costs at
// most the queue's bytes and then the send hold time (RFC 9687). It knows frames and time, no peers' states.
import {
  CEASE_SUBCODE,
  NOTIFICATION,
  type NotificationMessage,
  type SessionMessage,
} from '../../lib/session/message.ts';
import { decodeFrame, encodeFrame } from '../../lib/wire/frame.ts';
import { MessageReader, PREFIX_BYTES, PrefixFault, putPrefix, withPrefix } from '../../lib/wire/length-prefixed.ts';
import { MAX_FRAME_BYTES } from '../../lib/wire/limits.ts';
import { HEADER_SUBCODE, SessionError } from '../../lib/wire/session-error.ts';
import { UpdateJoiner } from '../../lib/wire/update-joiner.ts';

/** After the last frame of a closing connection: time for it to arrive before the transport is cut. */
const CLOSE_GRACE_MS = 1000;

/** The stream of a call, whichever side opened it, as far as it is needed here. */
export interface CallStream {
  /** Why it is over, once it ended in neither direction. */
  readonly fault?: string | undefined;
  write(bytes: Uint8Array): boolean;
  end(): unknown;
  pause(): unknown;
  resume(): unknown;
  on(event: 'data', listener: (bytes: Uint8Array) => void): unknown;
  on(event: 'drain' | 'end', listener: () => void): unknown;
}

export interface ConnectionHooks {
  /** `bytes`: size of its frame; `count`: of that many messages, UPDATEs of one read, this one is made. */
  message(message: SessionMessage, bytes: number, count: number): void;
  /** Something was read: whether it is to wait undecoded, and the peer with it, until `resume`. HTTP/2 then holds it back. */
  isHeld(connection: SessionConnection): boolean;
  /** Runs `act`, which hands over the messages of one read. */
  together(act: () => void): void;
  /** What the peer is to be told before the close. */
  bad(notification: NotificationMessage): void;
  drained(): void;
  /** Once; `byUs` when this side closed. */
  gone(reason: string, byUs: boolean): void;
}

export interface ConnectionLimits {
  readonly queueBytes: number;
  readonly sendHoldMs: number;
}

export class SessionConnection {
  readonly #stream: CallStream;
  /** Cuts the transport at once. */
  readonly #cut: () => void;
  readonly #hooks: ConnectionHooks;
  readonly #limits: ConnectionLimits;
  readonly #reader = new MessageReader(MAX_FRAME_BYTES);
  #heldPiece: Uint8Array | undefined;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #blocked = false;
  #broken = false;
  #closing = false;
  #gone = false;
  #sendHold: NodeJS.Timeout | undefined;
  #grace: NodeJS.Timeout | undefined;

  constructor(stream: CallStream, cut: () => void, hooks: ConnectionHooks, limits: ConnectionLimits) {
    this.#stream = stream;
    this.#cut = cut;
    this.#hooks = hooks;
    this.#limits = limits;
    stream.on('data', (bytes) => this.#receive(bytes));
    stream.on('drain', () => this.#drain());
    // The call of a lost connection ends as well.
    stream.on('end', () => this.finish(stream.fault ?? 'the peer ended the call'));
  }

  get isBlocked(): boolean {
    return this.#blocked;
  }

  /** Sends a message, or the frame of one that goes to several peers. Never blocks; see `isBlocked`. */
  send(message: SessionMessage | Uint8Array): void {
    if (this.#closing || this.#gone) return;
    const bytes = message instanceof Uint8Array ? withPrefix(message) : encodeOnce(message);
    if (!this.#blocked) return this.#write(bytes);
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes > this.#limits.queueBytes) {
      this.#giveUp(
        NOTIFICATION.cease,
        CEASE_SUBCODE.outOfResources,
        `${this.#queuedBytes} bytes wait for a peer that does not read`,
      );
    }
  }

  /** Lets what was sent arrive, then ends the call; cuts it when the peer does not follow. */
  close(): void {
    if (this.#closing || this.#gone) return;
    this.#closing = true;
    clearTimeout(this.#sendHold);
    for (const bytes of this.#queue) this.#stream.write(bytes);
    this.#queue = [];
    this.#stream.end();
    this.#grace = setTimeout(() => {
      this.#cut();
      this.finish('closed');
    }, CLOSE_GRACE_MS);
  }

  /** Reads on after `isHeld` said that it must not. */
  resume(): void {
    const piece = this.#heldPiece;
    this.#heldPiece = undefined;
    if (piece !== undefined) this.#receive(piece);
    if (this.#heldPiece === undefined) this.#stream.resume();
  }

  /** The call is over, for whatever reason; the first one counts. */
  finish(reason: string): void {
    if (this.#gone) return;
    this.#gone = true;
    clearTimeout(this.#sendHold);
    clearTimeout(this.#grace);
    if (!this.#closing) this.#stream.end();
    this.#queue = [];
    this.#hooks.gone(reason, this.#closing);
  }

  #receive(piece: Uint8Array): void {
    if (this.#broken || this.#closing || this.#gone) return;
    if (this.#hooks.isHeld(this)) {
      this.#heldPiece = piece;
      this.#stream.pause();
      return;
    }
    this.#hooks.together(() => {
      try {
        this.#reader.take(piece, (bytes, from, to, isLast) => this.#take(bytes, from, to, isLast));
        this.#takeJoined();
      } catch (error) {
        // Whatever else is thrown while messages are handed over is no fault of the peer's.
        if (!(error instanceof PrefixFault)) throw error;
        this.#takeJoined();
        this.#refuse(new SessionError(NOTIFICATION.messageHeader, HEADER_SUBCODE.badLength, 'frame', error.message));
      }
    });
  }

  #take(bytes: Uint8Array, from: number, to: number, isLast: boolean): void {
    // An earlier one of the same read may have ended the session.
    if (this.#broken || this.#closing || this.#gone) return;
    // One that comes alone has nothing to be joined with, and what the joiner remembers of it takes 8 KB to forget.
    const isAlone = isLast && joiner.isEmpty;
    if (!isAlone && (joiner.add(bytes, from, to) || (this.#takeJoined() && joiner.add(bytes, from, to)))) return;
    const frame = bytes.subarray(from, to);
    let message: SessionMessage;
    try {
      message = decodeFrame(frame);
    } catch (error) {
      if (!(error instanceof SessionError)) throw error;
      return this.#refuse(error);
    }
    this.#hooks.message(message, frame.length, 1);
  }

  /** Hands over the UPDATEs that were joined; false: there are none. */
  #takeJoined(): boolean {
    const joined = joiner.take();
    if (joined !== undefined) this.#hooks.message(joined.message, joined.bytes, joined.count);
    return joined !== undefined;
  }

  #refuse({ notification }: SessionError): void {
    this.#broken = true;
    this.#hooks.bad(notification);
  }

  #write(bytes: Uint8Array): void {
    if (this.#stream.write(bytes)) return;
    this.#blocked = true;
    // Each drain is progress: RFC 9687 restarts the timer then.
    clearTimeout(this.#sendHold);
    const { sendHoldMs } = this.#limits;
    const text = `nothing could be sent for ${sendHoldMs} ms`;
    this.#sendHold = setTimeout(() => this.#giveUp(NOTIFICATION.sendHoldTimerExpired, 0, text), sendHoldMs);
  }

  #drain(): void {
    if (this.#closing || this.#gone) return;
    this.#blocked = false;
    clearTimeout(this.#sendHold);
    let next = 0;
    while (next < this.#queue.length && !this.#blocked) {
      const bytes = this.#queue[next++]!;
      this.#queuedBytes -= bytes.length;
      this.#write(bytes);
    }
    this.#queue.splice(0, next);
    if (!this.#blocked) this.#hooks.drained();
  }

  /** The session decides: it is told what to say, and its close throws away what could not be sent. */
  #giveUp(code: number, subcode: number, text: string): void {
    if (this.#broken || this.#closing || this.#gone) return;
    this.#broken = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#hooks.bad({ type: 'NOTIFICATION', code, subcode, data: '', text });
  }
}

/** Empty between two reads, so one is enough. */
const joiner = new UpdateJoiner();

/** The message sent last and its bytes: one that goes to many peers goes to one after the other. */
let lastMessage: SessionMessage | undefined;
let lastBytes: Uint8Array = new Uint8Array(0);

function encodeOnce(message: SessionMessage): Uint8Array {
  if (message !== lastMessage) {
    lastBytes = putPrefix(encodeFrame(message, PREFIX_BYTES));
    lastMessage = message;
  }
  return lastBytes;
}
