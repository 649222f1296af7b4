// NEXT-CSID containers (RFC 9800 4.1): a first SID whose argument carries the C-SIDs that follow. Decides which SID may be
// the next member of a container; how many containers a list gets is decided in compress.ts.
//
//   |  Locator-Block  | C-SID 1 | C-SID 2 | ... | C-SID n | 0 ... 0 |
import { writeBits } from './bits.ts';
import { type Sid, sidPrefixBits } from './sid.ts';

/** Pairs of SIDs that must not be neighbours in a container, see shadow.ts. */
export type Cuts = readonly (readonly [before: Sid, after: Sid])[];

/** The narrowest choice that fits into `room` bits behind `previous` and can have followers (RFC 9800 6.2); undefined: none. */
export function nextMember(choices: readonly Sid[], previous: Sid, room: number, cuts: Cuts): Sid | undefined {
  let best: Sid | undefined;
  for (const sid of choices) {
    if (sid.continues !== 'next' || sid.csidBits > room || sid.block !== previous.block) continue;
    if (isCut(cuts, previous, sid)) continue;
    if (best === undefined || sid.csidBits < best.csidBits) best = sid;
  }
  return best;
}

/**
 * The narrowest choice that may end a container: any flavour, since the shift leaves exactly its address with a zero
 * argument behind. A REPLACE-CSID SID reads the entry after it as packed, so it may only end the list.
 */
export function nextCloser(
  choices: readonly Sid[],
  previous: Sid,
  room: number,
  isLastOfList: boolean,
  cuts: Cuts,
): Sid | undefined {
  let best: Sid | undefined;
  for (const sid of choices) {
    if (sid.csidBits > room || sid.csid <= 0 || sid.kind === undefined || sid.block !== previous.block) continue;
    if (!sid.isBare || (sid.replaces && !isLastOfList) || isCut(cuts, previous, sid)) continue;
    if (best === undefined || sid.csidBits < best.csidBits) best = sid;
  }
  return best;
}

export function isCut(cuts: Cuts, before: Sid, after: Sid): boolean {
  for (const cut of cuts) if (cut[0] === before && cut[1] === after) return true;
  return false;
}

/** The container of members that fit, in travel order. */
export function packNext(members: readonly Sid[]): Uint8Array {
  const [first, ...others] = members;
  const container = first!.bytes.slice();
  let at = sidPrefixBits(first!);
  for (const sid of others) {
    writeBits(container, at, sid.csidBits, sid.csid);
    at += sid.csidBits;
  }
  return container;
}
