// What the wire showed beside what the daemon explains: counts segment lists of captured packets and joins them with the
// lists of a decision. Pure; wire.ts captures, routers.ts asks the daemon.
import { CodedError } from '../../lib/errors.ts';
import type { ExplainView } from '../../lib/model/view.ts';
import { decodeSrv6Packet } from '../../lib/segment/srh.ts';
import type { SegmentListRow } from './document.ts';

/** Packets per list, keyed by `listKey`. */
export type ListTally = Map<string, number>;

/** Lists are told apart by who imposed them: the outer source is the ingress. */
export function listKey(source: string, segments: readonly string[]): string {
  return `${source} ${segments.join(' ')}`;
}

/** Counts a packet toward `service` from its first octet; others, and what is no SRv6 packet, are passed over. */
export function tallyPacket(tally: ListTally, service: string, bytes: Uint8Array): void {
  try {
    const packet = decodeSrv6Packet(bytes);
    if (packet.inner?.destination !== service) return;
    const key = listKey(packet.source, packet.segments);
    tally.set(key, (tally.get(key) ?? 0) + 1);
  } catch (error) {
    // Cut short by the capture, or not for us.
    if (!(error instanceof CodedError)) throw error;
  }
}

export interface ExplainedIngress {
  readonly ingress: string;
  /** Outer source of what it imposes. */
  readonly source: string;
  readonly explain: ExplainView;
}

/** One row a list that is in use: new flows are sent along it, or packets of older flows were seen on it. */
export function matchLists(phase: string, explained: readonly ExplainedIngress[], tally: ListTally): SegmentListRow[] {
  return explained.flatMap(({ ingress, source, explain }) =>
    explain.candidates
      .map((candidate) => ({ candidate, packets: tally.get(listKey(source, candidate.segments)) ?? 0 }))
      .filter(({ candidate, packets }) => candidate.segments.length > 0 && (candidate.weight > 0 || packets > 0))
      .map(({ candidate, packets }) => ({
        phase,
        service: explain.serviceName,
        list: [...candidate.segments],
        captured: packets > 0,
        ingress,
        instance: candidate.instanceName,
        weight: candidate.weight,
        packets,
      })),
  );
}

/** A share of new flows, of 1000, below which a capture of a few seconds may meet none of them. */
const EXPECTED_FROM = 50;

/** True when the list carries enough new flows that it must be seen, and was not. */
export function isMissed(row: SegmentListRow): boolean {
  return !row.captured && row.weight >= EXPECTED_FROM;
}

/** True when every list that new flows take was seen. */
export function isComplete(rows: readonly SegmentListRow[]): boolean {
  return rows.length > 0 && rows.every((row) => row.captured || row.weight === 0);
}

/** Whether a list was seen, in words; `tried`: packets were captured in this run at all. */
export function sightingOf(row: SegmentListRow, tried: boolean): string {
  if (row.captured) return `seen in ${row.packets} packets`;
  return tried ? 'not seen' : 'not captured';
}
