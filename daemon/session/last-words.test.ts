// What a peer said before it ended the call is taken before its end, also when nobody was to be read just then: a farewell
// that is lost makes routes stale that should be gone.
import { once } from 'node:events';
import { type ClientHttp2Session, connect, createServer, type Http2Session, type ServerHttp2Stream } from 'node:http2';
import { afterEach, expect, test } from 'vitest';
import { encodeFrame } from '../../lib/wire/frame.ts';
import { withPrefix } from '../../lib/wire/length-prefixed.ts';
import { CONTENT_TYPE, PEER_PATH } from '../grpc/peer-method.ts';
import { makeNode, type Node } from './transport.fixture.ts';

const LOOPBACK = '127.0.0.1';
const FAREWELL = { type: 'NOTIFICATION', code: 6, subcode: 2, data: '', text: 'good-bye' } as const;
const said = withPrefix(encodeFrame(FAREWELL));
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Once the other end has taken all that was sent before. */
async function answered(session: Http2Session): Promise<void> {
  // A PING may overtake what was submitted in the same turn, so it takes two.
  for (let i = 0; i < 2; i++)
    await new Promise<void>((resolve, reject) => session.ping((error) => (error ? reject(error) : resolve())));
}

async function expectFarewell(node: Node): Promise<void> {
  expect(node.events).toEqual([]);
  node.transport.setPaused(false);
  await node.take('connection-closed');
  expect(node.events).toMatchObject([{ type: 'message', message: FAREWELL }]);
}

test('a dialler that says farewell and ends the call is heard', async () => {
  const node = makeNode({ peers: [{ name: 'peer', address: LOOPBACK, port: 1, passive: true }] });
  cleanups.push(() => node.transport.closeAll());
  await node.transport.listen();
  const session: ClientHttp2Session = connect(`http://${LOOPBACK}:${node.transport.port}`);
  cleanups.push(() => session.destroy());
  const stream = session.request({
    ':method': 'POST',
    ':path': PEER_PATH,
    'content-type': CONTENT_TYPE,
    te: 'trailers',
  });
  await Promise.all([node.take('connection-opened'), once(stream, 'response')]);
  node.transport.setPaused(true);
  stream.end(said);
  await answered(session);
  await expectFarewell(node);
});

test('a listener that says farewell and ends the call is heard', async () => {
  const server = createServer();
  const called = once(server, 'stream') as Promise<[ServerHttp2Stream]>;
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve));
  cleanups.push(() => void server.close());
  const bound = server.address();
  const port = typeof bound === 'object' && bound ? bound.port : 0;
  const node = makeNode({ peers: [{ name: 'peer', address: LOOPBACK, port, passive: false }] });
  cleanups.push(() => node.transport.closeAll());
  node.transport.connect('peer');
  const [stream] = await called;
  cleanups.push(() => stream.session?.destroy());
  stream.respond({ ':status': 200, 'content-type': CONTENT_TYPE }, { waitForTrailers: true });
  await node.take('connection-opened');
  node.transport.setPaused(true);
  const ended = once(stream, 'wantTrailers').then(() => stream.sendTrailers({ 'grpc-status': 0 }));
  stream.end(said);
  await ended;
  await answered(stream.session!);
  await expectFarewell(node);
});
