// Packets of flows for kernel tests, IPv6 and IPv4, each with a number of its own at the end: plain ones, and those that no
// program takes apart (fragments, options, extension headers).
import { addressToBytes } from '../../../lib/net/address.ts';

export const Tcp = { fin: 1, syn: 2, rst: 4, ack: 16 } as const;

export interface FlowPacket {
  readonly from: string;
  readonly to: string;
  readonly protocol: 'tcp' | 'udp';
  readonly ports: readonly [number, number];
  /** TCP's flags. */
  readonly flags: number;
  readonly shape: 'plain' | 'options' | 'first-fragment';
}

const PROTOCOLS = { tcp: 6, udp: 17 } as const;
const DESTINATION_OPTIONS = 60;
const FRAGMENT = 44;
const MARK = [0x63, 0x66, 0x6e, 0x64];

export function flowPacket(packet: FlowPacket, serial: number): Uint8Array {
  const { from, to, protocol, ports, flags } = packet;
  const tail = [...MARK, ...quad(serial)];
  const head = ports.flatMap((port) => [port >> 8, port & 255]);
  const transport =
    protocol === 'tcp'
      ? [...head, ...quad(1), ...quad(1), 0x50, flags, 16, 0, 0, 0, 0, 0, ...tail]
      : [...head, 0, 8 + tail.length, 0xab, 0xcd, ...tail];
  const build = from.includes(':') ? ipv6 : ipv4;
  return Uint8Array.from(build(packet, PROTOCOLS[protocol], addressToBytes(from), addressToBytes(to), transport));
}

/** The number at the end of a packet, however it is encapsulated; undefined: none of ours. */
export function serialOf(bytes: Uint8Array): number | undefined {
  const end = Buffer.from(bytes.subarray(-8));
  return end.subarray(0, 4).equals(Buffer.from(MARK)) ? end.readUInt32BE(4) : undefined;
}

function ipv6({ shape }: FlowPacket, next: number, from: Uint8Array, to: Uint8Array, payload: number[]): number[] {
  const more = {
    plain: [],
    // PadN of 4 octets.
    options: [next, 0, 1, 4, 0, 0, 0, 0],
    'first-fragment': [next, 0, 0, 1, 0, 0, 0, 7],
  }[shape];
  const first = { plain: next, options: DESTINATION_OPTIONS, 'first-fragment': FRAGMENT }[shape];
  const length = more.length + payload.length;
  return [0x60, 0, 0, 0, length >> 8, length & 255, first, 64, ...from, ...to, ...more, ...payload];
}

function ipv4({ shape }: FlowPacket, next: number, from: Uint8Array, to: Uint8Array, payload: number[]): number[] {
  // Four times no operation.
  const options = shape === 'options' ? [1, 1, 1, 1] : [];
  const words = 5 + options.length / 4;
  const length = 4 * words + payload.length;
  const more = shape === 'first-fragment' ? 0x20 : 0;
  const start = [0x40 | words, 0, length >> 8, length & 255, 0, 7, more, 0, 64, next];
  const sum = checksum([...start, 0, 0, ...from, ...to, ...options]);
  return [...start, sum >> 8, sum & 255, ...from, ...to, ...options, ...payload];
}

function checksum(octets: readonly number[]): number {
  let sum = 0;
  for (let at = 0; at < octets.length; at += 2) sum += (octets[at]! << 8) | octets[at + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function quad(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}
