// What the peers of a rehearsal say: the messages of a busy hub, of two sites with services of their own and one in common.
import type { PushedReport } from '../../lib/metric/agent.ts';
import { type ComputeState, METRIC_SOURCES } from '../../lib/model/compute-state.ts';
import { FAMILIES, type RouterId, type Score } from '../../lib/model/identity.ts';
import type { LinkAdvertisement, NodeAdvertisement } from '../../lib/model/link-state.ts';
import type { ServiceAttributes } from '../../lib/model/service-route.ts';
import type { UpdateMessage } from '../../lib/session/message.ts';
import { computeUpdate, type ServiceRow, serviceUpdate } from '../../lib/session/update-rows.ts';

const STRUCTURE = { block: 32, node: 16, function: 16, argument: 0 } as const;
/** Behaviour code points (RFC 8986 10.2). */
const END = 1;
const END_DX6 = 16;
const VALID_MS = 600_000;

/** A site that announces services, by its number among the peers. */
export interface Announcer {
  readonly number: number;
  readonly name: string;
  readonly routerId: RouterId;
  /** First half of its locator and of its addresses. */
  readonly locator: string;
  readonly attributes: ServiceAttributes;
}

export function announcer(number: number, name: string): Announcer {
  const locator = `5f00:0:${number + 2}`;
  const attributes: ServiceAttributes = {
    egressSid: `${locator}:100::`,
    sidStructure: STRUCTURE,
    behaviour: END_DX6,
    sitePath: [name],
    clusterList: [],
    communities: [],
    onlyToDownstream: '',
    site: name,
    serviceName: 'rehearsal',
    instanceName: name,
    classes: [],
    capabilities: [],
    region: '',
    residency: [],
    priceMicros: 0,
    carbon: 0,
    energy: 0,
    securityLevel: 0,
    preference: 100,
    drain: false,
    validForMs: VALID_MS,
  };
  return { number, name, routerId: `192.0.2.${number + 2}`, locator, attributes };
}

/** What `from` says of rows `first`..`first + count - 1`; `sequence` of their states rises from message to message. */
export function update(
  from: Announcer,
  first: number,
  count: number,
  { sequence, announce, wallMs }: { readonly sequence: number; readonly announce: boolean; readonly wallMs: number },
): UpdateMessage {
  const numbers = Array.from({ length: count }, (_, i) => first + i);
  const states = numbers.map((number) => ({ handle: number + 1, state: stateOf(from, number, sequence, wallMs) }));
  return {
    type: 'UPDATE',
    ...(announce && { service: serviceUpdate(numbers.map((number) => rowOf(from, number))) }),
    compute: computeUpdate(states),
  };
}

export function withdrawal(first: number, count: number): UpdateMessage {
  const handles = Array.from({ length: count }, (_, i) => first + i + 1);
  return { type: 'UPDATE', service: serviceUpdate([], handles) };
}

/** The service with number 0 is everybody's. */
function rowOf({ number: site, routerId, attributes }: Announcer, number: number): ServiceRow {
  return {
    handle: number + 1,
    service: number === 0 ? COMMON_SERVICE : `fd00:ca:${site + 1}::${number.toString(16)}`,
    contactInstance: `fd00:51:${site + 1}::${number.toString(16)}`,
    originator: routerId,
    attributes,
  };
}

export const COMMON_SERVICE = 'fd00:ca::1';

/** No two rows agree in most of their numbers, and the sites take turns in being the better one. */
function stateOf({ number: site }: Announcer, number: number, sequence: number, wallMs: number): ComputeState {
  const n = number + sequence + site;
  return {
    sequence,
    score: (4 + (n % 4)) as Score,
    computeScore: (n % 11) as Score,
    serviceScore: ((n >>> 2) % 11) as Score,
    serviceTimeUs: 300 + ((n * 37) % 90_000),
    workTimeUs: 4000 + (n % 1000),
    spareCapacity: n % 997,
    inFlight: ((sequence >> 1) + site) % 2 === 0 ? 400 : 0,
    arrivalRate: n % 300,
    workers: 1 + (n % 64),
    source: METRIC_SOURCES[2]!,
    statistic: 'mean',
    windowMs: 1000,
    measuredAtMs: wallMs,
    validForMs: VALID_MS,
  };
}

export type Load = Pick<PushedReport, 'workers' | 'inFlight' | 'arrivalRate' | 'workTimeUs'>;

/** What an instance of the router itself reports, busy and idle in turns. */
export function loadOf(sequence: number): Load {
  const isBusy = (sequence >> 1) % 2 === 0;
  return { workers: 4, workTimeUs: 4000, inFlight: isBusy ? 400 : 0, arrivalRate: isBusy ? 2000 : 10 };
}

/** The site and its one link, number `number` of the router `neighbour`. */
function nodeOf(from: Announcer, neighbour: RouterId, wallMs: number): NodeAdvertisement {
  const { number, name, routerId, locator } = from;
  const link: LinkAdvertisement = {
    name: 'eth1',
    neighbour,
    localAddress: linkAddress(number, 2),
    remoteAddress: linkAddress(number, 1),
    delayMinUs: 1000,
    delayAvgUs: 1010,
    delayVariationUs: 10,
    loss: 0,
    bandwidthBps: 10e9,
    adminGroups: 0,
    srlg: [],
    endXSid: '',
  };
  return {
    originator: routerId,
    site: name,
    name,
    sequence: wallMs,
    locators: [{ prefix: `${locator}::/48`, structure: STRUCTURE, endSid: `${locator}::`, behaviour: END }],
    prefixes: [],
    links: [link],
    maxSidDepth: 8,
  };
}

/** A site says where it is, and that this is all it has to say so far. */
export function whereIs(from: Announcer, neighbour: RouterId, wallMs: number): UpdateMessage {
  return { type: 'UPDATE', linkState: { nodes: [nodeOf(from, neighbour, wallMs)] }, endOfRib: [...FAMILIES] };
}

/** Of the link to the peer with this number: our end is 1. */
export function linkAddress(number: number, end: 1 | 2): string {
  return `fd00:ffff:${number + 1}::${end}`;
}
