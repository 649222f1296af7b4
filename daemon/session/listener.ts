// The TCP side of inbound sessions: binds, looks at the first bytes before TLS or HTTP/2 sees them, and drops what speaks
// something else, nothing, or comes too often from one address. It knows addresses and bytes, no calls.
import { createServer, type Socket, type Server as TcpServer } from 'node:net';
import { CodedError } from '../../lib/errors.ts';
import { addressToBytes, bytesToAddress } from '../../lib/net/address.ts';
import type { CertificateNames } from '../../lib/security/identity.ts';
import type { LogLimiter } from '../log-limiter.ts';
import type { Credentials } from '../security/credentials.ts';
import { acceptTls } from './handshake.ts';
import { classifyHello, classifyPreface } from './preface.ts';

/** Time for the preface and the call that follows it: a socket that brings neither is closed. */
const CALL_WITHIN_MS = 5000;
/** Sockets of strangers without a call yet: a flood of them must not use up descriptors. */
const MAX_UNCALLED = 128;
/** Beyond the limit of an address a connection is told so in a NOTIFICATION; beyond this multiple it is dropped unheard. */
const HARD_LIMIT_FACTOR = 4;
/** Addresses whose pace is remembered. */
const MAX_PACES = 1024;

export interface ListenerOptions {
  readonly address: string;
  readonly port: number;
  readonly log: LogLimiter<'warn'>;
  /** Connections of one remote address at a time. */
  readonly perAddress: number;
  /** Mutual TLS with these; absent: plaintext. */
  readonly tls?: () => Credentials;
  isPeer(address: string): boolean;
  /** A connection whose first bytes are HTTP/2's; they are still to be read from it. `claim` is asked by its first call. */
  inject(socket: Socket, claim: () => Claim | undefined): void;
}

interface Accepted {
  readonly socket: Socket;
  readonly address: string;
  readonly timer: NodeJS.Timeout;
  /** Over the limit of its address. */
  readonly excess: boolean;
  names: CertificateNames | undefined;
  called: boolean;
}

export interface Claim {
  readonly address: string;
  /** Names in the peer's certificate; absent without TLS. */
  readonly names: CertificateNames | undefined;
  readonly excess: boolean;
  destroy(): void;
}

/** `::ffff:192.0.2.1` and `fe80::1%eth0` as the configuration writes them. */
export function normalAddress(remote: string): string {
  const plain = remote.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
  return bytesToAddress(addressToBytes(plain));
}

export class SessionListener {
  readonly #options: ListenerOptions;
  readonly #accepted = new Set<Accepted>();
  /** Insertion order = order of last mention. */
  readonly #paces = new Map<string, { readonly tokens: number; readonly atMs: number }>();
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

  close(): void {
    this.#server?.close();
    this.#server = undefined;
    for (const { socket } of this.#accepted) socket.destroy();
  }

  #accept(socket: Socket): void {
    // HTTP/2 takes over later; until then nobody else listens, and a reset must not be an uncaught error.
    socket.on('error', () => socket.destroy());
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined) return void socket.destroy();
    const address = normalAddress(remoteAddress);
    const drop = (subject: string, text: string) => {
      this.dropped++;
      this.#options.log.say(`${subject} ${address}`, 'warn', { address, port: remotePort }, text);
      socket.destroy();
    };
    const { perAddress, tls, isPeer } = this.#options;
    // A handshake costs milliseconds of a thread that has hold timers to keep: whoever asks for many gets few.
    if (!this.#paced(address, perAddress))
      return drop('flood', 'connections of one address come too fast: dropped one');
    const others = [...this.#accepted];
    const same = others.filter((other) => other.address === address).length;
    if (same >= perAddress * HARD_LIMIT_FACTOR)
      return drop('flood', 'too many connections of one address: dropped one');
    // Strangers with many addresses must not keep out those who are expected.
    if (!isPeer(address) && others.filter((other) => !other.called).length >= MAX_UNCALLED)
      return drop('flood', 'too many connections without a session: dropped one');
    const late = () => drop('silent', 'connection without a session call: dropped');
    const timer = setTimeout(late, CALL_WITHIN_MS);
    const accepted: Accepted = { socket, address, timer, excess: same >= perAddress, names: undefined, called: false };
    this.#accepted.add(accepted);
    socket.once('close', () => {
      clearTimeout(timer);
      this.#accepted.delete(accepted);
    });
    const garbage = (instead: string) => drop('garbage', `connection speaks ${instead}: dropped`);
    if (tls === undefined)
      return this.#sniff(socket, classifyPreface, garbage, () => this.#options.inject(socket, () => claim(accepted)));
    this.#sniff(socket, classifyHello, garbage, () =>
      acceptTls(socket, tls(), {
        secured: (secured, names) => {
          accepted.names = names;
          secured.on('error', () => socket.destroy());
          this.#options.inject(secured, () => claim(accepted));
        },
        refused: (why) => drop(`tls ${why}`, `connection ${why}: dropped`),
      }),
    );
  }

  /** A token bucket an address: `perAddress` connections a second, twice that at once. */
  #paced(address: string, perAddress: number): boolean {
    const atMs = performance.now();
    const before = this.#paces.get(address) ?? { tokens: 2 * perAddress, atMs };
    const tokens = Math.min(2 * perAddress, before.tokens + ((atMs - before.atMs) / 1000) * perAddress);
    this.#paces.delete(address);
    this.#paces.set(address, { tokens: Math.max(0, tokens - 1), atMs });
    if (this.#paces.size > MAX_PACES) this.#paces.delete(this.#paces.keys().next().value!);
    return tokens >= 1;
  }

  /** Collects the first bytes, then gives them back to the stream and the socket to whoever is to read it. */
  #sniff(
    socket: Socket,
    classify: (bytes: Uint8Array) => 'more' | 'tls' | 'http2' | { readonly instead: string },
    refuse: (instead: string) => void,
    accept: () => void,
  ): void {
    let head = Buffer.alloc(0);
    const onReadable = () => {
      const chunk: unknown = socket.read();
      if (!Buffer.isBuffer(chunk)) return;
      head = Buffer.concat([head, chunk]);
      const verdict = classify(head);
      if (verdict === 'more') return;
      socket.off('readable', onReadable);
      if (typeof verdict === 'object') return refuse(verdict.instead);
      socket.unshift(head);
      accept();
    };
    socket.on('readable', onReadable);
    socket.once('end', () => {
      // Whoever ends before the first bytes are complete wanted to know whether somebody listens.
      if (classify(head) === 'more') socket.destroy();
    });
  }
}

/** Ties a call to its connection; undefined for a second one. */
function claim(accepted: Accepted): Claim | undefined {
  if (accepted.called) return undefined;
  accepted.called = true;
  clearTimeout(accepted.timer);
  const { address, names, excess, socket } = accepted;
  return { address, names, excess, destroy: () => socket.destroy() };
}

export function endpoint(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
