// Megabytes both ways at once between two of ours, and between ours and grpc-js, over paths that cut them small.

import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { Metadata, Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';
import { MessageReader, withPrefix } from '../../lib/wire/length-prefixed.ts';
import { createAuthority, issueRouter, validFor } from '../../scripts/authority/certificate.ts';
import { until } from '../session/transport.fixture.ts';
import { acceptCalls } from './accept-call.ts';
import type { Call } from './call.ts';
import { pattern } from './calls.fixture.ts';
import { dial, listen } from './http2-peer.fixture.ts';
import { openCall } from './open-call.ts';
import { PEER_PATH } from './peer-method.ts';

const BYTES = 5_000_000;

/** Lengths that differ, the same in each run. */
function* lengths(most: number): Generator<number> {
  for (let i = 1; ; i++) yield 1 + ((i * 7919) % most);
}

/** Writes all of it in pieces, as far as it is let. */
async function writeAll(call: Call, bytes: Buffer): Promise<void> {
  const sizes = lengths(9000);
  for (let at = 0; at < bytes.length; ) {
    const piece = bytes.subarray(at, at + sizes.next().value!);
    at += piece.length;
    if (!call.write(piece)) await once(call, 'drain');
  }
  call.end();
}

/** Reads all of it, and stops after each piece until the next turn. */
async function readAll(call: Call): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  call.on('data', (bytes) => {
    pieces.push(Uint8Array.from(bytes));
    call.pause();
    setImmediate(() => call.resume());
  });
  await once(call, 'end');
  return Buffer.concat(pieces);
}

/** A path to `port` that hands on a few bytes at a time. */
async function cutting(port: number): Promise<number> {
  const hand = (from: Socket, to: Socket) => {
    const sizes = lengths(3000);
    from.on('data', (bytes: Buffer) => {
      for (let at = 0; at < bytes.length; ) {
        const piece = bytes.subarray(at, at + sizes.next().value!);
        at += piece.length;
        if (!to.write(piece) && !from.isPaused()) {
          from.pause();
          to.once('drain', () => from.resume());
        }
      }
    });
    from.on('end', () => to.end());
  };
  const relay = await listen((near) => {
    const far = connect({ port, host: '127.0.0.1', noDelay: true });
    far.on('error', () => near.destroy());
    near.on('close', () => far.destroy());
    hand(near, far);
    hand(far, near);
  });
  onTestFinished(relay.close);
  return relay.port;
}

async function plain(accept: (socket: Socket) => void): Promise<() => Promise<Socket>> {
  const loopback = await listen(accept);
  onTestFinished(loopback.close);
  const port = await cutting(loopback.port);
  return () => dial(port);
}

async function overTls(accept: (socket: Socket) => void): Promise<() => Promise<TLSSocket>> {
  const authority = createAuthority('ours', validFor(1));
  const { certificate, key } = issueRouter(authority, { domain: 'metro', site: 'a', router: 'a' }, validFor(1));
  const server = createTlsServer({ cert: certificate, key, ALPNProtocols: ['h2'] }, accept);
  server.listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const port = await cutting((server.address() as AddressInfo).port);
  return async () => {
    const options = { ca: authority.certificate, ALPNProtocols: ['h2'], checkServerIdentity: () => undefined };
    const socket = connectTls({ port, host: '127.0.0.1', ...options });
    await once(socket, 'secureConnect');
    return socket;
  };
}

test.each([
  ['TCP', plain],
  ['TLS', overTls],
] as const)('megabytes both ways over %s arrive in order, read slowly in small pieces', async (_, path) => {
  const [there, back] = [pattern(BYTES), pattern(BYTES, 99)];
  const heard = Promise.withResolvers<Buffer>();
  const reach = await path((socket) => {
    socket.on('error', () => {});
    acceptCalls(socket, (call) => {
      if (call === undefined) return undefined;
      readAll(call).then(heard.resolve);
      writeAll(call, back);
      return undefined;
    });
  });
  const socket = await reach();
  onTestFinished(() => void socket.destroy());
  const reason = Promise.withResolvers<string>();
  const answer = Promise.withResolvers<Buffer>();
  openCall(socket, 'http://peer', {
    accepted(call) {
      readAll(call).then(answer.resolve);
      writeAll(call, there);
    },
    over: reason.resolve,
  });
  expect((await heard.promise).equals(there)).toBe(true);
  expect((await answer.promise).equals(back)).toBe(true);
  expect(await reason.promise).toBe('the peer ended the call');
  await until(() => socket.destroyed, 'the end of the connection');
});

test('a grpc-js server that we dial hears and says all of it, and how it ends', async () => {
  const asIs = (bytes: Buffer): Buffer => bytes;
  const server = new Server();
  onTestFinished(() => server.forceShutdown());
  const method = {
    path: PEER_PATH,
    requestStream: true,
    responseStream: true,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
  const heardThere: Buffer[] = [];
  server.addService(
    { Peer: method },
    {
      Peer(stream: ServerDuplexStream<Buffer, Buffer>) {
        // A listener accepts at once (session.proto, Transport).
        stream.sendMetadata(new Metadata());
        stream.on('data', (message: Buffer) => {
          heardThere.push(message);
          // Each is said back, as fast as we read.
          if (!stream.write(message)) {
            stream.pause();
            stream.once('drain', () => stream.resume());
          }
        });
        stream.on('end', () => stream.emit('error', { code: 10, details: 'enough, 够了' }));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  const sizes = lengths(20_000);
  const messages = Array.from({ length: 300 }, (_, i) => pattern(sizes.next().value!, i));
  const socket = await dial(await cutting(port));
  onTestFinished(() => void socket.destroy());
  const reason = Promise.withResolvers<string>();
  const heard: Buffer[] = [];
  openCall(socket, 'http://peer', {
    accepted(call) {
      const reader = new MessageReader(1 << 20);
      call.on('data', (piece) => {
        reader.take(piece, (bytes, from, to) => heard.push(Buffer.from(bytes.subarray(from, to))));
        call.pause();
        setImmediate(() => call.resume());
      });
      writeAll(call, Buffer.concat(messages.map(withPrefix)));
    },
    over: reason.resolve,
  });
  expect(await reason.promise).toBe('the peer ended the call: enough, 够了');
  expect(Buffer.concat(heardThere).equals(Buffer.concat(messages))).toBe(true);
  expect(heard.length).toBe(messages.length);
  expect(heard.every((message, i) => message.equals(messages[i]!))).toBe(true);
});

test('a grpc-js server without the method is said to be one', async () => {
  const server = new Server();
  onTestFinished(() => server.forceShutdown());
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  const socket = await dial(port);
  onTestFinished(() => void socket.destroy());
  const reason = await new Promise<string>((resolve, reject) => {
    openCall(socket, 'http://peer', { accepted: () => reject(new Error('accepted')), over: resolve });
  });
  expect(reason).toBe(`the other end is gRPC but does not offer ${PEER_PATH}`);
  await until(() => socket.destroyed, 'the end of the connection');
});
