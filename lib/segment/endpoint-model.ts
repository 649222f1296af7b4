// A model of SRv6 endpoints, line by line after the pseudo code of RFC 8986 section 4 and RFC 9800 section 4.1: what a SID
// does to a packet. The reference for tests of packing and of real endpoints; it forwards nothing itself (see walk.ts).
import type { BehaviourKind } from './behaviour-kind.ts';
import { copyBits, isZeroFrom } from './bits.ts';
import {
  forward,
  type InstalledSid,
  type ModelPacket,
  maxLastEntry,
  upperLayer,
  type Verdict,
  withoutSrh,
} from './endpoint-packet.ts';
import { processReplace } from './endpoint-replace.ts';
import { sidPrefixBits } from './sid.ts';

/** Processes a packet whose destination matched the SID's prefix. */
export function processAtEndpoint(installed: InstalledSid, packet: ModelPacket): Verdict {
  const { kind } = installed.sid;
  if (kind === undefined) return { kind: 'drop', reason: 'unsupported-behaviour' };
  switch (kind.action) {
    case 'End':
    case 'End.X':
    case 'End.T':
    case 'End.LBS':
    case 'End.XLBS':
      // A structure without a C-SID cannot have been instantiated with a flavour.
      if (kind.flavour !== 'none' && installed.sid.csid < 0) return { kind: 'drop', reason: 'unsupported-behaviour' };
      if (kind.flavour === 'replace') return processReplace(installed, kind, packet);
      return (kind.flavour === 'next' ? shift(installed, kind, packet) : undefined) ?? end(kind, packet);
    case 'End.DX6':
    case 'End.DT6':
      return decapsulate(packet, ['ipv6']);
    case 'End.DX4':
    case 'End.DT4':
      return decapsulate(packet, ['ipv4']);
    case 'End.DT46':
      return decapsulate(packet, ['ipv6', 'ipv4']);
    default:
      return { kind: 'drop', reason: 'unsupported-behaviour' };
  }
}

/** RFC 9800 4.1.1 N01-N09, before S02 of the SRH and before the upper layer alike; undefined: not taken. */
function shift({ sid, swap }: InstalledSid, kind: BehaviourKind, packet: ModelPacket): Verdict | undefined {
  const argumentAt = sidPrefixBits(sid);
  // N01. If (DA.Argument != 0)
  if (isZeroFrom(packet.destination, argumentAt)) return undefined;
  // N02-N04. Hop Limit
  if (packet.hopLimit <= 1) return { kind: 'drop', reason: 'hop-limit' };
  // N05. Copy DA.Argument to [LBL..LBL+AL-1]; N06. zero the rest. RFC 9800 7.1 with End.LBS: to [m..m+AL-1], B2 in front;
  // what does not fit behind a longer block is lost.
  const { block, bits } = swap ?? { block: packet.destination, bits: sid.structure.block };
  const destination = new Uint8Array(16);
  copyBits(block, 0, destination, 0, bits);
  copyBits(packet.destination, argumentAt, destination, bits, 128 - Math.max(argumentAt, bits));
  // N07. Decrement Hop Limit; N08. submit
  return forward(kind, { ...packet, destination, hopLimit: packet.hopLimit - 1 });
}

/** RFC 8986 4.1 S01-S16 with PSP (4.16.1.2), USP (4.16.2) and USD (4.16.3). */
function end(kind: BehaviourKind, packet: ModelPacket): Verdict {
  const { srh } = packet;
  // S02-S04. Segments Left 0, or no SRH: the upper layer
  if (srh === undefined || srh.segmentsLeft === 0) return upperLayer(kind, packet);
  // S05-S07.
  if (packet.hopLimit <= 1) return { kind: 'drop', reason: 'hop-limit' };
  // S08-S11.
  if (srh.lastEntry > maxLastEntry(srh) || srh.segmentsLeft > srh.lastEntry + 1) {
    return { kind: 'drop', reason: 'parameter-problem' };
  }
  // S12. Hop Limit; S13. Segments Left; S14. DA = Segment List[Segments Left]
  const segmentsLeft = srh.segmentsLeft - 1;
  const next = {
    ...packet,
    hopLimit: packet.hopLimit - 1,
    destination: srh.list[segmentsLeft]!,
    srh: { ...srh, segmentsLeft },
  };
  // S14.1-S14.4 (PSP).
  return forward(kind, kind.psp && segmentsLeft === 0 ? withoutSrh(next) : next);
}

/** RFC 8986 4.4-4.8: End.DX and End.DT. */
function decapsulate({ srh, payload }: ModelPacket, families: readonly ModelPacket['payload'][]): Verdict {
  // S01-S04 of the SRH processing: Segments Left must be 0
  if (srh !== undefined && srh.segmentsLeft !== 0) return { kind: 'drop', reason: 'parameter-problem' };
  return families.includes(payload) ? { kind: 'decapsulated' } : { kind: 'drop', reason: 'upper-layer' };
}
