// Single-source shortest paths over the CSR: distances, one parent by a fixed rule, and the set of equal-cost first
// hops. Knows indices and costs only; names come back in spf.ts.
import type { Csr } from './csr.ts';
import { NodeQueue } from './node-queue.ts';

export const UNREACHED = 0xffffffff;

export interface ShortestPathTree {
  readonly root: number;
  /** µs from the root; `UNREACHED` when there is no path. */
  readonly distance: Uint32Array;
  /** Edge index into the CSR by which the chosen path arrives, and the node it leaves; -1 at the root and unreached. */
  readonly parentEdge: Int32Array;
  readonly parent: Int32Array;
  /** Nodes in the order they were settled, the root first: parents come before children. */
  readonly settled: Uint32Array;
  /** Bit i of node v (words `v * words` ..): the root's i-th edge starts a shortest path to v. */
  readonly firstHops: Uint32Array;
  readonly words: number;
}

/**
 * Dijkstra from `root`. Among equal predecessors the lowest index (router id), then the first edge in link-name order
 * is the parent, so the tree depends on the database alone. Costs are >= 1, so a node's first-hop set is complete when
 * it is settled. A distance that would pass 2^32 - 2 µs (71 min) is no path.
 */
export function shortestPathTree(graph: Csr, root: number): ShortestPathTree {
  const { offset, target, cost, noTransit } = graph;
  const n = graph.routers.length;
  const distance = new Uint32Array(n).fill(UNREACHED);
  const parentEdge = new Int32Array(n).fill(-1);
  const parent = new Int32Array(n).fill(-1);
  const settled = new Uint32Array(n);
  const rootOffset = offset[root]!;
  const words = Math.max(1, (offset[root + 1]! - rootOffset + 31) >>> 5);
  const firstHops = new Uint32Array(n * words);

  const queue = new NodeQueue(n, distance);
  distance[root] = 0;
  queue.put(root);
  let count = 0;
  for (let u = queue.take(); u >= 0; u = queue.take()) {
    settled[count++] = u;
    // RFC 6987 2, ISO 10589 C.2.1: a router that forwards nothing can be reached, and nothing behind it by way of it.
    if (noTransit[u] === 1 && u !== root) continue;
    const base = distance[u]!;
    const end = offset[u + 1]!;
    for (let edge = offset[u]!; edge < end; edge++) {
      const v = target[edge]!;
      const reached = base + cost[edge]!;
      const known = distance[v]!;
      if (reached > known || reached >= UNREACHED) continue;
      if (reached < known) {
        distance[v] = reached;
        parent[v] = u;
        parentEdge[v] = edge;
        for (let w = v * words; w < (v + 1) * words; w++) firstHops[w] = 0;
        queue.put(v);
      } else if (u < parent[v]!) {
        // Edges of one u are walked in name order, so at a tie with itself the first edge stays.
        parent[v] = u;
        parentEdge[v] = edge;
      }
      if (u !== root) for (let w = 0; w < words; w++) firstHops[v * words + w]! |= firstHops[u * words + w]!;
      else firstHops[v * words + ((edge - rootOffset) >>> 5)]! |= 1 << ((edge - rootOffset) & 31);
    }
  }
  return { root, distance, parentEdge, parent, settled: settled.subarray(0, count), firstHops, words };
}
