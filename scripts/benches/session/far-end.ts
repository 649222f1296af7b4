// The far end of a session for load: one HTTP/2 stream from an address of its own, with gRPC's framing by hand, so that
// ready-made buffers go out as fast as the daemon takes them and what comes back is counted without another stack between.
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import type { SessionMessage } from '../../../lib/session/message.ts';
import { decodeFrame } from '../../../lib/wire/frame.ts';
import { framed, openOf } from './frames.ts';

const PREFIX_BYTES = 5;
const WINDOW_BYTES = 16 * 1024 * 1024;
const ESTABLISH_MS = 60_000;

export interface FarEndOptions {
  readonly daemon: string;
  readonly port: number;
  /** Own address: the daemon knows its peers by it. */
  readonly address: string;
  readonly site: string;
  readonly routerId: string;
  readonly holdTimeMs: number;
}

export class FarEnd {
  /** Longest time between two KEEPALIVEs of the daemon, ms. */
  keepaliveGapMs = 0;
  onUpdate: (message: Extract<SessionMessage, { type: 'UPDATE' }>) => void = () => {};
  readonly established: Promise<void>;
  readonly #options: FarEndOptions;
  readonly #socket: Socket;
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  #held: Buffer = Buffer.alloc(0);
  #lastKeepaliveMs = 0;
  /** How late our own were at worst: the machine may be too busy for the load itself. */
  #lateMs = 0;
  #keepalive: NodeJS.Timeout | undefined;
  #up: () => void = () => {};
  #failed: (error: Error) => void = () => {};
  #closed = false;
  readonly #awaiting: (() => void)[] = [];

  constructor(options: FarEndOptions) {
    this.#options = options;
    this.established = new Promise((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`${options.address}: no session in ${ESTABLISH_MS} ms`)),
        ESTABLISH_MS,
      );
      this.#up = () => {
        clearTimeout(late);
        resolve();
      };
      this.#failed = (error) => {
        clearTimeout(late);
        reject(error);
      };
    });
    const { daemon, port, address } = options;
    this.#socket = connectTcp({ host: daemon, port, localAddress: address, noDelay: true });
    this.#session = connectHttp2(`http://[${daemon}]:${port}`, {
      settings: { initialWindowSize: WINDOW_BYTES },
      createConnection: () => this.#socket,
    });
    this.#session.on('connect', () => this.#session.setLocalWindowSize(WINDOW_BYTES));
    this.#session.on('error', (error) => this.#lost(error));
    this.#stream = this.#session.request(
      { ':method': 'POST', ':path': '/cfn.v1.Session/Peer', 'content-type': 'application/grpc', te: 'trailers' },
      { endStream: false },
    );
    this.#stream.on('error', (error) => this.#lost(error));
    this.#stream.on('end', () => this.#lost(new Error('the daemon ended the session')));
    this.#stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    const { site, routerId, holdTimeMs } = options;
    this.#stream.write(framed(openOf({ site, routerId, name: `load-${routerId}`, holdTimeMs })));
  }

  /** Ready-made messages of `framed`; resolves when the transport has taken them. */
  send(bytes: Buffer): Promise<void> {
    return new Promise((resolve) => this.#stream.write(bytes, () => resolve()));
  }

  /** Resolves when the daemon has said one more KEEPALIVE. */
  nextKeepalive(): Promise<void> {
    return new Promise((resolve) => this.#awaiting.push(resolve));
  }

  /** Resolves when the connection is gone: whoever blocks this process next would keep it. */
  close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#keepalive);
    const gone = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    this.#session.destroy();
    return gone;
  }

  #receive(chunk: Buffer): void {
    let bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    while (bytes.length >= PREFIX_BYTES) {
      const end = PREFIX_BYTES + bytes.readUInt32BE(1);
      if (bytes.length < end) break;
      this.#take(decodeFrame(bytes.subarray(PREFIX_BYTES, end)));
      bytes = bytes.subarray(end);
    }
    this.#held = bytes;
  }

  #take(message: SessionMessage): void {
    if (message.type === 'UPDATE') this.onUpdate(message);
    else if (message.type === 'OPEN') {
      void this.send(framed({ type: 'KEEPALIVE' }));
      const holdTimeMs = Math.min(this.#options.holdTimeMs, message.holdTimeMs);
      if (holdTimeMs > 0) this.#keepAlive(Math.floor(holdTimeMs / 3));
    } else if (message.type === 'KEEPALIVE') this.#heardKeepalive();
    else if (message.type === 'NOTIFICATION')
      this.#lost(
        new Error(
          `NOTIFICATION ${message.code}/${message.subcode} ${message.text}; own KEEPALIVEs were up to ${Math.round(this.#lateMs)} ms late`,
        ),
      );
  }

  #keepAlive(intervalMs: number): void {
    let lastMs = performance.now();
    this.#keepalive = setInterval(() => {
      const now = performance.now();
      this.#lateMs = Math.max(this.#lateMs, now - lastMs - intervalMs);
      lastMs = now;
      void this.send(framed({ type: 'KEEPALIVE' }));
    }, intervalMs);
  }

  /** A measurement with a session less would wait for ever. */
  #lost(error: Error): void {
    if (this.#closed) return;
    this.#failed(error);
    if (this.#lastKeepaliveMs > 0) throw error;
  }

  #heardKeepalive(): void {
    const now = performance.now();
    if (this.#lastKeepaliveMs > 0) this.keepaliveGapMs = Math.max(this.keepaliveGapMs, now - this.#lastKeepaliveMs);
    else this.#up();
    this.#lastKeepaliveMs = now;
    for (const heard of this.#awaiting.splice(0)) heard();
  }
}
