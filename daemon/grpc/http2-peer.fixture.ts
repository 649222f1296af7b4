// Test support: an end of an HTTP/2 connection made by hand, which does what it is told and notes what it gets; and the
// sockets that it talks over. Shares no code with what it tests.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { until } from '../session/transport.fixture.ts';

export const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8 } as const;
export const END_STREAM = 1;
export const ACK = 1;
const END_HEADERS = 4;
const PADDED = 8;
const HEAD_BYTES = 9;
const INITIAL_WINDOW_SIZE = 4;
const DEFAULT_WINDOW = 65_535;
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const data = (stream: number, bytes: Uint8Array, flags = 0): Buffer => frame(TYPE.data, flags, stream, bytes);

export function padded(stream: number, bytes: Uint8Array, padding: number, flags = 0): Buffer {
  return frame(TYPE.data, flags | PADDED, stream, Buffer.concat([Buffer.of(padding), bytes, Buffer.alloc(padding)]));
}

export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export const windowUpdate = (stream: number, bytes: number): Buffer => frame(TYPE.windowUpdate, 0, stream, word(bytes));
export const reset = (stream: number, code: number): Buffer => frame(TYPE.reset, 0, stream, word(code));
export const ping = (): Buffer => frame(TYPE.ping, 0, 0, Buffer.alloc(8, 'p'));

/** SETTINGS, with an initial window or without. */
export function settings(initialWindow?: number): Buffer {
  if (initialWindow === undefined) return frame(TYPE.settings, 0, 0);
  return frame(TYPE.settings, 0, 0, Buffer.concat([Buffer.of(0, INITIAL_WINDOW_SIZE), word(initialWindow)]));
}

export const settingsAck = (): Buffer => frame(TYPE.settings, ACK, 0);

export function headers(stream: number, fields: Readonly<Record<string, string>>, flags = 0): Buffer {
  const literal = (text: string): Buffer => Buffer.concat([Buffer.of(text.length), Buffer.from(text, 'latin1')]);
  const block = Object.entries(fields).map(([name, value]) =>
    Buffer.concat([Buffer.of(0), literal(name), literal(value)]),
  );
  return frame(TYPE.headers, flags | END_HEADERS, stream, Buffer.concat(block));
}

export function request(stream: number, path = '/cfn.v1.Session/Peer', flags = 0): Buffer {
  const fields = { ':method': 'POST', ':scheme': 'http', ':path': path, ':authority': 'cfnd' };
  return headers(stream, { ...fields, 'content-type': 'application/grpc', te: 'trailers' }, flags);
}

export const response = (stream: number): Buffer =>
  headers(stream, { ':status': '200', 'content-type': 'application/grpc' });

export const trailers = (stream: number, status = '0'): Buffer =>
  headers(stream, { 'grpc-status': status }, END_STREAM);

export class Http2Peer {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  isClosed = false;
  #left: Buffer[] = [];
  #hasPreface: boolean;
  #initial = DEFAULT_WINDOW;
  /** Of what it may send: by stream, 0 is the connection. */
  readonly #windows = new Map<number, number>([[0, DEFAULT_WINDOW]]);

  constructor(socket: Socket, side: 'client' | 'server') {
    this.socket = socket;
    this.#hasPreface = side === 'client';
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
    });
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
  }

  send(...parts: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** Bytes of the DATA of a stream so far. */
  heard(stream: number): Buffer {
    return Buffer.concat(this.of(TYPE.data, stream).map(({ payload }) => payload));
  }

  /** How many they are. */
  length(stream: number): number {
    return this.of(TYPE.data, stream).reduce((sum, { payload }) => sum + payload.length, 0);
  }

  of(type: number, stream = 0): Frame[] {
    return this.frames.filter((it) => it.type === type && it.stream === stream);
  }

  async seen(type: number, stream: number, count = 1): Promise<Frame> {
    await until(() => this.of(type, stream).length >= count, `frame ${type} on stream ${stream}`);
    return this.of(type, stream)[count - 1]!;
  }

  /** Error code of the GOAWAY by which the other end gives up; its connection goes as well. */
  async goodbye(): Promise<number> {
    const { payload } = await this.seen(TYPE.goaway, 0);
    await until(() => this.isClosed, 'the end of the connection');
    return payload.readUInt32BE(4);
  }

  async closed(): Promise<void> {
    await until(() => this.isClosed, 'the end of the connection');
  }

  /** What it may send on a stream. */
  room(stream: number): number {
    return Math.min(this.#windows.get(0)!, this.#windows.get(stream) ?? this.#initial);
  }

  /** DATA of at most `most` bytes each, as the other end lets it. */
  async speak(stream: number, bytes: Buffer, most: number, padding?: number): Promise<void> {
    const extra = padding === undefined ? 0 : padding + 1;
    for (let at = 0; at < bytes.length; ) {
      await until(() => this.room(stream) > extra, `room on stream ${stream} after ${at} bytes`);
      const piece = bytes.subarray(at, at + Math.min(most, this.room(stream) - extra));
      at += piece.length;
      for (const window of [0, stream])
        this.#windows.set(window, (this.#windows.get(window) ?? this.#initial) - piece.length - extra);
      this.send(padding === undefined ? data(stream, piece) : padded(stream, piece, padding));
    }
  }

  #take(bytes: Buffer): void {
    let all = Buffer.concat([...this.#left, bytes]);
    if (!this.#hasPreface && all.length >= PREFACE.length) {
      this.#hasPreface = true;
      all = all.subarray(PREFACE.length);
    }
    while (this.#hasPreface && all.length >= HEAD_BYTES && all.length >= HEAD_BYTES + all.readUIntBE(0, 3)) {
      const payload = all.subarray(HEAD_BYTES, HEAD_BYTES + all.readUIntBE(0, 3));
      this.#note({ type: all[3]!, flags: all[4]!, stream: all.readUInt32BE(5), payload: Buffer.from(payload) });
      all = all.subarray(HEAD_BYTES + payload.length);
    }
    this.#left = [all];
  }

  #note(it: Frame): void {
    this.frames.push(it);
    const { type, stream, flags, payload } = it;
    if (type === TYPE.windowUpdate)
      this.#windows.set(stream, (this.#windows.get(stream) ?? this.#initial) + payload.readUInt32BE());
    if (type !== TYPE.settings || (flags & ACK) !== 0) return;
    for (let at = 0; at < payload.length; at += 6) {
      if (payload.readUInt16BE(at) !== INITIAL_WINDOW_SIZE) continue;
      const grown = payload.readUInt32BE(at + 2) - this.#initial;
      this.#initial += grown;
      for (const [window, room] of this.#windows) if (window !== 0) this.#windows.set(window, room + grown);
    }
  }
}

export interface Loopback {
  readonly server: Server;
  readonly port: number;
  close(): void;
}

/** Listens on loopback; `close` takes the sockets along. */
export async function listen(onSocket: (socket: Socket) => void): Promise<Loopback> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

export async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return socket;
}
