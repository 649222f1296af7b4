// A packet of the endpoint model as octets on the wire, malformed ones as they are: lengths and counts are written as the
// model has them, not as they should be.
import type { ModelPacket } from '../../../lib/segment/endpoint-packet.ts';

const IPV6_OCTETS = 40;
const ROUTING_HEADER = 43;
const NEXT_HEADERS = { ipv6: 41, ipv4: 4, other: 59 } as const;
/** PadN of 8 octets: what an odd Hdr Ext Len makes room for (RFC 8754 2.1.1.2). */
const PAD = [4, 6, 0, 0, 0, 0, 0, 0];

/** `tail` stands behind the headers and tells packets apart. */
export function packetOctets(packet: ModelPacket, source: Uint8Array, tail: Uint8Array): Uint8Array {
  const { srh, destination, hopLimit } = packet;
  const next = NEXT_HEADERS[packet.payload];
  const header = srh ? [next, srh.hdrExtLen, 4, srh.segmentsLeft, srh.lastEntry, 0, 0, 0] : [];
  const entries = srh ? srh.list.flatMap((entry) => [...entry]) : [];
  const padding = srh && srh.hdrExtLen % 2 === 1 ? PAD : [];
  const payload = [...header, ...entries, ...padding, ...tail];
  const octets = new Uint8Array(IPV6_OCTETS + payload.length);
  octets.set([0x60, 0, 0, 0, payload.length >> 8, payload.length & 255, srh ? ROUTING_HEADER : next]);
  octets[7] = hopLimit;
  octets.set(source, 8);
  octets.set(destination, 24);
  octets.set(payload, IPV6_OCTETS);
  return octets;
}
