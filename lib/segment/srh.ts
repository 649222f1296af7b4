// Reads the outer header of an SRv6 packet: who sent it, which segments it carries, what is inside. For captures and
// explanations; it judges nothing and forwards nothing.
//
// Segment Routing Header (RFC 8754 section 2):
//    0                   1                   2                   3
//   | Next Header   |  Hdr Ext Len  | Routing Type=4| Segments Left |
//   |  Last Entry   |     Flags     |              Tag              |
//   |  Segment List[0] (128 bits, the LAST segment of the path) ... |
import { CodedError } from '../errors.ts';
import { bytesToAddress } from '../net/address.ts';

export interface Srv6Packet {
  /** Outer source and present destination (the active segment), canonical. */
  readonly source: string;
  readonly destination: string;
  readonly hopLimit: number;
  readonly flowLabel: number;
  /** 0 when there is no SRH. */
  readonly segmentsLeft: number;
  /**
   * Segments in travel order as far as the packet shows them. A reduced SRH leaves the first one out: it is added from
   * the destination while it is still active, and cannot be known later.
   */
  readonly segments: readonly string[];
  /** Protocol behind the last extension header, e.g. 41 IPv6, 4 IPv4, 17 UDP. */
  readonly nextHeader: number;
  /** Inner addresses when `nextHeader` is an IP version. */
  readonly inner?: { readonly source: string; readonly destination: string; readonly nextHeader: number };
  /** Offset of the payload (of the inner header, when there is one). */
  readonly payloadOffset: number;
}

const HEADER = { hopByHop: 0, ipv4: 4, ipv6: 41, routing: 43, destinationOptions: 60 } as const;
const SEGMENT_ROUTING = 4;
const IPV6_HEADER_BYTES = 40;
/** RFC 8200 orders at most seven extension headers; more is noise. */
const MAX_EXTENSION_HEADERS = 8;

/** Decodes an IPv6 packet from its first octet; throws `CodedError` `bad-packet` with `field` and `offset`. */
export function decodeSrv6Packet(bytes: Uint8Array): Srv6Packet {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  need(bytes, 0, IPV6_HEADER_BYTES, 'ipv6-header');
  if (bytes[0]! >>> 4 !== 6) throw fault('version', 0, `not IPv6 but version ${bytes[0]! >>> 4}`);
  const destination = addressAt(bytes, 24);
  let nextHeader = bytes[6]!;
  let offset = IPV6_HEADER_BYTES;
  let segmentsLeft = 0;
  let segments = [destination];
  for (let seen = 0; isExtension(nextHeader); seen++) {
    if (seen === MAX_EXTENSION_HEADERS) throw fault('extension-headers', offset, 'too many extension headers');
    need(bytes, offset, 8, 'extension-header');
    const length = 8 + bytes[offset + 1]! * 8;
    need(bytes, offset, length, 'extension-header');
    if (nextHeader === HEADER.routing && bytes[offset + 2] === SEGMENT_ROUTING) {
      segmentsLeft = bytes[offset + 3]!;
      segments = segmentsOf(bytes, offset, length, destination);
    }
    nextHeader = bytes[offset]!;
    offset += length;
  }
  const inner = innerOf(bytes, offset, nextHeader);
  return {
    source: addressAt(bytes, 8),
    destination,
    hopLimit: bytes[7]!,
    flowLabel: view.getUint32(0) & 0xfffff,
    segmentsLeft,
    segments,
    nextHeader,
    ...(inner && { inner }),
    payloadOffset: offset,
  };
}

function segmentsOf(bytes: Uint8Array, offset: number, length: number, destination: string): string[] {
  const segmentsLeft = bytes[offset + 3]!;
  const lastEntry = bytes[offset + 4]!;
  // RFC 8754 4.3.1.1: what an endpoint would answer with a parameter problem is not a list either.
  if ((lastEntry + 1) * 16 > length - 8)
    throw fault('last-entry', offset + 4, `last entry ${lastEntry} is beyond the header`);
  if (segmentsLeft > lastEntry + 1)
    throw fault('segments-left', offset + 3, `segments left ${segmentsLeft} is beyond the list`);
  const segments: string[] = [];
  for (let entry = lastEntry; entry >= 0; entry--) segments.push(addressAt(bytes, offset + 8 + entry * 16));
  return segmentsLeft === lastEntry + 1 ? [destination, ...segments] : segments;
}

function innerOf(bytes: Uint8Array, offset: number, protocol: number): Srv6Packet['inner'] {
  if (protocol === HEADER.ipv6) {
    need(bytes, offset, IPV6_HEADER_BYTES, 'inner-header');
    if (bytes[offset]! >>> 4 !== 6) throw fault('inner-version', offset, 'inner header is not IPv6');
    return {
      source: addressAt(bytes, offset + 8),
      destination: addressAt(bytes, offset + 24),
      nextHeader: bytes[offset + 6]!,
    };
  }
  if (protocol === HEADER.ipv4) {
    need(bytes, offset, 20, 'inner-header');
    if (bytes[offset]! >>> 4 !== 4) throw fault('inner-version', offset, 'inner header is not IPv4');
    return {
      source: addressAt(bytes, offset + 12, 4),
      destination: addressAt(bytes, offset + 16, 4),
      nextHeader: bytes[offset + 9]!,
    };
  }
  return undefined;
}

function isExtension(protocol: number): boolean {
  return protocol === HEADER.hopByHop || protocol === HEADER.routing || protocol === HEADER.destinationOptions;
}

function addressAt(bytes: Uint8Array, offset: number, length = 16): string {
  return bytesToAddress(bytes.subarray(offset, offset + length));
}

function need(bytes: Uint8Array, offset: number, length: number, field: string): void {
  if (offset + length > bytes.length)
    throw fault(field, offset, `${field} needs ${length} octets at ${offset}, has ${bytes.length - offset}`);
}

function fault(field: string, offset: number, text: string): CodedError {
  return new CodedError('bad-packet', text, { field, offset });
}
