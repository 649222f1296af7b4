// A peer by hand: cfn.v1.Session over node:http2, with or without TLS, that says what it likes and keeps what it is told.
// For peers that no router would be; it has no FSM, no timers but KEEPALIVE, and no manners.
import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type SecureVersion } from 'node:tls';
import { FAMILIES } from '../../lib/model/identity.ts';
import { type OpenMessage, PROTOCOL_VERSION, type SessionMessage } from '../../lib/session/message.ts';
import { decodeFrame, encodeFrame } from '../../lib/wire/frame.ts';

const SESSION = '/cfn.v1.Session/Peer';
const PORT = 1790;

export interface Target {
  /** Router name; the site is `site-<name>`. */
  readonly name: string;
  readonly routerId: string;
  readonly host: string;
  /** Own address. */
  readonly source: string;
  /** Path of `<prefix>.pem` and `<prefix>.key`; empty: plaintext. */
  readonly certificate: string;
  readonly maxVersion?: SecureVersion;
}

/** gRPC's length-prefixed message. */
export function grpcFrame(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** TCP, or with a certificate TLS. */
export function openSocket({ host, source, certificate, maxVersion }: Target): Socket {
  const socket = connect({ host, port: PORT, localAddress: source });
  if (certificate === '') return socket;
  return connectTls({
    socket,
    cert: readFileSync(`${certificate}.pem`),
    key: readFileSync(`${certificate}.key`),
    // Whom it talks to is not what this peer is about.
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
    ...(maxVersion && { maxVersion }),
  });
}

export function openTransport(target: Target): ClientHttp2Session {
  const session = connectHttp2(`http://[${target.host}]:${PORT}`, { createConnection: () => openSocket(target) });
  session.on('error', () => {});
  return session;
}

export class SessionClient {
  readonly heard: SessionMessage[] = [];
  readonly stream: ClientHttp2Stream;
  readonly closed: Promise<void>;
  #received: Buffer[] = [];
  #keepalive: NodeJS.Timeout | undefined;

  readonly #target: Target;

  constructor(target: Target, transport: ClientHttp2Session, options: { readonly reads?: boolean } = {}) {
    this.#target = target;
    this.stream = transport.request({
      ':method': 'POST',
      ':path': SESSION,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    this.stream.on('error', () => {});
    if (options.reads !== false) this.stream.on('data', (bytes: Buffer) => this.#hear(bytes));
    this.closed = new Promise((resolve) => {
      this.stream.once('close', () => {
        clearInterval(this.#keepalive);
        resolve();
      });
    });
  }

  say(...messages: readonly SessionMessage[]): void {
    if (this.stream.destroyed) return;
    this.stream.write(Buffer.concat(messages.map((message) => grpcFrame(encodeFrame(message)))));
  }

  /** Opens as a router does and goes on saying that it lives. */
  open(more: Partial<OpenMessage> = {}): void {
    this.say(openOf(this.#target, more), { type: 'KEEPALIVE' });
    this.#keepalive = setInterval(() => this.say({ type: 'KEEPALIVE' }), 500);
  }

  /** Resolves when something heard passes; rejects when the call ends before. */
  async hears(passes: (message: SessionMessage) => boolean): Promise<void> {
    while (!this.heard.some(passes)) {
      if (this.stream.destroyed) throw new Error(`ended after ${JSON.stringify(this.heard.slice(-3))}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  #hear(bytes: Buffer): void {
    this.#received.push(bytes);
    let all = Buffer.concat(this.#received);
    while (all.length >= 5 && all.length >= 5 + all.readUInt32BE(1)) {
      const end = 5 + all.readUInt32BE(1);
      this.heard.push(decodeFrame(all.subarray(5, end)));
      all = all.subarray(end);
    }
    this.#received = [all];
  }
}

export function openOf({ name, routerId }: Target, more: Partial<OpenMessage> = {}): OpenMessage {
  return {
    type: 'OPEN',
    version: PROTOCOL_VERSION,
    domain: 'cfn',
    site: `site-${name}`,
    routerId,
    name,
    bootId: `${name}-${process.pid}`,
    holdTimeMs: 10_000,
    families: [...FAMILIES],
    roles: [],
    capabilities: [],
    ...more,
  };
}
