// Sections about trust: the certificate of this router, what each site may say, and which numbers are believed.
import { z } from 'zod';
import { FAMILIES } from '../model/identity.ts';
import { durationMs, durationUs, filePath, integer, name, pattern, prefix, routerId } from './units.ts';

/** For mutual-tls: PEM files. The certificate names this router (lib/security/identity.ts). */
export const tls = z
  .strictObject({
    certificate: filePath(),
    key: filePath(),
    /** Certificates of the authorities whose word counts. */
    authorities: filePath(),
    /** Changed files are taken for new handshakes; 0s: only on SIGHUP or `cfnctl reload-certificates`. */
    'check-interval': durationMs({ min: '100ms', max: '1h', orZero: true }).prefault('5s'),
  })
  .optional();

/** Default deny: with mutual-tls, or with any entry, nobody originates or passes on what no entry allows. */
export const authorisation = z
  .array(
    z.strictObject({
      site: name(),
      'router-ids': z.array(routerId()).min(1).max(1024),
      families: z
        .array(z.enum(FAMILIES))
        .min(1)
        .default([...FAMILIES]),
      services: z.array(prefix()).max(1024).default([]),
      names: z.array(pattern()).max(1024).default(['*']),
      locators: z.array(prefix('ipv6')).max(1024).default([]),
      prefixes: z.array(prefix()).max(4096).default([]),
      /** Sites whose routes and link state it passes on: a transit site says ["*"]. */
      relay: z.array(pattern()).max(1024).default([]),
    }),
  )
  .max(4096)
  .default([]);

/**
 * How far a report's date may be from our clock, either way. Ages are counted from receipt, so a skewed clock makes no
 * report older; but whoever reads dates wonders, and a report of next year is broken or a lie.
 */
export const clockSkew = z
  .strictObject({
    /** Said in the log from here on; the report counts as any other. */
    warn: durationMs({ min: '10ms', max: '24h' }).prefault('5s'),
    /** From here on the report is not believed, and a sequence this far ahead is refused (with mutual TLS); 0s: any date is. */
    quarantine: durationMs({ min: '1s', max: '24h', orZero: true }).prefault('1h'),
  })
  .prefault({});

/** Reports beyond these bounds are put in quarantine: not used, the score counts as 0 until they are believable again. */
export const plausibility = z
  .strictObject({
    /** Of one request. */
    'work-time': durationUs({ min: '1ms', max: '1h' }).prefault('10m'),
    /** Requests per second, arriving or spare. */
    rate: integer(1, 1e12).default(1e9),
    'in-flight': integer(1, 1e12).default(1e9),
    workers: integer(1, 0xffffffff).default(1e6),
    /** Believable reports in a row that end a quarantine. */
    'release-after': integer(1, 1000).default(3),
    /** Of one session until it is ended, rows that a peer may only not relay left out; 0: never. */
    'refused-rows': integer(0, 1e9).default(10_000),
  })
  .prefault({});
