// What connects to a session port and should not have: run as a program in a namespace, `node FILE KIND ADDRESS SOURCE`.
// Says in one JSON line what came back, and ends when the connection does.
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { PROTOCOL_VERSION, type SessionMessage } from '../../lib/session/message.ts';
import { decodeFrame, encodeFrame } from '../../lib/wire/frame.ts';
import { MAX_FRAME_BYTES } from '../../lib/wire/limits.ts';

const SESSION = '/cfn.v1.Session/Peer';
const PORT = 1790;

const [kind, host, localAddress] = process.argv.slice(2) as [Kind, string, string];
export type Kind = 'random' | 'http1' | 'tls' | 'method' | 'stranger' | 'version' | 'oversized' | 'noise';

const open: SessionMessage = {
  type: 'OPEN',
  version: PROTOCOL_VERSION + 98,
  domain: 'cfn',
  site: 'site-strange',
  routerId: '10.9.9.9',
  name: 'strange',
  bootId: 'strange',
  holdTimeMs: 3000,
  families: ['service'],
  roles: [],
  capabilities: [],
};
const noise = Buffer.from(Array.from({ length: 200 }, (_, i) => (i * 167 + 83) % 251));

switch (kind) {
  case 'random':
    raw(noise);
    break;
  case 'http1':
    raw(Buffer.from(`GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`));
    break;
  case 'tls':
    connectTls({ socket: connect({ host, port: PORT, localAddress }) })
      .on('error', () => {})
      .on('close', () => say({ closed: true }));
    break;
  case 'method':
    call('/cfn.v1.Session/Nothing', []);
    break;
  case 'stranger':
  case 'version':
    call(SESSION, [frame(encodeFrame(open))]);
    break;
  case 'oversized':
    call(SESSION, [frame(Buffer.alloc(MAX_FRAME_BYTES + 1))]);
    break;
  case 'noise':
    call(SESSION, [frame(noise)]);
    break;
  default:
    throw new Error(`no such kind: ${String(kind satisfies never)}`);
}

function raw(bytes: Buffer): void {
  connect({ host, port: PORT, localAddress }, function (this: import('node:net').Socket) {
    this.write(bytes);
  })
    .on('error', () => {})
    .on('close', () => say({ closed: true }))
    .resume();
}

/** gRPC's length-prefixed message. */
function frame(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function call(path: string, frames: readonly Buffer[]): void {
  const client = connectHttp2(`http://[${host}]:${PORT}`, {
    createConnection: () => connect({ host, port: PORT, localAddress }),
  });
  client.on('error', () => {});
  client.on('close', () => say({ status, heard }));
  const heard: unknown[] = [];
  let status = '';
  let received = Buffer.alloc(0);
  const stream = client.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('response', (headers) => {
    status = String(headers['grpc-status'] ?? status);
  });
  stream.on('trailers', (headers) => {
    status = String(headers['grpc-status'] ?? status);
  });
  stream.on('data', (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
    for (;;) {
      const length = received.length >= 5 ? received.readUInt32BE(1) : Number.POSITIVE_INFINITY;
      if (received.length < 5 + length) break;
      heard.push(decodeFrame(received.subarray(5, 5 + length)));
      received = received.subarray(5 + length);
    }
  });
  stream.on('error', () => {});
  stream.on('close', () => client.close());
  for (const bytes of frames) stream.write(bytes);
}

function say(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
