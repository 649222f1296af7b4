// Mutual TLS over loopback, as the router core sees it: who is let in, who is not and why, in both directions; and that new
// credentials are for new handshakes only.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import {
  createAuthority,
  type Issued,
  issueRouter,
  type Validity,
  validFor,
} from '../../scripts/authority/certificate.ts';
import { type Credentials, loadCredentials } from '../security/credentials.ts';
import { makeNode, type Node, openOf, until } from './transport.fixture.ts';

const LOOPBACK = '127.0.0.1';
const folder = mkdtempSync(join(tmpdir(), 'cfnd-tls-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const authority = createAuthority('ours', validFor(30));
const foreign = createAuthority('theirs', validFor(30));
const DAY_MS = 86_400_000;
const past: Validity = { notBeforeMs: Date.now() - 2 * DAY_MS, notAfterMs: Date.now() - DAY_MS };

let files = 0;
function credentials(
  router: string,
  by: Issued = authority,
  validity = validFor(7),
  trusts: Issued = authority,
): Credentials {
  const { certificate, key } = issueRouter(by, { domain: 'metro', site: router, router }, validity);
  const write = (name: string, text: string): string => {
    const file = join(folder, `${files++}-${name}`);
    writeFileSync(file, text);
    return file;
  };
  return loadCredentials({
    certificate: write('cert.pem', certificate),
    key: write('key.pem', key),
    authorities: write('ca.pem', trusts.certificate),
  });
}

/** `b` listens, `a` dials it. */
async function pair(
  ofA: (() => Credentials) | undefined,
  ofB: (() => Credentials) | undefined,
): Promise<{ a: Node; b: Node }> {
  const b = makeNode({ peers: [{ name: 'a', address: LOOPBACK, port: 1, passive: true }], tls: ofB });
  await b.transport.listen();
  const peers = [{ name: 'b', address: LOOPBACK, port: b.transport.port, passive: false }];
  const a = makeNode({ peers, tls: ofA });
  cleanups.push(async () => {
    await Promise.all([a.transport.closeAll(), b.transport.closeAll()]);
  });
  return { a, b };
}

describe('mutual TLS', () => {
  it('tells each side the names in the other’s certificate, and carries messages', async () => {
    const [ofA, ofB] = [credentials('a'), credentials('b')];
    const { a, b } = await pair(
      () => ofA,
      () => ofB,
    );
    a.transport.connect('b');
    const [atA, atB] = [await a.take('connection-opened'), await b.take('connection-opened')];
    expect(atA.identity).toEqual(['spiffe://metro/site/b/router/b']);
    expect(atB.identity).toEqual(['spiffe://metro/site/a/router/a']);
    a.transport.send(atA.connection, openOf('a', '10.0.0.1'));
    expect((await b.take('message')).message).toMatchObject({ type: 'OPEN', name: 'a' });
    b.transport.send(atB.connection, { type: 'KEEPALIVE' });
    expect((await a.take('message')).message.type).toBe('KEEPALIVE');
  });

  it.each<[string, () => Credentials, RegExp]>([
    ['another authority signed', () => credentials('a', foreign), /not accepted: another authority signed it/],
    ['has expired', () => credentials('a', authority, past), /not accepted: it has expired/],
  ])('lets no dialler in whose certificate %s', async (_, make, said) => {
    const [ofA, ofB] = [make(), credentials('b')];
    const { a, b } = await pair(
      () => ofA,
      () => ofB,
    );
    a.transport.connect('b');
    expect((await a.take('connection-failed')).reason).toContain(`${LOOPBACK}:${b.transport.port}: `);
    await until(() => b.logs.length > 0, 'a log line');
    expect(b.logs[0]).toMatchObject({ fields: { address: LOOPBACK }, text: expect.stringMatching(said) });
    expect(b.events).toEqual([]);
  });

  it.each<[string, () => Credentials, RegExp]>([
    ['another authority signed', () => credentials('b', foreign), /unable to verify|self-signed|issuer/],
    ['has expired', () => credentials('b', authority, past), /expired/],
  ])('dials nobody whose certificate %s, and says so', async (_, make, said) => {
    const [ofA, ofB] = [credentials('a'), make()];
    const { a, b } = await pair(
      () => ofA,
      () => ofB,
    );
    a.transport.connect('b');
    expect((await a.take('connection-failed')).reason).toMatch(said);
    expect(b.events).toEqual([]);
  });

  it('lets nobody in without a certificate, with TLS 1.2, or in plaintext', async () => {
    const ofB = credentials('b');
    const { b } = await pair(undefined, () => ofB);
    const { port } = b.transport;
    const visit = async (
      start: () => { on(event: 'close' | 'error', listener: () => void): unknown; resume(): unknown },
    ) => {
      await new Promise<void>((resolve) => {
        const socket = start();
        socket.on('error', () => {});
        socket.on('close', () => resolve());
        socket.resume();
      });
    };
    const said = (text: RegExp) => until(() => b.logs.some((line) => text.test(line.text)), String(text));
    await visit(() => connectTls({ host: LOOPBACK, port, rejectUnauthorized: false, ALPNProtocols: ['h2'] }));
    await said(/shows no certificate/);
    await until(() => b.transport.counters().dropped === 1, 'the first is counted');
    const { cert, key } = credentials('a').options;
    await visit(() =>
      connectTls({ host: LOOPBACK, port, cert, key, rejectUnauthorized: false, maxVersion: 'TLSv1.2' }),
    );
    await said(/speaks no TLS 1.3/);
    await visit(() =>
      connectTcp(port, LOOPBACK)
        .setNoDelay()
        .on('connect', function (this: import('node:net').Socket) {
          this.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
        }),
    );
    await said(/speaks plaintext, but this side is configured for mutual TLS/);
    expect(b.transport.counters().dropped).toBe(3);
    expect(b.events).toEqual([]);
  });

  it('names the fault of both ends when one of them speaks plaintext', async () => {
    const ofA = credentials('a');
    const { a, b } = await pair(() => ofA, undefined);
    a.transport.connect('b');
    await a.take('connection-failed');
    await until(
      () => b.logs.some((line) => line.text.includes('TLS, but this side is configured for plaintext')),
      'a line',
    );
  });

  it('takes new credentials for new handshakes while a session goes on', async () => {
    const ofA = credentials('a');
    let ofB = credentials('b');
    const { a, b } = await pair(
      () => ofA,
      () => ofB,
    );
    a.transport.connect('b');
    const [first, atB] = [await a.take('connection-opened'), await b.take('connection-opened')];
    // Nothing that `a` shows is accepted from here on.
    ofB = credentials('b', authority, validFor(7), foreign);
    a.transport.connect('b');
    await a.take('connection-failed');
    a.transport.send(first.connection, { type: 'KEEPALIVE' });
    expect((await b.take('message')).connection).toBe(atB.connection);
    ofB = credentials('b');
    a.transport.connect('b');
    expect((await a.take('connection-opened')).identity).toEqual(['spiffe://metro/site/b/router/b']);
    expect(a.events.filter((event) => event.type === 'connection-closed')).toEqual([]);
  });
});
