// The model of REPLACE-CSID endpoints: RFC 9800 4.2.1, lines R01-R21 in the place of RFC 8986 S09-S15, with PSP, USP and USD
// (4.2.8) and the block swap of End.LBS and End.XLBS (7.2). What an nftables or BPF endpoint is compared with.
import type { BehaviourKind } from './behaviour-kind.ts';
import { copyBits, readBits, writeBits } from './bits.ts';
import {
  forward,
  type InstalledSid,
  type ModelPacket,
  maxLastEntry,
  upperLayer,
  type Verdict,
  withoutSrh,
} from './endpoint-packet.ts';
import { positionsPerContainer } from './replace-csid.ts';
import type { Sid } from './sid.ts';

/** End, End.X, End.T, End.LBS and End.XLBS with REPLACE-CSID. */
export function processReplace({ sid, swap }: InstalledSid, kind: BehaviourKind, packet: ModelPacket): Verdict {
  const { srh } = packet;
  // Without SRH the index means nothing.
  if (srh === undefined) return upperLayer(kind, packet);
  let index = readIndex(sid, packet.destination);
  let segmentsLeft = srh.segmentsLeft;
  // S02. If (Segments Left == 0 and (DA.Arg.Index == 0 or Segment List[0][DA.Arg.Index-1] == 0))
  if (segmentsLeft === 0 && (index === 0 || csidAt(sid, srh.list[0], index - 1) === 0)) return upperLayer(kind, packet);
  // S05-S07. Hop Limit
  if (packet.hopLimit <= 1) return { kind: 'drop', reason: 'hop-limit' };
  const hopLimit = packet.hopLimit - 1;
  // S08.
  const maxLE = maxLastEntry(srh);
  // R01. If (DA.Arg.Index != 0)
  if (index !== 0) {
    // R02-R04.
    if (srh.lastEntry > maxLE || segmentsLeft > srh.lastEntry) return { kind: 'drop', reason: 'parameter-problem' };
    // R05.
    index--;
    // R06. If (Segment List[Segments Left][DA.Arg.Index] == 0)
    if (csidAt(sid, srh.list[segmentsLeft], index) === 0) {
      // R07. Segments Left; R08. Hop Limit; R09. DA = Segment List[Segments Left], PSP after it; R10. submit
      segmentsLeft--;
      const destination = srh.list[segmentsLeft]!;
      const next = { ...packet, hopLimit, destination, srh: { ...srh, segmentsLeft } };
      return forward(kind, kind.psp && segmentsLeft === 0 ? withoutSrh(next) : next);
    }
  } else {
    // R13-R15.
    if (srh.lastEntry > maxLE || segmentsLeft > srh.lastEntry + 1) return { kind: 'drop', reason: 'parameter-problem' };
    // R16. Segments Left; R17. DA.Arg.Index = floor(128/LNFL) - 1
    segmentsLeft--;
    index = positionsPerContainer(sid.csidBits) - 1;
  }
  const csid = csidAt(sid, srh.list[segmentsLeft], index);
  // Deviates: the RFC would write the 0 and lose the packet one hop later.
  if (csid === 0) return { kind: 'drop', reason: 'zero-csid' };
  // R19. Hop Limit; R20. write the C-SID into [LBL..LBL+LNFL-1], and the index
  // RFC 9800 7.2 with End.LBS: B2, C-SID, zeroes, index; otherwise block and argument stay as they are.
  const destination = swap === undefined ? packet.destination.slice() : new Uint8Array(16);
  if (swap !== undefined) copyBits(swap.block, 0, destination, 0, swap.bits);
  const block = swap?.bits ?? sid.structure.block;
  writeBits(destination, block, sid.csidBits, csid);
  const indexBits = indexLength(sid);
  writeBits(destination, 128 - indexBits, indexBits, index);
  const next = { ...packet, hopLimit, destination, srh: { ...srh, segmentsLeft } };
  // R20.1 (PSP). If (Segments Left == 0 and (DA.Arg.Index == 0 or Segment List[0][DA.Arg.Index-1] == 0))
  const isLast = segmentsLeft === 0 && (index === 0 || csidAt(sid, srh.list[0], index - 1) === 0);
  // R21. submit
  return forward(kind, kind.psp && isLast ? withoutSrh(next) : next);
}

/** Bits of DA.Arg.Index: ceil(log2(128 / LNFL)), 2 for 32-bit C-SIDs and 3 for 16-bit ones. */
function indexLength(sid: Sid): number {
  return Math.ceil(Math.log2(128 / sid.csidBits));
}

function readIndex(sid: Sid, destination: Uint8Array): number {
  const length = indexLength(sid);
  return readBits(destination, 128 - length, length);
}

/** Segment List[entry][index]: bits [index*LNFL..(index+1)*LNFL-1]; 0 where the header has no such entry. */
function csidAt(sid: Sid, entry: Uint8Array | undefined, index: number): number {
  return entry === undefined ? 0 : readBits(entry, index * sid.csidBits, sid.csidBits);
}
