// cfn.v1.Session as grpc-js wants it, made by hand: frames stay bytes here, because lib/wire decodes them and the sender
// encodes each message once. Also the channel and server options, each with its reason.
import type { ChannelOptions, ServerDuplexStream, ServiceDefinition } from '@grpc/grpc-js';
import { MAX_FRAME_BYTES } from '../../lib/wire/limits.ts';

export const PEER_PATH = '/cfn.v1.Session/Peer';

/** Identity: grpc-js copies the bytes into its own frame. */
export const asIs = (bytes: Buffer): Buffer => bytes;

export const sessionService = {
  Peer: {
    path: PEER_PATH,
    requestStream: true,
    responseStream: true,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
} as const satisfies ServiceDefinition;

export type InboundCall = ServerDuplexStream<Buffer, Buffer>;

/** Common to both sides. The session has its own hold timer: grpc's keepalive stays off (its default). */
const SHARED: ChannelOptions = {
  // The default differs by direction; said explicitly it is the limit of session.proto.
  'grpc.max_receive_message_length': MAX_FRAME_BYTES,
  'grpc.max_send_message_length': MAX_FRAME_BYTES,
  'grpc.enable_channelz': 0,
};

export const SERVER_OPTIONS: ChannelOptions = {
  ...SHARED,
  // One call is one connection (session.proto, Transport); headers are bounded by Node's http2 (64 KiB, 128 pairs).
  'grpc.max_concurrent_streams': 1,
};

/** One dial is one attempt: the FSM alone decides when to try again, so nothing may be pooled or retried below it. */
export const CHANNEL_OPTIONS: ChannelOptions = {
  ...SHARED,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  // A proxy from the environment would carry routing sessions to somewhere nobody meant.
  'grpc.enable_http_proxy': 0,
};
