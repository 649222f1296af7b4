// The part of the configuration that speaks of services: their names, the contact instances behind this router, and
// how an ingress decides. Defaults of the decision are DESIGN section 5's.
import { z } from 'zod';
import { AFFINITY_MODES } from '../fib/fib.ts';
import { STRATEGIES } from './config.ts';
import { classify } from './schema-classifier.ts';
import { address, amount, durationMs, durationUs, integer, name, percent, serviceReference, tag } from './units.ts';

const LONGEST = '24h';

const url = (protocols: readonly string[]) => {
  const error = `must be a URL that starts with ${protocols.map((p) => `${p}//`).join(' or ')}`;
  return (
    z
      .string({ error })
      .max(2048, { error })
      .refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), { error })
      // Configurations are shown, logged and recorded; a secret would be in all of them.
      .refine((text) => !URL.canParse(text) || new URL(text).username + new URL(text).password === '', {
        error: 'must hold no user or password: it would stand in logs and recordings',
      })
  );
};

const metricName = () => {
  const error = 'must be a Prometheus metric name';
  return z.string({ error }).regex(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,127}$/, { error });
};

const metrics = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('prometheus'),
      url: url(['http:', 'https:']),
      /** Scraped this often; reports leave when they matter. */
      interval: durationMs({ min: '10ms', max: '10m' }).prefault('100ms'),
      timeout: durationMs({ min: '10ms', max: '1m' }).prefault('1s'),
      names: z
        .strictObject({
          workers: metricName().default('cfn_service_workers'),
          'in-flight': metricName().default('cfn_service_in_flight'),
          arrivals: metricName().default('cfn_service_requests_total'),
          completions: metricName().default('cfn_service_completed_total'),
          'busy-seconds': metricName().default('cfn_service_busy_seconds_total'),
        })
        .prefault({}),
    }),
    z.strictObject({ kind: z.literal('push') }),
  ],
  { error: 'kind must be prometheus or push' },
);

const probe = {
  interval: durationMs({ min: '10ms', max: '10m' }).prefault('1s'),
  timeout: durationMs({ min: '10ms', max: '1m' }).prefault('1s'),
  /** Good answers in a row until up, bad ones until down. */
  rise: integer(1, 100).default(3),
  fall: integer(1, 100).default(3),
};
const health = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('http'), url: url(['http:', 'https:']), ...probe }),
    z.strictObject({ kind: z.literal('tcp'), url: url(['tcp:']), ...probe }),
    z.strictObject({ kind: z.literal('none') }),
  ],
  { error: 'kind must be http, tcp or none' },
);

const instance = z.strictObject({
  name: name(),
  service: serviceReference(),
  /** CSCI-ID: unicast address of the contact instance. */
  address: address(),
  /** Where End.DX6 or, for an IPv4 service, End.DX4 sends the packet: of the service's family; default: `address`. */
  nexthop: address().optional(),
  /** Egress SID, inside a locator of the router; default: allotted in the best locator that the kernel can serve. */
  sid: address('ipv6').optional(),
  metrics,
  health: health.prefault({ kind: 'none' }),
  classes: z.array(name()).max(32).default([]),
  capabilities: z.array(tag()).max(32).default([]),
  region: z.union([tag(), z.literal('')]).default(''),
  residency: z.array(tag()).max(32).default([]),
  /** Micro-units of the domain's currency per 1,000 requests. */
  price: integer(0, 0xffffffff).default(0),
  /** Grams CO2e per kWh. */
  carbon: integer(0, 100_000).default(0),
  /** Milliwatt-hours per 1,000 requests. */
  energy: integer(0, 0xffffffff).default(0),
  'security-level': integer(0, 255).default(0),
  /** Higher wins; what a point is worth is the class's `exchange`. */
  preference: integer(0, 65535).default(0),
  /** A report in which nothing moved by more is left out, until a third of valid-for has passed; absent: none is. */
  'dead-band': percent().optional(),
  /** State is repeated at least this often, and sooner when it matters. */
  'report-interval': durationMs({ min: '10ms', max: '10m' }).prefault('1s'),
  /** State this old no longer attracts flows (gRPC A58: 180 s). */
  'valid-for': durationMs({ min: '100ms', max: LONGEST }).prefault('180s'),
});

/** 5 ms for score 10, 1.7 times more for each point less: 1 s for score 0. */
const SCORE_TABLE = Array.from({ length: 11 }, (_, score) => `${Math.round(5000 * 1.7 ** (10 - score))}us`);

const serviceClass = z.strictObject({
  name: name(),
  strategy: z.enum(STRATEGIES).default('joint'),
  /** Hard constraints; absent: none. */
  bounds: z
    .strictObject({
      'round-trip': durationUs({ min: '1us', max: LONGEST }).optional(),
      'total-time': durationUs({ min: '1us', max: LONGEST }).optional(),
      'min-spare-capacity': amount().default(0),
      capabilities: z.array(tag()).max(32).default([]),
      regions: z.array(tag()).max(32).default([]),
      'min-security-level': integer(0, 255).default(0),
      'max-price': amount().optional(),
      'max-carbon': amount().optional(),
    })
    .prefault({}),
  /** What one unit is worth in delay. */
  exchange: z
    .strictObject({
      price: durationUs({ min: '0us', max: LONGEST }).prefault('0us'),
      carbon: durationUs({ min: '0us', max: LONGEST }).prefault('0us'),
      preference: durationUs({ min: '0us', max: LONGEST }).prefault('1ms'),
    })
    .prefault({}),
  /** Service time to assume for a bare score 0, 1, .. 10. */
  'score-table': z
    .array(durationUs({ min: '1us', max: LONGEST }))
    .length(11, { error: 'must have 11 durations, for the scores 0 to 10' })
    .prefault(SCORE_TABLE),
  /** A challenger must beat the incumbent by this much... */
  hysteresis: percent().prefault('10%'),
  /** ...for this long. */
  hold: durationMs({ min: '0ms', max: '1h' }).prefault('1s'),
  /** Of new flows, in tenths of a percent: tries instances that only a memory of slow work keeps out; 0%: never. */
  exploration: percent({ max: 10 }).prefault('0.5%'),
  /** What stays with its contact instance when weights change: a flow, a busy hash bucket, a client, or nothing. */
  affinity: z.enum(AFFINITY_MODES).default('flow'),
  /** `client`: leading bits of the source address that make one client; whole octets. */
  'client-prefix': z
    .strictObject({ ipv4: integer(8, 32).default(32), ipv6: integer(8, 128).default(128) })
    .prefault({}),
  /** `bucket`: more buckets follow the weights more finely. */
  buckets: integer(16, 65535).default(1024),
  /** `bucket`: busy buckets move too after this long out of balance, which breaks their flows; 0s: never. */
  'unbalanced-timeout': durationMs({ min: '1s', max: LONGEST, orZero: true }).prefault('0s'),
  /** A flow, client or bucket without packets for this long is forgotten; a flow this long after FIN or RST. */
  'idle-timeout': durationMs({ min: '1s', max: LONGEST }).prefault('5m'),
  'closing-timeout': durationMs({ min: '100ms', max: '10m' }).prefault('2s'),
  /** Ways to take in place of the fastest: hop by hop from here, the last is the egress router. */
  paths: z
    .array(
      z
        .array(
          z.strictObject({
            /** Name or router id. */
            node: name(),
            /** Interface by which the router before it sends. */
            link: name().optional(),
          }),
        )
        .min(1)
        .max(16),
    )
    .max(256)
    .default([]),
});

/** Service name -> anycast address (CS-ID), IPv6 or IPv4. */
export const serviceNames = z.record(name(), address()).default({});
export const instances = z.array(instance).max(4096).default([]);
/** `default` exists without being written. */
export const classes = z.array(serviceClass).max(256).default([]);
export const defaultClass = () => serviceClass.parse({ name: 'default' });

export const steering = z
  .strictObject({
    /** Services whose traffic this ingress steers. */
    services: z
      .array(z.strictObject({ service: serviceReference(), class: name().default('default'), classify }))
      .max(4096)
      .default([]),
    /** The first change is acted on at once; while more come they are held back from min, doubling, to max. */
    debounce: z
      .strictObject({
        min: durationMs({ min: '0ms', max: '1m' }).prefault('10ms'),
        max: durationMs({ min: '0ms', max: '1m' }).prefault('250ms'),
      })
      .prefault({}),
    /** After a start, metrics this young do not move traffic. */
    blackout: durationMs({ min: '0s', max: '10m' }).prefault('10s'),
  })
  .prefault({});
