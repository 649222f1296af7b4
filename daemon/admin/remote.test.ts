// The admin API over loopback with mutual TLS: who is let in, who is not, and what they hear.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createAuthority, type Issued, issueRouter, validFor } from '../../scripts/authority/certificate.ts';
import { loadCredentials } from '../security/credentials.ts';
import { AdminError, connectAdmin } from './client.ts';
import { createFakeBackend, NOW_MS } from './fake-backend.fixture.ts';
import { isAllowed } from './remote.ts';
import type { RemoteTarget } from './remote-target.ts';
import { startAdminServer } from './server.ts';

const folder = mkdtempSync(join(tmpdir(), 'cfnd-remote-'));
const authority = createAuthority('ours', validFor(30));
const foreign = createAuthority('theirs', validFor(30));
const backend = createFakeBackend();
const logs: { readonly fields: Record<string, unknown>; readonly text: string }[] = [];
const cleanups: (() => unknown)[] = [];
let port = 0;

/** Files of a certificate `spiffe://metro/site/<site>/router/<name>`. */
function files(site: string, name: string, by: Issued = authority, trusts: Issued = authority) {
  const issued = issueRouter(by, { domain: 'metro', site, router: name }, validFor(7));
  const write = (end: string, text: string): string => {
    const file = join(folder, `${site}-${name}-${by === authority ? 'ours' : 'theirs'}.${end}`);
    writeFileSync(file, text);
    return file;
  };
  return {
    certificate: write('pem', issued.certificate),
    key: write('key', issued.key),
    authorities: write('ca', trusts.certificate),
  };
}

function as(site: string, name: string, more: Partial<RemoteTarget> = {}, by?: Issued): RemoteTarget {
  const own = files(site, name, by);
  return { address: `127.0.0.1:${port}`, ...own, serverName: 'spiffe://metro/site/core/router/r1', ...more };
}

async function refused(target: RemoteTarget): Promise<string> {
  const outcome = await connectAdmin(target, 3000).catch((error: unknown) => error);
  if (!(outcome instanceof AdminError)) throw new Error('was let in');
  expect(outcome.kind).toBe('unreachable');
  return outcome.message;
}

beforeAll(async () => {
  const credentials = loadCredentials(files('core', 'r1'));
  const note = (fields: object, text?: string) => void logs.push({ fields: { ...fields }, text: text ?? '' });
  const outcome = await startAdminServer({
    backend,
    socket: join(folder, 'cfnd.sock'),
    nowMs: () => NOW_MS,
    remote: {
      address: '127.0.0.1',
      port: 0,
      allow: ['spiffe://metro/site/operations/router/*'],
      credentials: () => credentials,
      log: { info: note, warn: note } as never,
    },
  });
  if (!outcome.ok) throw new Error(outcome.text);
  port = outcome.value.port;
  cleanups.push(() => outcome.value.close(100));
});

afterEach(() => {
  logs.length = 0;
});

afterAll(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  rmSync(folder, { recursive: true, force: true });
});

test('an operator whose certificate is allowed reads and writes as on the socket, and is named in the log', async () => {
  const client = await connectAdmin(as('operations', 'alice'));
  try {
    expect(await client.status()).toEqual(backend.status());
    expect((await client.drain('web-10')).matched).not.toEqual([]);
  } finally {
    client.close();
  }
  const [line] = logs;
  expect(line?.text).toBe('remote admin connection');
  expect(String(line?.fields.names)).toContain('spiffe://metro/site/operations/router/alice');
});

test('a router of the domain that is not on the list is refused, and the log says whom', async () => {
  expect(await refused(as('core', 'r2'))).toContain('cannot reach cfnd at 127.0.0.1');
  const lines = logs.filter(({ text }) => text === 'remote admin connection refused');
  expect(lines.length).toBeGreaterThan(0);
  expect(String(lines[0]!.fields.why)).toContain('spiffe://metro/site/core/router/r2');
});

test('a certificate of another authority, and none at all, are refused', async () => {
  await refused(as('operations', 'mallory', {}, foreign));
  expect(logs.map(({ fields }) => String(fields.why)).join()).toContain('another authority');
  logs.length = 0;
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  expect(logs.map(({ fields }) => String(fields.why)).join()).toContain('shows no certificate');
});

test('TLS 1.2 is not spoken', async () => {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion: 'TLSv1.2' });
  const error = await new Promise<Error>((resolve) => socket.once('error', resolve));
  expect(String(error)).toMatch(/protocol version|SSL|alert/i);
});

test('a daemon that is another than was asked for gets no question', async () => {
  const asked = as('operations', 'alice', { serverName: 'spiffe://metro/site/core/router/r9' });
  expect(await refused(asked)).toContain('cannot reach cfnd');
});

test('a file that cannot be read is named', async () => {
  const gone = join(folder, 'gone.pem');
  expect(await refused(as('operations', 'alice', { certificate: gone }))).toContain(gone);
});

test('nobody is allowed by default', () => {
  const names = ['spiffe://metro/site/operations/router/alice'];
  expect(isAllowed([], names)).toBe(false);
  expect(isAllowed(['*'], [])).toBe(false);
  expect(isAllowed(['spiffe://metro/site/operations/*'], names)).toBe(true);
});
