// A client of the admin API over its unix socket: what cfnctl and the lab's checks use. Failures are of two kinds, and
// callers must tell them apart: nobody answers, or the daemon said no.
import { Client, type ClientReadableStream, credentials, type ServiceError, status } from '@grpc/grpc-js';
import type { ExplainView, PolicyTestView, StatusView, ViewKind, Views } from '../../lib/model/view.ts';
import type {
  DrainBounds,
  InstanceKey,
  PushReport,
  ReloadedCertificates,
  ReloadReply,
  SessionCommand,
} from './backend.ts';
import { loadAdminService, messageToRows } from './proto.ts';
import { channelCredentials, type RemoteTarget } from './remote-target.ts';
import { probeSocket } from './socket.ts';

export class AdminError extends Error {
  /** `unreachable`: no daemon, or it does not answer; `refused`: it said no. */
  readonly kind: 'unreachable' | 'refused';

  constructor(kind: 'unreachable' | 'refused', text: string) {
    super(text);
    this.name = 'AdminError';
    this.kind = kind;
  }
}

/** A `PushReport` whose score the server still has to judge. */
export type LoadReport = Omit<PushReport, 'score'> & { readonly score?: number };

export interface NamedInstance extends InstanceKey {
  readonly instanceName: string;
}

export interface DrainedInstance extends NamedInstance {
  /** Of this router: everyone hears of it. Otherwise only this ingress leaves the instance alone. */
  readonly local: boolean;
}

export interface DrainReply {
  readonly matched: readonly DrainedInstance[];
  readonly changed: readonly DrainedInstance[];
}

export interface PolicyTestOptions {
  readonly peer: string;
  readonly direction: 'import' | 'export';
  readonly policy?: string;
  /** Name or address. */
  readonly service?: string;
}

export interface RowChange<K extends ViewKind> {
  readonly atMs: number;
  readonly snapshot: boolean;
  readonly rows: readonly Views[K][];
  readonly removed: readonly string[];
}

/** Every method rejects with `AdminError`, and with nothing else that is not our own bug. */
export interface AdminClient {
  status(): Promise<StatusView>;
  show<K extends ViewKind>(kind: K, service?: string): Promise<readonly Views[K][]>;
  explain(service: string, fromSite?: string, className?: string): Promise<ExplainView>;
  drain(target: string, bounds?: DrainBounds): Promise<DrainReply>;
  undrain(target: string): Promise<DrainReply>;
  reloadCertificates(): Promise<ReloadedCertificates>;
  report(instance: string, report: LoadReport): Promise<NamedInstance>;
  /** Resolves to the session's state before. */
  session(peer: string, command: SessionCommand, text: string): Promise<string>;
  policyTest(test: PolicyTestOptions): Promise<{ readonly policy: string; readonly routes: readonly PolicyTestView[] }>;
  reloadPolicies(): Promise<ReloadReply>;
  /** Ends when the daemon ends it, or when the consumer stops iterating. */
  watch<K extends ViewKind>(kind: K): AsyncIterable<RowChange<K>>;
  close(): void;
}

const DEADLINE_MS = 10_000;

/**
 * Connects to the daemon behind a unix socket, or over the network; rejects with `AdminError` `unreachable` that says what
 * to do.
 */
export async function connectAdmin(target: string | RemoteTarget, deadlineMs = DEADLINE_MS): Promise<AdminClient> {
  const service = loadAdminService();
  const client = typeof target === 'string' ? await onSocket(target) : await overNetwork(target, deadlineMs);

  const method = (name: string) => {
    const definition = service[name];
    if (definition === undefined) throw new Error(`admin.proto has no method ${name}`);
    return definition;
  };

  function unary<Reply>(name: string, request: object): Promise<Reply> {
    const { path, requestSerialize, responseDeserialize } = method(name);
    return new Promise((resolve, reject) => {
      const deadline = Date.now() + deadlineMs;
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, { deadline }, (error, reply) => {
        if (error) reject(asAdminError(error, deadlineMs));
        else resolve(reply as Reply);
      });
    });
  }

  function streamed(name: string, request: object, options: object): ClientReadableStream<object> {
    const { path, requestSerialize, responseDeserialize } = method(name);
    return client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, options);
  }

  return {
    status: () => unary('Status', {}),
    explain: (name, fromSite = '', className = '') => unary('Explain', { service: name, fromSite, class: className }),
    drain: (target, bounds = {}) => unary('Drain', { target, ...bounds }),
    undrain: (target) => unary('Undrain', { target }),
    reloadCertificates: () => unary('ReloadCertificates', {}),
    report: async (instance, report) =>
      (await unary<{ instance: NamedInstance }>('Report', { instance, ...report })).instance,
    session: async (peer, command, text) => (await unary<{ state: string }>('Session', { peer, command, text })).state,
    policyTest: (test) => unary('PolicyTest', { policy: '', service: '', ...test }),
    reloadPolicies: () => unary<ReloadReply>('ReloadPolicies', {}),
    async show(kind, name = '') {
      const rows = [];
      try {
        const deadline = Date.now() + deadlineMs;
        for await (const message of streamed('Show', { kind, service: name }, { deadline })) {
          rows.push(...messageToRows(kind, message as object));
        }
      } catch (error) {
        throw asAdminError(error, deadlineMs);
      }
      return rows;
    },
    async *watch(kind) {
      const call = streamed('Watch', { kind }, {});
      try {
        for await (const message of call) {
          const { rows, ...change } = message as Omit<RowChange<typeof kind>, 'rows'> & { readonly rows: object };
          yield { ...change, rows: messageToRows(kind, rows ?? {}) };
        }
      } catch (error) {
        throw asAdminError(error, deadlineMs);
      } finally {
        call.cancel();
      }
    },
    close: () => client.close(),
  };
}

const OPTIONS = {
  'grpc.max_receive_message_length': -1,
  // Proxy variables are for clients of the web, not for a socket file, nor for a router.
  'grpc.enable_http_proxy': 0,
};

async function onSocket(socket: string): Promise<Client> {
  // gRPC hides the errno, and the errno is what tells the operator what to do.
  const errno = await probeSocket(socket);
  if (errno !== undefined) throw new AdminError('unreachable', `cannot reach cfnd on ${socket}: ${remedy(errno)}`);
  return new Client(`unix:${socket}`, credentials.createInsecure(), OPTIONS);
}

async function overNetwork(target: RemoteTarget, deadlineMs: number): Promise<Client> {
  const fault = (why: string) => new AdminError('unreachable', `cannot reach cfnd at ${target.address}: ${why}`);
  let client: Client;
  try {
    client = new Client(target.address, channelCredentials(target), OPTIONS);
  } catch (error) {
    throw fault((error as Error).message);
  }
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + deadlineMs, (error) => {
      if (!error) return resolve(client);
      client.close();
      reject(fault("nobody answers, or one of both does not take the other's certificate (its log says which)"));
    });
  });
}

function asAdminError(error: unknown, deadlineMs: number): unknown {
  if (!(error instanceof Error) || !('details' in error)) return error;
  const { code, details } = error as ServiceError;
  if (code === status.DEADLINE_EXCEEDED) {
    return new AdminError('unreachable', `cfnd did not answer within ${deadlineMs / 1000} s`);
  }
  const gone = code === status.UNAVAILABLE && /connect|connection|stream|shut|dropped/i.test(details);
  if (gone || code === status.CANCELLED) return new AdminError('unreachable', 'cfnd closed the connection');
  if (code === status.UNIMPLEMENTED)
    return new AdminError('refused', 'this cfnd does not know the request (other version?)');
  return new AdminError('refused', details);
}

function remedy(errno: string): string {
  switch (errno) {
    case 'ENOENT':
      return 'there is no such socket (is cfnd running? --socket PATH names another)';
    case 'ECONNREFUSED':
      return 'nobody listens on it (cfnd has stopped or crashed)';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied (the socket is for root and its group)';
    default:
      return errno;
  }
}
