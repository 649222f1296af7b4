// Server and client over a real unix socket, with a small backend behind.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VIEW_KINDS } from '../../lib/model/view.ts';
import { type AdminClient, AdminError, connectAdmin, type RowChange } from './client.ts';
import { createFakeBackend, type FakeBackend, NOW_MS } from './fake-backend.fixture.ts';
import { ROWS_PER_MESSAGE } from './proto.ts';
import { type AdminServer, startAdminServer } from './server.ts';
import { listenOnSocket } from './socket.ts';

let directory: string;
let socket: string;
let backend: FakeBackend;
const cleanups: (() => unknown)[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cfnd-admin-'));
  socket = join(directory, 'run', 'cfnd.sock');
  backend = createFakeBackend();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  rmSync(directory, { recursive: true, force: true });
});

async function serve(path = socket): Promise<AdminServer> {
  const outcome = await startAdminServer({ backend, socket: path, nowMs: () => NOW_MS });
  if (!outcome.ok) throw new Error(outcome.text);
  cleanups.push(() => outcome.value.close(100));
  return outcome.value;
}

async function dial(): Promise<AdminClient> {
  const client = await connectAdmin(socket);
  cleanups.push(() => client.close());
  return client;
}

async function poll(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('the condition did not come true within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('requests', () => {
  test('every view crosses the wire unchanged', async () => {
    await serve();
    const client = await dial();
    for (const kind of VIEW_KINDS) expect(await client.show(kind), kind).toEqual(backend.rows(kind));
    expect(await client.status()).toEqual(backend.status());
    expect(await client.explain('web')).toEqual((backend.explain('fd00:cafe::80') as { value: unknown }).value);
  });

  test('more rows than fit one message arrive complete and in order', async () => {
    const [row] = backend.rows('fib');
    const rows = Array.from({ length: 2 * ROWS_PER_MESSAGE + 7 }, (_, i) => ({ ...row!, key: `route ${i}` }));
    backend.put('fib', rows);
    await serve();
    expect(await (await dial()).show('fib')).toEqual(rows);
  });

  test('a service is found by name and by any spelling of its address', async () => {
    await serve();
    const client = await dial();
    for (const text of ['web', 'fd00:cafe::80', 'FD00:CAFE:0:0::0080']) {
      expect((await client.explain(text)).service).toBe('fd00:cafe::80');
    }
    expect((await client.show('rib', 'batch')).map((row) => row.instanceName)).toEqual(['batch-1']);
  });

  test('what is unknown is refused with the nearest known name', async () => {
    await serve();
    const client = await dial();
    const refused = (text: RegExp) =>
      expect.objectContaining({ kind: 'refused', message: expect.stringMatching(text) });
    await expect(client.explain('wbe')).rejects.toEqual(refused(/there is no service "wbe"; did you mean web\?/));
    await expect(client.explain('web', 'mars')).rejects.toEqual(refused(/no router of site mars/));
    await expect(client.drain('web-19')).rejects.toEqual(refused(/did you mean web-1[01]\?/));
    await expect(client.show('bees' as 'peers')).rejects.toEqual(refused(/there is no view "bees"; views: peers/));
    for await (const _ of await settled(client.watch('bees' as 'peers'))) throw new Error('a change of nothing');
  });

  async function settled(watch: AsyncIterable<unknown>): Promise<unknown[]> {
    try {
      for await (const change of watch) return [change];
    } catch (error) {
      expect(error).toBeInstanceOf(AdminError);
    }
    return [];
  }

  test('drain covers an instance, a service or all, and is idempotent', async () => {
    await serve();
    const client = await dial();
    const names = (keys: readonly { instanceName: string }[]) => keys.map((key) => key.instanceName);
    const one = await client.drain('web-10');
    expect([names(one.matched), names(one.changed)]).toEqual([['web-10'], ['web-10']]);
    const service = await client.drain('web');
    expect([names(service.matched), names(service.changed)]).toEqual([['web-10', 'web-11'], ['web-11']]);
    expect(names((await client.drain('all')).changed)).toEqual([]);
    expect(names((await client.undrain('all')).changed)).toEqual(['web-10', 'web-11']);
    expect(backend.rows('instances').map((row) => row.drained)).toEqual([false, false]);
    expect([...one.matched, ...service.matched].every((row) => row.local)).toBe(true);
  });

  test('drain of a contact instance elsewhere is for this ingress only, and says so', async () => {
    await serve();
    expect((await (await dial()).drain('batch-1')).matched).toEqual([
      { service: 'fd00:cafe::90', contactInstance: 'fd00:52::20', instanceName: 'batch-1', local: false },
    ]);
  });

  test('a report reaches the instance that takes reports, with the fields said and no others', async () => {
    await serve();
    const client = await dial();
    await client.report('web-11', { workers: 8, inFlight: 0 });
    expect(backend.reports).toEqual([
      { instance: { service: 'fd00:cafe::80', contactInstance: 'fd00:51::11' }, report: { workers: 8, inFlight: 0 } },
    ]);
    await expect(client.report('web-10', { inFlight: 1 })).rejects.toThrow(/takes its load from prometheus/);
    await expect(client.report('web', { inFlight: 1 })).rejects.toThrow(/2 contact instances/);
    await expect(client.report('web-11', {})).rejects.toThrow(/at least one value/);
    await expect(client.report('web-11', { inFlight: -1 })).rejects.toThrow(/inFlight must be a number, 0 or more/);
    await expect(client.report('web-11', { score: 11 })).rejects.toThrow(/between 0 and 10/);
    expect(backend.reports).toHaveLength(1);
  });
});

describe('watch', () => {
  test('a snapshot comes first, then only what changed', async () => {
    await serve();
    const client = await dial();
    const changes: RowChange<'services'>[] = [];
    for await (const change of client.watch('services')) {
      changes.push(change);
      const [web, batch] = backend.rows('services');
      if (changes.length === 1) backend.put('services', [{ ...web!, change: 'held' }, batch!]);
      if (changes.length === 2) backend.put('services', [backend.rows('services')[0]!]);
      if (changes.length === 3) break;
    }
    expect(changes.map(({ snapshot, rows, removed }) => [snapshot, rows.map((row) => row.name), removed])).toEqual([
      [true, ['web', 'batch'], []],
      [false, ['web'], []],
      [false, [], ['fd00:cafe::90']],
    ]);
    expect(changes[1]!.rows[0]!.change).toBe('held');
    expect(changes[1]!.atMs).toBe(NOW_MS);
    await poll(() => backend.watcherCount === 0);
  });

  test('a storm of changes is merged: the reader sees the last state after few messages', async () => {
    await serve();
    const client = await dial();
    const [web] = backend.rows('services');
    let messages = 0;
    for await (const change of client.watch('services')) {
      messages++;
      if (messages === 1) for (let i = 1; i <= 5000; i++) backend.put('services', [{ ...web!, decisions: i }]);
      if (change.rows.some((row) => row.decisions === 5000)) break;
    }
    expect(messages).toBeLessThan(10);
    expect(backend.shows.services).toBeLessThan(10);
  });

  test('a watcher that nobody reads is stopped when its connection goes', async () => {
    await serve();
    const client = await connectAdmin(socket);
    const iterator = client.watch('peers')[Symbol.asyncIterator]();
    await iterator.next();
    expect(backend.watcherCount).toBe(1);
    client.close();
    void iterator.return?.();
    await poll(() => backend.watcherCount === 0);
  });

  test('closing the server ends watchers and removes the socket', async () => {
    const server = await serve();
    const client = await dial();
    const iterator = client.watch('peers')[Symbol.asyncIterator]();
    await iterator.next();
    await server.close();
    expect((await iterator.next()).done).toBe(true);
    expect(existsSync(socket)).toBe(false);
  });
});

describe('the socket', () => {
  test('below a place where nothing can be made is refused with the reason, and soon', async () => {
    const outcome = await startAdminServer({ backend, socket: '/proc/none/run/cfnd.sock', nowMs: () => NOW_MS });
    expect(outcome).toMatchObject({ ok: false, text: expect.stringContaining('ENOENT') });
  });

  test('is for owner and group only, from the moment it exists', async () => {
    await serve();
    expect(statSync(socket).mode & 0o777).toBe(0o660);
  });

  test('on which another daemon answers is left alone', async () => {
    await serve();
    const second = await startAdminServer({ backend, socket, nowMs: () => 0 });
    expect(second).toMatchObject({
      ok: false,
      text: expect.stringMatching(/cfnd\.sock: another daemon answers on it$/),
    });
    expect((await (await dial()).status()).name).toBe('e1');
  });

  test('left over from a crash is replaced', async () => {
    mkdirSync(join(directory, 'run'));
    const script = `require('node:net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await new Promise((resolve) => spawn(process.execPath, ['-e', script]).on('exit', resolve));
    expect(statSync(socket).isSocket()).toBe(true);
    await expect(connectAdmin(socket)).rejects.toThrow(/nobody listens on it/);
    await serve();
    expect((await (await dial()).status()).name).toBe('e1');
  });

  test('is not put in the place of a file', async () => {
    mkdirSync(join(directory, 'run'));
    writeFileSync(socket, 'precious');
    const outcome = await startAdminServer({ backend, socket, nowMs: () => 0 });
    expect(outcome).toMatchObject({ ok: false, text: expect.stringMatching(/exists and is not a socket/) });
    expect(statSync(socket).isFile()).toBe(true);
  });

  test('below a file is refused in words', async () => {
    writeFileSync(join(directory, 'run'), '');
    const outcome = await startAdminServer({ backend, socket, nowMs: () => 0 });
    expect(outcome).toMatchObject({ ok: false, text: expect.stringMatching(/a part of the path is not a directory/) });
  });

  test('in a place that is not writable is refused in words', async () => {
    mkdirSync(join(directory, 'run'));
    chmodSync(join(directory, 'run'), 0o500);
    const isRoot = process.geteuid?.() === 0;
    // The socket alone: nobody may not be able to read this checkout, in a private folder of root for example.
    if (isRoot) process.seteuid?.(65534);
    let outcome: Awaited<ReturnType<typeof listenOnSocket>>;
    try {
      outcome = await listenOnSocket(new Server(), ServerCredentials.createInsecure(), socket);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
    expect(outcome).toMatchObject({ ok: false, text: expect.stringMatching(/permission denied \(run as root/) });
  });

  test('that does not exist is said to the client with what to do', async () => {
    await expect(connectAdmin(socket)).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringMatching(/cannot reach cfnd on .*cfnd\.sock: there is no such socket \(is cfnd running\?/),
    });
  });

  test('behind which nobody speaks gRPC times out as unreachable', async () => {
    const mute = createServer(() => undefined);
    const path = join(directory, 'mute.sock');
    await new Promise<void>((resolve) => mute.listen(path, resolve));
    cleanups.push(() => mute.close());
    const client = await connectAdmin(path, 300);
    cleanups.push(() => client.close());
    await expect(client.status()).rejects.toMatchObject({ kind: 'unreachable' });
  });
});
