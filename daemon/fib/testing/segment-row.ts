// What the routers of the segment lab are: their numbers, locators and configurations, and what the router core makes of these.
import type { RouterConfig } from '../../../lib/config/config.ts';
import { parseConfig } from '../../../lib/config/parse.ts';
import { type FibCapability, type FibObject, MAIN_TABLE } from '../../../lib/fib/fib.ts';
import type { NodeAdvertisement } from '../../../lib/model/link-state.ts';
import { sidOf } from '../../../lib/model/locator.ts';
import { canonicalPrefix } from '../../../lib/net/address.ts';
import { wanted } from '../../../lib/router/fib-plan.ts';
import { createRouter, handle } from '../../../lib/router/handle.ts';
import { plainLocator } from '../../../lib/router/locators.ts';
import { makeSid, type Sid } from '../../../lib/segment/sid.ts';

export const SERVICE = 'fd00:cafe::80';
export const SERVICE_V4 = '10.80.0.80';

/** Node numbers in locators, along the row. */
export const ROW = [
  ['in', 9],
  ['r1', 1],
  ['r2', 2],
  ['r3', 3],
  ['r4', 4],
  ['eg', 6],
] as const;
export type RouterName = (typeof ROW)[number][0];

/** A locator of each kind, by node number. */
export const LOCATORS = {
  full: { prefix: (n: number) => `5f00:0:${n}::/48`, behaviour: 'end' },
  'next-32': { prefix: (n: number) => `fcbb:bbbb:${n}::/48`, behaviour: 'next-csid' },
  'next-48': { prefix: (n: number) => `fcbb:bbbb:cccc:${n}::/64`, behaviour: 'next-csid' },
  'next-wide': { prefix: (n: number) => `fcbb:aaaa:${n}::/48`, behaviour: 'next-csid', 'csid-bits': 32 },
  'replace-32': { prefix: (n: number) => `fdbb:cafe:0:${n}::/64`, behaviour: 'replace-csid' },
  'replace-16': { prefix: (n: number) => `fdbb:beef:0:0:${n}00::/72`, behaviour: 'replace-csid', 'csid-bits': 16 },
} as const;
export type LocatorKind = keyof typeof LOCATORS;
/** Functions of the egress SIDs; they fit into 8 bits. */
const FUNCTIONS = { ipv6: 0x10, ipv4: 0x11 } as const;
export type InnerFamily = keyof typeof FUNCTIONS;

/** What the router core makes of a router's configuration and kernel. */
export interface Core {
  readonly objects: readonly FibObject[];
  readonly node: NodeAdvertisement;
  readonly egress: readonly Sid[];
}

export function numberOf(router: RouterName): number {
  return ROW.find(([name]) => name === router)![1];
}

export function coreOf(at: number, capabilities: readonly FibCapability[]): Core {
  const router = createRouter();
  const config = configOf(at);
  handle(router, { atMs: 1, type: 'start', bootId: 'b', wallMs: 1, retained: [], config, capabilities });
  for (const { name } of config.links) handle(router, { atMs: 2, type: 'link', name, up: true });
  const { ownNode, instances } = router.state!;
  if (ownNode === undefined) throw new Error(`${config.name} announces nothing`);
  const egress = [...instances.values()].map(({ attributes: { egressSid, sidStructure, behaviour } }) =>
    makeSid(egressSid, sidStructure, behaviour, config.name),
  );
  return { objects: wanted(router.state!).filter(isOfSids), node: ownNode, egress };
}

/** SIDs, black holes beneath them, and where End.X leads. */
function isOfSids(object: FibObject): boolean {
  if (object.kind === 'route') return object.target.kind === 'blackhole' || object.table !== MAIN_TABLE;
  return object.kind === 'local-sid' || object.kind === 'replace-csid' || object.kind === 'rule';
}

function configOf(at: number): RouterConfig {
  const [name, number] = ROW[at]!;
  const { full, ...others } = LOCATORS;
  const file = {
    name,
    site: name,
    'router-id': `10.0.0.${number}`,
    security: 'plaintext',
    services: { ipv6: SERVICE, ipv4: SERVICE_V4 },
    stamp: { enabled: false },
    srv6: {
      locator: full.prefix(number),
      locators: Object.values(others).map(({ prefix, ...rest }) => ({ prefix: prefix(number), ...rest })),
    },
    links: neighboursOf(at).map(({ device, number: other, own, gateway }) => ({
      name: device,
      neighbour: `10.0.0.${other}`,
      'local-address': own,
      'remote-address': gateway,
    })),
  };
  const plain = configFrom(file);
  if (name !== 'eg') return plain;
  const locators = [plainLocator(plain), ...plain.srv6.locators];
  const instances = (['ipv6', 'ipv4'] as const).flatMap((family) =>
    locators.map((locator, i) => ({
      name: `${family}-${i}`,
      service: family,
      address: `fd01:6::${i + 16}`,
      nexthop: family === 'ipv6' ? 'fd01:6::2' : '10.1.0.2',
      sid: sidOf(locator, FUNCTIONS[family]),
      metrics: { kind: 'push' },
    })),
  );
  return configFrom({ ...file, instances });
}

function configFrom(file: object): RouterConfig {
  const parsed = parseConfig(JSON.stringify(file));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.config;
}

interface Neighbour {
  readonly device: RouterName;
  readonly number: number;
  readonly own: string;
  readonly gateway: string;
}

/** Left, then right, as far as there are. */
function neighboursOf(at: number): Neighbour[] {
  const left = ROW[at - 1];
  const right = ROW[at + 1];
  return [
    ...(left ? [{ device: left[0], number: left[1], own: `fd00:${at}::2`, gateway: `fd00:${at}::1` }] : []),
    ...(right ? [{ device: right[0], number: right[1], own: `fd00:${at + 1}::1`, gateway: `fd00:${at + 1}::2` }] : []),
  ];
}

/** Along the row: the locators of the others, the clients, the host of the service. */
export function underlay(at: number): FibObject[] {
  const routes = ROW.flatMap(([, number], to) =>
    to === at ? [] : Object.values(LOCATORS).map(({ prefix }) => towards(at, to, prefix(number))),
  );
  if (at > 0) routes.push(towards(at, 0, '2001:db8:c::/64'));
  return routes;
}

function towards(at: number, to: number, prefix: string): FibObject {
  const { gateway, device } = neighboursOf(at).find((it) => it.device === ROW[at + Math.sign(to - at)]![0])!;
  const hops = [{ gateway, device, weight: 1 }];
  return { kind: 'route', prefix: canonicalPrefix(prefix), table: MAIN_TABLE, target: { kind: 'gateways', hops } };
}
