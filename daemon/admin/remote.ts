// The admin API over the network: mutual TLS 1.3 only, with the router's own credentials, for certificates whose name the
// configuration allows, and for nobody else. A connection that is not secured in time, or one too many, is dropped.
import { createServer, type Server as TcpServer } from 'node:net';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import type { RemoteAdminConfig } from '../../lib/config/config.ts';
import { matchesPattern } from '../../lib/pattern.ts';
import type { CertificateNames } from '../../lib/security/identity.ts';
import type { Logger } from '../logger.ts';
import type { Credentials } from '../security/credentials.ts';
import { acceptTls } from '../session/handshake.ts';
import type { Outcome } from './backend.ts';

const SECURED_WITHIN_MS = 5000;
/** Operators, not clients: each connection is a person or a script. */
const MAX_CONNECTIONS = 32;

export interface RemoteAdminOptions extends RemoteAdminConfig {
  readonly credentials: () => Credentials;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

export interface RemoteAdmin {
  readonly port: number;
  close(): void;
}

/** Default deny: an empty list, and a certificate without names, let nobody in. */
export function isAllowed(allow: readonly string[], names: CertificateNames): boolean {
  return names.some((name) => allow.some((pattern) => matchesPattern(pattern, name)));
}

/** Serves what `server` serves to those who are allowed. A refusal says why; the socket is not concerned. */
export async function listenRemote(server: Server, options: RemoteAdminOptions): Promise<Outcome<RemoteAdmin>> {
  const { address, port, allow, credentials, log } = options;
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const tcp = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    const from = socket.remoteAddress ?? '';
    const late = setTimeout(() => socket.destroy(), SECURED_WITHIN_MS);
    socket.once('close', () => clearTimeout(late));
    const refuse = (why: string) => {
      log.warn({ from, why }, 'remote admin connection refused');
      socket.destroy();
    };
    acceptTls(socket, credentials(), {
      secured(secured, names) {
        clearTimeout(late);
        secured.on('error', () => socket.destroy());
        if (!isAllowed(allow, names))
          return refuse(`${names.join(' ') || 'a certificate without names'} is not allowed`);
        log.info({ from, names: names.join(' ') }, 'remote admin connection');
        injector.injectConnection(secured);
      },
      refused: refuse,
    });
  });
  tcp.maxConnections = MAX_CONNECTIONS;
  const failed = await bound(tcp, address, port);
  if (failed !== undefined) {
    injector.destroy();
    return { ok: false, code: 'unavailable', text: `admin.listen ${address} port ${port}: ${failed}` };
  }
  tcp.on('error', (error) => log.warn({ reason: error.message }, 'accepting a remote admin connection failed'));
  const where = tcp.address();
  return {
    ok: true,
    value: {
      port: typeof where === 'object' && where ? where.port : 0,
      close() {
        tcp.close();
        injector.destroy();
      },
    },
  };
}

function bound(tcp: TcpServer, host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    tcp.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'EADDRINUSE' ? 'the port is in use' : error.message),
    );
    tcp.listen({ host, port, ipv6Only: false }, () => resolve(undefined));
  });
}
