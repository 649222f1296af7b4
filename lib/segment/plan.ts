// Turns a path into the list of segments that keeps packets on it, packed as short as the routers' SIDs allow and within the
// depths of headend and endpoints. Decides which routers and links are named; how SIDs share an entry is compress.ts'.
import type { RouterId } from '../model/identity.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import { type Csr, compileCsr } from '../topology/csr.ts';
import { shortestPathTree } from '../topology/dijkstra.ts';
import type { Flavour } from './behaviour-kind.ts';
import { compress } from './compress.ts';
import type { Segment } from './eligibility.ts';
import type { CompressReason, PackedEntry } from './packed-list.ts';
import type { Sid } from './sid.ts';
import type { SidBook } from './sid-book.ts';

export interface SegmentPlanInput {
  /** Routers travelled, ingress first, egress last; one entry: the ingress is the egress. */
  readonly path: readonly RouterId[];
  /** Link (by the name at its sender) that a hop must take, `links[i]` from `path[i]`; absent: any shortest one. */
  readonly links?: readonly (string | undefined)[];
  readonly nodes: ReadonlyMap<RouterId, NodeAdvertisement>;
  readonly sids: SidBook;
  /** SID of the contact instance at the egress. */
  readonly egress: Sid;
  /** Most segments the headend can impose (RFC 8491), the egress SID included. */
  readonly maxSidDepth: number;
  /** Flavours that lists may use beside full SIDs. */
  readonly flavours: readonly Flavour[];
}

export type SegmentPlanReason =
  /** Every transit router is named. */
  | 'complete'
  /** The depth did not suffice: leading transit routers are left out, where the shortest path is as short as theirs. */
  | 'shortened'
  /** No list: a transit router announces no End SID that may be used, or no End.X SID for the link that must be taken. */
  | 'no-end-sid'
  | 'unknown-router'
  | 'no-path'
  /** No list, as packing says; `too-deep`: what would have to be left out is a detour that must be named. */
  | CompressReason;

export interface SegmentPlan {
  /** What `encap.red` imposes, in travel order; empty when there is no list, and `reason` says why. */
  readonly segments: readonly string[];
  readonly entries: readonly PackedEntry[];
  /** Octets in front of the inner packet. */
  readonly bytes: number;
  readonly reason: SegmentPlanReason;
  /** The router that `reason` is about, or the first one that is named after a shortening; empty otherwise. */
  readonly router: RouterId | '';
}

interface Named {
  readonly router: RouterId;
  readonly segment: Segment;
  /** Hops of the path that are behind the packet when this segment is done. */
  readonly hops: number;
  /** Names a link, so that it cannot be left out. */
  readonly isPinned: boolean;
}

/**
 * Plans the list for one path: the End SID of every transit router, End.X where a link is pinned, then the egress SID. Our
 * own End SID and the egress router's are never in it: the packet is already here, and the egress SID takes it there.
 */
export function planSegments(input: SegmentPlanInput): SegmentPlan {
  const { path, egress, maxSidDepth, sids, nodes } = input;
  const [ingress] = path;
  if (ingress === undefined) return refusal('no-path', '');
  const named = nameRouters(input);
  if ('reason' in named) return named;
  const last: Segment = limited({ choices: [egress] }, nodes.get(path.at(-1)!));
  const pack = (from: number) =>
    compress({
      segments: [...named.slice(from).map(({ segment }) => segment), last],
      ingress,
      maxSidDepth,
      installed: sids.table(nodes),
    });
  const whole = pack(0);
  if (whole.segments.length > 0) return { ...whole, reason: 'complete', router: '' };
  if (whole.reason === 'too-deep' || whole.reason === 'endpoint-too-shallow') {
    for (let left = 1; left <= named.length && !named[left - 1]!.isPinned; left++) {
      const packed = pack(left);
      if (packed.segments.length === 0) continue;
      const first = named[left];
      // Where the first named link begins, or the first named router; without either, the egress.
      const hops = first === undefined ? path.length - 1 : first.isPinned ? first.hops - 1 : first.hops;
      if (!isShortestTo(input, hops)) break;
      return { ...packed, reason: 'shortened', router: first?.router ?? path.at(-1)! };
    }
  }
  return refusal(whole.reason, named[whole.at]?.router ?? path.at(-1)!);
}

/** The SIDs to choose from for each router that is named, or why one cannot be. */
function nameRouters({ path, links = [], nodes, sids, flavours }: SegmentPlanInput): Named[] | SegmentPlan {
  const named: Named[] = [];
  for (let hop = 0; hop < path.length - 1; hop++) {
    const link = links[hop];
    // End.X is reached by its own locator: it needs no End before it, and what it leads to needs none after it.
    const isEndNeeded = link === undefined && hop + 2 < path.length && links[hop + 1] === undefined;
    if (link === undefined && !isEndNeeded) continue;
    const router = path[link === undefined ? hop + 1 : hop]!;
    const node = nodes.get(router);
    if (node === undefined) return refusal('unknown-router', router);
    const announced = link === undefined ? sids.of(node).ends : (sids.of(node).adjacencies.get(link) ?? []);
    const choices = announced.filter((sid) => sid.packs === 'none' || flavours.includes(sid.packs));
    if (choices.length === 0) return refusal('no-end-sid', router);
    named.push({ router, segment: limited({ choices }, node), hops: hop + 1, isPinned: link !== undefined });
  }
  return named;
}

function limited(segment: Segment, node: NodeAdvertisement | undefined): Segment {
  const maxSegmentsLeft = node?.maxSegmentsLeft;
  return maxSegmentsLeft === undefined ? segment : { ...segment, maxSegmentsLeft };
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

function refusal(reason: SegmentPlanReason, router: RouterId | ''): SegmentPlan {
  return { segments: [], entries: [], bytes: 0, reason, router };
}
