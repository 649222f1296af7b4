// The listening side of mutual TLS: one handshake on one socket, with the credentials of this moment. Answers with a
// socket whose certificate an authority of ours has signed, or with why not, in an operator's words.
import { constants, X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { type CertificateNames, namesOf } from '../../lib/security/identity.ts';
import type { Credentials } from '../security/credentials.ts';

export interface HandshakeHooks {
  secured(socket: TLSSocket, names: CertificateNames): void;
  refused(why: string): void;
}

/** The caller limits the time: it closes `socket` when nothing has come of it. */
export function acceptTls(socket: Socket, credentials: Credentials, hooks: HandshakeHooks): void {
  let answered = false;
  const once = (answer: () => void) => {
    if (!answered) answer();
    answered = true;
  };
  const server = createServer({
    ...credentials.options,
    requestCert: true,
    // Judged below, where the reason is still known; nothing has been read from the peer until then.
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
    // A resumed session would bring back a certificate that has been replaced or has expired.
    secureOptions: constants.SSL_OP_NO_TICKET,
  });
  server.on('secureConnection', (secured: TLSSocket) =>
    once(() => {
      const why = refusal(secured);
      if (why === '') return hooks.secured(secured, certificateNames(secured.getPeerCertificate().raw));
      secured.destroy();
      hooks.refused(why);
    }),
  );
  server.on('tlsClientError', (error: NodeJS.ErrnoException) => once(() => hooks.refused(explainTls(error))));
  server.emit('connection', socket);
}

/** Names in a certificate in DER form. */
export function certificateNames(der: Buffer): CertificateNames {
  return namesOf(new X509Certificate(der).subjectAltName ?? '');
}

function refusal(socket: TLSSocket): string {
  if (socket.getPeerX509Certificate() === undefined) return 'shows no certificate';
  if (!socket.authorized) return `shows a certificate that is not accepted: ${verdict(socket.authorizationError)}`;
  return socket.alpnProtocol === 'h2' ? '' : 'speaks TLS, but not HTTP/2 in it';
}

const VERDICTS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  SELF_SIGNED_CERT_IN_CHAIN: 'another authority signed it',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it signed itself',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'another authority signed it',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'another authority signed it',
  UNABLE_TO_GET_ISSUER_CERT: 'another authority signed it',
  CERT_SIGNATURE_FAILURE: 'its signature is wrong',
  INVALID_PURPOSE: 'it is not for TLS clients',
};

function verdict(code: unknown): string {
  const text = String(code);
  return VERDICTS[text] ?? text;
}

/** What OpenSSL says of a failed handshake, as far as an operator can do something about it. */
export function explainTls(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ERR_SSL_UNSUPPORTED_PROTOCOL':
    case 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION':
      return 'speaks no TLS 1.3';
    case 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE':
      return 'shows no certificate';
    case 'ECONNRESET':
      return 'ended the TLS handshake';
    default:
      return `failed the TLS handshake: ${error.code ?? error.message}`;
  }
}
