// REPLACE-CSID sequences (RFC 9800 4.2, G-SRv6): a full SID, then containers of C-SIDs without block. Decides which SID may
// be a member at which position and may end a sequence; where sequences begin and end is decided in compress.ts.
//
//   first entry    |  Locator-Block  | C-SID | 0 ... 0 |
//   packed, K = 4  |   C-SID 4   |   C-SID 3   |   C-SID 2   |   C-SID 1   |    visited from the right
//   position             0             1             2             3
import { writeBits } from './bits.ts';
import { type Sid, takesArgument } from './sid.ts';

/** C-SIDs in a packed container: 4 of 32 bits, 8 of 16 (RFC 9800 4.2). */
export function positionsPerContainer(csidBits: number): number {
  return Math.floor(128 / csidBits);
}

/** Position of the n-th packed member (n from 1) in its container. */
export function positionOf(n: number, csidBits: number): number {
  const positions = positionsPerContainer(csidBits);
  return positions - 1 - ((n - 1) % positions);
}

/** A choice that continues the sequence that `first` began. */
export function replaceMember(choices: readonly Sid[], first: Sid): Sid | undefined {
  for (const sid of choices) if (sid.continues === 'replace' && isSibling(sid, first)) return sid;
  return undefined;
}

/** A choice that may end the sequence at `position` (RFC 9800 6.4); undefined: none. */
export function replaceCloser(
  choices: readonly Sid[],
  first: Sid,
  position: number,
  isLastOfList: boolean,
): Sid | undefined {
  for (const sid of choices) if (isSibling(sid, first) && isCloser(sid, position, isLastOfList)) return sid;
  return undefined;
}

function isCloser(sid: Sid, position: number, isLastOfList: boolean): boolean {
  if (sid.kind === undefined) return false;
  // Position 0 has no lower neighbour whose zero could tell the endpoint that a full SID follows.
  if (sid.continues === 'replace') return isLastOfList || position > 0;
  if (!sid.isBare || sid.replaces) return false;
  // At position 0 the index is 0 and the destination is the SID as announced.
  if (position === 0) return true;
  // Elsewhere the index is left in the argument: the SID must be installed as a prefix and not read its argument.
  // Deviates from RFC 9800 6.4 in refusing NEXT-CSID here: that endpoint would take the index for a C-SID.
  return takesArgument(sid) && sid.kind.flavour !== 'next' && sid.kind.action !== 'End.L2';
}

/** RFC 9800 6.4: one Locator-Block and one C-SID length. */
function isSibling(sid: Sid, first: Sid): boolean {
  return sid.csidBits === first.csidBits && sid.csid > 0 && sid.block === first.block;
}

/** The packed containers behind the first SID, members in travel order, unused positions zero. */
export function packReplace(members: readonly Sid[]): Uint8Array[] {
  const csidBits = members[0]!.csidBits;
  const containers: Uint8Array[] = [];
  for (let n = 1; n < members.length; n++) {
    const position = positionOf(n, csidBits);
    if (position === positionsPerContainer(csidBits) - 1) containers.push(new Uint8Array(16));
    writeBits(containers.at(-1)!, position * csidBits, csidBits, members[n]!.csid);
  }
  return containers;
}
