// The admin API (cfn/v1/admin.proto) over gRPC: calls in, AdminBackend out. Knows requests and statuses; knows nothing
// of RIBs or sockets (socket.ts).
import {
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServerWritableStream,
  type ServiceError,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { CodedError } from '../../lib/errors.ts';
import { type InstanceView, type RibRow, VIEW_KINDS, type ViewKind, type Views } from '../../lib/model/view.ts';
import type { Logger } from '../logger.ts';
import { wallClockMs } from '../runtime/clock.ts';
import {
  type AdminBackend,
  type DrainBounds,
  type InstanceKey,
  type Outcome,
  type PushReport,
  type Refusal,
  SESSION_COMMANDS,
} from './backend.ts';
import { isViewKind, loadAdminService, ROWS_PER_MESSAGE, rowsToMessage } from './proto.ts';
import { resolveInstances, resolveService } from './resolve.ts';
import { listenOnSocket } from './socket.ts';
import { startWatcher } from './watcher.ts';

export interface AdminServer {
  /** Ends watchers, finishes calls that run (at most `graceMs`), removes the socket. */
  close(graceMs?: number): Promise<void>;
}

export interface AdminServerOptions {
  readonly backend: AdminBackend;
  /** Path of the unix socket. */
  readonly socket: string;
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number;
}

const MAX_WATCHERS = 64;

const STATUS_OF: Readonly<Record<Refusal['code'], status>> = {
  'not-found': status.NOT_FOUND,
  invalid: status.INVALID_ARGUMENT,
  unavailable: status.FAILED_PRECONDITION,
};

/** Serves the admin API, or says in the log why it cannot and returns undefined: the rest of the daemon runs on. */
export async function serveAdmin(options: {
  readonly backend: AdminBackend;
  readonly socket: string;
  readonly log: Pick<Logger, 'info' | 'error'>;
}): Promise<AdminServer | undefined> {
  const { backend, socket, log } = options;
  const outcome = await startAdminServer({ backend, socket, nowMs: wallClockMs });
  if (outcome.ok) {
    log.info({ socket }, 'admin API open');
    return outcome.value;
  }
  log.error({ reason: outcome.text }, 'no admin API: cfnctl cannot reach this daemon');
  return undefined;
}

/** Serves the admin API on a unix socket. A refusal says why there is none; the daemon runs on without it. */
export async function startAdminServer(options: AdminServerOptions): Promise<Outcome<AdminServer>> {
  const server = new Server({ 'grpc.max_receive_message_length': 64 * 1024, 'grpc.max_concurrent_streams': 256 });
  const watchers = new Set<() => void>();
  server.addService(loadAdminService(), implementation(options, watchers));
  const listening = await listenOnSocket(server, ServerCredentials.createInsecure(), options.socket);
  if (!listening.ok) {
    server.forceShutdown();
    return listening;
  }
  const close = async (graceMs = 1000): Promise<void> => {
    for (const end of watchers) end();
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
  return { ok: true, value: { close } };
}

function implementation(options: AdminServerOptions, watchers: Set<() => void>): UntypedServiceImplementation {
  const { backend, nowMs } = options;

  const setDrain = (drain: boolean) =>
    unary<{ target: string } & DrainBounds>(async ({ target, ...bounds }) => {
      const matched = await drainTargets(backend, target);
      if (!matched.ok) return matched;
      const changed = await backend.setDrain(matched.value.map(keyOf), drain, bounds);
      if (!changed.ok) return changed;
      const isChanged = (row: DrainTarget) =>
        changed.value.some((key) => key.service === row.service && key.contactInstance === row.contactInstance);
      return { ok: true, value: { matched: matched.value, changed: matched.value.filter(isChanged) } };
    });

  return {
    Status: unary(() => Promise.resolve({ ok: true, value: backend.status() })),
    Explain: unary<{ service: string; fromSite: string; class: string }>(async ({ service, fromSite, class: name }) => {
      const resolved = resolveService(service, await backend.show('services'));
      if (!resolved.ok) return resolved;
      return backend.explain(resolved.value, fromSite || undefined, name || undefined);
    }),
    Drain: setDrain(true),
    Undrain: setDrain(false),
    ReloadCertificates: unary(() => Promise.resolve(backend.reloadCertificates())),
    Report: unary<{ instance: string } & PushReport>(async ({ instance, ...report }) => {
      const fault = reportFault(report);
      if (fault !== undefined) return { ok: false, code: 'invalid', text: fault };
      const matched = resolveInstances(instance, await backend.show('instances'));
      if (!matched.ok) return matched;
      const [row, ...others] = matched.value;
      if (row === undefined || others.length > 0) {
        const text = `${instance} is ${matched.value.length} contact instances; a report is about one`;
        return { ok: false, code: 'invalid', text };
      }
      if (row.source !== 'push') {
        const text = `${row.instanceName} takes its load from ${row.source}, not from reports (metrics.kind: push)`;
        return { ok: false, code: 'unavailable', text };
      }
      const outcome = await backend.report(keyOf(row), report);
      return outcome.ok
        ? { ok: true, value: { instance: { ...keyOf(row), instanceName: row.instanceName } } }
        : outcome;
    }),
    Session: unary<{ peer: string; command: string; text: string }>(async ({ peer, command, text }) => {
      const known = SESSION_COMMANDS.find((one) => one === command);
      if (known === undefined)
        return { ok: false, code: 'invalid', text: `command must be one of ${SESSION_COMMANDS.join(', ')}` };
      const outcome = backend.session(peer, known, text);
      return outcome.ok ? { ok: true, value: { state: outcome.value } } : outcome;
    }),
    PolicyTest: unary<{ peer: string; direction: string; policy: string; service: string }>(
      async ({ peer, direction, policy, service }) => {
        if (direction !== 'import' && direction !== 'export')
          return { ok: false, code: 'invalid', text: 'direction must be import or export' };
        const resolved = service === '' ? undefined : resolveService(service, await backend.show('services'));
        if (resolved !== undefined && !resolved.ok) return resolved;
        return backend.policyTest({
          peer,
          direction,
          ...(policy !== '' && { policy }),
          ...(resolved && { service: resolved.value }),
        });
      },
    ),
    ReloadPolicies: unary(() => backend.reloadPolicies()),
    Show: (call: ServerWritableStream<{ kind: string; service: string }, object>) => {
      stream(call, async () => {
        const { kind, service } = call.request;
        if (!isViewKind(kind)) return unknownKind(kind);
        const rows = await rowsOf(backend, kind, service);
        if (!rows.ok) return rows;
        for (let from = 0; from < rows.value.length; from += ROWS_PER_MESSAGE) {
          const piece = rows.value.slice(from, from + ROWS_PER_MESSAGE);
          if (!(await write(call, rowsToMessage(kind, piece)))) break;
        }
        call.end();
        return undefined;
      });
    },
    Watch: (call: ServerWritableStream<{ kind: string }, object>) => {
      const { kind } = call.request;
      if (!isViewKind(kind)) return void call.emit('error', serviceError(unknownKind(kind)));
      if (watchers.size >= MAX_WATCHERS) {
        const details = `there are ${MAX_WATCHERS} watchers already`;
        return void call.emit('error', grpcError(status.RESOURCE_EXHAUSTED, details));
      }
      const watcher = startWatcher(
        backend,
        kind,
        ({ snapshot, rows, removed }) =>
          write(call, { snapshot, rows: rowsToMessage(kind, rows), removed, atMs: nowMs() }),
        (error) => call.emit('error', failure(error)),
      );
      const end = (): void => {
        call.end();
      };
      watchers.add(end);
      // `finish` when we end it, `cancelled` and `close` when the reader or the connection goes.
      for (const event of ['cancelled', 'close', 'finish', 'error']) {
        call.on(event, () => {
          watcher.stop();
          watchers.delete(end);
        });
      }
    },
  };
}

interface DrainTarget extends InstanceKey {
  readonly instanceName: string;
  /** Of this router: the drain is announced to everyone. Otherwise only this ingress leaves the instance alone. */
  readonly local: boolean;
}

async function drainTargets(backend: AdminBackend, target: string): Promise<Outcome<readonly DrainTarget[]>> {
  const named = (local: boolean) => (row: InstanceView | RibRow) => ({
    ...keyOf(row),
    instanceName: row.instanceName,
    local,
  });
  const own = await backend.show('instances');
  const matched = resolveInstances(target, own);
  if (matched.ok) return { ok: true, value: matched.value.map(named(true)) };
  const known = await backend.show('rib');
  const elsewhere = resolveInstances(target, known);
  return elsewhere.ok ? { ok: true, value: elsewhere.value.map(named(false)) } : elsewhere;
}

async function rowsOf<K extends ViewKind>(
  backend: AdminBackend,
  kind: K,
  service: string,
): Promise<Outcome<readonly Views[K][]>> {
  if (service === '') return { ok: true, value: await backend.show(kind) };
  const resolved = resolveService(service, await backend.show('services'));
  if (!resolved.ok) return resolved;
  const rows = await backend.show(kind);
  return { ok: true, value: rows.filter((row) => !('service' in row) || row.service === resolved.value) };
}

/** What is wrong with a pushed report; undefined: nothing. */
function reportFault(report: PushReport): string | undefined {
  const fields = Object.entries(report);
  if (fields.length === 0) return 'a report needs at least one value';
  const bad = fields.find(([, value]) => !Number.isFinite(value) || value < 0);
  if (bad !== undefined) return `${bad[0]} must be a number, 0 or more`;
  if (report.score !== undefined && report.score > 10) return 'score must be between 0 and 10';
  if (report.workers !== undefined && report.workers < 1) return 'workers must be 1 or more';
  return undefined;
}

function keyOf(row: InstanceKey): InstanceKey {
  return { service: row.service, contactInstance: row.contactInstance };
}

function unknownKind(kind: string): Refusal {
  return {
    ok: false,
    code: 'invalid',
    text: `there is no view ${JSON.stringify(kind)}; views: ${VIEW_KINDS.join(', ')}`,
  };
}

function unary<Request>(handle: (request: Request) => Promise<Outcome<object>>): handleUnaryCall<Request, object> {
  return (call, callback) => {
    handle(call.request).then(
      (outcome) => (outcome.ok ? callback(null, outcome.value) : callback(serviceError(outcome))),
      (error: unknown) => callback(failure(error)),
    );
  };
}

function stream(call: ServerWritableStream<unknown, object>, handle: () => Promise<Refusal | undefined>): void {
  handle().then(
    (refusal) => refusal && call.emit('error', serviceError(refusal)),
    (error: unknown) => call.emit('error', failure(error)),
  );
}

/** Resolves when the transport has taken the message; false: the reader is gone. */
function write(call: ServerWritableStream<unknown, object>, message: object): Promise<boolean> {
  return new Promise((resolve) => {
    if (call.cancelled || call.writableEnded) return resolve(false);
    const done = (taken: boolean): void => {
      call.off('cancelled', gone);
      call.off('close', gone);
      resolve(taken);
    };
    const gone = (): void => done(false);
    call.on('cancelled', gone);
    call.on('close', gone);
    call.write(message, (error?: Error | null) => done(!error));
  });
}

function serviceError(refusal: Refusal): ServiceError {
  return grpcError(STATUS_OF[refusal.code], refusal.text);
}

/** The kernel or a tool could not be read: the caller hears it. Anything else is our own bug and is not caught. */
function failure(error: unknown): ServiceError {
  const coded = error instanceof CodedError || (error instanceof Error && 'code' in error);
  if (!coded)
    queueMicrotask(() => {
      throw error;
    });
  return grpcError(
    coded ? status.UNAVAILABLE : status.INTERNAL,
    error instanceof Error ? error.message : String(error),
  );
}

function grpcError(code: status, details: string): ServiceError {
  return Object.assign(new Error(details), { code, details, metadata: undefined }) as unknown as ServiceError;
}
