// The certificate, key and authorities of this router as TLS needs them, from their files. New files are taken for new
// handshakes only: what is established was judged by what was true then, and lives on.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { CodedError } from '../../lib/errors.ts';
import { type CertificateNames, namesOf } from '../../lib/security/identity.ts';

export interface CredentialFiles {
  readonly certificate: string;
  readonly key: string;
  readonly authorities: string;
}

export interface Credentials {
  /** For the listening side, which makes its context for each handshake. */
  readonly options: SecureContextOptions;
  /** For the dialling side. */
  readonly context: SecureContext;
  /** Names of this router's own certificate. */
  readonly names: CertificateNames;
  /** Wall clock, ms since 1970. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SHA-256 of the certificate, hexadecimal with colons: what changes with a rotation. */
  readonly fingerprint: string;
}

/** One kind of TLS only: no older version, and so no renegotiation, no static RSA, no CBC. */
const VERSION = 'TLSv1.3';

/** Reads and checks the files. Throws `CodedError` `bad-credentials` that names the file, never what is in it. */
export function loadCredentials(files: CredentialFiles): Credentials {
  const cert = read(files.certificate);
  const key = read(files.key);
  const ca = certificatesIn(read(files.authorities), files.authorities);
  const [own] = certificatesIn(cert, files.certificate);
  const leaf = new X509Certificate(own!);
  if (!leaf.checkPrivateKey(privateKey(key, files.key)))
    throw fault(files.key, `is not the key of the certificate in ${files.certificate}`);
  const options: SecureContextOptions = { cert, key, ca, minVersion: VERSION, maxVersion: VERSION };
  return {
    options,
    context: contextOf(options, files),
    names: namesOf(leaf.subjectAltName ?? ''),
    notBeforeMs: Date.parse(leaf.validFrom),
    notAfterMs: Date.parse(leaf.validTo),
    fingerprint: leaf.fingerprint256,
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      { ENOENT: 'there is no such file', EACCES: 'permission denied' }[code ?? ''] ?? code ?? 'cannot be read';
    throw fault(file, why);
  }
}

/** PEM blocks, each known to be a certificate. */
function certificatesIn(pem: string, file: string): string[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw fault(file, 'holds no certificate in PEM form');
  for (const block of blocks) {
    try {
      new X509Certificate(block);
    } catch {
      throw fault(file, 'holds a block that is no certificate');
    }
  }
  return blocks;
}

/** Without the library's error text, which may quote its input. */
function privateKey(pem: string, file: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw fault(file, 'holds no private key in PEM form without a passphrase');
  }
}

function contextOf(options: SecureContextOptions, files: CredentialFiles): SecureContext {
  try {
    return createSecureContext(options);
  } catch (error) {
    throw fault(files.certificate, `TLS does not take it: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`);
  }
}

function fault(file: string, why: string): CodedError {
  return new CodedError('bad-credentials', `${file}: ${why}`, { file });
}
