// Reads a packed list back: which SIDs each entry of an imposed list holds (RFC 9800 4, without a packet). For `explain` and
// captures; it tells what is there and judges nothing.
import { addressToBytes, bytesToAddress } from '../net/address.ts';
import { behaviourName } from './behaviours.ts';
import { copyBits, isZeroFrom, readBits, writeBits } from './bits.ts';
import type { EntryKind } from './packed-list.ts';
import { positionsPerContainer } from './replace-csid.ts';
import { type Sid, sidPrefixBits } from './sid.ts';
import type { PrefixTable } from './sid-table.ts';

export interface HeldSid {
  /** The SID uncompressed; the address as it would be looked up where no SID is known. */
  readonly address: string;
  /** Name for people; empty when the SID is not known. */
  readonly behaviour: string;
  /** As in `Sid.node`; empty when the SID is not known. */
  readonly node: string;
}

export interface DescribedEntry {
  readonly segment: string;
  /** `unknown`: behind a SID that is not known, so that it cannot be told how the entry is read. */
  readonly kind: EntryKind | 'unknown';
  readonly holds: readonly HeldSid[];
}

/** Describes a list in travel order by the SIDs known in the domain (`sidTable`). */
export function describePacked(segments: readonly string[], known: PrefixTable<Sid>): DescribedEntry[] {
  const out: DescribedEntry[] = [];
  /** SID whose endpoint reads the next entry as packed. */
  let replacing: Sid | undefined;
  let isLost = false;
  for (const [i, segment] of segments.entries()) {
    const bytes = addressToBytes(segment);
    if (isLost) {
      out.push({ segment, kind: 'unknown', holds: [] });
      continue;
    }
    const read = replacing === undefined ? readAddress(bytes, known) : readPacked(bytes, replacing, known);
    const isFirst = replacing === undefined && read.replacing !== undefined && i < segments.length - 1;
    out.push({ segment, kind: isFirst ? 'replace-first' : read.kind, holds: read.holds });
    replacing = read.replacing;
    isLost = read.isLost;
  }
  return out;
}

interface Read {
  readonly kind: EntryKind;
  readonly holds: readonly HeldSid[];
  readonly replacing: Sid | undefined;
  readonly isLost: boolean;
}

/** A full SID, or a NEXT-CSID container, shifted until its argument is used up. */
function readAddress(bytes: Uint8Array, known: PrefixTable<Sid>): Read {
  const holds: HeldSid[] = [];
  let address = bytes;
  for (;;) {
    const sid = known.find(address);
    holds.push(held(sid, address));
    const kind = holds.length > 1 ? 'next' : 'full';
    if (sid === undefined) return { kind, holds, replacing: undefined, isLost: true };
    const argumentAt = sidPrefixBits(sid);
    if (sid.continues !== 'next' || isZeroFrom(address, argumentAt)) {
      const replacing = sid.continues === 'replace' ? sid : undefined;
      return { kind, holds, replacing, isLost: sid.replaces && replacing === undefined };
    }
    const shifted = new Uint8Array(16);
    copyBits(address, 0, shifted, 0, sid.structure.block);
    copyBits(address, argumentAt, shifted, sid.structure.block, 128 - argumentAt);
    address = shifted;
  }
}

/** A packed container behind `first`, from the last position down to a zero or a SID that does not replace. */
function readPacked(bytes: Uint8Array, first: Sid, known: PrefixTable<Sid>): Read {
  const { csidBits, structure } = first;
  const holds: HeldSid[] = [];
  for (let position = positionsPerContainer(csidBits) - 1; position >= 0; position--) {
    const csid = readBits(bytes, position * csidBits, csidBits);
    if (csid === 0) return { kind: 'replace-packed', holds, replacing: undefined, isLost: false };
    const address = new Uint8Array(16);
    copyBits(first.bytes, 0, address, 0, structure.block);
    writeBits(address, structure.block, csidBits, csid);
    const sid = known.find(address);
    holds.push(held(sid, address));
    if (sid === undefined) return { kind: 'replace-packed', holds, replacing: undefined, isLost: true };
    if (!sid.replaces) return { kind: 'replace-packed', holds, replacing: undefined, isLost: false };
  }
  // Used up by a SID that replaces: the next entry, if any, is packed as well.
  return { kind: 'replace-packed', holds, replacing: first, isLost: false };
}

function held(sid: Sid | undefined, address: Uint8Array): HeldSid {
  return sid === undefined
    ? { address: bytesToAddress(address), behaviour: '', node: '' }
    : { address: sid.address, behaviour: behaviourName(sid.behaviour), node: sid.node };
}
