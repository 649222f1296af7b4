// The cheapest legal encoding of every suffix of a list, by dynamic programming from the end: a list is a row of runs, each a
// full SID, a NEXT-CSID container or a REPLACE-CSID sequence, and what a run may be depends only on where it starts and ends.
import type { Segment } from './eligibility.ts';
import { type Cuts, nextCloser, nextMember } from './next-csid.ts';
import { positionOf, positionsPerContainer, replaceCloser, replaceMember } from './replace-csid.ts';
import { type Sid, sidPrefixBits } from './sid.ts';

/** The best first run of each suffix: how it is packed and where it ends. */
export interface Suffixes {
  readonly cost: Float64Array;
  readonly entries: Int32Array;
  readonly end: Int32Array;
  /** A value of `PACK`. */
  readonly pack: Uint8Array;
  readonly first: Sid[];
}

export const PACK = { full: 0, next: 1, replace: 2 } as const;
/** Cost in one number: entries, then SIDs in REPLACE-CSID sequences, then SIDs in NEXT-CSID containers. */
const [ENTRY, IN_REPLACE, IN_NEXT] = [2 ** 32, 2 ** 16, 1] as const;

/** `limits` absent: endpoints take any depth. */
export function solve(choices: readonly (readonly Sid[])[], cuts: Cuts, limits?: readonly Segment[]): Suffixes {
  const count = choices.length;
  const cost = new Float64Array(count + 1).fill(Number.POSITIVE_INFINITY);
  const entries = new Int32Array(count + 1);
  const end = new Int32Array(count);
  const pack = new Uint8Array(count);
  const first: Sid[] = [];
  cost[count] = 0;
  for (let start = count - 1; start >= 0; start--) {
    const offer = (how: number, sid: Sid, to: number, own: number, penalty: number) => {
      const total = cost[to]! + own * ENTRY + penalty * (to - start);
      if (total > cost[start]! || total === Number.POSITIVE_INFINITY) return;
      if (total === cost[start] && to <= end[start]!) return;
      if (limits !== undefined && !isWithin(limits, how, sid, start, to, entries[to]! + own - 1)) return;
      cost[start] = total;
      entries[start] = entries[to]! + own;
      end[start] = to;
      pack[start] = how;
      first[start] = sid;
    };
    for (const sid of choices[start]!) {
      // Alone in a list, a REPLACE-CSID SID has index 0: its endpoint would read the next entry as packed.
      if (start === count - 1 || !sid.replaces) offer(PACK.full, sid, start + 1, 1, 0);
      if (sid.continues === 'next') {
        let previous = sid;
        for (let at = start + 1, room = 128 - sidPrefixBits(sid); at < count; at++) {
          if (nextCloser(choices[at]!, previous, room, at === count - 1, cuts)) {
            offer(PACK.next, sid, at + 1, 1, IN_NEXT);
          }
          const member = nextMember(choices[at]!, previous, room, cuts);
          if (member === undefined) break;
          room -= member.csidBits;
          previous = member;
        }
      } else if (sid.continues === 'replace') {
        const positions = positionsPerContainer(sid.csidBits);
        for (let at = start + 1; at < count; at++) {
          const position = positionOf(at - start, sid.csidBits);
          if (replaceCloser(choices[at]!, sid, position, at === count - 1)) {
            offer(PACK.replace, sid, at + 1, 1 + Math.ceil((at - start) / positions), IN_REPLACE);
          }
          if (replaceMember(choices[at]!, sid) === undefined) break;
        }
      }
    }
  }
  return { cost, entries, end, pack, first };
}

/** True when no endpoint of the run sees more Segments Left than it can process; the first sees `segmentsLeft`. */
function isWithin(
  limits: readonly Segment[],
  how: number,
  first: Sid,
  start: number,
  end: number,
  segmentsLeft: number,
): boolean {
  const positions = how === PACK.replace ? positionsPerContainer(first.csidBits) : Number.POSITIVE_INFINITY;
  for (let at = start; at < end; at++) {
    const containersTaken = at === start || how !== PACK.replace ? 0 : Math.ceil((at - start) / positions);
    if (segmentsLeft - containersTaken > (limits[at]!.maxSegmentsLeft ?? Number.POSITIVE_INFINITY)) return false;
  }
  return true;
}
