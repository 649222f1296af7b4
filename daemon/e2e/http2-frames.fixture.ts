// The few HTTP/2 frames (RFC 9113) and HPACK literals (RFC 7541 6.2.2) that a client needs who does not heed limits.
import { FLAG, FRAME, frameOf, HEAD_BYTES } from '../../lib/wire/http2-frame.ts';

export const RST_STREAM = FRAME.reset;

const CALL = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/cfn.v1.Session/Peer'],
  [':authority', 'cfnd'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
] as const;

export const EMPTY_SETTINGS = frameOf(FRAME.settings, 0, 0);

/** HEADERS of a call of Session/Peer on this stream. */
export function callFrame(stream: number): Uint8Array {
  const literal = (text: string): Buffer => Buffer.concat([Buffer.of(text.length), Buffer.from(text, 'latin1')]);
  const block = CALL.map(([name, value]) => Buffer.concat([Buffer.of(0), literal(name), literal(value)]));
  return frameOf(FRAME.headers, FLAG.endHeaders, stream, Buffer.concat(block));
}

/** Types of the complete frames received, in order. */
export function framesOf(received: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at + HEAD_BYTES <= received.length; at += HEAD_BYTES + received.readUIntBE(at, 3))
    types.push(received[at + 3]!);
  return types;
}
