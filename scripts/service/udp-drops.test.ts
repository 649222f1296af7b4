import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test, vi } from 'vitest';
import { dropsIn, udpDrops } from './udp-drops.ts';

const TABLE = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  100: 00000000:0007 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1234 2 0000000000000000 21
  101: 0100007F:0007 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1235 2 0000000000000000 2
  102: 00000000:1007 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1236 2 0000000000000000 5
`;

test('drops of all sockets on the port are added, those of other ports are not', () => {
  expect(dropsIn(TABLE, 7)).toBe(23);
  expect(dropsIn(TABLE, 0x1007)).toBe(5);
  expect(dropsIn(TABLE, 8)).toBe(0);
  expect(dropsIn('', 7)).toBe(0);
});

test.skipIf(process.platform !== 'linux')('the kernel counts what a socket that nobody reads must drop', async () => {
  const socket = createSocket('udp6');
  socket.bind(0, '::1');
  await once(socket, 'listening');
  const { port } = socket.address();
  expect(udpDrops(port)).toBe(0);
  const sender = createSocket('udp6');
  // Sent in one turn: the receiver's callback cannot run in between.
  sender.connect(port, '::1');
  await once(sender, 'connect');
  for (let i = 0; i < 5_000; i++) sender.send(new Uint8Array(1_000));
  await vi.waitFor(() => expect(udpDrops(port)).toBeGreaterThan(0), { timeout: 30_000, interval: 5 });
  sender.close();
  socket.close();
});
