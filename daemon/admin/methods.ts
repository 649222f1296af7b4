// The methods of the admin API: a request in, what the backend says out. Knows names, targets and bounds of requests;
// refuses to know how a call ends (calls.ts) and anything of RIBs.
import { type ServerWritableStream, status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { type InstanceView, type RibRow, VIEW_KINDS, type ViewKind, type Views } from '../../lib/model/view.ts';
import {
  type AdminBackend,
  type DrainBounds,
  type InstanceKey,
  type Outcome,
  type PushReport,
  type Refusal,
  SESSION_COMMANDS,
} from './backend.ts';
import { failure, grpcError, serviceError, stream, unary, write } from './calls.ts';
import { isViewKind, ROWS_PER_MESSAGE, rowsToMessage } from './proto.ts';
import { resolveInstances, resolveService } from './resolve.ts';
import { startWatcher } from './watcher.ts';

export interface MethodOptions {
  readonly backend: AdminBackend;
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number;
}

const MAX_WATCHERS = 64;

/** `watchers`: what ends each of those that are under way. */
export function createMethods(
  { backend, nowMs }: MethodOptions,
  watchers: Set<() => void>,
): UntypedServiceImplementation {
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
      const matched = resolveInstances(instance, backend.localInstances());
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
