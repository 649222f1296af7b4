// One attempt is one attempt: what a dial leaves behind on the network.
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { dial } from './dialler.ts';

/** Below the range that outgoing connections take their ports from. */
const PORT = 21_790;
/** grpc-js, left to itself, comes back 0.8 to 1.2 s after a refused attempt. */
const COMES_BACK_MS = 1600;

test('a refused attempt leaves nothing that connects later', async () => {
  const reason = await new Promise<string>((resolve) => {
    dial('127.0.0.1', PORT, 2000, undefined, { opened: () => resolve('opened'), failed: resolve, ended: resolve });
  });
  expect(reason).toContain('ECONNREFUSED');
  let connections = 0;
  const late = createServer((socket) => {
    connections++;
    socket.destroy();
  }).listen(PORT, '127.0.0.1');
  await new Promise((resolve) => setTimeout(resolve, COMES_BACK_MS));
  late.close();
  expect(connections).toBe(0);
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
