// The listening side of calls: HTTP/2 on a socket that somebody else has accepted, and which of its requests are calls of
// Session/Peer. Decides nothing about who may call.
import type { OutgoingHttpHeaders } from 'node:http';
import { performServerHandshake } from 'node:http2';
import type { Socket } from 'node:net';
import type { Call } from './call.ts';
import { CutThrough } from './cut-through.ts';
import {
  CONTENT_TYPE,
  FLOW_CONTROL_ERROR,
  FLOW_TEXT,
  PEER_PATH,
  SESSION_OPTIONS,
  STATUS,
  WINDOW_BYTES,
} from './peer-method.ts';

/** What is said to HTTP/2 requests that are no gRPC ("gRPC over HTTP2", Requests). */
const UNSUPPORTED_MEDIA_TYPE = 415;

/** How a call is ended that nobody wants, and what is said in it first. */
export interface CallFailure {
  readonly status: number;
  readonly text: string;
  readonly said: Uint8Array;
}

/**
 * Serves HTTP/2 on a connection, whose first bytes may have been read and given back. `onCall` gets the call of Peer, its
 * response headers sent, or undefined for one more while there is one, and may return why it fails; the end of our side ends
 * the call with status 0.
 */
export function acceptCalls(socket: Socket, onCall: (call: Call | undefined) => CallFailure | undefined): void {
  const cutThrough = new CutThrough(socket, 'server', () => session.destroy(new Error(FLOW_TEXT), FLOW_CONTROL_ERROR));
  // Any duplex stream will do, which its type does not say.
  const session = performServerHandshake(cutThrough.slowPath as Socket, SESSION_OPTIONS);
  session.setLocalWindowSize(WINDOW_BYTES);
  // Whatever breaks HTTP/2 breaks this connection and no other; its streams are told by their own events.
  session.on('error', () => socket.destroy());
  session.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    // Reset in the same breath.
    if (stream.destroyed || stream.closed) return;
    if (!String(headers['content-type']).startsWith(CONTENT_TYPE)) {
      stream.respond({ ':status': UNSUPPORTED_MEDIA_TYPE }, { endStream: true });
    } else if (headers[':method'] !== 'POST' || headers[':path'] !== PEER_PATH) {
      const end = trailers({ status: STATUS.unimplemented, text: `no such method: ${headers[':path']}` });
      stream.respond({ ...ACCEPTED, ...end }, { endStream: true });
    } else {
      // The dialler waits for these: they say that the call is accepted (session.proto, Transport).
      stream.respond(ACCEPTED, { waitForTrailers: true });
      const call = cutThrough.adopt(stream);
      const failure = onCall(call);
      stream.on('wantTrailers', () => stream.sendTrailers(trailers(failure ?? { status: STATUS.ok, text: '' })));
      if (failure !== undefined) stream.end(failure.said);
      call?.resume();
    }
  });
}

const ACCEPTED = { ':status': 200, 'content-type': CONTENT_TYPE };

function trailers({ status, text }: Pick<CallFailure, 'status' | 'text'>): OutgoingHttpHeaders {
  return { 'grpc-status': status, ...(text !== '' && { 'grpc-message': encodeURIComponent(text) }) };
}
