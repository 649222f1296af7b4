// Shortest paths over the link-state database, in the words of the router: delays, router ids, first hops. Decides the
// one path that is shown and measured among equals; whether and what to program is not known here.
import type { RouterId } from '../model/identity.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import { type Csr, compareText, compileCsr } from './csr.ts';
import { type ShortestPathTree, shortestPathTree } from './dijkstra.ts';

export interface FirstHop {
  /** Interface and gateway address of our own link. */
  readonly device: string;
  readonly gateway: string;
}

export interface SpfNode {
  readonly router: RouterId;
  /** One-way delay from the root, µs; and back, for round trips over asymmetric links. */
  readonly delayUs: number;
  readonly reverseDelayUs: number;
  /** Routers travelled on the path chosen among equals (lowest router id), root first. */
  readonly path: readonly RouterId[];
  /** Equal-cost first hops, sorted by device. */
  readonly firstHops: readonly FirstHop[];
}

/** Reachable routers only, the root included. Links count only when both ends announce them (RFC 1195 style two-way check). */
export type ComputeSpf = (
  nodes: ReadonlyMap<RouterId, NodeAdvertisement>,
  root: RouterId,
) => ReadonlyMap<RouterId, SpfNode>;

/**
 * Computes the shortest paths from `root` by minimum delay; nearest routers first in the map's order. A root that the
 * database does not hold reaches nothing: the map is empty.
 */
export const computeSpf: ComputeSpf = (nodes, root) => {
  const graph = compileCsr(nodes);
  const rootIndex = graph.index.get(root);
  if (rootIndex === undefined) return new Map();
  return nameTree(graph, shortestPathTree(graph, rootIndex));
};

function nameTree(graph: Csr, tree: ShortestPathTree): ReadonlyMap<RouterId, SpfNode> {
  const { routers, reverseCost } = graph;
  const firstHopsOf = firstHopReader(graph, tree);
  const result = new Map<RouterId, SpfNode>();
  // Parents are settled before their children, so their entries exist.
  for (const v of tree.settled) {
    const router = routers[v]!;
    const above = tree.parent[v]! < 0 ? undefined : result.get(routers[tree.parent[v]!]!)!;
    result.set(router, {
      router,
      delayUs: tree.distance[v]!,
      reverseDelayUs: above ? above.reverseDelayUs + reverseCost[tree.parentEdge[v]!]! : 0,
      path: above ? [...above.path, router] : [router],
      firstHops: firstHopsOf(v),
    });
  }
  return result;
}

/** Reads first-hop sets; equal sets share one array, as most nodes lie behind the same few. */
function firstHopReader(graph: Csr, tree: ShortestPathTree): (node: number) => readonly FirstHop[] {
  const first = graph.offset[tree.root]!;
  const interned = new Map<string | number, readonly FirstHop[]>();
  return (node) => {
    const set = tree.firstHops.subarray(node * tree.words, (node + 1) * tree.words);
    const key = tree.words === 1 ? set[0]! : set.join(' ');
    let hops = interned.get(key);
    if (!hops) {
      const found: FirstHop[] = [];
      for (let bit = 0; bit < tree.words * 32; bit++) {
        if ((set[bit >>> 5]! & (1 << (bit & 31))) === 0) continue;
        const link = graph.link[first + bit]!;
        found.push({ device: link.name, gateway: link.remoteAddress });
      }
      hops = found.sort((a, b) => compareText(a.device, b.device) || compareText(a.gateway, b.gateway));
      interned.set(key, hops);
    }
    return hops;
  };
}
