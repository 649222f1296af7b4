// The dialling side of a call: HTTP/2 on a socket that is connected, and one call of Session/Peer in it. Knows no
// addresses and no time.
import { connect, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2';
import type { Socket } from 'node:net';
import type { Call } from './call.ts';
import { CutThrough } from './cut-through.ts';
import {
  CONTENT_TYPE,
  FLOW_CONTROL_ERROR,
  FLOW_TEXT,
  PEER_PATH,
  resetText,
  SESSION_OPTIONS,
  STATUS,
  WINDOW_BYTES,
} from './peer-method.ts';

export interface CallHooks {
  /** The other end has accepted the call. */
  accepted(call: Call): void;
  /** Once, accepted before or not. */
  over(reason: string): void;
}

/** Calls Peer; `origin` is only a header. Returns a way to cut the connection. */
export function openCall(socket: Socket, origin: string, hooks: CallHooks): () => void {
  let reason: string | undefined;
  const over = (why: string) => {
    if (reason !== undefined) return;
    reason = why;
    hooks.over(why);
  };
  const cutThrough = new CutThrough(socket, 'client', () => session.destroy(new Error(FLOW_TEXT), FLOW_CONTROL_ERROR));
  const session = connect(origin, { ...SESSION_OPTIONS, createConnection: () => cutThrough.slowPath });
  session.on('connect', () => {
    if (!session.destroyed) session.setLocalWindowSize(WINDOW_BYTES);
  });
  session.on('error', (error) => over(cutThrough.loss.why ?? error.message));
  const stream = session.request(
    { ':method': 'POST', ':path': PEER_PATH, 'content-type': CONTENT_TYPE, te: 'trailers' },
    { endStream: false },
  );
  const cut = () => {
    session.destroy();
    // A peer that does not read does not let go of it either.
    cutThrough.goesSoon();
  };
  const closed = () => {
    over(cutThrough.loss.why ?? (stream.rstCode === 0 ? 'the connection is closed' : resetText(stream.rstCode)));
    cut();
  };
  // `close` follows, with the code.
  stream.on('error', () => {});
  stream.on('close', () => {
    if (call === undefined) closed();
  });
  let call: Call | undefined;
  let ending: string | undefined;
  stream.on('response', (headers) => {
    const refusal = refusalOf(headers);
    call = refusal === undefined ? cutThrough.adopt(stream) : undefined;
    if (call === undefined) {
      over(refusal ?? 'the call is not the first of its connection');
      return cut();
    }
    // What was said before the end is read before it.
    call.on('end', () => ending !== undefined && over(ending));
    call.on('close', closed);
    hooks.accepted(call);
    call.resume();
  });
  stream.on('trailers', (trailers) => {
    ending = endOf(trailers);
  });
  return cut;
}

/** Why response headers are none of an accepted call. */
function refusalOf(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): string | undefined {
  const { ':status': status, 'content-type': type } = headers;
  if (status !== 200) return `the other end answers HTTP ${status}`;
  if (!String(type).startsWith(CONTENT_TYPE)) return 'the other end is HTTP/2 but not gRPC';
  const code = headers['grpc-status'];
  if (code === undefined) return undefined;
  if (Number(code) === STATUS.unimplemented) return `the other end is gRPC but does not offer ${PEER_PATH}`;
  return endOf(headers);
}

function endOf(trailers: IncomingHttpHeaders): string {
  const { 'grpc-status': code, 'grpc-message': message } = trailers;
  if (Number(code) === STATUS.ok) return 'the peer ended the call';
  return `the peer ended the call: ${message === undefined ? `gRPC status ${code}` : decoded(String(message))}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
