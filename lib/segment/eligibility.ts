// Which of a segment's choices may stand where it stands in the list, before any packing: faults of the SID itself, and
// what an endpoint of ours cannot walk. Each refusal is a reason.
import { isCrossConnect, isDecapsulating } from './behaviour-kind.ts';
import type { Sid } from './sid.ts';

/** One segment of an uncompressed list. */
export interface Segment {
  /** SIDs of one node with one action, in order of preference: e.g. the REPLACE-CSID, NEXT-CSID and plain End of a router. */
  readonly choices: readonly Sid[];
  /** Most Segments Left that the node can process (RFC 9352 4.1); absent: any. */
  readonly maxSegmentsLeft?: number;
}

export type SegmentFault =
  | 'bad-structure'
  | 'zero-csid'
  | 'argument-not-zero'
  /** The behaviour is not known here: such a SID may only end the list. */
  | 'unknown-behaviour'
  /** A SID that takes the outer header off has successors. */
  | 'decapsulates-early'
  /** A SID without node bits is first, so that nothing has brought the packet to its node. */
  | 'local-first-hop'
  /** REPLACE-CSID of the ingress itself as first hop: the packet does not pass its own prerouting hook. */
  | 'own-first-hop'
  /** REPLACE-CSID right after another SID of its node: the packet passes the node's prerouting hook once. */
  | 'same-node-repeat';

/** Why a choice cannot stand at `index`; empty: it can. */
export function segmentFault(
  segments: readonly Segment[],
  index: number,
  sid: Sid,
  ingress: string,
): SegmentFault | '' {
  if (sid.unfit === 'zero-csid' || sid.unfit === 'argument-not-zero' || sid.unfit === 'bad-structure') {
    return sid.unfit;
  }
  const isLast = index === segments.length - 1;
  if (sid.kind === undefined) return isLast ? '' : 'unknown-behaviour';
  if (!isLast && isDecapsulating(sid.kind)) return 'decapsulates-early';
  const isLocal = sid.structure.node === 0 && sid.structure.function > 0;
  const previous = segments[index - 1]?.choices ?? [];
  if (index === 0) {
    if (isLocal && sid.node !== ingress) return 'local-first-hop';
    return sid.replaces && sid.node === ingress ? 'own-first-hop' : '';
  }
  const stays = previous.every((it) => it.kind === undefined || !isCrossConnect(it.kind));
  const isSameNode = isLocal || previous.some((it) => it.node === sid.node);
  return sid.replaces && stays && isSameNode ? 'same-node-repeat' : '';
}
