// One dial: one socket, one handshake, one call, one deadline for all of it. Nothing is kept between attempts: the FSM
// alone decides when to try again.
import { connect } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import type { CertificateNames } from '../../lib/security/identity.ts';
import type { Call } from '../grpc/call.ts';
import { brokenText } from '../grpc/loss.ts';
import { openCall } from '../grpc/open-call.ts';
import type { Credentials } from '../security/credentials.ts';
import { certificateNames } from './handshake.ts';
import { endpoint } from './listener.ts';

export interface DialHooks {
  /** The peer has accepted the call. */
  opened(call: Call, cut: () => void, names: CertificateNames | undefined): void;
  /** Not accepted; nothing else follows. */
  failed(reason: string): void;
  /** After `opened`: the call is over. */
  ended(reason: string): void;
}

/** Who closed a connection of which it is said that it is closed. */
export const BY_OTHER_END = 'by the other end';

/** SNI must be a name (RFC 6066 section 3) and peers are dialled by address; nobody reads this one. */
const SERVER_NAME = 'cfnd';

/** Dials once; answers by exactly one of `opened` and `failed`. Returns a way to give up. */
export function dial(
  address: string,
  port: number,
  timeoutMs: number,
  tls: Credentials | undefined,
  hooks: DialHooks,
): () => void {
  let phase: 'dialling' | 'open' | 'over' = 'dialling';
  const over = (reason: string) => {
    clearTimeout(deadline);
    const before = phase;
    phase = 'over';
    if (before === 'dialling') hooks.failed(reason);
    else if (before === 'open') hooks.ended(reason);
  };
  const socket = tls === undefined ? connect({ host: address, port }) : connectSecurely(address, port, tls);
  socket.setNoDelay();
  let cut = (): void => void socket.destroy();
  const fail = (reason: string) => {
    over(reason);
    cut();
  };
  const deadline = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
  socket.on('error', (error) => fail(phase === 'open' ? brokenText(error) : error.message));
  socket.once('close', () => over(phase === 'open' ? BY_OTHER_END : 'the other end closed the connection'));
  socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
    if (phase === 'over') return;
    const names = socket instanceof TLSSocket ? certificateNames(socket.getPeerCertificate().raw) : undefined;
    const origin = `${tls === undefined ? 'http' : 'https'}://${endpoint(address, port)}`;
    cut = openCall(socket, origin, {
      accepted(call) {
        if (phase !== 'dialling') return;
        phase = 'open';
        clearTimeout(deadline);
        hooks.opened(call, cut, names);
      },
      over,
    });
  });
  return () => fail('given up');
}

function connectSecurely(host: string, port: number, { context }: Credentials): TLSSocket {
  return connectTls({
    host,
    port,
    secureContext: context,
    servername: SERVER_NAME,
    ALPNProtocols: ['h2'],
    // That an authority of ours signed it is checked before; whose it must be is known when its OPEN comes.
    checkServerIdentity: () => undefined,
  });
}
