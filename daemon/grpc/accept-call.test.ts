// Which stream of a connection becomes its call, when a peer begins more of them than it may.
import { connect, createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { callFrame, EMPTY_SETTINGS } from '../e2e/http2-frames.fixture.ts';
import { until } from '../session/transport.fixture.ts';
import { acceptCalls } from './accept-call.ts';
import type { Call } from './call.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

test('of streams that begin in one read the first is the call', async () => {
  const calls: (Call | undefined)[] = [];
  const server: Server = createServer((socket) => {
    cleanups.push(() => socket.destroy());
    acceptCalls(socket, (call) => {
      calls.push(call);
      return undefined;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => void server.close());
  const bound = server.address();
  const socket = connect(typeof bound === 'object' && bound ? bound.port : 0, '127.0.0.1');
  cleanups.push(() => socket.destroy());
  socket.write(Buffer.concat([PREFACE, EMPTY_SETTINGS, callFrame(1), callFrame(3)]));
  await until(() => calls.length > 0, 'a stream is looked at');
  expect(calls[0]).toBeDefined();
});
