// One attempt is one attempt: what a dial leaves behind on the network.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { dial } from './dialler.ts';
import { until } from './transport.fixture.ts';

/** Below the range that outgoing connections take their ports from. */
const PORT = 21_790;
test('a refused attempt says so', async () => {
  const reason = await new Promise<string>((resolve) => {
    dial('127.0.0.1', PORT, 2000, undefined, { opened: () => resolve('opened'), failed: resolve, ended: resolve });
  });
  expect(reason).toContain('ECONNREFUSED');
});

test('one dial is one TCP connection, which does not outlive the attempt', async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket.on('error', () => {}).resume()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const reason = await new Promise<string>((resolve) => {
    dial('127.0.0.1', port, 50, undefined, { opened: () => resolve('opened'), failed: resolve, ended: resolve });
  });
  expect(reason).toBe('no answer within 50 ms');
  // A busy process may give up before it has looked whom it accepts.
  await until(() => sockets.length > 0, 'the connection');
  await Promise.all(sockets.map((socket) => socket.closed || once(socket, 'close')));
  expect(sockets).toHaveLength(1);
  server.close();
});

test('a dial that is given up answers once, and only that', async () => {
  const answers: string[] = [];
  const hooks = {
    opened: () => answers.push('opened'),
    failed: (reason: string) => answers.push(reason),
    ended: () => {},
  };
  const giveUp = dial('127.0.0.1', PORT, 2000, undefined, hooks);
  giveUp();
  giveUp();
  await new Promise((resolve) => setImmediate(resolve));
  expect(answers).toEqual(['given up']);
});
