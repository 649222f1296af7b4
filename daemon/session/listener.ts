// The TCP side of inbound sessions: binds, looks at the first bytes before HTTP/2 sees them, and drops what speaks
// something else or nothing. It knows addresses and bytes, no peers and no calls.
import { createServer, type Socket, type Server as TcpServer } from 'node:net';
import { CodedError } from '../../lib/errors.ts';
import { addressToBytes, bytesToAddress } from '../../lib/net/address.ts';
import type { LogLimiter } from '../log-limiter.ts';
import { classifyPreface, PREFACE } from './preface.ts';

/** Time for the preface and the call that follows it: a socket that brings neither is closed. */
const CALL_WITHIN_MS = 5000;
/** Sockets without a call yet: a flood of strangers must not use up descriptors. */
const MAX_UNCALLED = 128;

export interface ListenerOptions {
  readonly address: string;
  readonly port: number;
  readonly log: LogLimiter<'warn'>;
  /** A connection whose first bytes are HTTP/2's; they are still to be read from it. */
  inject(socket: Socket): void;
}

interface Accepted {
  readonly socket: Socket;
  readonly address: string;
  readonly timer: NodeJS.Timeout;
  called: boolean;
}

/** `::ffff:192.0.2.1` and `fe80::1%eth0` as the configuration writes them. */
export function normalAddress(remote: string): string {
  const plain = remote.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
  return bytesToAddress(addressToBytes(plain));
}

export class SessionListener {
  readonly #options: ListenerOptions;
  readonly #accepted = new Map<string, Accepted>();
  #server: TcpServer | undefined;
  /** Connections dropped before a call, for the metrics. */
  dropped = 0;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** Port in use: rejects with `CodedError` `listen-failed` that names address and port; may be called again. */
  async listen(): Promise<void> {
    const { address, port } = this.#options;
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        const why = error.code === 'EADDRINUSE' ? 'the port is in use' : error.message;
        reject(
          new CodedError('listen-failed', `cannot listen for peers on ${endpoint(address, port)}: ${why}`, {
            address,
            port,
          }),
        );
      });
      server.listen({ host: address, port, ipv6Only: false }, resolve);
    });
    server.on('error', (error) =>
      this.#options.log.say('accept', 'warn', { error: error.message }, 'accepting a peer failed'),
    );
    this.#server = server;
  }

  /** The port bound, which differs from the configured one only where that is 0. */
  get port(): number {
    const bound = this.#server?.address();
    return typeof bound === 'object' && bound ? bound.port : 0;
  }

  /** Ties a call to its socket; `undefined` for a second call on the same connection. `key` is grpc's peer text. */
  claim(key: string): { readonly address: string; destroy(): void } | undefined {
    const accepted = this.#accepted.get(key);
    if (!accepted || accepted.called) return undefined;
    accepted.called = true;
    clearTimeout(accepted.timer);
    return { address: accepted.address, destroy: () => accepted.socket.destroy() };
  }

  close(): void {
    this.#server?.close();
    this.#server = undefined;
    for (const { socket } of this.#accepted.values()) socket.destroy();
  }

  #accept(socket: Socket): void {
    // HTTP/2 takes over later; until then nobody else listens, and a reset must not be an uncaught error.
    socket.on('error', () => socket.destroy());
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined) return void socket.destroy();
    const key = `${remoteAddress}:${remotePort}`;
    const address = normalAddress(remoteAddress);
    const drop = (subject: string, text: string) => {
      this.dropped++;
      this.#options.log.say(`${subject} ${address}`, 'warn', { address, port: remotePort }, text);
      socket.destroy();
    };
    const uncalled = [...this.#accepted.values()].filter((other) => !other.called).length;
    if (uncalled >= MAX_UNCALLED) return drop('flood', 'too many connections without a session: dropped one');
    const late = () => drop('silent', 'connection without a session call: dropped');
    const timer = setTimeout(late, CALL_WITHIN_MS);
    this.#accepted.set(key, { socket, address, timer, called: false });
    socket.once('close', () => {
      clearTimeout(timer);
      this.#accepted.delete(key);
    });
    this.#sniff(socket, (instead) => drop('garbage', `connection speaks ${instead}: dropped`));
  }

  /** Collects the preface, then gives it back to the stream and the socket to HTTP/2. */
  #sniff(socket: Socket, refuse: (instead: string) => void): void {
    let head = Buffer.alloc(0);
    const onReadable = () => {
      const chunk: unknown = socket.read();
      if (!Buffer.isBuffer(chunk)) return;
      head = Buffer.concat([head, chunk]);
      const verdict = classifyPreface(head);
      if (verdict === 'more') return;
      socket.off('readable', onReadable);
      if (verdict !== 'http2') return refuse(verdict.instead);
      socket.unshift(head);
      this.#options.inject(socket);
    };
    socket.on('readable', onReadable);
    socket.once('end', () => {
      if (head.length < PREFACE.length) socket.destroy();
    });
  }
}

export function endpoint(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
