import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { acceptCalls } from '../../../daemon/grpc/accept-call.ts';
import { acknowledgeSettings, inCall, openCall } from './http2.ts';

test('a call that was made as bytes is taken by the daemon, and so is what is said in it, longer than a frame', async () => {
  const said = Buffer.alloc(40_000, 'x');
  const heard = Promise.withResolvers<string>();
  const server = createServer((socket) =>
    acceptCalls(socket, (call) => {
      let text = '';
      call?.on('data', (bytes) => {
        text += Buffer.from(bytes);
        if (text.length >= said.length) heard.resolve(text);
      });
      return undefined;
    }),
  );
  server.listen(0, '::1');
  await once(server, 'listening');
  const socket = connect((server.address() as { port: number }).port, '::1');
  socket.on('close', () => heard.reject(new Error('the daemon ended the connection')));
  try {
    socket.write(Buffer.concat([openCall(), acknowledgeSettings(), inCall(said)]));
    expect(await heard.promise).toBe(said.toString());
  } finally {
    socket.destroy();
    server.close();
  }
});
