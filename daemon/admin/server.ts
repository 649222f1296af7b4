// The admin API (cfn/v1/admin.proto) over gRPC on a unix socket: begins and ends. What its methods do is methods.ts', who
// may connect socket.ts'.
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { RemoteAdminConfig } from '../../lib/config/config.ts';
import type { Logger } from '../logger.ts';
import { wallClockMs } from '../runtime/clock.ts';
import type { CredentialStore } from '../security/credential-store.ts';
import type { AdminBackend, Outcome } from './backend.ts';
import { createMethods } from './methods.ts';
import { loadAdminService } from './proto.ts';
import { listenRemote, type RemoteAdminOptions } from './remote.ts';
import { listenOnSocket } from './socket.ts';

export interface AdminServer {
  /** Port of the network side; 0: there is none. */
  readonly port: number;
  /** Ends watchers, finishes calls that run (at most `graceMs`), removes the socket. */
  close(graceMs?: number): Promise<void>;
}

export interface AdminServerOptions {
  readonly backend: AdminBackend;
  /** Path of the unix socket. */
  readonly socket: string;
  /** Over the network as well. */
  readonly remote?: RemoteAdminOptions;
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number;
}

/** Serves the admin API, or says in the log why it cannot and returns undefined: the rest of the daemon runs on. */
export async function serveAdmin(options: {
  readonly backend: AdminBackend;
  readonly socket: string;
  readonly listen?: RemoteAdminConfig | undefined;
  readonly credentials?: CredentialStore | undefined;
  readonly log: Logger;
}): Promise<AdminServer | undefined> {
  const { backend, socket, listen, credentials, log } = options;
  const remote = listen && credentials && { ...listen, credentials: () => credentials.current, log };
  const outcome = await startAdminServer({ backend, socket, nowMs: wallClockMs, ...(remote && { remote }) });
  if (outcome.ok) {
    const { port } = outcome.value;
    log.info({ socket, ...(port > 0 && { port }) }, 'admin API open');
    return outcome.value;
  }
  log.error({ reason: outcome.text }, 'no admin API: cfnctl cannot reach this daemon');
  return undefined;
}

/** Serves the admin API on a unix socket. A refusal says why there is none; the daemon runs on without it. */
export async function startAdminServer(options: AdminServerOptions): Promise<Outcome<AdminServer>> {
  const server = new Server({ 'grpc.max_receive_message_length': 64 * 1024, 'grpc.max_concurrent_streams': 256 });
  const watchers = new Set<() => void>();
  server.addService(loadAdminService(), createMethods(options, watchers));
  const listening = await listenOnSocket(server, ServerCredentials.createInsecure(), options.socket);
  if (!listening.ok) {
    server.forceShutdown();
    return listening;
  }
  const remote = options.remote && (await listenRemote(server, options.remote));
  if (remote !== undefined && !remote.ok) {
    server.forceShutdown();
    await listening.value.remove();
    return remote;
  }
  const close = async (graceMs = 1000): Promise<void> => {
    for (const end of watchers) end();
    remote?.value.close();
    await new Promise<void>((resolve) => {
      const force = setTimeout(() => {
        server.forceShutdown();
        resolve();
      }, graceMs);
      server.tryShutdown(() => {
        clearTimeout(force);
        resolve();
      });
    });
    await listening.value.remove();
  };
  return { ok: true, value: { port: remote?.value.port ?? 0, close } };
}
