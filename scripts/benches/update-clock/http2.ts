// The client's side of one gRPC call as bytes, all made before the clock runs: RFC 9113 frames, RFC 7541 literals without
// a table. As much of HTTP/2 as a peer that never waits for the other end's window needs.
import { CONTENT_TYPE, PEER_PATH } from '../../../daemon/grpc/peer-method.ts';
import { FLAG, FRAME, frameOf, MAX_PAYLOAD_BYTES, windowUpdate } from '../../../lib/wire/http2-frame.ts';

const INITIAL_WINDOW_SIZE = 4;
/** More than a table of a hundred thousand routes. */
const ROOM_BYTES = 2 ** 28;
/** Of the static table: RFC 7541 appendix A. */
const INDEX = { authority: 1, methodPost: 3, path: 4, schemeHttp: 6, contentType: 31 } as const;
const FIRST_STREAM = 1;
/** Largest length or index that one octet of prefix holds in a literal: RFC 7541 5.1. */
const SHORT = 0x0f;

/** Connection preface and a call of Session/Peer. */
export function openCall(): Buffer {
  const settings = Buffer.alloc(6);
  settings.writeUInt16BE(INITIAL_WINDOW_SIZE, 0);
  settings.writeUInt32BE(ROOM_BYTES, 2);
  const headers = Buffer.concat([
    Buffer.from([0x80 | INDEX.methodPost, 0x80 | INDEX.schemeHttp]),
    literal(INDEX.authority, 'bench'),
    literal(INDEX.path, PEER_PATH),
    literal(INDEX.contentType, CONTENT_TYPE),
    Buffer.from([0]),
    text('te'),
    text('trailers'),
  ]);
  return Buffer.concat([
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    frameOf(FRAME.settings, 0, 0, settings),
    windowUpdate(0, ROOM_BYTES),
    frameOf(FRAME.headers, FLAG.endHeaders, FIRST_STREAM, headers),
  ]);
}

export function acknowledgeSettings(): Buffer {
  return Buffer.from(frameOf(FRAME.settings, FLAG.ack, 0));
}

/** A piece of the call's stream. */
export function inCall(bytes: Buffer): Buffer {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += MAX_PAYLOAD_BYTES)
    frames.push(frameOf(FRAME.data, 0, FIRST_STREAM, bytes.subarray(at, at + MAX_PAYLOAD_BYTES)));
  return Buffer.concat(frames);
}

/** Literal header field without indexing (RFC 7541 6.2.2), its name from the static table. */
function literal(index: number, value: string): Buffer {
  const name = index < SHORT ? [index] : [SHORT, index - SHORT];
  return Buffer.concat([Buffer.from(name), text(value)]);
}

/** Not Huffman-coded, shorter than 127 octets. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
}
