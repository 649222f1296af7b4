// What packing a segment list yields, and what it costs on the wire. Types and arithmetic only.
import type { SegmentFault } from './eligibility.ts';
import type { Sid } from './sid.ts';

export type EntryKind = 'full' | 'next' | 'replace-first' | 'replace-packed';

export interface PackedEntry {
  readonly segment: string;
  readonly kind: EntryKind;
  /** SIDs that the entry holds, in travel order. */
  readonly holds: readonly Sid[];
}

export type CompressReason =
  /** One entry: no SRH. */
  | 'single-entry'
  /** Fewer entries than segments. */
  | 'compressed'
  /** Nothing to gain: one entry a segment. */
  | 'uncompressed'
  | 'empty-list'
  /** REPLACE-CSID that can neither continue nor end: its block or length is not its successor's, and it has no twin. */
  | 'replace-alone'
  /** More entries than the headend can impose. */
  | 'too-deep'
  /** More Segments Left than an endpoint can process. */
  | 'endpoint-too-shallow'
  | SegmentFault;

export interface PackedList {
  /** What goes into `encap.red`, in travel order; empty when there is no list, and `reason` says why. */
  readonly segments: readonly string[];
  /** Octets in front of the inner packet: outer header and reduced SRH. */
  readonly bytes: number;
  readonly entries: readonly PackedEntry[];
  readonly reason: CompressReason;
  /** Index of the segment that a refusal is about; -1 when it is about none. */
  readonly at: number;
}

/** Octets of an outer IPv6 header and a reduced SRH of `entries` entries; one entry needs no SRH (RFC 8754 4.1.1). */
export function encapsulationBytes(entries: number): number {
  return entries === 0 ? 0 : 40 + (entries === 1 ? 0 : 8 + 16 * (entries - 1));
}
