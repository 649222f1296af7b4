// Frames that bench `forwarding` sends: UDP of 64 bytes between a client and a service, bare or in the tunnels that a router
// meets. Each is an Ethernet frame in hexadecimal, and the place of the source port, which tells flows apart.
import { addressToBytes } from '../../lib/net/address.ts';

export interface Frame {
  readonly hex: string;
  readonly portAt: number;
  readonly bytes: number;
}

export const CLIENT = '2001:db8:c::2';
export const SERVICE = 'fd00:cafe::80';
const ETHERNET_OCTETS = 14;
const UDP_PAYLOAD_OCTETS = 64;
const NextHeader = { udp: 17, ipv6: 41, routing: 43 } as const;

/** `from`, `to`: link addresses. */
export function frame(from: string, to: string, packet: readonly number[]): Frame {
  const octets = [...mac(to), ...mac(from), 0x86, 0xdd, ...packet];
  // The UDP header is the last thing before the payload.
  const portAt = octets.length - UDP_PAYLOAD_OCTETS - 8;
  return { hex: Buffer.from(octets).toString('hex'), portAt, bytes: octets.length - ETHERNET_OCTETS };
}

/** What a client sends to the service. */
export function bare(): number[] {
  const udp = [0, 0, 0x1f, 0x90, 0, UDP_PAYLOAD_OCTETS + 8, 0xab, 0xcd, ...Array(UDP_PAYLOAD_OCTETS).fill(0x78)];
  return header(NextHeader.udp, SERVICE, CLIENT, udp);
}

/** The same in a tunnel to `destination`, with a reduced SRH when there are entries, `list[0]` travelled last. */
export function tunnelled(destination: string, list: readonly string[] = [], segmentsLeft = list.length): number[] {
  if (list.length === 0) return header(NextHeader.ipv6, destination, 'fd00:ffff::1', bare());
  const srh = [NextHeader.ipv6, 2 * list.length, 4, segmentsLeft, list.length - 1, 0, 0, 0];
  const entries = list.flatMap((entry) => [...addressToBytes(entry)]);
  return header(NextHeader.routing, destination, 'fd00:ffff::1', [...srh, ...entries, ...bare()]);
}

function header(next: number, to: string, from: string, payload: readonly number[]): number[] {
  const addresses = [...addressToBytes(from), ...addressToBytes(to)];
  return [0x60, 0, 0, 0, payload.length >> 8, payload.length & 255, next, 64, ...addresses, ...payload];
}

function mac(text: string): number[] {
  return text.split(':').map((octet) => Number.parseInt(octet, 16));
}
