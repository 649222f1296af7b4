// The part of the configuration that speaks of the session protocol: policies, what one peer may say and wants to hear, and
// what holds for all sessions. Defaults are those of the RFCs named, in milliseconds where BGP has seconds.
import { z } from 'zod';
import { PEER_ROLES } from '../model/identity.ts';
import { durationMs, integer, name, percent, serviceReference, sizeBytes, tag } from './units.ts';

/** Text with `*` for anything. */
const patterns = () => z.array(tag()).max(64).default([]);
/** Names from `services`, addresses or prefixes. */
const services = () => z.array(serviceReference()).max(4096).default([]);

const rule = z.strictObject({
  name: name(),
  /** Each list that is not empty must have an entry that fits; without lists: every route. */
  match: z
    .strictObject({
      services: services(),
      /** Site of the originator. */
      sites: patterns(),
      regions: patterns(),
      /** Capabilities and residency. */
      tags: patterns(),
      classes: patterns(),
      peers: patterns(),
      communities: patterns(),
    })
    .prefault({}),
  set: z
    .strictObject({
      preference: integer(-0x80000000, 0x7fffffff).optional(),
      drain: z.boolean().optional(),
      'add-communities': z.array(tag()).max(64).default([]),
      'remove-communities': z.array(tag()).max(64).default([]),
    })
    .prefault({}),
  /** `continue`: what is set holds, the next rule is looked at. */
  verdict: z.enum(['accept', 'reject', 'continue']),
});

/** Name -> ordered rules, and what becomes of a route that none decided. */
export const policies = z
  .record(
    name(),
    z.strictObject({
      rules: z.array(rule).max(1024).default([]),
      otherwise: z.enum(['accept', 'reject']).default('reject'),
    }),
  )
  .default({});

export const peerRole = () => z.enum(PEER_ROLES).optional();
export const CAPABILITIES = ['enhanced-refresh', 'digest', 'subscription'] as const;
const pause = () => durationMs({ min: '1ms', max: '10m', orZero: true });

/** Options of one peer. */
export const peerProtocol = {
  /** What the peer must say it is (RFC 9234); absent: anything. */
  role: peerRole(),
  /** Capabilities without which its OPEN is refused. */
  require: z.array(z.enum(CAPABILITIES)).max(CAPABILITIES.length).default([]),
  /** Names from `policies`; absent: everything passes. */
  import: name().optional(),
  export: name().optional(),
  /** Hear only what is in every list that is not empty (RFC 4684 in spirit). */
  subscribe: z.strictObject({ services: services(), regions: patterns(), classes: patterns() }).prefault({}),
  /** Most the peer may announce. */
  limits: z
    .strictObject({
      service: integer(1, 0x7fffffff).default(1_000_000),
      /** Of these routes: different services, and contact instances of any one. Counted where below `service`. */
      services: integer(1, 0x7fffffff).default(1_000_000),
      'instances-per-service': integer(1, 0x7fffffff).default(1_000_000),
      'link-state': integer(1, 0x7fffffff).default(100_000),
      /** UPDATEs, whatever is in them; 0: as many as are read. Beyond it `truncate` only says so. */
      updates: z
        .strictObject({
          'per-second': integer(0, 1_000_000).default(0),
          burst: integer(1, 1_000_000).default(10_000),
        })
        .prefault({}),
      /** Bytes of all its messages; 0: as many as are read. Beyond it `truncate` only says so. */
      bytes: z
        .strictObject({
          'per-second': sizeBytes({ orZero: true }).prefault('0B'),
          burst: sizeBytes().prefault('64MiB'),
        })
        .prefault({}),
      /** Says so in the log from this share on. */
      warn: percent().prefault('80%'),
      /** `truncate`: what goes beyond is not taken, the session stays. */
      action: z.enum(['close', 'truncate']).default('close'),
      /** After a close the peer is tried again; 0s: only by the operator. */
      restart: durationMs({ min: '1s', max: '24h', orZero: true }).prefault('60s'),
    })
    .prefault({}),
  /** Least time between UPDATEs of a family (RFC 4271 9.2.1.1); withdrawals and falls to another band do not wait. */
  pacing: z
    .strictObject({
      service: pause().prefault('10ms'),
      compute: pause().prefault('10ms'),
      'link-state': pause().prefault('10ms'),
    })
    .prefault({}),
} as const;

export const protocol = z
  .strictObject({
    /** How long peers keep our routes, and we theirs, when the session is lost (RFC 4724); 0s: not at all. */
    'restart-time': durationMs({ min: '1s', max: '1h', orZero: true }).prefault('120s'),
    /** How much longer reachability is kept, with scores of at most 3 (RFC 9494); 0s: not at all. */
    'long-lived-time': durationMs({ min: '1s', max: '168h', orZero: true }).prefault('1h'),
    /** Digests of what was announced are sent this often; 0s: never. */
    'digest-interval': durationMs({ min: '1s', max: '24h', orZero: true }).prefault('60s'),
    /** Contact instances that come and go (RFC 2439, RFC 7196). */
    damping: z
      .strictObject({
        enabled: z.boolean().default(true),
        penalty: integer(1, 1_000_000).default(1000),
        suppress: integer(1, 1_000_000).default(6000),
        reuse: integer(1, 1_000_000).default(750),
        'half-life': durationMs({ min: '1s', max: '24h' }).prefault('60s'),
      })
      .prefault({}),
    /** Load reports of one service from one site; those beyond are merged, the newest counts. Falls to another band pass. */
    'report-rate': z
      .strictObject({ 'per-second': integer(1, 1_000_000).default(100), burst: integer(1, 1_000_000).default(200) })
      .prefault({}),
  })
  .prefault({});
