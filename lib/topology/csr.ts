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
}

/** Compiles all advertisements; a link whose other end does not announce it back is left out. */
export function compileCsr(nodes: ReadonlyMap<RouterId, NodeAdvertisement>): Csr {
  const sorted = [...nodes.values()]
    .map((node) => ({ node, number: routerIdToNumber(node.originator) }))
    .sort((a, b) => a.number - b.number)
    .map(({ node }) => node);
  const routers = sorted.map((node) => node.originator);
  const index = new Map(routers.map((router, i) => [router, i]));

  const offset = new Uint32Array(sorted.length + 1);
  const rows: { target: number; link: LinkAdvertisement; back: LinkAdvertisement }[] = [];
  for (const [u, node] of sorted.entries()) {
    const row: typeof rows = [];
    for (const [neighbour, links] of byNeighbour(node)) {
      const target = index.get(neighbour);
      // A link to itself brings no path nearer; misconfiguration must not make a loop.
      if (target === undefined || target === u) continue;
      for (const [link, back] of pairLinks(links, nodes.get(neighbour)!, node.originator))
        row.push({ target, link, back });
    }
    row.sort((a, b) => a.target - b.target || compareText(a.link.name, b.link.name));
    for (const edge of row) rows.push(edge);
    offset[u + 1] = rows.length;
  }
  return {
    routers,
    index,
    offset,
    target: Uint32Array.from(rows, (edge) => edge.target),
    cost: Uint32Array.from(rows, (edge) => linkCostUs(edge.link)),
    reverseCost: Uint32Array.from(rows, (edge) => linkCostUs(edge.back)),
    link: rows.map((edge) => edge.link),
  };
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
function pairLinks(
  links: readonly LinkAdvertisement[],
  neighbour: NodeAdvertisement,
  self: RouterId,
): [LinkAdvertisement, LinkAdvertisement][] {
  const backward = new Map<string, LinkAdvertisement[]>();
  for (const back of byName(neighbour.links)) {
    if (back.neighbour !== self) continue;
    const key = `${back.remoteAddress} ${back.localAddress}`;
    const same = backward.get(key);
    if (same) same.push(back);
    else backward.set(key, [back]);
  }
  const pairs: [LinkAdvertisement, LinkAdvertisement][] = [];
  for (const link of byName(links)) {
    const back = backward.get(`${link.localAddress} ${link.remoteAddress}`)?.shift();
    if (back) pairs.push([link, back]);
  }
  return pairs;
}

function byNeighbour(node: NodeAdvertisement): Map<RouterId, LinkAdvertisement[]> {
  const groups = new Map<RouterId, LinkAdvertisement[]>();
  for (const link of node.links) {
    const group = groups.get(link.neighbour);
    if (group) group.push(link);
    else groups.set(link.neighbour, [link]);
  }
  return groups;
}

function byName(links: readonly LinkAdvertisement[]): readonly LinkAdvertisement[] {
  return links.length < 2 ? links : [...links].sort((a, b) => compareText(a.name, b.name));
}

/** Code-unit order: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
