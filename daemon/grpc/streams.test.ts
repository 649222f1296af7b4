// Which stream of a connection is the call, against peers made by hand: several, refused ones, and those that we dial.
import { describe, expect, test } from 'vitest';
import { until } from '../session/transport.fixture.ts';
import { accepted, accepting, dialling, pattern } from './calls.fixture.ts';
import {
  data,
  END_STREAM,
  ping,
  request,
  reset,
  response,
  settings,
  settingsAck,
  TYPE,
  trailers,
  windowUpdate,
} from './http2-peer.fixture.ts';

const PROTOCOL_ERROR = 1;
const REFUSED_STREAM = 7;
const CANCEL = 8;
const PAYLOAD = 16_384;

describe('the streams of a connection', () => {
  test('one that is no call costs the call behind it nothing', async () => {
    const { peer, calls, ears } = await accepting();
    peer.send(request(1, '/other.Service/Call'));
    await peer.seen(TYPE.headers, 1);
    await until(() => peer.room(1) > 150_000, 'the windows');
    await peer.speak(1, pattern(150_000), PAYLOAD);
    peer.send(data(1, Buffer.alloc(0), END_STREAM), request(3));
    await peer.seen(TYPE.headers, 3);
    const said = pattern(600_000);
    await peer.speak(3, said, 10_000);
    await until(() => ears[0]?.length === said.length, 'all of it');
    expect(ears[0]!.bytes).toEqual(said);
    expect(calls).toHaveLength(1);
    const given = peer.of(TYPE.windowUpdate, 3).reduce((sum, { payload }) => sum + payload.readUInt32BE(), 0);
    expect(given).toBeLessThanOrEqual(said.length);
    calls[0]!.write(Buffer.from('heard'));
    await until(() => peer.heard(3).toString() === 'heard', 'the answer');
  });

  test('a second call is refused while one lives, which goes on', async () => {
    // Who has not heard of the limit yet is refused the stream only.
    const { peer, call, calls, ear } = await accepted([settings()]);
    peer.send(request(3), data(3, Buffer.from('other')), data(1, Buffer.from('one')));
    expect((await peer.seen(TYPE.reset, 3)).payload.readUInt32BE()).toBe(REFUSED_STREAM);
    await until(() => ear.length > 0, 'the first');
    expect(ear.bytes.toString()).toBe('one');
    call.write(Buffer.from('yes'));
    await until(() => peer.heard(1).toString() === 'yes', 'the answer');
    expect(calls).toHaveLength(1);
  });

  test('a second call of one who knows that it must not takes the first along', async () => {
    const { peer, ear } = await accepted();
    peer.send(request(3));
    expect(await peer.goodbye()).toBe(PROTOCOL_ERROR);
    await until(() => ear.said.includes('close'), 'the close');
  });

  test('a second call is told why it fails when the first is over', async () => {
    const { peer, call, calls } = await accepted();
    call.end();
    peer.send(data(1, Buffer.alloc(0), END_STREAM));
    await peer.seen(TYPE.headers, 1, 2);
    peer.send(request(3));
    await peer.seen(TYPE.headers, 3, 2);
    expect(peer.heard(3).toString()).toBe('no');
    expect(calls).toEqual([call, undefined]);
  });

  test('a call that is reset in the segment that made it is none', async () => {
    const { peer, calls } = await accepting([settings(), request(1), reset(1, CANCEL), request(3)]);
    await peer.seen(TYPE.headers, 3);
    expect(calls).toHaveLength(1);
    calls[0]!.write(Buffer.from('the other'));
    await until(() => peer.heard(3).toString() === 'the other', 'the other');
  });

  test('what one was widened by is not the next one’s', async () => {
    const { peer, calls } = await accepting();
    peer.send(windowUpdate(0, 200_000), request(1, '/other.Service/Call'), windowUpdate(1, 100_000));
    await peer.seen(TYPE.headers, 1);
    peer.send(data(1, Buffer.alloc(0), END_STREAM), request(3));
    await peer.seen(TYPE.headers, 3);
    calls[0]!.write(pattern(100_000));
    await until(() => peer.length(3) >= 65_535, 'its first window');
    peer.send(ping());
    await peer.seen(TYPE.ping, 0);
    expect(peer.length(3)).toBe(65_535);
  });

  test('what waits for a window is dropped with its call', async () => {
    const { peer, call, ear } = await accepted([settings(0), settingsAck()]);
    expect(call.write(pattern(100_000))).toBe(false);
    peer.send(reset(1, CANCEL));
    await until(() => ear.said.includes('close'), 'the close');
    expect(call.waitingBytes).toBe(0);
  });

  test('nothing of a call follows its reset', async () => {
    const { peer, call, ear } = await accepted();
    peer.send(reset(1, CANCEL));
    await until(() => ear.said.includes('close'), 'the close');
    peer.send(data(1, Buffer.from('ghost')), ping());
    expect(call.write(pattern(1_000_000))).toBe(true);
    await peer.seen(TYPE.ping, 0);
    expect(ear.length).toBe(0);
    expect(peer.of(TYPE.data, 1)).toEqual([]);
    expect(call.waitingBytes).toBe(0);
  });
});

describe('a dialled call', () => {
  test('is read to its end before it is said to be over, all of it in one segment', async () => {
    const { peer, ears, reasons } = await dialling();
    peer.send(response(1), data(1, Buffer.from('last words')), trailers(1), reset(1, 0));
    await until(() => ears[0]?.said.includes('close') ?? false, 'the close');
    expect(ears[0]!.said).toEqual(['data', 'over', 'end', 'close']);
    expect(ears[0]!.bytes.toString()).toBe('last words');
    expect(reasons).toEqual(['the peer ended the call']);
  });

  test('is not over while the last of it is held', async () => {
    const { peer, calls, ears, reasons } = await dialling();
    peer.send(response(1));
    await until(() => calls.length === 1, 'the call');
    calls[0]!.pause();
    peer.send(data(1, Buffer.from('last words')), trailers(1, '8'), ping());
    await peer.seen(TYPE.ping, 0);
    expect(reasons).toEqual([]);
    calls[0]!.resume();
    await until(() => reasons.length === 1, 'the end');
    expect(ears[0]!.bytes.toString()).toBe('last words');
    expect(reasons).toEqual(['the peer ended the call: gRPC status 8']);
  });

  test('ends where the peer has left it no window', async () => {
    const { peer, calls } = await dialling([settings(0), settingsAck(), response(1)]);
    await until(() => calls.length === 1, 'the call');
    calls[0]!.end();
    expect((await peer.seen(TYPE.data, 1)).flags).toBe(END_STREAM);
  });

  test('leaves no socket behind when it is cut and the peer does not read', async () => {
    const { peer, socket, calls, cut } = await dialling();
    peer.send(windowUpdate(0, 2 ** 30), windowUpdate(1, 2 ** 30), response(1));
    await until(() => calls.length === 1, 'the call');
    peer.socket.pause();
    calls[0]!.write(pattern(30_000_000));
    await until(() => socket.writableNeedDrain, 'a full socket');
    cut();
    await until(() => socket.destroyed, 'the end of the socket');
  });
});
