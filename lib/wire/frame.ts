// The session codec: one message to one frame of session.proto and back. Pure; holds no state of a session.
// Faults inside entries are confined to them (RFC 7606); whatever breaks the frame is a SessionError with its NOTIFICATION.
import { NOTIFICATION, type SessionMessage } from '../session/message.ts';
import {
  readNotification,
  readOpen,
  readRouteRefresh,
  writeNotification,
  writeOpen,
  writeRouteRefresh,
} from './control.ts';
import { Cursor, LEN, tagOf, WireFault } from './cursor.ts';
import { MAX_FRAME_BYTES } from './limits.ts';
import { readDigest, readSubscription, writeDigest, writeSubscription } from './open-parts.ts';
import { HEADER_SUBCODE, SessionError, UPDATE_SUBCODE } from './session-error.ts';
import { readUpdate, writeUpdate } from './update.ts';
import { FrameWriter } from './writer.ts';

const BODY = {
  OPEN: tagOf(1, LEN),
  KEEPALIVE: tagOf(2, LEN),
  UPDATE: tagOf(3, LEN),
  NOTIFICATION: tagOf(4, LEN),
  'ROUTE-REFRESH': tagOf(5, LEN),
  SUBSCRIBE: tagOf(6, LEN),
  DIGEST: tagOf(7, LEN),
} as const;

/**
 * Encodes one message; encode once and send the bytes to every peer that is to have them. The caller keeps UPDATEs within
 * the limits of lib/wire/limits.ts (an invariant otherwise) and below `MAX_FRAME_BYTES`. `room` bytes in front are left free.
 */
export function encodeFrame(message: SessionMessage, room = 0): Uint8Array {
  const size = sizeHint(message);
  const writer = new FrameWriter(size, room).uint32(BODY[message.type]).fork(size);
  if (message.type === 'OPEN') writeOpen(writer, message);
  else if (message.type === 'UPDATE') writeUpdate(writer, message);
  else if (message.type === 'NOTIFICATION') writeNotification(writer, message);
  else if (message.type === 'ROUTE-REFRESH') writeRouteRefresh(writer, message);
  else if (message.type === 'SUBSCRIBE') writeSubscription(writer, message.subscription);
  else if (message.type === 'DIGEST') writeDigest(writer, message);
  return writer.ldelim().finish();
}

/** A little more than most UPDATEs need, so that the buffer seldom grows. */
function sizeHint(message: SessionMessage): number {
  if (message.type !== 'UPDATE') return 0;
  return 256 + 48 * ((message.service?.handle.length ?? 0) + (message.compute?.handle.length ?? 0));
}

/** Decodes one frame; throws nothing but `SessionError`, whose `notification` is what the peer is told before the close. */
export function decodeFrame(bytes: Uint8Array): SessionMessage {
  if (bytes.length > MAX_FRAME_BYTES) throw broken(`${bytes.length} bytes, at most ${MAX_FRAME_BYTES}`);
  const { body, tag } = findBody(new Cursor(bytes));
  try {
    if (tag === BODY.UPDATE) return readUpdate(body);
    if (tag === BODY.OPEN) return readOpen(body);
    if (tag === BODY.NOTIFICATION) return readNotification(body);
    if (tag === BODY['ROUTE-REFRESH']) return readRouteRefresh(body);
    if (tag === BODY.SUBSCRIBE) return { type: 'SUBSCRIBE', subscription: readSubscription(body) };
    if (tag === BODY.DIGEST) return readDigest(body);
    while (body.more()) body.skip(body.tag());
    return { type: 'KEEPALIVE' };
  } catch (error) {
    if (!(error instanceof WireFault)) throw error;
    if (tag === BODY.UPDATE) {
      throw new SessionError(NOTIFICATION.update, UPDATE_SUBCODE.malformed, 'update', error.message, body.pos);
    }
    if (tag === BODY.OPEN) throw new SessionError(NOTIFICATION.open, 0, 'open', error.message, body.pos);
    throw broken(error.message, body.pos);
  }
}

/** The one body of a frame; looks at the whole frame first, so that a truncated tail is not half processed. */
function findBody(cursor: Cursor): { body: Cursor; tag: number } {
  let found: { body: Cursor; tag: number } | undefined;
  try {
    while (cursor.more()) {
      const tag = cursor.tag();
      if (tag < BODY.OPEN || tag > BODY.DIGEST || (tag & 7) !== LEN) {
        cursor.skip(tag);
        continue;
      }
      if (found) throw cursor.fault('two bodies in one frame');
      found = { body: cursor.nested(), tag };
    }
  } catch (error) {
    if (!(error instanceof WireFault)) throw error;
    throw broken(error.message, cursor.pos);
  }
  if (found) return found;
  throw new SessionError(NOTIFICATION.messageHeader, HEADER_SUBCODE.badType, 'frame', 'no known message in the frame');
}

function broken(text: string, offset = -1): SessionError {
  return new SessionError(NOTIFICATION.messageHeader, HEADER_SUBCODE.badLength, 'frame', text, offset);
}
