// Two write to one socket: what the call says stands between the frames of node:http2, never in them.
import { EventEmitter } from 'node:events';
import type { Http2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import type { Call } from './call.ts';
import { CutThrough } from './cut-through.ts';
import { data, frame, PREFACE, ping, request, response, TYPE, windowUpdate } from './http2-peer.fixture.ts';
import { WINDOW_BYTES } from './peer-method.ts';

const CONTINUATION = 9;
const END_HEADERS = 4;
const PAYLOAD = 16_384;

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A dialled call on a socket that only notes what is written; its peer has said as much as makes us give room back. */
async function begin(): Promise<{ cutThrough: CutThrough; call: Call; written: () => Buffer }> {
  let out: Buffer[] = [];
  const socket = new Duplex({
    read: () => {},
    write(bytes: Buffer, _, done) {
      out.push(bytes);
      done();
    },
  });
  const cutThrough = new CutThrough(socket as Socket, 'client', () => {});
  cutThrough.slowPath.on('data', () => {});
  cutThrough.slowPath.write(Buffer.concat([PREFACE, request(1)]));
  const stream = Object.assign(new EventEmitter(), { id: 1, rstCode: 0, resume: () => {}, end: () => {} });
  const call = cutThrough.adopt(stream as unknown as Http2Stream)!;
  const half = Array.from({ length: WINDOW_BYTES / 2 / PAYLOAD }, () => data(1, Buffer.alloc(PAYLOAD)));
  socket.push(Buffer.concat([response(1), ...half]));
  await turn();
  out = [];
  const written = () => Buffer.concat(out.splice(0));
  return { cutThrough, call, written };
}

const given = Buffer.concat([windowUpdate(0, WINDOW_BYTES / 2), windowUpdate(1, WINDOW_BYTES / 2)]);

test('a frame that comes in two pieces stays one', async () => {
  const { cutThrough, call, written } = await begin();
  const frames = ping();
  cutThrough.slowPath.write(frames.subarray(0, 4));
  call.write(Buffer.from('x'));
  call.resume();
  await turn();
  expect(written()).toEqual(frames.subarray(0, 4));
  cutThrough.slowPath.write(frames.subarray(4));
  await turn();
  expect(written()).toEqual(Buffer.concat([frames.subarray(4), given, data(1, Buffer.from('x'))]));
});

test('a list of headers in several frames stays together', async () => {
  const { cutThrough, call, written } = await begin();
  const first = frame(TYPE.headers, 0, 1, Buffer.from('a'));
  cutThrough.slowPath.write(first);
  call.write(Buffer.from('x'));
  call.resume();
  await turn();
  expect(written()).toEqual(first);
  const last = frame(CONTINUATION, END_HEADERS, 1, Buffer.from('b'));
  cutThrough.slowPath.write(last);
  await turn();
  expect(written()).toEqual(Buffer.concat([last, given, data(1, Buffer.from('x'))]));
});

test('between frames both leave at once, the first of a turn alone and the others together', async () => {
  const { call, written } = await begin();
  call.resume();
  call.write(Buffer.from('first'));
  call.write(Buffer.from('second'));
  call.write(Buffer.from('third'));
  expect(written()).toEqual(Buffer.concat([given, data(1, Buffer.from('first'))]));
  await turn();
  expect(written()).toEqual(data(1, Buffer.from('secondthird')));
});

test('nothing follows the end or the reset of our side', async () => {
  for (const last of [data(1, Buffer.alloc(0), 1), frame(TYPE.reset, 0, 1, Buffer.alloc(4))]) {
    const { cutThrough, call, written } = await begin();
    cutThrough.slowPath.write(last);
    call.write(Buffer.from('x'));
    await turn();
    expect(written()).toEqual(last);
  }
});
