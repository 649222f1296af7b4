// Whether an imposed list leads to a given SID, without knowing the domain that it was packed in: for a router that starts
// and asks whom the lists in its kernel were for.
import { addressToBytes } from '../net/address.ts';
import { isZeroFrom, readBits } from './bits.ts';
import { positionsPerContainer } from './replace-csid.ts';
import { type Sid, sidPrefixBits } from './sid.ts';

/** True when the SID is the last one that the list visits: alone in the last entry, or packed at its end. */
export function endsWithSid(segments: readonly string[], sid: Sid): boolean {
  const last = segments.at(-1);
  if (last === undefined) return false;
  if (last === sid.address) return true;
  const bytes = addressToBytes(last);
  if (sid.packs === 'next') return endsShifted(bytes, sid);
  return sid.packs === 'replace' && segments.length > 1 && endsReplaced(bytes, sid);
}

/** A NEXT-CSID container of the SID's block: its C-SID, and nothing but zeros behind it. */
function endsShifted(bytes: Uint8Array, { bytes: own, structure, csid, csidBits }: Sid): boolean {
  for (let bit = 0; bit < structure.block; bit += 32) {
    const take = Math.min(32, structure.block - bit);
    if (readBits(bytes, bit, take) !== readBits(own, bit, take)) return false;
  }
  for (let at = structure.block; at + csidBits <= 128; at += 8) {
    if (readBits(bytes, at, csidBits) === csid && isZeroFrom(bytes, at + csidBits)) return true;
  }
  return false;
}

/** A REPLACE-CSID container is read from the right: what is visited last is the first from the left that is not zero. */
function endsReplaced(bytes: Uint8Array, sid: Sid): boolean {
  const { csid, csidBits } = sid;
  if (sidPrefixBits(sid) === 0) return false;
  for (let position = 0; position < positionsPerContainer(csidBits); position++) {
    const found = readBits(bytes, position * csidBits, csidBits);
    if (found !== 0) return found === csid;
  }
  return false;
}
