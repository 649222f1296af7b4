// The link-state database as compressed sparse rows: what the hot loops of SPF walk. Decides which announced links
// count (two-way check) and what a link costs; nodes are numbered by router id, so "lowest router id" is "lowest
// index" everywhere behind this file.
import { type RouterId, routerIdToNumber } from '../model/identity.ts';
import type { LinkAdvertisement, NodeAdvertisement } from '../model/link-state.ts';

/** RFC 8570 4.1 carries delay in 24 bits; more is not a link. */
const MAX_LINK_COST_US = 2 ** 24 - 1;

export interface Csr {
  /** Ascending router ids; the index of a router everywhere else. */
  readonly routers: readonly RouterId[];
  readonly index: ReadonlyMap<RouterId, number>;
  /** Edges of node `u` are `offset[u]` .. `offset[u + 1]`, sorted by neighbour, then link name. */
  readonly offset: Uint32Array;
  readonly target: Uint32Array;
  /** Cost out, and of the same link back, µs, 1..2^24-1. */
  readonly cost: Uint32Array;
  readonly reverseCost: Uint32Array;
  readonly link: readonly LinkAdvertisement[];
  /** 1: paths may end at the node and do not pass it. */
  readonly noTransit: Uint8Array;
}

/** Compiles all advertisements; a link whose other end does not announce it back is left out. */
export function compileCsr(nodes: ReadonlyMap<RouterId, NodeAdvertisement>): Csr {
  const sorted = Array.from(nodes.values(), sortLinks).sort((a, b) => a.number - b.number);
  const routers = sorted.map((node) => node.originator);
  const index = new Map(routers.map((router, i) => [router, i]));
  const most = sorted.reduce((sum, node) => sum + node.links.length, 0);

  const offset = new Uint32Array(sorted.length + 1);
  const target = new Uint32Array(most);
  const cost = new Uint32Array(most);
  const reverseCost = new Uint32Array(most);
  const link: LinkAdvertisement[] = [];
  for (let u = 0; u < sorted.length; u++) {
    const self = sorted[u]!;
    for (const [neighbour, links] of self.byNeighbour) {
      const v = index.get(neighbour);
      // A link to itself brings no path nearer; misconfiguration must not make a loop.
      if (v === undefined || v === u) continue;
      const backward = sorted[v]!.byNeighbour.get(self.originator);
      if (!backward) continue;
      const taken = new Set<LinkAdvertisement>();
      for (const forward of links) {
        const back = backward.find((other) => mirrors(forward, other) && !taken.has(other));
        if (!back) continue;
        taken.add(back);
        target[link.length] = v;
        cost[link.length] = linkCostUs(forward);
        reverseCost[link.length] = linkCostUs(back);
        link.push(forward);
      }
    }
    offset[u + 1] = link.length;
  }
  const noTransit = Uint8Array.from(sorted, (node) => (node.noTransit ? 1 : 0));
  return { routers, index, offset, target, cost, reverseCost, link, noTransit };
}

/** Cost of a directed link: its minimum delay, the part that queues do not add to; at least 1, so that hops count. */
export function linkCostUs(link: LinkAdvertisement): number {
  const delay = Math.round(link.delayMinUs);
  // NaN falls to the maximum: an unmeasured link is a last resort, not a shortcut.
  return delay >= 0 ? Math.min(MAX_LINK_COST_US, Math.max(1, delay)) : MAX_LINK_COST_US;
}

/**
 * Two-way check (ISO 10589 7.2.8.2, RFC 2328 16.1 (2b)): a link counts when the neighbour announces one whose addresses
 * mirror it. Links with the same address pair (unnumbered, or link-local on both ends) pair up in the order of names.
 */
function mirrors(link: LinkAdvertisement, back: LinkAdvertisement): boolean {
  return link.localAddress === back.remoteAddress && link.remoteAddress === back.localAddress;
}

interface SortedNode {
  readonly originator: RouterId;
  readonly number: number;
  readonly links: readonly LinkAdvertisement[];
  readonly noTransit: boolean;
  /** In the order of neighbours' router ids; links of one in the order of names. */
  readonly byNeighbour: ReadonlyMap<RouterId, readonly LinkAdvertisement[]>;
}

/** Advertisements never change, and one change of the domain leaves all others as they were: sorted once each. */
const sortedNodes = new WeakMap<NodeAdvertisement, SortedNode>();

function sortLinks(node: NodeAdvertisement): SortedNode {
  const known = sortedNodes.get(node);
  if (known) return known;
  const groups = Map.groupBy(node.links, (link) => link.neighbour);
  const byNeighbour = new Map(
    [...groups]
      .sort(([a], [b]) => routerIdToNumber(a) - routerIdToNumber(b))
      .map(([neighbour, links]) => [neighbour, links.sort((a, b) => compareText(a.name, b.name))]),
  );
  const sorted = {
    originator: node.originator,
    number: routerIdToNumber(node.originator),
    links: node.links,
    noTransit: node.noTransit === true,
    byNeighbour,
  };
  sortedNodes.set(node, sorted);
  return sorted;
}

/** Code-unit order: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
