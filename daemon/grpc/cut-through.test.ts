// What goes past node:http2 over loopback, against peers made by hand: DATA and its flow control in both directions.
import { describe, expect, test } from 'vitest';
import { until } from '../session/transport.fixture.ts';
import { accepted, accepting, dialling, pattern } from './calls.fixture.ts';
import {
  ACK,
  data,
  END_STREAM,
  frame,
  padded,
  ping,
  request,
  response,
  settings,
  settingsAck,
  TYPE,
  windowUpdate,
} from './http2-peer.fixture.ts';
import { FLOW_CONTROL_ERROR, FLOW_TEXT, WINDOW_BYTES } from './peer-method.ts';

const PROTOCOL_ERROR = 1;
const LARGEST_WINDOW = 2 ** 31 - 1;
const PAYLOAD = 16_384;

describe('what a peer sends', () => {
  test('is the same with padding and without, and padding is given back as well', async () => {
    const { peer, ear } = await accepted();
    const said = pattern(6000);
    // Four windows of it.
    await peer.speak(1, said, 1, 173);
    peer.send(padded(1, Buffer.alloc(0), 255), padded(1, Buffer.from('!'), 0));
    await until(() => ear.length === said.length + 1, 'all of it');
    expect(ear.bytes).toEqual(Buffer.concat([said, Buffer.from('!')]));
  });

  test('is given back to the last octet of padding length', async () => {
    const { peer, ear } = await accepted();
    const count = 20_000;
    const frames = Buffer.concat(Array.from({ length: count }, () => padded(1, Buffer.of(7), 0)));
    const given = () => peer.of(TYPE.windowUpdate, 1).reduce((sum, { payload }) => sum + payload.readUInt32BE(), 0);
    // More frames than a window has octets.
    for (let round = 0; round < 15; round++) {
      await until(() => WINDOW_BYTES + given() - 2 * count * round >= 2 * count, 'room');
      peer.send(frames);
    }
    await until(() => ear.length === 15 * count, 'all of it');
  });

  test('is read when it comes with HEADERS in one segment, and its end is told after it', async () => {
    const { peer, ears } = await accepting([settings(), request(1), data(1, Buffer.from('all'), END_STREAM)]);
    await until(() => ears[0]?.said.includes('end') ?? false, 'the end');
    expect(ears[0]!.bytes.toString()).toBe('all');
    expect(ears[0]!.said).toEqual(['data', 'end']);
    expect(peer.isClosed).toBe(false);
  });

  test.each([
    ['DATA', [data(1, Buffer.from('last'), END_STREAM)]],
    ['padded DATA', [padded(1, Buffer.from('last'), 3, END_STREAM)]],
    ['DATA, then an empty one', [data(1, Buffer.from('last')), data(1, Buffer.alloc(0), END_STREAM)]],
  ])('ends with %s; who has paused hears the end after what is held', async (_, frames) => {
    const { peer, call, ear } = await accepted();
    call.pause();
    peer.send(...frames, ping());
    await peer.seen(TYPE.ping, 0);
    call.end();
    // Both sides have ended, so nothing else would keep it.
    await until(() => peer.of(TYPE.headers, 1).length === 2, 'trailers');
    expect(ear.said).toEqual([]);
    call.resume();
    await until(() => ear.said.includes('close'), 'the close');
    expect(ear.said).toEqual(['data', 'end', 'close']);
    expect(ear.bytes.toString()).toBe('last');
  });

  test('waits while it is not to be read, and a PING does not', async () => {
    const { peer, call, ear } = await accepted();
    call.pause();
    const said = pattern(200_000);
    await peer.speak(1, said, PAYLOAD);
    peer.send(ping());
    expect((await peer.seen(TYPE.ping, 0)).flags).toBe(ACK);
    expect(ear.length).toBe(0);
    expect(peer.of(TYPE.windowUpdate, 1)).toEqual([]);
    call.resume();
    expect(ear.bytes).toEqual(said);
    await peer.seen(TYPE.windowUpdate, 1);
  });

  test('beyond what it was let is a FLOW_CONTROL_ERROR, and its connection goes', async () => {
    const { peer, call, ear } = await accepted();
    call.pause();
    peer.send(...Array.from({ length: WINDOW_BYTES / PAYLOAD }, () => data(1, Buffer.alloc(PAYLOAD))), ping());
    await peer.seen(TYPE.ping, 0);
    expect(peer.of(TYPE.goaway)).toEqual([]);
    peer.send(data(1, Buffer.of(1)));
    expect(await peer.goodbye()).toBe(FLOW_CONTROL_ERROR);
    await until(() => ear.said.includes('close'), 'the close');
    expect(call.fault).toBe(FLOW_TEXT);
  });

  test('beyond it on a stream that is no call as well', async () => {
    const { peer, calls } = await accepting([settings(), request(1, '/other.Service/Call')]);
    await peer.seen(TYPE.headers, 1);
    peer.send(...Array.from({ length: 17 }, () => padded(1, Buffer.alloc(PAYLOAD - 256), 255)));
    expect(await peer.goodbye()).toBe(FLOW_CONTROL_ERROR);
    expect(calls).toEqual([]);
  });

  test('is not read on and on while it reads no answers, and all of it is when it does', async () => {
    const { peer, call, socket } = await accepted();
    peer.send(windowUpdate(0, 2 ** 30), windowUpdate(1, 2 ** 30), ping());
    await peer.seen(TYPE.ping, 0);
    peer.socket.pause();
    const said = pattern(30_000_000);
    call.write(said);
    await until(() => socket.writableNeedDrain, 'a full socket');
    peer.send(ping());
    // Of a type that nobody knows: nothing is answered to it.
    const noise = Buffer.concat(Array.from({ length: 64 }, () => frame(0xbe, 0, 0, Buffer.alloc(PAYLOAD))));
    for (let i = 0; i < 16; i++) peer.send(noise);
    peer.send(ping());
    await until(() => socket.isPaused(), 'the end of reading');
    expect(peer.of(TYPE.ping)).toHaveLength(1);
    peer.socket.resume();
    await peer.seen(TYPE.ping, 0, 3);
    await until(() => peer.length(1) === said.length, 'all of it');
    expect(peer.heard(1).equals(said)).toBe(true);
  });

  test('against the rules takes its connection along although it reads nothing', async () => {
    const { peer, call, socket } = await accepted();
    peer.send(windowUpdate(0, 2 ** 30), windowUpdate(1, 2 ** 30), ping());
    await peer.seen(TYPE.ping, 0);
    peer.socket.pause();
    call.write(pattern(30_000_000));
    await until(() => socket.writableNeedDrain, 'a full socket');
    peer.send(ping(), windowUpdate(1, LARGEST_WINDOW));
    await until(() => socket.destroyed, 'the end of the connection');
  });

  test('in ever so many small frames is held in few pieces', async () => {
    const { peer, call, ear } = await accepted();
    call.pause();
    const said = pattern(30_000);
    for (let at = 0; at < said.length; at += 1000)
      peer.send(...Array.from(said.subarray(at, at + 1000), (byte) => data(1, Buffer.of(byte))));
    peer.send(ping());
    await peer.seen(TYPE.ping, 0);
    call.resume();
    expect(ear.bytes).toEqual(said);
    expect(ear.pieces.length).toBeLessThan(20);
  });

  test.each<[string, Buffer[]]>([
    ['DATA on stream 0', [data(0, Buffer.from('x'))]],
    ['DATA on a stream that is not open', [data(5, Buffer.from('x'))]],
    ['padding longer than its frame', [frame(TYPE.data, 8, 1, Buffer.of(9, 1))]],
    ['padding without a length', [frame(TYPE.data, 8, 1)]],
    ['a SETTINGS of a stream', [frame(TYPE.settings, 0, 1, Buffer.alloc(6))]],
    ['a WINDOW_UPDATE of nothing', [windowUpdate(0, 0)]],
  ])('is judged by nghttp2 when it is %s', async (_, frames) => {
    const { peer, ear } = await accepted();
    peer.send(...frames);
    expect(await peer.goodbye()).toBe(PROTOCOL_ERROR);
    await until(() => ear.said.includes('close'), 'the close');
    expect(ear.said.filter((it) => it === 'close')).toHaveLength(1);
    expect(ear.length).toBe(0);
  });

  test.each<[string, Buffer[]]>([
    ['a frame longer than any may be', [frame(TYPE.data, 0, 1, Buffer.alloc(PAYLOAD + 1))]],
    ['a WINDOW_UPDATE of five octets', [frame(TYPE.windowUpdate, 0, 0, Buffer.alloc(5))]],
    ['SETTINGS of five octets', [frame(TYPE.settings, 0, 0, Buffer.alloc(5))]],
    ['DATA amid a list of headers', [frame(TYPE.headers, 0, 3), data(1, Buffer.from('x'))]],
    ['DATA after the end', [data(1, Buffer.alloc(0), END_STREAM), data(1, Buffer.from('x'))]],
  ])('ends the connection when it is %s', async (_, frames) => {
    const { peer, ear } = await accepted();
    peer.send(...frames);
    expect(await peer.goodbye()).not.toBe(0);
    await until(() => ear.said.includes('close'), 'the close');
    expect(ear.length).toBe(0);
  });

  test('before its HEADERS have answered is nothing of the call', async () => {
    const { peer, ears, reasons } = await dialling();
    peer.send(data(1, Buffer.from('early')), response(1), data(1, Buffer.from('late')));
    await until(() => reasons.length === 1, 'the end of it');
    expect(ears.map((ear) => ear.bytes.toString())).not.toContain('earlylate');
    await peer.closed();
  });
});

describe('what is sent to a peer', () => {
  test('waits for its window, be it opened byte by byte, and the end of it needs none', async () => {
    const { peer, call } = await accepted([settings(0), settingsAck()]);
    expect(call.write(Buffer.from('abc'))).toBe(true);
    call.end();
    for (const [i, letter] of ['a', 'b', 'c'].entries()) {
      peer.send(ping());
      await peer.seen(TYPE.ping, 0, i + 1);
      expect(peer.of(TYPE.data, 1)).toHaveLength(i);
      peer.send(windowUpdate(1, 1));
      expect((await peer.seen(TYPE.data, 1, i + 1)).payload.toString()).toBe(letter);
    }
    await peer.seen(TYPE.headers, 1, 2);
  });

  test('goes on when SETTINGS widen its window, and waits while they have made it negative', async () => {
    const { peer, call } = await accepted([settings(10), settingsAck()]);
    call.write(pattern(30));
    await peer.seen(TYPE.data, 1);
    peer.send(settings(4), windowUpdate(1, 6), ping());
    await peer.seen(TYPE.ping, 0);
    expect(peer.heard(1)).toEqual(pattern(30).subarray(0, 10));
    peer.send(settings(9));
    await until(() => peer.heard(1).length >= 15, 'five more');
    peer.send(ping());
    await peer.seen(TYPE.ping, 0, 2);
    expect(peer.heard(1)).toEqual(pattern(30).subarray(0, 15));
    peer.send(settings(100));
    await until(() => peer.heard(1).length === 30, 'all of it');
  });

  test('the writer is told to stop, and once to go on', async () => {
    const { peer, call, ear } = await accepted([settings(0), settingsAck()]);
    const said = pattern(100_000);
    expect(call.write(said.subarray(0, 50_000))).toBe(true);
    expect(call.write(said.subarray(50_000))).toBe(false);
    peer.send(windowUpdate(1, 99_999), windowUpdate(0, 99_999));
    await until(() => peer.heard(1).length === 99_999, 'what it may');
    expect(ear.drains).toBe(0);
    peer.send(windowUpdate(1, 1));
    await until(() => peer.heard(1).length === 100_000, 'the last');
    expect(peer.heard(1)).toEqual(said);
    await until(() => ear.drains === 1, 'the drain');
    peer.send(windowUpdate(1, 1), ping());
    await peer.seen(TYPE.ping, 0);
    expect(ear.drains).toBe(1);
    expect(call.write(Buffer.from('x'))).toBe(true);
  });

  test.each<[string, Buffer[]]>([
    ['the connection', [windowUpdate(0, LARGEST_WINDOW)]],
    ['the stream', [windowUpdate(1, LARGEST_WINDOW)]],
    ['the stream by SETTINGS', [windowUpdate(1, LARGEST_WINDOW - 65_535), settings(65_536)]],
    ['all streams', [settings(2 ** 31)]],
  ])('a window of %s beyond the largest is a FLOW_CONTROL_ERROR', async (_, frames) => {
    const { peer, ear } = await accepted();
    peer.send(...frames);
    expect(await peer.goodbye()).toBe(FLOW_CONTROL_ERROR);
    await until(() => ear.said.includes('close'), 'the close');
  });

  test('the largest window is none', async () => {
    const { peer, call } = await accepted([settings(LARGEST_WINDOW), settingsAck()]);
    peer.send(windowUpdate(0, LARGEST_WINDOW - 65_535), ping());
    await peer.seen(TYPE.ping, 0);
    call.write(pattern(200_000));
    await until(() => peer.heard(1).length === 200_000, 'all of it');
    call.end();
    await peer.seen(TYPE.headers, 1, 2);
    expect(peer.of(TYPE.goaway)).toEqual([]);
  });
});
