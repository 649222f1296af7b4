// Packets that nobody outside an SRv6 domain may send, octet by octet: what the border is there for. Each carries a tag in its
// last octets, so that it is known again wherever it gets to, encapsulated or not.
import { addressToBytes } from '../../../lib/net/address.ts';

const NextHeader = { ipv6: 41, routing: 43, fragment: 44, icmp: 58, none: 59, options: 60 } as const;

export interface Attack {
  readonly name: string;
  /** What stops it. */
  readonly reason: 'routingHeaders' | 'toSids' | 'fromSids';
  readonly bytes: Uint8Array;
  /** Hexadecimal. */
  readonly tag: string;
}

export interface Targets {
  readonly client: string;
  /** A service's anycast address. */
  readonly service: string;
  /** An End SID, and a SID that decapsulates. */
  readonly end: string;
  readonly egress: string;
}

/** A packet that anybody may send. */
export function harmless(from: string, to: string, tag: readonly number[]): Uint8Array {
  return Uint8Array.from(ipv6Packet(NextHeader.none, from, to, tag));
}

/** The six of issue and prototype, fragments in three guises, and headers hidden behind others. */
export function attacksOn({ client, service, end, egress }: Targets): Attack[] {
  const header = (next: number, to: string, payload: number[], from = client) => ipv6Packet(next, from, to, payload);
  const inner = (tag: number[]) => header(NextHeader.none, service, tag);
  const srh = (next: number, segments: readonly string[], payload: number[]) => [
    ...[next, 2 * segments.length, 4, segments.length - 1, segments.length - 1, 0, 0, 0],
    ...segments.toReversed().flatMap((segment) => [...addressToBytes(segment)]),
    ...payload,
  ];
  const options = (next: number, payload: number[]) => [next, 0, 1, 4, 0, 0, 0, 0, ...payload];
  const fragment = (next: number, offset: number, more: boolean, payload: number[]) => [
    ...[next, 0, offset >> 5, ((offset << 3) & 0xff) | (more ? 1 : 0), 0xca, 0xfe, 0, offset],
    ...payload,
  ];
  const { ipv6, routing, none } = NextHeader;
  const packets: [string, Attack['reason'], (tag: number[]) => number[]][] = [
    ['SRH to a SID', 'routingHeaders', (tag) => header(routing, end, srh(ipv6, [end, egress], inner(tag)))],
    ['decapsulating SID without SRH', 'toSids', (tag) => header(ipv6, egress, inner(tag))],
    [
      'SRH to an address that is no SID',
      'routingHeaders',
      (tag) => header(routing, service, srh(ipv6, [service, egress], inner(tag))),
    ],
    [
      'destination options before the SRH',
      'routingHeaders',
      (tag) => header(NextHeader.options, end, options(routing, srh(ipv6, [end, egress], inner(tag)))),
    ],
    [
      'SRH behind another routing header that is done with',
      'routingHeaders',
      (tag) => header(routing, service, [routing, 0, 0, 0, 0, 0, 0, 0, ...srh(ipv6, [service, egress], inner(tag))]),
    ],
    [
      'SRH behind another routing header and options',
      'routingHeaders',
      (tag) =>
        header(routing, service, [
          ...[NextHeader.options, 0, 0, 0, 0, 0, 0, 0],
          ...options(routing, srh(ipv6, [service, egress], inner(tag))),
        ]),
    ],
    [
      'whole fragment to a SID',
      'toSids',
      (tag) => header(NextHeader.fragment, egress, fragment(ipv6, 0, false, inner(tag))),
    ],
    [
      'first fragment to a SID',
      'toSids',
      (tag) => header(NextHeader.fragment, egress, fragment(ipv6, 0, true, inner(tag))),
    ],
    [
      'later fragment to a SID',
      'toSids',
      (tag) => header(NextHeader.fragment, egress, fragment(ipv6, 6, false, [...tag, ...tag])),
    ],
    ['source in SID space', 'fromSids', (tag) => header(none, service, tag, `${end}77`)],
  ];
  return packets.map(([name, reason, build], at) => {
    const tag = [0xa7, 0x7a, 0xc4, 0x5e, 0xb0, 0x4d, 0xe4, at];
    return { name, reason, bytes: Uint8Array.from(build(tag)), tag: Buffer.from(tag).toString('hex') };
  });
}

function ipv6Packet(next: number, from: string, to: string, payload: readonly number[]): number[] {
  return [
    ...[0x60, 0, 0, 0, payload.length >> 8, payload.length & 255, next, 64],
    ...addressToBytes(from),
    ...addressToBytes(to),
    ...payload,
  ];
}
