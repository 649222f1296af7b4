// What the models of endpoint behaviours work on: the parts of an SRv6 packet that they read and change, and what becomes
// of it. Plain data; a malformed header can be written down as easily as a good one.
import { addressToBytes } from '../net/address.ts';
import { type BehaviourKind, isCrossConnect } from './behaviour-kind.ts';
import type { Sid } from './sid.ts';

export interface ModelSrh {
  readonly segmentsLeft: number;
  readonly lastEntry: number;
  /** 8-octet units after the first 8 octets, as on the wire. */
  readonly hdrExtLen: number;
  /** As on the wire: entry 0 is the last of the path. Entries that the header has room for, whatever `lastEntry` says. */
  readonly list: readonly Uint8Array[];
}

export interface ModelPacket {
  readonly destination: Uint8Array;
  readonly hopLimit: number;
  readonly srh?: ModelSrh;
  /** What is inside. */
  readonly payload: 'ipv6' | 'ipv4' | 'other';
}

export type DropReason =
  /** ICMPv6 Time Exceeded. */
  | 'hop-limit'
  /** ICMPv6 Parameter Problem, code 0, pointing at Segments Left. */
  | 'parameter-problem'
  /** ICMPv6 Parameter Problem, code 4 (RFC 8986 4.1.1). */
  | 'upper-layer'
  /** A packed container begins with C-SID 0. RFC 9800 4.2.1 does not test for it; no SID answers to it either. */
  | 'zero-csid'
  /** The model has no such behaviour. */
  | 'unsupported-behaviour';

export type Verdict =
  /** Looked up again: in this node's FIB, in the SID's own table, or sent to the SID's adjacency. */
  | { readonly kind: 'forward'; readonly by: 'fib' | 'table' | 'adjacency'; readonly packet: ModelPacket }
  /** Outer headers are off, the payload goes on. */
  | { readonly kind: 'decapsulated' }
  /** SRH processing is over and the payload is for the node itself, which accepts it. */
  | { readonly kind: 'delivered' }
  | { readonly kind: 'drop'; readonly reason: DropReason };

/** A SID as its node instantiates it. */
export interface InstalledSid {
  readonly sid: Sid;
  readonly node: string;
  /** Length of the prefix it is installed with; absent: block, node and function (RFC 9800 5.3). */
  readonly prefixBits?: number;
  /** Node at the far end of the adjacency of End.X and End.XLBS. */
  readonly neighbour?: string;
  /** Target block of End.LBS and End.XLBS: B2/m (RFC 9800 7). */
  readonly swap?: { readonly block: Uint8Array; readonly bits: number };
}

/** A packet as `encap.red` (or `encap`, not reduced) makes it of a list in travel order. */
export function encapsulate(
  segments: readonly (string | Uint8Array)[],
  options: { readonly reduced: boolean; readonly payload?: ModelPacket['payload']; readonly hopLimit?: number },
): ModelPacket {
  const { reduced, payload = 'ipv6', hopLimit = 64 } = options;
  const travel = segments.map((segment) => (typeof segment === 'string' ? addressToBytes(segment) : segment));
  const destination = travel[0]!;
  // RFC 8986 5.2: a single segment needs no SRH when it is reduced.
  const list = (reduced ? travel.slice(1) : travel).reverse();
  if (list.length === 0) return { destination, hopLimit, payload };
  const srh: ModelSrh = {
    segmentsLeft: segments.length - 1,
    lastEntry: list.length - 1,
    hdrExtLen: list.length * 2,
    list,
  };
  return { destination, hopLimit, srh, payload };
}

/** The packet without its SRH. */
export function withoutSrh({ destination, hopLimit, payload }: ModelPacket): ModelPacket {
  return { destination, hopLimit, payload };
}

/** RFC 8986 4.1.1 and 4.16.3: USD decapsulates IP; otherwise only what is addressed to the node passes. */
export function upperLayer(kind: BehaviourKind, packet: ModelPacket): Verdict {
  if (packet.payload === 'other') return { kind: 'delivered' };
  return kind.usd ? { kind: 'decapsulated' } : { kind: 'drop', reason: 'upper-layer' };
}

/** S15/N08/R10/R21: to the FIB, through an adjacency of J, or to table T. */
export function forward(kind: BehaviourKind, packet: ModelPacket): Verdict {
  const by = isCrossConnect(kind) ? 'adjacency' : kind.action === 'End.T' ? 'table' : 'fib';
  return { kind: 'forward', by, packet };
}

/** RFC 8986 4.1 S08. */
export function maxLastEntry({ hdrExtLen }: ModelSrh): number {
  return Math.floor(hdrExtLen / 2) - 1;
}
