// Packs an uncompressed segment list into the shortest encapsulation that visits the same nodes and functions (RFC 9800
// section 6): NEXT-CSID containers, REPLACE-CSID sequences and full SIDs in any mixture that is legal. Exact, not greedy:
// the best encoding of each suffix is kept. Which routers are named is decided in plan.ts, programming elsewhere.
import { invariant } from '../errors.ts';
import { bytesToAddress } from '../net/address.ts';
import { type Segment, type SegmentFault, segmentFault } from './eligibility.ts';
import { type Cuts, isCut, nextCloser, nextMember, packNext } from './next-csid.ts';
import { type CompressReason, encapsulationBytes, type PackedEntry, type PackedList } from './packed-list.ts';
import { packReplace, positionOf, positionsPerContainer, replaceCloser, replaceMember } from './replace-csid.ts';
import { findShadowed } from './shadow.ts';
import { PACK, type Suffixes, solve } from './shortest.ts';
import { type Sid, sidPrefixBits } from './sid.ts';
import type { PrefixTable } from './sid-table.ts';

export interface CompressInput {
  /** In travel order, the egress's service SID last. */
  readonly segments: readonly Segment[];
  /** Node (as in `Sid.node`) of the headend, empty when it does not matter. */
  readonly ingress: string;
  /** Most entries that the headend can impose, the one in the destination address included (RFC 9352 4.4). */
  readonly maxSidDepth: number;
  /** SIDs that exist in the domain, so that no container reads as a longer one on its way; absent: not checked. */
  readonly installed?: PrefixTable<Sid>;
}

/**
 * Packs the list; refusals are values. Among legal encodings the order is: fewer octets; fewer SIDs in REPLACE-CSID
 * sequences (they need rewriting rules at each endpoint); fewer SIDs in NEXT-CSID containers; the longer first run.
 */
export function compress(input: CompressInput): PackedList {
  const { segments, ingress, maxSidDepth, installed } = input;
  if (segments.length === 0) return refusal('empty-list', -1);
  const choices: (readonly Sid[])[] = [];
  for (let i = 0; i < segments.length; i++) {
    const legal = segments[i]!.choices.filter((sid) => segmentFault(segments, i, sid, ingress) === '');
    const [first] = segments[i]!.choices;
    if (first === undefined) return refusal('empty-list', i);
    if (legal.length === 0) return refusal(segmentFault(segments, i, first, ingress) as SegmentFault, i);
    choices.push(legal);
  }
  const cuts: (readonly [Sid, Sid])[] = [];
  for (;;) {
    const suffixes = solve(choices, cuts, segments);
    if (suffixes.cost[0] === Number.POSITIVE_INFINITY) return infeasible(choices, cuts, segments);
    const entries = encode(choices, suffixes, cuts);
    const shadowed = installed === undefined ? undefined : findShadowed(entries, installed);
    if (shadowed !== undefined) {
      // Each turn forbids one more pair, so the loop ends.
      invariant(!isCut(cuts, ...shadowed), 'SIDs that were cut apart stay apart');
      cuts.push(shadowed);
      continue;
    }
    if (entries.length > maxSidDepth) return refusal('too-deep', -1);
    const reason =
      entries.length === 1 ? 'single-entry' : entries.length < segments.length ? 'compressed' : 'uncompressed';
    const texts = entries.map((entry) => entry.segment);
    return { segments: texts, bytes: encapsulationBytes(entries.length), entries, reason, at: -1 };
  }
}

/** Writes down what `solve` found, picking each member as it did. */
function encode(choices: readonly (readonly Sid[])[], { end, pack, first }: Suffixes, cuts: Cuts): PackedEntry[] {
  const out: PackedEntry[] = [];
  for (let start = 0; start < choices.length; start = end[start]!) {
    const sid = first[start]!;
    const last = end[start]! - 1;
    const isLastOfList = last === choices.length - 1;
    if (pack[start] === PACK.full) {
      out.push({ segment: sid.address, kind: 'full', holds: [sid] });
      continue;
    }
    const members = [sid];
    if (pack[start] === PACK.next) {
      let room = 128 - sidPrefixBits(sid);
      for (let at = start + 1; at <= last; at++) {
        const previous = members.at(-1)!;
        const member =
          at < last
            ? nextMember(choices[at]!, previous, room, cuts)
            : nextCloser(choices[at]!, previous, room, isLastOfList, cuts);
        members.push(member!);
        room -= member!.csidBits;
      }
      out.push({ segment: bytesToAddress(packNext(members)), kind: 'next', holds: members });
      continue;
    }
    for (let at = start + 1; at < last; at++) members.push(replaceMember(choices[at]!, sid)!);
    members.push(replaceCloser(choices[last]!, sid, positionOf(last - start, sid.csidBits), isLastOfList)!);
    out.push({ segment: sid.address, kind: 'replace-first', holds: [sid] });
    const positions = positionsPerContainer(sid.csidBits);
    for (const [i, container] of packReplace(members).entries()) {
      const holds = members.slice(1 + i * positions, 1 + (i + 1) * positions);
      out.push({ segment: bytesToAddress(container), kind: 'replace-packed', holds });
    }
  }
  return out;
}

function infeasible(choices: readonly (readonly Sid[])[], cuts: Cuts, limits: readonly Segment[]): PackedList {
  const { cost } = solve(choices, cuts);
  if (cost[0] !== Number.POSITIVE_INFINITY) {
    const shallow = limits.reduce(
      (least, { maxSegmentsLeft = Number.POSITIVE_INFINITY }, i) =>
        maxSegmentsLeft < (limits[least]!.maxSegmentsLeft ?? Number.POSITIVE_INFINITY) ? i : least,
      0,
    );
    return refusal('endpoint-too-shallow', shallow);
  }
  const alone = choices.findIndex(
    (_, i) => cost[i] === Number.POSITIVE_INFINITY && cost[i + 1] !== Number.POSITIVE_INFINITY,
  );
  return refusal('replace-alone', alone);
}

function refusal(reason: CompressReason, at: number): PackedList {
  return { segments: [], bytes: 0, entries: [], reason, at };
}
