// The typed form of `topologies/*/topology.json`, the single source of a lab: what there is, where it is and how far
// apart. Decides which topologies are consistent and reports every fault at once; knows no containerlab file, no daemon
// configuration and no way to deploy (render-clab.ts, render-config.ts, engine.ts).
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import {
  addressFamily,
  canonicalAddress,
  canonicalPrefix,
  parsePrefix,
  prefixContains,
} from '../../lib/net/address.ts';

/** True when `check` returns the text itself: the file may hold canonical forms only, so that texts compare. */
function canonical(check: (text: string) => string) {
  return (text: string): boolean => {
    try {
      return check(text) === text;
    } catch {
      return false;
    }
  };
}

function isPrefix(text: string): boolean {
  try {
    return /\/\d+$/.test(text) && parsePrefix(text).length > 0;
  } catch {
    return false;
  }
}

const name = z.string().regex(/^[a-z][a-z0-9-]{0,14}$/, 'must be 1..15 of a-z, 0-9 and -');
const siteName = z.string().regex(/^[a-z0-9-]{1,63}$/, 'must be 1..63 of a-z, 0-9 and -');
const address = z.string().refine(canonical(canonicalAddress), 'must be a canonical IP address (RFC 5952)');
const prefix = z.string().refine(canonical(canonicalPrefix), 'must be a canonical prefix without host bits');
const interfaceAddress = z
  .string()
  .refine((text) => canonical(canonicalAddress)(text.split('/')[0] ?? '') && isPrefix(text), {
    message: 'must be ADDRESS/LENGTH with a canonical address',
  });
const microseconds = z.int().min(0).max(10_000_000);

const host = { name, site: siteName };
const client = z.strictObject({ ...host, kind: z.literal('client') });
const serviceHost = z.strictObject({ ...host, kind: z.literal('service-host') });
const router = z.strictObject({
  ...host,
  kind: z.literal('router'),
  role: z.enum(['ingress', 'core', 'egress']),
  routerId: z.ipv4(),
  /** SRv6 locator; endSid lies inside it. */
  locator: prefix,
  endSid: address,
  /** Beside `locator`: those whose SIDs are packed. */
  locators: z
    .array(
      z.strictObject({
        prefix,
        behaviour: z.enum(['end', 'next-csid', 'replace-csid']),
        csidBits: z.union([z.literal(16), z.literal(32)]).optional(),
      }),
    )
    .default([]),
  /** Outer source of encapsulated packets, on `lo`. */
  loopback: address,
  /** Prefixes behind the router that the domain must reach. */
  prefixes: z.array(prefix),
});
const endpoint = z.strictObject({
  node: name,
  interface: z.string().regex(/^eth[1-9][0-9]?$/, 'must be eth1..eth99 (eth0 is the management interface)'),
  address: interfaceAddress,
});
const link = z.strictObject({
  endpoints: z.tuple([endpoint, endpoint]),
  /** One way. */
  delayUs: microseconds,
  jitterUs: microseconds.default(0),
  lossPercent: z.number().min(0).max(100).default(0),
  /** 0: unlimited. */
  rateBps: z.int().min(0).default(0),
  /** Only where it differs from containerlab's 9500. */
  mtu: z.int().min(1280).max(65_521).optional(),
});
const service = z.strictObject({
  name: siteName,
  /** CS-ID: the anycast address, on `lo` of every host. */
  id: address,
  port: z.int().min(1).max(65_535),
  /** Prometheus text of the service's own load. */
  metricsPort: z.int().min(1).max(65_535),
  class: siteName,
  workers: z.int().min(1).max(64),
  workUs: microseconds,
  instances: z
    .array(
      z.strictObject({
        host: name,
        egress: name,
        contactInstance: address,
        /** Absent: the daemon allots one. */
        sid: address.optional(),
      }),
    )
    .min(1),
});
const document = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,30}$/),
  title: z.string().min(1),
  domain: siteName,
  srv6: z.strictObject({
    block: prefix,
    structure: z.strictObject({
      block: z.int().min(0).max(128),
      node: z.int().min(0).max(128),
      function: z.int().min(0).max(128),
      argument: z.int().min(0).max(128),
    }),
    device: name,
  }),
  ports: z.strictObject({ session: z.int().min(1).max(65_535), stamp: z.int().min(1).max(65_535) }),
  nodes: z.array(z.discriminatedUnion('kind', [client, serviceHost, router])).min(1),
  links: z.array(link),
  services: z.array(service),
});

export type Topology = z.infer<typeof document>;
export type TopologyNode = Topology['nodes'][number];
export type TopologyRouter = Extract<TopologyNode, { kind: 'router' }>;
export type TopologyLink = Topology['links'][number];
export type TopologyEndpoint = TopologyLink['endpoints'][number];
export type TopologyService = Topology['services'][number];

/** Every fault of a topology, each as `path: what is wrong`. */
export class TopologyError extends Error {
  readonly faults: readonly string[];

  constructor(source: string, faults: readonly string[]) {
    super(faults.map((fault) => `${source}: ${fault}`).join('\n'));
    this.name = 'TopologyError';
    this.faults = faults;
  }
}

/** Parses an unknown value; throws TopologyError with all faults. `source` names the file in the message. */
export function parseTopology(value: unknown, source = 'topology'): Topology {
  const parsed = document.safeParse(value);
  if (!parsed.success) {
    throw new TopologyError(
      source,
      parsed.error.issues.map((issue) => `${issue.path.join('.') || '(root)'}: ${issue.message}`),
    );
  }
  const faults = inconsistencies(parsed.data);
  if (faults.length > 0) throw new TopologyError(source, faults);
  return parsed.data;
}

export function readTopology(file: string): Topology {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const known = { ENOENT: 'there is no such file', EISDIR: 'is a directory', EACCES: 'permission denied' };
    throw new TopologyError(file, [known[code as keyof typeof known] ?? message]);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new TopologyError(file, [`is not JSON: ${(cause as Error).message}`]);
  }
  return parseTopology(value, file);
}

export function routersOf(topology: Topology): TopologyRouter[] {
  return topology.nodes.filter((node) => node.kind === 'router');
}

/** `core1--eg1`: how commands and reports name a link. */
export function linkName(link: TopologyLink): string {
  return link.endpoints.map((end) => end.node).join('--');
}

/** The links of a node, its own end first, ordered by interface name. */
export function linksOf(
  topology: Topology,
  node: string,
): { link: TopologyLink; local: TopologyEndpoint; remote: TopologyEndpoint }[] {
  return topology.links
    .flatMap((link) => {
      const [a, b] = link.endpoints;
      if (a.node === node) return [{ link, local: a, remote: b }];
      return b.node === node ? [{ link, local: b, remote: a }] : [];
    })
    .sort((x, y) => x.local.interface.localeCompare(y.local.interface, 'en', { numeric: true }));
}

/** What a schema cannot say: references, uniqueness, containment. */
function inconsistencies(topology: Topology): string[] {
  const faults: string[] = [];
  const seen = new Map<string, string>();
  const claim = (what: string, value: string, path: string): void => {
    const first = seen.get(`${what} ${value}`);
    if (first === undefined) seen.set(`${what} ${value}`, path);
    else faults.push(`${path}: ${what} ${value} is already used at ${first}`);
  };
  const kinds = new Map(topology.nodes.map((node) => [node.name, node]));
  const block = parsePrefix(topology.srv6.block);
  const { structure } = topology.srv6;
  if (structure.block + structure.node + structure.function + structure.argument > 128)
    faults.push('srv6.structure: sums to more than 128 bits (RFC 9252 3.2.1)');

  for (const [index, node] of topology.nodes.entries()) {
    const path = `nodes.${index}`;
    claim('node', node.name, `${path}.name`);
    if (node.kind !== 'router') continue;
    claim('router id', node.routerId, `${path}.routerId`);
    claim('locator', node.locator, `${path}.locator`);
    claim('address', node.loopback, `${path}.loopback`);
    for (const [at, further] of node.locators.entries()) claim('locator', further.prefix, `${path}.locators.${at}`);
    const locator = parsePrefix(node.locator);
    if (locator.length !== structure.block + structure.node)
      faults.push(`${path}.locator: length is not block + node = ${structure.block + structure.node}`);
    if (!prefixContains(block, node.locator.split('/')[0] ?? ''))
      faults.push(`${path}.locator: outside the block ${topology.srv6.block}`);
    if (!prefixContains(locator, node.endSid)) faults.push(`${path}.endSid: outside the locator ${node.locator}`);
    claim('SID', node.endSid, `${path}.endSid`);
  }
  for (const [index, { endpoints }] of topology.links.entries()) {
    const path = `links.${index}.endpoints`;
    for (const [side, end] of endpoints.entries()) {
      if (!kinds.has(end.node)) faults.push(`${path}.${side}.node: no node ${end.node}`);
      claim('interface', `${end.node}:${end.interface}`, `${path}.${side}`);
      claim('address', end.address.split('/')[0] ?? '', `${path}.${side}.address`);
    }
    const [a, b] = endpoints;
    if (a.node === b.node) faults.push(`${path}: both ends are on ${a.node}`);
    if (canonicalPrefix(a.address) !== canonicalPrefix(b.address))
      faults.push(`${path}: ${a.address} and ${b.address} share no subnet`);
  }
  for (const [index, { id, instances }] of topology.services.entries()) {
    const path = `services.${index}`;
    claim('service', id, `${path}.id`);
    if (addressFamily(id) !== 'ipv6') faults.push(`${path}.id: must be IPv6`);
    for (const [at, instance] of instances.entries()) {
      const where = `${path}.instances.${at}`;
      const egress = kinds.get(instance.egress);
      if (kinds.get(instance.host)?.kind !== 'service-host')
        faults.push(`${where}.host: ${instance.host} is no service host`);
      if (egress?.kind !== 'router') faults.push(`${where}.egress: ${instance.egress} is no router`);
      else if (instance.sid !== undefined && !prefixContains(parsePrefix(egress.locator), instance.sid))
        faults.push(`${where}.sid: outside the locator ${egress.locator} of ${egress.name}`);
      if (instance.sid !== undefined) claim('SID', instance.sid, `${where}.sid`);
      const ends = topology.links.flatMap((candidate) => candidate.endpoints);
      if (!ends.some((end) => end.node === instance.host && end.address.startsWith(`${instance.contactInstance}/`)))
        faults.push(`${where}.contactInstance: not an address of ${instance.host}`);
    }
  }
  return faults;
}
