// Real gRPC over loopback: what the router core sees of good peers, strangers and slow readers.

import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect as connectTcp, createServer, type Socket, type Server as TcpServer } from 'node:net';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import type { KeepaliveMessage, UpdateMessage } from '../../lib/session/message.ts';
import { serviceUpdate } from '../../lib/session/update-rows.ts';
import { decodeFrame, encodeFrame } from '../../lib/wire/frame.ts';
import { PEER_PATH } from '../grpc/peer-method.ts';
import { makeNode, type Node, openOf, until } from './transport.fixture.ts';

const LOOPBACK = '127.0.0.1';
/** grpc-js is the peer that was not written here. */
const asIs = (bytes: Buffer): Buffer => bytes;
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** `b` listens and knows `a` by address; `a` dials `b`. */
async function makePair(options: Parameters<typeof makeNode>[0] = {}): Promise<{ a: Node; b: Node }> {
  const b = makeNode({ ...options, peers: [{ name: 'a', address: LOOPBACK, port: 1, passive: true }] });
  await b.transport.listen();
  const a = makeNode({ peers: [{ name: 'b', address: LOOPBACK, port: b.transport.port, passive: false }] });
  cleanups.push(async () => {
    await Promise.all([a.transport.closeAll(), b.transport.closeAll()]);
  });
  return { a, b };
}

async function makeSession(options: Parameters<typeof makeNode>[0] = {}) {
  const { a, b } = await makePair(options);
  a.transport.connect('b');
  const [atA, atB] = await Promise.all([a.take('connection-opened'), b.take('connection-opened')]);
  return { a, b, idA: atA.connection, idB: atB.connection, atA, atB };
}

/** A server that speaks raw TCP, to be dialled. */
async function rawServer(answer: Buffer): Promise<number> {
  const server: TcpServer = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve));
  cleanups.push(() => void server.close());
  const bound = server.address();
  return typeof bound === 'object' && bound ? bound.port : 0;
}

/** What a TCP client that sends `bytes` gets: resolves when the other end has closed. */
async function speakRaw(port: number, bytes: Buffer): Promise<void> {
  const socket = connectTcp(port, LOOPBACK);
  socket.on('error', () => {});
  await new Promise<void>((resolve) => {
    socket.on('connect', () => socket.write(bytes));
    socket.on('close', () => resolve());
    socket.resume();
  });
}

const bigUpdate = (): UpdateMessage => ({
  type: 'UPDATE',
  linkState: {
    nodes: Array.from({ length: 500 }, (_, i) => ({
      originator: `10.0.${i >> 8}.${i & 255 || 1}`,
      site: 'site-1',
      name: 'n'.repeat(60),
      sequence: i,
      locators: [],
      prefixes: [],
      links: [],
      maxSidDepth: 0,
    })),
  },
});

const withdrawal = (handle: number): UpdateMessage => ({ type: 'UPDATE', service: serviceUpdate([], [handle]) });

describe('session transport', () => {
  it('holds back who speaks while nobody is to be read, and takes what was said in order afterwards', async () => {
    const { a, b, idA, idB } = await makeSession();
    b.transport.setPaused(true);
    const texts = Array.from({ length: 200 }, (_, i) => `reset ${i}`);
    for (const text of texts)
      a.transport.send(idA, { type: 'NOTIFICATION', code: 6, subcode: 4, data: '', text: text.padEnd(2000) });
    // The way back is open, and an answer that has come proves that the first of it could have as well.
    b.transport.send(idB, { type: 'KEEPALIVE' });
    await a.take('message');
    b.transport.send(idB, { type: 'KEEPALIVE' });
    await a.take('message');
    expect(b.events.filter(({ type }) => type === 'message')).toEqual([]);
    b.transport.setPaused(false);
    const heard: string[] = [];
    while (heard.length < texts.length) {
      const { message } = await b.take('message');
      if (message.type === 'NOTIFICATION') heard.push(message.text.trim());
    }
    expect(heard).toEqual(texts);
  });

  it('hands over small UPDATEs of one read as one, and what stands between them in its place', async () => {
    const { a, b, idA, idB } = await makeSession();
    const sizes: number[] = [];
    const say = (message: UpdateMessage | KeepaliveMessage) => {
      sizes.push(encodeFrame(message).length);
      a.transport.send(idA, message);
    };
    // What is held back comes in pieces that hold all of it.
    b.transport.setPaused(true);
    for (let handle = 1; handle <= 100; handle++) say(withdrawal(handle));
    say({ type: 'KEEPALIVE' });
    for (let handle = 101; handle <= 150; handle++) say(withdrawal(handle));
    b.transport.send(idB, { type: 'KEEPALIVE' });
    await a.take('message');
    b.transport.setPaused(false);
    const heard: (number | string)[] = [];
    let [events, count, bytes] = [0, 0, 0];
    while (count < sizes.length) {
      const event = await b.take('message');
      events++;
      count += event.count ?? 1;
      bytes += event.bytes;
      if (event.message.type === 'UPDATE') heard.push(...event.message.service!.withdrawn);
      else heard.push(event.message.type);
    }
    const numbers = Array.from({ length: 150 }, (_, i) => i + 1);
    expect(heard).toEqual([...numbers.slice(0, 100), 'KEEPALIVE', ...numbers.slice(100)]);
    expect(bytes).toBe(sizes.reduce((sum, it) => sum + it, 0));
    expect(events).toBeLessThan(sizes.length);
  });

  it('exchanges OPEN to UPDATE between two routers, and pre-encoded bytes arrive as the same message', async () => {
    const { a, b, idA, idB, atA, atB } = await makeSession();
    expect([atA.direction, atB.direction]).toEqual(['outbound', 'inbound']);
    a.transport.send(idA, openOf('a', '10.0.0.1'));
    b.transport.send(idB, openOf('b', '10.0.0.2'));
    expect((await b.take('message')).message).toEqual(openOf('a', '10.0.0.1'));
    expect((await a.take('message')).message).toEqual(openOf('b', '10.0.0.2'));
    const update: UpdateMessage = { type: 'UPDATE', endOfRib: ['service'] };
    a.transport.send(idA, encodeFrame(update));
    expect((await b.take('message')).message).toEqual(update);
  });

  it('delivers a NOTIFICATION before the close, in both directions', async () => {
    for (const closer of ['a', 'b'] as const) {
      const { a, b, idA, idB } = await makeSession();
      const [from, to, id] = closer === 'a' ? [a, b, idA] : [b, a, idB];
      from.transport.send(id, { type: 'NOTIFICATION', code: 6, subcode: 2, data: '', text: 'maintenance' });
      from.transport.close(id);
      expect((await to.take('message')).message).toMatchObject({ code: 6, text: 'maintenance' });
      expect((await to.take('connection-closed')).reason).toBe('the peer ended the call');
      expect(from.events.filter((e) => e.type === 'connection-closed')).toEqual([]);
    }
  });

  it.each([
    ['closed', (wire: Socket) => wire.end(), 'the peer closed the connection'],
    ['reset', (wire: Socket) => wire.resetAndDestroy(), 'the connection broke (ECONNRESET)'],
  ] as const)('does not call a connection that is %s an ended call', async (_, cut, reason) => {
    const { b } = await makePair();
    const wires: Socket[] = [];
    const relay = createServer((near) => {
      const far = connectTcp(b.transport.port, LOOPBACK);
      near.pipe(far).pipe(near);
      for (const socket of [near, far]) wires.push(socket.on('error', () => {}));
    });
    await new Promise<void>((resolve) => relay.listen(0, LOOPBACK, resolve));
    cleanups.push(() => void relay.close());
    const { port } = relay.address() as AddressInfo;
    const c = makeNode({ peers: [{ name: 'b', address: LOOPBACK, port, passive: false }] });
    cleanups.push(() => c.transport.closeAll());
    c.transport.connect('b');
    await b.take('connection-opened');
    await c.take('connection-opened');
    for (const wire of wires) cut(wire.unpipe());
    for (const node of [b, c]) expect((await node.take('connection-closed')).reason).toBe(reason);
  });

  it('turns an unreadable frame into the NOTIFICATION to send and reads no further', async () => {
    const { a, b, idA } = await makeSession();
    a.transport.send(idA, Uint8Array.of(0xff));
    a.transport.send(idA, { type: 'KEEPALIVE' });
    expect((await b.take('bad-message')).notification).toMatchObject({ code: 1, subcode: 2 });
    a.transport.close(idA);
    await b.take('connection-closed');
    expect(b.events.filter((e) => e.type === 'message')).toEqual([]);
  });

  it('passes an OPEN of another version through: the FSM refuses it, not the transport', async () => {
    const { a, b, idA } = await makeSession();
    a.transport.send(idA, openOf('a', '10.0.0.1', 99));
    expect((await b.take('message')).message).toMatchObject({ type: 'OPEN', version: 99 });
  });

  it('says why a dial failed and dials again at once without any back-off of its own', async () => {
    const { a, b } = await makePair();
    const { port } = b.transport;
    await b.transport.closeAll();
    const startMs = performance.now();
    for (let i = 0; i < 5; i++) {
      a.transport.connect('b');
      expect((await a.take('connection-failed')).reason).toContain(`${LOOPBACK}:${port}: connect ECONNREFUSED`);
    }
    // A back-off of 1 s that grows by the usual 1.6 would add up to more.
    expect(performance.now() - startMs).toBeLessThan(8000);
  });

  it.each([
    ['HTTP/1', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['random bytes', '\x93\x01\xfe\x77garbage that goes on for a while'],
  ])('reports a failed dial when the other end speaks %s', async (_, answer) => {
    const port = await rawServer(Buffer.from(answer, 'latin1'));
    const a = makeNode({ peers: [{ name: 'b', address: LOOPBACK, port, passive: false }] });
    cleanups.push(() => a.transport.closeAll());
    a.transport.connect('b');
    expect((await a.take('connection-failed')).reason.length).toBeGreaterThan(10);
  });

  it('gives up a dial that nobody answers', async () => {
    const port = await rawServer(Buffer.alloc(0));
    const peers = [{ name: 'b', address: LOOPBACK, port, passive: false }];
    const a = makeNode({ peers, connectTimeoutMs: 100 });
    cleanups.push(() => a.transport.closeAll());
    a.transport.connect('b');
    expect((await a.take('connection-failed')).reason).toContain('no answer within 100 ms');
  });

  it.each([
    ['HTTP/1', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'HTTP/1'],
    ['TLS', Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc]), 'TLS'],
    ['BGP', Buffer.alloc(19, 0xff), 'BGP'],
    ['random bytes', Buffer.from([0x93, 1, 0xfe, 0x77]), 'neither'],
  ])('drops a client that speaks %s with one clear line and leaves others alone', async (_, bytes, said) => {
    const { a, b, idA } = await makeSession();
    await speakRaw(b.transport.port, bytes);
    await speakRaw(b.transport.port, bytes);
    expect(b.logs.map((line) => line.text).filter((text) => text.includes(said))).toHaveLength(1);
    expect(b.transport.counters().dropped).toBe(2);
    a.transport.send(idA, { type: 'KEEPALIVE' });
    expect((await b.take('message')).message.type).toBe('KEEPALIVE');
  });

  it('drops a client that breaks HTTP/2 after the preface and leaves others alone', async () => {
    const { a, b, idA } = await makeSession();
    await speakRaw(
      b.transport.port,
      Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.alloc(200, 0xaa)]),
    );
    a.transport.send(idA, { type: 'KEEPALIVE' });
    expect((await b.take('message')).message.type).toBe('KEEPALIVE');
  });

  it('answers another gRPC method with UNIMPLEMENTED and survives plain HTTP/2 requests', async () => {
    const { b } = await makePair();
    const client = new Client(`ipv4:${LOOPBACK}:${b.transport.port}`, credentials.createInsecure());
    const code = await new Promise((resolve) => {
      client.makeUnaryRequest('/other.Service/Call', asIs, asIs, Buffer.alloc(1), (error) => resolve(error?.code));
    });
    expect(code).toBe(12);
    client.close();
    const session = connectHttp2(`http://${LOOPBACK}:${b.transport.port}`);
    const answer = await new Promise((resolve) => {
      session
        .request({ ':path': '/' })
        .on('response', (headers) => resolve(headers[':status']))
        .end();
    });
    expect(answer).toBe(415);
    session.close();
  });

  it('tells a dialler from an unknown address why it is rejected, and logs it once', async () => {
    const b = makeNode({ peers: [{ name: 'a', address: '127.9.9.9', port: 1, passive: true }] });
    await b.transport.listen();
    cleanups.push(() => b.transport.closeAll());
    for (let i = 0; i < 2; i++) {
      const client = new Client(`ipv4:${LOOPBACK}:${b.transport.port}`, credentials.createInsecure(), {
        'grpc.use_local_subchannel_pool': 1,
      });
      const call = client.makeBidiStreamRequest(PEER_PATH, asIs, asIs, new Metadata(), {});
      call.on('error', () => {});
      const frame = await new Promise<Buffer>((resolve) => call.once('data', resolve));
      expect(decodeFrame(frame)).toMatchObject({ code: 6, subcode: 5, text: expect.stringContaining(LOOPBACK) });
      client.close();
    }
    expect(b.transport.counters().rejected).toBe(2);
    expect(b.logs.map((line) => line.text)).toEqual([expect.stringContaining('no configured peer')]);
    expect(b.events).toEqual([]);
  });

  it('names address and port when the port is in use, keeps trying, and listens once it is free', async () => {
    const port = await rawServer(Buffer.alloc(0));
    const blocker = cleanups.pop()!;
    const node = makeNode({ listen: { address: LOOPBACK, port }, listenRetryMs: 20 });
    cleanups.push(() => node.transport.closeAll());
    const listening = node.transport.listen();
    await until(() => node.logs.length > 0, 'a log line');
    expect(node.logs[0]!.text).toBe(`cannot listen for peers on ${LOOPBACK}:${port}: the port is in use`);
    await blocker();
    await listening;
    expect(node.transport.port).toBe(port);
    expect(node.logs).toHaveLength(1);
  });
});

describe('a peer that does not read', () => {
  async function slowReader(options: Parameters<typeof makeNode>[0]) {
    const { b } = await makePair(options);
    const client = new Client(`ipv4:${LOOPBACK}:${b.transport.port}`, credentials.createInsecure());
    const call = client.makeBidiStreamRequest(PEER_PATH, asIs, asIs, new Metadata(), {});
    call.on('error', () => {});
    cleanups.push(() => client.close());
    // Starts reading and stops when grpc-js' 16 messages are full: before the first read it would buffer without end.
    call.read(0);
    const { connection } = await b.take('connection-opened');
    return { b, call, connection };
  }

  it('blocks, holds a bounded number of bytes and then gives up', async () => {
    const { b, connection } = await slowReader({ queueBytes: 200_000 });
    const frame = encodeFrame(bigUpdate());
    let sent = 0;
    while (!b.events.some((e) => e.type === 'bad-message') && sent < 10_000) {
      b.transport.send(connection, frame);
      sent++;
      if (sent % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(b.transport.isBlocked(connection)).toBe(true);
    expect((await b.take('bad-message')).notification).toMatchObject({ code: 6, subcode: 8 });
  });

  it('is closed with NOTIFICATION 8 after the send hold time (RFC 9687)', async () => {
    const { b, connection } = await slowReader({ sendHoldMs: 150, queueBytes: 64 << 20 });
    const frame = encodeFrame(bigUpdate());
    // 14 MB: more than HTTP/2 windows and socket buffers take.
    for (let i = 0; i < 400; i++) b.transport.send(connection, frame);
    expect((await b.take('bad-message')).notification).toMatchObject({ code: 8, subcode: 0 });
  });

  it('is told to go on when it reads again, and everything queued arrives in order', async () => {
    const { b, call, connection } = await slowReader({});
    const count = 60;
    for (let i = 0; i < count; i++) {
      const update = bigUpdate();
      b.transport.send(connection, {
        ...update,
        linkState: { nodes: [{ ...update.linkState!.nodes[0]!, sequence: i }, ...update.linkState!.nodes] },
      });
    }
    expect(b.transport.isBlocked(connection)).toBe(true);
    const sequences: number[] = [];
    call.on('data', (bytes: Buffer) => {
      const message = decodeFrame(bytes);
      if (message.type === 'UPDATE') sequences.push(message.linkState!.nodes[0]!.sequence);
    });
    await b.take('connection-drained');
    await until(() => sequences.length === count, 'all updates');
    expect(sequences).toEqual(Array.from({ length: count }, (_, i) => i));
    expect(b.transport.isBlocked(connection)).toBe(false);
  });
});
