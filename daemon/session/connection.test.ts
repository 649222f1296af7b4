import { expect, test } from 'vitest';
import { CodedError } from '../../lib/errors.ts';
import type { SessionMessage } from '../../lib/session/message.ts';
import { encodeFrame } from '../../lib/wire/frame.ts';
import { withPrefix } from '../../lib/wire/length-prefixed.ts';
import { type ConnectionHooks, SessionConnection } from './connection.ts';

const KEEPALIVE = withPrefix(encodeFrame({ type: 'KEEPALIVE' }));
const COMPRESSED = Uint8Array.of(1, 0, 0, 0, 0);

/** A connection whose stream is a function: what it is called with is read. */
function connect(message: ConnectionHooks['message']) {
  let read: (bytes: Buffer) => void = () => {};
  const stream = {
    write: () => true,
    end: () => {},
    pause: () => {},
    resume: () => {},
    on: (event: 'data' | 'drain' | 'end', listener: (bytes: Buffer) => void) => {
      if (event === 'data') read = listener;
    },
  };
  const told: string[] = [];
  const hooks: ConnectionHooks = {
    message,
    isHeld: () => false,
    together: (act) => act(),
    bad: ({ code, subcode }) => told.push(`${code}/${subcode}`),
    drained: () => {},
    gone: () => {},
  };
  new SessionConnection(stream, () => {}, hooks, { queueBytes: 1 << 20, sendHoldMs: 1000 });
  return { told, read: (...pieces: Uint8Array[]) => read(Buffer.concat(pieces)) };
}

test('messages before a prefix that nobody may send are taken, and what is behind it is not', () => {
  const heard: SessionMessage[] = [];
  const { told, read } = connect((message) => heard.push(message));
  read(KEEPALIVE, COMPRESSED, KEEPALIVE);
  read(KEEPALIVE);
  expect(heard).toHaveLength(1);
  expect(told).toEqual(['1/2']);
});

test('what fails while a message is handed over is our own fault, and the peer is not told that it is his', () => {
  const { told, read } = connect(() => {
    throw new CodedError('ours', 'a bug');
  });
  expect(() => read(KEEPALIVE)).toThrow('a bug');
  expect(told).toEqual([]);
});
