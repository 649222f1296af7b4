// The one method of cfn.v1.Session as "gRPC over HTTP2" has it on the wire, and the HTTP/2 settings of both sides, each with
// its reason. A call is bytes of length-prefixed messages (lib/wire/length-prefixed.ts) in DATA frames (cut-through.ts).
//
// Deviates from the other services, which grpc-js serves: one frame costs grpc-js 11 us of CPU in and 22 us out whatever it
// holds, and node:http2 0.2 and 0.6. A peer cannot tell the difference; the tests talk to this with grpc-js.
import type { SecureClientSessionOptions } from 'node:http2';

export const PEER_PATH = '/cfn.v1.Session/Peer';

export const CONTENT_TYPE = 'application/grpc';

/** Of "Status codes and their use in gRPC". */
export const STATUS = { ok: 0, resourceExhausted: 8, unimplemented: 12 } as const;

/**
 * What a peer may send ahead of our reading, on its stream and on its connection: enough to keep a path of 20 ms at
 * 100 Mbit/s busy, and all that one who is not read costs.
 */
export const WINDOW_BYTES = 256 * 1024;

export const SESSION_OPTIONS = {
  settings: {
    // One call is one connection (session.proto, Transport).
    maxConcurrentStreams: 1,
    initialWindowSize: WINDOW_BYTES,
    enablePush: false,
  },
  // Requests of a session carry ten headers; a stranger's list is cut here.
  maxHeaderListPairs: 64,
} as const satisfies SecureClientSessionOptions;

/** RFC 9113 section 7. */
export const FLOW_CONTROL_ERROR = 3;
export const FLOW_TEXT = 'the peer breaks the flow control of HTTP/2';

/** RFC 9113 section 7, in order of the codes. */
const RESET_REASONS = [
  'no error',
  'protocol error',
  'internal error',
  'flow-control error',
  'settings timeout',
  'stream closed',
  'frame size error',
  'refused stream',
  'cancel',
  'compression error',
  'connect error',
  'enhance your calm',
  'inadequate security',
  'HTTP/1.1 required',
] as const;

/** Why a call is over that ended in neither direction, on a connection that is not lost. */
export function resetText(code: number): string {
  return `the peer reset the connection (${RESET_REASONS[code] ?? code})`;
}
