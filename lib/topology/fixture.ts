// Small topologies for tests and benchmarks: advertisements from a list of links, numbered addresses, no randomness of
// their own.
import { numberToRouterId, type RouterId } from '../model/identity.ts';
import type { LinkAdvertisement, NodeAdvertisement } from '../model/link-state.ts';

/** One link between two nodes (numbers from 1, which become router ids): delay there and back, µs. */
export type LinkSpec = readonly [a: number, b: number, delayUs: number, delayBackUs?: number];

export function routerOf(node: number): RouterId {
  return numberToRouterId(node);
}

/** Advertisements of all nodes named by `links` and of `1..nodes`; link i is `fd00:i::1` - `fd00:i::2`, named `eth<i>` on both ends. */
export function topologyOf(links: readonly LinkSpec[], nodes = 0): Map<RouterId, NodeAdvertisement> {
  const count = links.reduce((most, [a, b]) => Math.max(most, a, b), nodes);
  const byNode: LinkAdvertisement[][] = Array.from({ length: count + 1 }, () => []);
  for (const [i, [a, b, there, back]] of links.entries()) {
    const [first, second] = [`fd00:${i.toString(16)}::1`, `fd00:${i.toString(16)}::2`];
    byNode[a]!.push(linkOf(`eth${i}`, b, first, second, there));
    byNode[b]!.push(linkOf(`eth${i}`, a, second, first, back ?? there));
  }
  const result = new Map<RouterId, NodeAdvertisement>();
  for (let node = 1; node <= count; node++) result.set(routerOf(node), nodeOf(node, byNode[node]!));
  return result;
}

export function nodeOf(node: number, links: readonly LinkAdvertisement[], sequence = 1): NodeAdvertisement {
  const locator = `5f00:0:${node.toString(16)}`;
  return {
    originator: routerOf(node),
    site: `site-${node}`,
    name: `r${node}`,
    sequence,
    locators: [
      {
        prefix: `${locator}::/48`,
        structure: { block: 32, node: 16, function: 16, argument: 0 },
        endSid: `${locator}:1::`,
        behaviour: 1,
      },
    ],
    prefixes: [],
    links,
    maxSidDepth: 10,
  };
}

export function linkOf(
  name: string,
  neighbour: number,
  localAddress: string,
  remoteAddress: string,
  delayMinUs: number,
): LinkAdvertisement {
  return {
    name,
    neighbour: routerOf(neighbour),
    localAddress,
    remoteAddress,
    delayMinUs,
    delayAvgUs: delayMinUs,
    delayVariationUs: 0,
    loss: 0,
    bandwidthBps: 1e9,
    adminGroups: 0,
    srlg: [],
    endXSid: '',
  };
}
