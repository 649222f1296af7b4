// What waits in a call as DATA frames (RFC 9113 section 6.1), none longer than any peer takes.
import { FRAME, HEAD_BYTES, MAX_PAYLOAD_BYTES, putHead } from '../../lib/wire/http2-frame.ts';
import type { Call } from './call.ts';

/** Takes the next `bytes` from `call`, which has them. */
export function dataFrames(call: Call, stream: number, bytes: number): Buffer {
  const out = Buffer.allocUnsafe(bytes + HEAD_BYTES * Math.ceil(bytes / MAX_PAYLOAD_BYTES));
  for (let at = 0, left = bytes; left > 0; ) {
    const length = Math.min(left, MAX_PAYLOAD_BYTES);
    putHead(out, at, length, FRAME.data, 0, stream);
    at += HEAD_BYTES;
    call.move(out, at, length);
    at += length;
    left -= length;
  }
  return out;
}
