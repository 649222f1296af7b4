// Whether an imposed list leads to a given SID, without knowing the domain that it was packed in: for a router that starts
// and asks whom the lists in its kernel were for.
import { addressToBytes } from '../net/address.ts';
import { isZeroFrom, readBits } from './bits.ts';
import { positionsPerContainer } from './replace-csid.ts';
import type { Sid } from './sid.ts';

/** True when the SID is the last one that the list visits: alone in the last entry, or packed at its end, in any flavour. */
export function endsWithSid(segments: readonly string[], sid: Sid): boolean {
  const last = segments.at(-1);
  if (last === undefined) return false;
  if (last === sid.address) return true;
  if (sid.csid <= 0) return false;
  const bytes = addressToBytes(last);
  if (isInBlock(bytes, sid) && endsShifted(bytes, sid)) return true;
  return endsReplaced(bytes, sid) && segments.slice(0, -1).some((entry) => isInBlock(addressToBytes(entry), sid));
}

function isInBlock(bytes: Uint8Array, { bytes: own, structure: { block } }: Sid): boolean {
  for (let bit = 0; bit < block; bit += 32) {
    const take = Math.min(32, block - bit);
    if (readBits(bytes, bit, take) !== readBits(own, bit, take)) return false;
  }
  return true;
}

/** A NEXT-CSID container: the C-SID, and nothing but zeros behind it. */
function endsShifted(bytes: Uint8Array, { structure, csid, csidBits }: Sid): boolean {
  for (let at = structure.block; at + csidBits <= 128; at += 8) {
    if (readBits(bytes, at, csidBits) === csid && isZeroFrom(bytes, at + csidBits)) return true;
  }
  return false;
}

/** A REPLACE-CSID container is read from the right: what is visited last is the first from the left that is not zero. */
function endsReplaced(bytes: Uint8Array, { csid, csidBits }: Sid): boolean {
  for (let position = 0; position < positionsPerContainer(csidBits); position++) {
    const found = readBits(bytes, position * csidBits, csidBits);
    if (found !== 0) return found === csid;
  }
  return false;
}
