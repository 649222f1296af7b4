// Turns a path into the uncompressed list of segments that keeps packets on it, within the headend's depth. Decides
// which routers are named; packing into C-SID containers and programming happen elsewhere.
import type { RouterId } from '../model/identity.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import { type Csr, compileCsr } from '../topology/csr.ts';
import { shortestPathTree } from '../topology/dijkstra.ts';
import { isNodeBehaviour } from './behaviours.ts';

export interface SegmentPlanInput {
  /** Routers travelled, ingress (own) first, egress last; one entry: we are the egress ourselves. */
  readonly path: readonly RouterId[];
  readonly nodes: ReadonlyMap<RouterId, NodeAdvertisement>;
  /** SID of the contact instance at the egress. */
  readonly egressSid: string;
  /** Most segments the headend can impose (RFC 8491), the egress SID included. */
  readonly maxSidDepth: number;
}

export type SegmentPlanReason =
  /** Every transit router is named. */
  | 'complete'
  /** The depth did not suffice: leading transit routers are left out, where the shortest path is as short as theirs. */
  | 'shortened'
  /** No list: the depth does not suffice and what would be left out is a detour that must be named. */
  | 'too-deep'
  /** No list: a transit router announces no plain End SID. */
  | 'no-end-sid'
  | 'unknown-router'
  | 'no-path';

export interface SegmentPlan {
  /** SIDs in travel order; empty when there is no list, and `reason` says why. */
  readonly segments: readonly string[];
  readonly reason: SegmentPlanReason;
  /** The router that `reason` is about, or the first one that is named after a shortening; empty otherwise. */
  readonly router: RouterId | '';
}

/**
 * Plans the list for one path: the End SID of every transit router, then the egress SID. Our own End SID and the
 * egress router's are never in it: the packet is already here, and the egress SID takes it there.
 */
export function planSegments(input: SegmentPlanInput): SegmentPlan {
  const { path, nodes, egressSid, maxSidDepth } = input;
  if (path.length === 0 || egressSid === '') return { segments: [], reason: 'no-path', router: '' };
  const transit = path.slice(1, -1);
  const sids: string[] = [];
  for (const router of transit) {
    const node = nodes.get(router);
    if (!node) return { segments: [], reason: 'unknown-router', router };
    const locator = node.locators.find((candidate) => isNodeBehaviour(candidate.behaviour) && candidate.endSid !== '');
    if (!locator) return { segments: [], reason: 'no-end-sid', router };
    sids.push(locator.endSid);
  }
  const surplus = transit.length + 1 - maxSidDepth;
  if (surplus <= 0) return { segments: [...sids, egressSid], reason: 'complete', router: '' };

  const firstNamed = path[1 + surplus];
  if (firstNamed === undefined || !isShortestTo(input, 1 + surplus)) {
    return { segments: [], reason: 'too-deep', router: path.at(-1)! };
  }
  return { segments: [...sids.slice(surplus), egressSid], reason: 'shortened', router: firstNamed };
}

/** True when the first `hops` links of the path are as short as any way there, so that plain routing goes as fast. */
function isShortestTo({ path, nodes }: SegmentPlanInput, hops: number): boolean {
  const graph = compileCsr(nodes);
  const along = path.slice(0, hops + 1).map((router) => graph.index.get(router) ?? -1);
  if (along.includes(-1)) return false;
  let delayUs = 0;
  for (let hop = 0; hop < hops; hop++) delayUs += hopCostUs(graph, along[hop]!, along[hop + 1]!);
  // A hop without a link costs Infinity and equals no distance.
  return delayUs === shortestPathTree(graph, along[0]!).distance[along[hops]!];
}

function hopCostUs(graph: Csr, from: number, to: number): number {
  let lowest = Number.POSITIVE_INFINITY;
  for (let edge = graph.offset[from]!; edge < graph.offset[from + 1]!; edge++) {
    if (graph.target[edge] === to) lowest = Math.min(lowest, graph.cost[edge]!);
  }
  return lowest;
}
