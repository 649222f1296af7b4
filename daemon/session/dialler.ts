// One dial: a fresh channel, one attempt, one deadline. Nothing is kept between attempts, so that grpc's own back-off
// never argues with the FSM's.
import { connect } from 'node:net';
import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { CertificateNames } from '../../lib/security/identity.ts';
import { asIs, CHANNEL_OPTIONS, PEER_PATH } from '../grpc/session-service.ts';
import type { Credentials } from '../security/credentials.ts';
import { certificateNames } from './handshake.ts';
import { endpoint } from './listener.ts';

export interface DialHooks {
  /** The peer has accepted the call. */
  opened(stream: ClientDuplexStream<Buffer, Buffer>, cut: () => void, names: CertificateNames | undefined): void;
  /** Not accepted; nothing else follows. */
  failed(reason: string): void;
  /** After `opened`: the call is over. */
  ended(reason: string): void;
}

/**
 * Dials once; answers by exactly one of `opened` and `failed`. Returns a way to give up. Asks by a bare TCP connection
 * first whether anybody listens: after a refused attempt grpc-js tries again a second later, even on a closed channel,
 * and would leave the peer with a connection that never brings a call.
 */
export function dial(
  address: string,
  port: number,
  timeoutMs: number,
  tls: Credentials | undefined,
  hooks: DialHooks,
): () => void {
  const startedMs = performance.now();
  const silence = `no answer within ${timeoutMs} ms`;
  let giveUp = () => {};
  const socket = connect({ host: address, port });
  const settle = (failure: string | undefined) => {
    clearTimeout(deadline);
    giveUp = () => {};
    socket.removeAllListeners().on('error', () => {});
    socket.destroy();
    if (failure !== undefined) return hooks.failed(failure);
    // A machine that is late with its timers may have used up the time already.
    const leftMs = Math.max(0, timeoutMs - (performance.now() - startedMs));
    giveUp = call({ address, port, tls }, leftMs, silence, hooks);
  };
  const deadline = setTimeout(() => settle(silence), timeoutMs);
  socket.once('error', (error) => settle(error.message));
  socket.once('connect', () => settle(undefined));
  giveUp = () => settle('given up');
  return () => giveUp();
}

interface Target {
  readonly address: string;
  readonly port: number;
  readonly tls: Credentials | undefined;
}

/** SNI must be a name (RFC 6066 section 3) and peers are dialled by address; nobody reads this one. */
const SERVER_NAME = 'cfnd';

function call({ address, port, tls }: Target, timeoutMs: number, silence: string, hooks: DialHooks): () => void {
  let names: CertificateNames | undefined;
  const scheme = address.includes(':') ? 'ipv6' : 'ipv4';
  const channelCredentials =
    tls === undefined
      ? credentials.createInsecure()
      : credentials.createFromSecureContext(tls.context, {
          // That an authority of ours signed it is checked before; whose it must be is known when its OPEN comes.
          checkServerIdentity: (_host, { raw }) => {
            names = certificateNames(raw);
            return undefined;
          },
        });
  const client = new Client(`${scheme}:${endpoint(address, port)}`, channelCredentials, {
    ...CHANNEL_OPTIONS,
    ...(tls && { 'grpc.ssl_target_name_override': SERVER_NAME }),
  });
  const stream = client.makeBidiStreamRequest(PEER_PATH, asIs, asIs, new Metadata(), {});
  let phase: 'dialling' | 'open' | 'over' = 'dialling';
  const over = (reason: string) => {
    clearTimeout(deadline);
    const before = phase;
    phase = 'over';
    client.close();
    if (before === 'dialling') hooks.failed(reason);
    else if (before === 'open') hooks.ended(reason);
  };
  const deadline = setTimeout(() => {
    over(silence);
    stream.cancel();
  }, timeoutMs);
  stream.once('metadata', () => {
    if (phase !== 'dialling') return;
    phase = 'open';
    clearTimeout(deadline);
    hooks.opened(stream, () => stream.cancel(), names);
  });
  stream.on('error', (error: ServiceError) => over(explain(error)));
  stream.on('status', ({ code, details }) => over(code === status.OK ? 'the peer ended the call' : details));
  return () => {
    over('given up');
    stream.cancel();
  };
}

/** The cause in an operator's words. */
function explain(error: ServiceError): string {
  if (error.code === status.UNIMPLEMENTED) return `the other end is gRPC but does not offer ${PEER_PATH}`;
  return error.details
    .replace(/^No connection established\. Last error: (Error: )?/, '')
    .replace(/\. Resolution note: $/, '');
}
