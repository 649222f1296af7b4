// The peer of a call goes away after each byte of a conversation, in each way that TCP has: the call ends once, its socket
// goes, and nothing is thrown that nobody catches.
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../session/transport.fixture.ts';
import { acceptCalls } from './accept-call.ts';
import type { Call } from './call.ts';
import { Ear, pattern } from './calls.fixture.ts';
import {
  data,
  dial,
  END_STREAM,
  listen,
  PREFACE,
  padded,
  ping,
  request,
  reset,
  response,
  settings,
  settingsAck,
  trailers,
  windowUpdate,
} from './http2-peer.fixture.ts';
import { openCall } from './open-call.ts';

const LOST: ((socket: Socket) => unknown)[] = [
  (socket) => socket.destroySoon(),
  (socket) => socket.resetAndDestroy(),
  (socket) => socket.end(),
];
/** Of hundreds of connections so many at least have had a call. */
const SOME = 50;
/** Connections at a time. */
const AT_ONCE = 40;

let uncaught: unknown[] = [];
const note = (error: unknown): void => void uncaught.push(error);
beforeEach(() => {
  uncaught = [];
  process.on('uncaughtExceptionMonitor', note);
});
afterEach(() => {
  process.off('uncaughtExceptionMonitor', note);
});

/** What a peer says in a call, with one end of it or another. */
const talk = (...end: readonly Buffer[]): Buffer =>
  Buffer.concat([
    windowUpdate(1, 100_000),
    data(1, Buffer.from('one')),
    padded(1, Buffer.from('two'), 5),
    ping(),
    settings(70_000),
    ...end,
  ]);

/** In two turns, so that the other end has taken some of it before the rest comes. */
function speak(socket: Socket, part: Buffer, lose: (socket: Socket) => unknown): void {
  const half = part.length >> 1;
  socket.write(part.subarray(0, half), () => setImmediate(() => socket.write(part.subarray(half), () => lose(socket))));
}

/** It says much, answers what is heard, and ends when the peer does. */
function answer(call: Call): Ear {
  const ear = new Ear(call);
  call.write(pattern(100_000));
  call.on('data', () => call.write(Buffer.from('yes')));
  call.on('end', () => call.end());
  return ear;
}

function expectEnded(ears: readonly Ear[]): void {
  for (const { said } of ears) {
    expect(said.filter((it) => it === 'close')).toHaveLength(1);
    expect(said.filter((it) => it === 'end').length).toBeLessThanOrEqual(1);
    expect(said.at(-1)).toBe('close');
    if (said.includes('end')) expect(said.indexOf('end')).toBe(said.length - 2);
  }
}

async function forEachByte(script: Buffer, run: (part: Buffer, lose: (socket: Socket) => unknown) => Promise<void>) {
  const runs: (() => Promise<void>)[] = [];
  for (const lose of LOST)
    for (let bytes = 0; bytes <= script.length; bytes++) runs.push(() => run(script.subarray(0, bytes), lose));
  while (runs.length > 0) await Promise.all(runs.splice(0, AT_ONCE).map((it) => it()));
}

describe.each<[string, Buffer]>([
  ['ends the call', talk(data(1, Buffer.from('end'), END_STREAM))],
  ['resets the call', talk(reset(1, 8))],
  ['breaks flow control', talk(windowUpdate(1, 2 ** 31 - 1), data(1, Buffer.from('more')))],
  ['breaks HTTP/2', talk(Buffer.alloc(20, 0xff))],
])('a peer that %s, or would have', (_, said) => {
  test('is gone after so many bytes of its call to us', async () => {
    const ears: Ear[] = [];
    const sockets: Socket[] = [];
    const loopback = await listen((socket) => {
      sockets.push(socket);
      acceptCalls(socket, (call) => {
        if (call !== undefined) ears.push(answer(call));
        return undefined;
      });
    });
    const script = Buffer.concat([PREFACE, settings(), settingsAck(), request(1), said]);
    await forEachByte(script, async (part, lose) => {
      const socket = await dial(loopback.port);
      socket.on('error', () => {});
      socket.resume();
      speak(socket, part, lose);
      await until(() => socket.destroyed, 'the end of the peer');
    });
    await until(() => sockets.every((socket) => socket.destroyed), 'the end of all sockets');
    await until(() => ears.every((ear) => ear.said.includes('close')), 'the end of all calls');
    expect(ears.length).toBeGreaterThan(SOME);
    expectEnded(ears);
    expect(uncaught).toEqual([]);
    loopback.close();
  });

  test('is gone after so many bytes of its answer to our call', async () => {
    const ears: Ear[] = [];
    const waiting: Socket[] = [];
    const loopback = await listen((socket) => {
      socket.resume();
      waiting.push(socket);
    });
    const script = Buffer.concat([settings(), settingsAck(), response(1), said, trailers(1)]);
    await forEachByte(script, async (part, lose) => {
      const socket = await dial(loopback.port);
      socket.on('error', () => {});
      const reasons: string[] = [];
      openCall(socket, 'http://peer', {
        accepted: (call) => void ears.push(answer(call)),
        over: (reason) => reasons.push(reason),
      });
      const { localPort } = socket;
      const isOther = (it: Socket) => it.remotePort === localPort;
      await until(() => waiting.some(isOther), 'the other end');
      const [other] = waiting.splice(waiting.findIndex(isOther), 1);
      speak(other!, part, lose);
      await until(() => socket.destroyed && reasons.length > 0, 'the end of it');
      expect(reasons).toHaveLength(1);
    });
    await until(() => ears.every((ear) => ear.said.includes('close')), 'the end of all calls');
    expect(ears.length).toBeGreaterThan(SOME);
    expectEnded(ears);
    expect(uncaught).toEqual([]);
    loopback.close();
  });
});
