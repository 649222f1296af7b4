// X.509 certificates (RFC 5280) for labs and tests: an authority, and routers that it names. ECDSA on P-256, made with what
// Node has, so that no lab waits for another program. Not for production: keys lie in files without a passphrase.
import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { routerUri } from '../../lib/security/identity.ts';
import {
  bitString,
  boolean,
  explicit,
  implicit,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  utf8String,
} from './der.ts';

/** PEM texts. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

export interface Validity {
  /** Wall clock, ms since 1970. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export interface RouterName {
  readonly domain: string;
  readonly site: string;
  readonly router: string;
}

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));
const COMMON_NAME = objectIdentifier('2.5.4.3');
/** keyUsage bits (RFC 5280 4.2.1.3), most significant first: digitalSignature; keyCertSign and cRLSign. */
const MAY_SIGN_DATA = bitString(Uint8Array.of(0x80), 7);
const MAY_SIGN_CERTIFICATES = bitString(Uint8Array.of(0x06), 1);
/** Either side dials: both purposes. */
const EXTENDED_KEY_USAGE = sequence(objectIdentifier('1.3.6.1.5.5.7.3.1'), objectIdentifier('1.3.6.1.5.5.7.3.2'));
/** GeneralName: uniformResourceIdentifier (RFC 5280 4.2.1.6). */
const URI = 6;

/** From an hour ago, because clocks of a lab differ. */
export function validFor(days: number, nowMs = Date.now()): Validity {
  return { notBeforeMs: nowMs - DAY_MS / 24, notAfterMs: nowMs + days * DAY_MS };
}

export function createAuthority(name: string, validity: Validity): Issued {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const extensions = [
    extension('2.5.29.14', false, octetString(keyIdentifier(publicKey))),
    extension('2.5.29.19', true, sequence(boolean(true), integer(Uint8Array.of(0)))),
    extension('2.5.29.15', true, MAY_SIGN_CERTIFICATES),
  ];
  const subject = nameOf(name);
  return issued({ issuer: subject, subject, publicKey, validity, extensions }, privateKey, privateKey);
}

/** A certificate for one router; both purposes, one URI (lib/security/identity.ts). */
export function issueRouter(authority: Issued, name: RouterName, validity: Validity): Issued {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const uri = Buffer.from(routerUri(name.domain, name.site, name.router), 'latin1');
  const signer = new X509Certificate(authority.certificate);
  const extensions = [
    extension('2.5.29.35', false, sequence(implicit(0, keyIdentifier(signer.publicKey)))),
    extension('2.5.29.19', true, sequence()),
    extension('2.5.29.15', true, MAY_SIGN_DATA),
    extension('2.5.29.37', false, EXTENDED_KEY_USAGE),
    extension('2.5.29.17', false, sequence(implicit(URI, uri))),
  ];
  // The authority's subject has one common name, which is what `nameOf` makes.
  const issuer = nameOf(/CN=(.*)/.exec(signer.subject)?.[1] ?? '');
  const subject = nameOf(name.router);
  return issued({ issuer, subject, publicKey, validity, extensions }, createPrivateKey(authority.key), privateKey);
}

interface Content {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly validity: Validity;
  readonly extensions: readonly Buffer[];
}

function issued(content: Content, signer: KeyObject, own: KeyObject): Issued {
  const { issuer, subject, publicKey, validity, extensions } = content;
  const toBeSigned = sequence(
    explicit(0, integer(Uint8Array.of(2))),
    integer(randomBytes(16)),
    ECDSA_WITH_SHA256,
    issuer,
    sequence(time(validity.notBeforeMs), time(validity.notAfterMs)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...extensions)),
  );
  const signature = sign('sha256', toBeSigned, signer);
  return {
    certificate: pem(sequence(toBeSigned, ECDSA_WITH_SHA256, bitString(signature))),
    key: own.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** RFC 7093 2 (1): 160 bits of SHA-256; what both certificates call the authority's key. */
function keyIdentifier(key: KeyObject): Buffer {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20);
}

function nameOf(commonName: string): Buffer {
  return sequence(set(sequence(COMMON_NAME, utf8String(commonName))));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectIdentifier(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
