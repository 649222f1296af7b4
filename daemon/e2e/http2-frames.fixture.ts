// The few HTTP/2 frames (RFC 9113) and HPACK literals (RFC 7541 6.2.2) that a client needs who does not heed limits.

const HEADERS = 1;
export const RST_STREAM = 3;
const SETTINGS = 4;
const END_HEADERS = 4;
const HEAD_BYTES = 9;

const CALL = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/cfn.v1.Session/Peer'],
  [':authority', 'cfnd'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
] as const;

export const EMPTY_SETTINGS = frame(SETTINGS, 0, 0, Buffer.alloc(0));

/** HEADERS of a call of Session/Peer on this stream. */
export function callFrame(stream: number): Buffer {
  const literal = (text: string): Buffer => Buffer.concat([Buffer.of(text.length), Buffer.from(text, 'latin1')]);
  const block = CALL.map(([name, value]) => Buffer.concat([Buffer.of(0), literal(name), literal(value)]));
  return frame(HEADERS, END_HEADERS, stream, Buffer.concat(block));
}

/** Types of the complete frames received, in order. */
export function framesOf(received: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at + HEAD_BYTES <= received.length; at += HEAD_BYTES + received.readUIntBE(at, 3))
    types.push(received[at + 3]!);
  return types;
}

function frame(type: number, flags: number, stream: number, body: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}
