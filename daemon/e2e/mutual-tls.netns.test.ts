// Real daemons that speak mutual TLS: who gets a session and who does not, what an operator sees of either, a rotation under
// a session that lives, and that no private key is ever written anywhere.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthority, validFor } from '../../scripts/authority/certificate.ts';
import { whyNoKernelTests } from '../fib/testing/namespaces.ts';
import { built, bundled, NODE, runToEnd } from './program.fixture.ts';
import { PAST, TlsLab } from './tls-lab.fixture.ts';

const why = whyNoKernelTests();
if (why) process.stderr.write(`mutual TLS between daemons is not tested: ${why}\n`);

describe.skipIf(why !== undefined)('daemons with mutual TLS', () => {
  let tls: TlsLab;

  beforeAll(async () => {
    await built();
    const foreign = createAuthority('foreign', validFor(30));
    tls = new TlsLab({
      neighbours: ['rb', 'rc', 're'],
      strangers: ['x'],
      certificates: { rc: { by: foreign }, re: { validity: PAST } },
    });
    const record = ['--record', join(tls.folder, 'ra.jsonl'), '--log-level', 'trace'];
    for (const name of ['ra', 'rb', 'rc', 're']) tls.lab.start(name, name === 'ra' ? record : []);
    await tls.lab.until('ra and rb have a session', async () => (await tls.peer('rb')).state === 'Established');
  }, 300_000);

  afterAll(async () => {
    await tls?.stop();
  });

  test('have a session, know each other by certificate, and take each other’s link state', {
    timeout: 300_000,
  }, async () => {
    expect(await tls.peer('rb')).toMatchObject({ identity: 'spiffe://cfn/site/site-rb/router/rb', refused: [] });
    await tls.lab.until('ra has a way to rb', async () => {
      const paths = await tls.lab.ask('ra', (admin) => admin.show('paths'));
      return paths.some((path) => path.name === 'rb' && path.reachable);
    });
    const status = await tls.lab.ask('ra', (admin) => admin.status());
    expect(status).toMatchObject({ security: 'mutual-tls', certificate: 'spiffe://cfn/site/site-ra/router/ra' });
    expect(status.certificateNotAfterMs).toBeGreaterThan(Date.now());
    const metrics = await tls.lab.ask('ra', (admin) => admin.show('metrics'));
    const end = metrics.find((row) => row.name === 'cfnd_certificate_not_after');
    expect(end?.value).toBe(Math.floor(status.certificateNotAfterMs / 1000));
  });

  test('refuse a neighbour whom another authority signed, or whose time is over', { timeout: 300_000 }, async () => {
    await tls.logged(/not accepted: another authority signed it/, { address: 'fd00:ffff:1::2' });
    await tls.logged(/not accepted: it has expired/, { address: 'fd00:ffff:2::2' });
    for (const name of ['rc', 're']) expect((await tls.peer(name)).state).not.toBe('Established');
    await tls.lab.until('re says that its own certificate has expired', () =>
      tls.lab
        .daemon('re')
        .lines(/certificate has expired/)
        .some((line) => line.level === 'error'),
    );
  });

  test('refuse a certificate of another site before any route is taken', { timeout: 300_000 }, async () => {
    const { notifications } = await tls.visit('wrong-site', 'x');
    const text = expect.stringMatching(/the certificate is for spiffe:.*site-x.*not for router ra of site site-ra/);
    expect(notifications).toEqual([expect.objectContaining({ code: 2, subcode: 2, text })]);
    expect((await tls.peer('x')).received.service).toBe(0);
  });

  test('refuse TLS 1.2 and plaintext, each with a line that says so', { timeout: 300_000 }, async () => {
    await tls.visit('tls-1.2', 'x');
    await tls.logged(/speaks no TLS 1.3: dropped/, { address: tls.target('x').source });
    await tls.visit('silent', 'x', { certificate: '' });
    await tls.logged(/speaks plaintext, but this side is configured for mutual TLS: dropped/, {
      address: tls.target('x').source,
    });
  });

  test('take new certificates while a session lives, and keep the old one when the new does not fit', {
    timeout: 300_000,
  }, async () => {
    const before = await tls.lab.ask('ra', (admin) => admin.status());
    const { flaps } = await tls.peer('rb');
    const oldKey = readFileSync(join(tls.folder, 'ra.key'), 'utf8');
    tls.certify('ra', tls.authority, validFor(14));
    await tls.logged(/certificate reloaded: new handshakes use it/);
    const after = await tls.lab.ask('ra', (admin) => admin.status());
    expect(after.certificateNotAfterMs).toBeGreaterThan(before.certificateNotAfterMs);
    expect(await tls.peer('rb')).toMatchObject({ state: 'Established', flaps });
    // rc gets a certificate that is right: its next handshake uses it, without a restart.
    tls.certify('rc');
    await tls.lab.until('rc is let in', async () => (await tls.peer('rc')).state === 'Established');

    writeFileSync(join(tls.folder, 'ra.key'), oldKey);
    await tls.logged(/certificate not reloaded: the earlier one stays in force/);
    const cfnctl = [NODE, bundled('cfnctl'), '--socket', tls.lab.socket('ra'), 'reload-certificates'];
    const refused = await runToEnd(tls.lab.ns('ra'), cfnctl);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('is not the key of the certificate')]);
    tls.certify('ra', tls.authority, validFor(21));
    const taken = await runToEnd(tls.lab.ns('ra'), cfnctl);
    expect([taken.code, taken.stdout]).toEqual([0, expect.stringMatching(/spiffe:.*site-ra.*, good until 2/)]);
    expect(await tls.peer('rb')).toMatchObject({ state: 'Established', flaps });
  });

  test('take new certificates on SIGHUP', { timeout: 300_000 }, async () => {
    const { pid, certificateNotAfterMs } = await tls.lab.ask('ra', (admin) => admin.status());
    tls.certify('ra', tls.authority, validFor(28));
    process.kill(pid, 'SIGHUP');
    await tls.lab.until('the new one is in force', async () => {
      return (await tls.lab.ask('ra', (admin) => admin.status())).certificateNotAfterMs > certificateNotAfterMs;
    });
    expect(tls.lab.daemon('ra').running).toBe(true);
  });

  test('write no private key: not to the log, not to the recording, not to the admin API', {
    timeout: 300_000,
  }, async () => {
    const kinds = [
      'peers',
      'services',
      'rib',
      'instances',
      'link-state',
      'paths',
      'fib',
      'metrics',
      'capabilities',
    ] as const;
    const shown = await Promise.all(kinds.map((kind) => tls.lab.ask('ra', (admin) => admin.show(kind))));
    const status = await tls.lab.ask('ra', (admin) => admin.status());
    const daemon = tls.lab.daemon('ra');
    const written = [
      JSON.stringify([shown, status]),
      JSON.stringify(daemon.log),
      daemon.said.join('\n'),
      daemon.output.join('\n'),
      readFileSync(join(tls.folder, 'ra.jsonl'), 'utf8'),
    ].join('\n');
    expect(written).toContain('spiffe://cfn/site/site-rb/router/rb');
    const lines = readFileSync(join(tls.folder, 'ra.key'), 'utf8')
      .split('\n')
      .filter((line) => line.length > 20);
    expect(lines.length).toBeGreaterThan(1);
    for (const line of [...lines, 'PRIVATE KEY']) expect(written.includes(line), line.slice(0, 12)).toBe(false);
  });
});
