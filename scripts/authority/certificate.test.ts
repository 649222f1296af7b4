// Certificates as Node's OpenSSL reads them, and as the openssl program verifies them where there is one.
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { identityFault, namesOf } from '../../lib/security/identity.ts';
import { createAuthority, issueRouter, validFor } from './certificate.ts';
import { integer, objectIdentifier, time, tlv } from './der.ts';

const folder = mkdtempSync(join(tmpdir(), 'cfnd-authority-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const authority = createAuthority('a lab', validFor(30));
const eg1 = { domain: 'metro', site: 'site-1', router: 'eg1' };
const router = issueRouter(authority, eg1, validFor(7));

describe('a router’s certificate', () => {
  const read = new X509Certificate(router.certificate);

  it('is signed by its authority, for its own key, and by no other authority', () => {
    const ca = new X509Certificate(authority.certificate);
    expect(read.checkIssued(ca)).toBe(true);
    expect(read.verify(ca.publicKey)).toBe(true);
    expect(read.verify(new X509Certificate(createAuthority('a lab', validFor(30)).certificate).publicKey)).toBe(false);
    expect([ca.ca, read.ca]).toEqual([true, false]);
  });

  it('proves the identity it was made for', () => {
    expect(identityFault(namesOf(read.subjectAltName!), { ...eg1, name: 'eg1' })).toBe('');
  });

  it('is valid from an hour ago for the days that were asked for', () => {
    const days = (Date.parse(read.validTo) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(6.9);
    expect(days).toBeLessThan(7.1);
    expect(Date.parse(read.validFrom)).toBeLessThan(Date.now() - 3_000_000);
  });

  const openssl = spawnSync('openssl', ['version']).status === 0;
  it.skipIf(!openssl)('passes openssl verify for both purposes', () => {
    writeFileSync(join(folder, 'ca.pem'), authority.certificate);
    writeFileSync(join(folder, 'eg1.pem'), router.certificate);
    for (const purpose of ['sslclient', 'sslserver']) {
      const args = ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', 'ca.pem', 'eg1.pem'];
      const { stdout, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
      expect(`${stdout}${stderr}`).toBe('eg1.pem: OK\n');
    }
  });
});

describe('DER', () => {
  it.each([
    [integer(Uint8Array.of(0x80)), '02020080'],
    [integer(Uint8Array.of(0, 0, 1)), '020101'],
    [integer(Uint8Array.of(0)), '020100'],
    [objectIdentifier('1.2.840.10045.4.3.2'), '06082a8648ce3d040302'],
    [time(Date.UTC(2049, 11, 31, 23, 59, 59)), `170d${Buffer.from('491231235959Z').toString('hex')}`],
    [time(Date.UTC(2050, 0, 1)), `180f${Buffer.from('20500101000000Z').toString('hex')}`],
    [tlv(0x04, Buffer.alloc(200)).subarray(0, 3), '0481c8'],
    [tlv(0x04, Buffer.alloc(300)).subarray(0, 4), '0482012c'],
  ])('%#', (bytes, hex) => {
    expect(Buffer.from(bytes).toString('hex')).toBe(hex);
  });
});
