// Test support: arbitrary session messages, all of them legal, with every number of the model up to its end.
import fc from 'fast-check';
import { type ComputeState, METRIC_SOURCES, METRIC_STATISTICS } from '../model/compute-state.ts';
import { FAMILIES, numberToRouterId, PEER_ROLES, ROLES, type Score } from '../model/identity.ts';
import type { LinkAdvertisement, LocatorAdvertisement, NodeAdvertisement } from '../model/link-state.ts';
import type { ServiceAttributes, SidStructure } from '../model/service-route.ts';
import { bytesToAddress, maskBytes } from '../net/address.ts';
import type {
  DigestMessage,
  NotificationMessage,
  OpenMessage,
  RouteRefreshMessage,
  SessionMessage,
  SubscribeMessage,
  Subscription,
  UpdateMessage,
} from '../session/message.ts';
import { fromPlainUpdate } from '../session/update-rows.ts';

const uint32 = fc.oneof(
  fc.nat(300),
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.constantFrom(0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
);
const uint53 = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER));
const float = fc.float({ min: 0, noNaN: true, noDefaultInfinity: true });
const name = fc
  .oneof(fc.string({ maxLength: 15, unit: 'grapheme' }), fc.string({ maxLength: 63 }))
  .filter((s) => utf8(s) <= 63);
const names = fc.array(name, { maxLength: 4 });
const site = fc.stringMatching(/^[a-z0-9-]{1,63}$/);
const routerId = fc.integer({ min: 1, max: 0xffff_ffff }).map(numberToRouterId);

const utf8 = (text: string): number => new TextEncoder().encode(text).length;
const v6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => {
  bytes[0] = 0x20 | (bytes[0]! & 0x0f);
  return bytesToAddress(bytes);
});
const v4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(bytesToAddress);
export const address = fc.oneof(v6, v4, fc.constantFrom('::', '::1', 'fd00:cafe::80'));
const prefix = fc.oneof(
  fc.tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.integer({ min: 4, max: 128 })).map(([bytes, length]) => {
    bytes[0] = 0x20 | (bytes[0]! & 0x0f);
    return `${bytesToAddress(maskBytes(bytes, length))}/${length}`;
  }),
  fc
    .tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.integer({ min: 0, max: 32 }))
    .map(([bytes, length]) => `${bytesToAddress(maskBytes(bytes, length))}/${length}`),
);
const structure: fc.Arbitrary<SidStructure> = fc.record({
  block: fc.nat(32),
  node: fc.nat(32),
  function: fc.nat(32),
  argument: fc.nat(32),
});
const behaviour = fc.nat(0xffff);

export const attributes: fc.Arbitrary<ServiceAttributes> = fc.record({
  egressSid: address,
  sidStructure: structure,
  behaviour,
  sitePath: fc.array(site, { maxLength: 4 }),
  clusterList: fc.array(routerId, { maxLength: 4 }),
  site,
  serviceName: name,
  instanceName: name,
  classes: names,
  capabilities: names,
  region: name,
  residency: names,
  priceMicros: uint53,
  carbon: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
  energy: uint53,
  securityLevel: uint32,
  preference: fc.integer(),
  drain: fc.boolean(),
  validForMs: uint32,
  communities: names,
  onlyToDownstream: fc.oneof(routerId, fc.constant('' as const)),
});

const handles = (rows: number) =>
  fc.uniqueArray(fc.integer({ min: 1, max: 0x7fff_ffff }), { minLength: rows, maxLength: rows });
const column = <T>(value: fc.Arbitrary<T>, rows: number) =>
  fc.oneof(
    fc.array(value, { minLength: rows, maxLength: rows }),
    // All equal: the form that travels as one element.
    value.map((v) => new Array<T>(rows).fill(v)),
  );

/** Columns of texts and objects, as recordings have them; typed where the whole UPDATE is made. */
export const serviceUpdate = fc
  .tuple(fc.nat(12), fc.array(attributes, { minLength: 1, maxLength: 3 }))
  .chain(([rows, attributeSets]) =>
    fc.record({
      attributeSets: fc.constant(attributeSets),
      handle: handles(rows),
      service: column(address, rows),
      contactInstance: column(address, rows),
      originator: column(routerId, rows),
      attributeSet: column(fc.nat(attributeSets.length - 1), rows),
      withdrawn: fc.nat(5).chain(handles),
    }),
  );

const score = fc.nat(10).map((value) => value as Score);
export const computeState: fc.Arbitrary<ComputeState> = fc.record({
  sequence: uint53,
  score,
  computeScore: score,
  serviceScore: score,
  serviceTimeUs: uint32,
  workTimeUs: uint32,
  spareCapacity: float,
  inFlight: float,
  arrivalRate: float,
  workers: uint32,
  source: fc.constantFrom(...METRIC_SOURCES),
  statistic: fc.constantFrom(...METRIC_STATISTICS),
  windowMs: uint32,
  // On the wire in whole microseconds; below 2^51 of them the way there and back is exact.
  measuredAtMs: fc.integer({ min: 0, max: 2 ** 51 }).map((us) => us / 1000),
  validForMs: uint32,
});

export const computeUpdate = fc
  .nat(12)
  .chain((rows) => fc.record({ handle: handles(rows), state: column(computeState, rows) }));

const locator: fc.Arbitrary<LocatorAdvertisement> = fc.record({ prefix, structure, endSid: address, behaviour });
const plainLink = fc.record({
  name,
  neighbour: routerId,
  localAddress: fc.oneof(address, fc.constant('')),
  remoteAddress: fc.oneof(address, fc.constant('')),
  delayMinUs: uint32,
  delayAvgUs: uint32,
  delayVariationUs: uint32,
  loss: fc.nat(0xff_ffff),
  bandwidthBps: uint53,
  adminGroups: uint32,
  srlg: fc.array(uint32, { maxLength: 4 }),
  endXSid: fc.oneof(address, fc.constant('')),
});
const sid = fc.record({ sid: address, structure, behaviour });
const link: fc.Arbitrary<LinkAdvertisement> = fc
  .tuple(plainLink, fc.nat(0xffff_ffff), fc.array(sid, { maxLength: 2 }))
  .map(([plain, mtu, adjacencySids]) => ({
    ...plain,
    ...(mtu > 0 && { mtu }),
    ...(adjacencySids.length > 0 && { adjacencySids }),
  }));
const decapSid = fc.record({ sid: address, behaviour: fc.nat(65535) });
const plainNode = fc.record({
  originator: routerId,
  site,
  name,
  sequence: uint53,
  locators: fc.array(locator, { maxLength: 2 }),
  prefixes: fc.array(prefix, { maxLength: 4 }),
  links: fc.array(link, { maxLength: 3 }),
  maxSidDepth: fc.nat(255),
});
export const node: fc.Arbitrary<NodeAdvertisement> = fc
  .tuple(
    plainNode,
    fc.array(decapSid, { maxLength: 2 }),
    fc.option(fc.nat(255), { nil: undefined }),
    fc.nat(100_000),
    fc.boolean(),
  )
  .map(([plain, decapSids, maxSegmentsLeft, ageSeconds, noTransit]) => ({
    ...plain,
    ...(decapSids.length > 0 && { decapSids }),
    ...(maxSegmentsLeft !== undefined && { maxSegmentsLeft }),
    ...(ageSeconds > 0 && { ageSeconds }),
    ...(noTransit && { noTransit }),
  }));

const families = fc.uniqueArray(fc.constantFrom(...FAMILIES));
const subscription: fc.Arbitrary<Subscription> = fc.record({
  services: fc.array(prefix, { maxLength: 4 }),
  regions: names,
  classes: names,
});

export const open: fc.Arbitrary<OpenMessage> = fc.record(
  {
    type: fc.constant('OPEN' as const),
    version: uint32,
    domain: name,
    site,
    routerId,
    name,
    bootId: name,
    holdTimeMs: uint32,
    families,
    roles: fc.uniqueArray(fc.constantFrom(...ROLES)),
    capabilities: names,
    peerRole: fc.constantFrom(...PEER_ROLES),
    gracefulRestart: fc.record({ restartTimeMs: uint32, families, preserved: families }),
    longLived: fc.record({ staleTimeMs: uint32, families }),
    subscription,
  },
  {
    requiredKeys: [
      'type',
      'version',
      'domain',
      'site',
      'routerId',
      'name',
      'bootId',
      'holdTimeMs',
      'families',
      'roles',
      'capabilities',
    ],
  },
);

export const subscribe: fc.Arbitrary<SubscribeMessage> = fc.record({
  type: fc.constant('SUBSCRIBE' as const),
  subscription,
});
export const digest: fc.Arbitrary<DigestMessage> = fc.record({
  type: fc.constant('DIGEST' as const),
  family: fc.constantFrom(...FAMILIES),
  count: uint32,
  low: uint32,
  high: uint32,
});

const text = fc.string({ maxLength: 80, unit: 'grapheme' }).filter((s) => utf8(s) <= 255);
export const notification: fc.Arbitrary<NotificationMessage> = fc.record({
  type: fc.constant('NOTIFICATION' as const),
  code: uint32,
  subcode: uint32,
  data: text,
  text,
});

const routeRefresh: fc.Arbitrary<RouteRefreshMessage> = fc.record({
  type: fc.constant('ROUTE-REFRESH' as const),
  family: fc.constantFrom(...FAMILIES),
  phase: fc.constantFrom('request' as const, 'begin' as const, 'end' as const),
});

export const update: fc.Arbitrary<UpdateMessage> = fc
  .record(
    {
      type: fc.constant('UPDATE' as const),
      service: serviceUpdate,
      compute: computeUpdate,
      linkState: fc.record({ nodes: fc.array(node, { maxLength: 3 }) }),
      endOfRib: fc.uniqueArray(fc.constantFrom(...FAMILIES), { minLength: 1 }),
    },
    { requiredKeys: ['type'] },
  )
  .map(fromPlainUpdate);

export const message: fc.Arbitrary<SessionMessage> = fc.oneof(
  open,
  fc.constant<SessionMessage>({ type: 'KEEPALIVE' }),
  notification,
  routeRefresh,
  subscribe,
  digest,
  update,
  update,
);
