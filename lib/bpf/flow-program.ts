// Affinity `flow` in eBPF in front of nftables: a cache of marks by flow. Nftables decides, learns and forgets; the program
// at what leaves an interface learns the mark that a packet got from it, through the encapsulation, and the program at
// what comes in gives it to the flow's next packets, so that these pass nftables by. Now and then, and whenever TCP opens,
// ends or resets, a packet goes to nftables without a mark: so that flow's timeout runs, and its end is seen. Whatever
// lies in pieces, has extension headers or options goes on to nftables. Deviates: a segment in such a shape that opens a
// flow of the same ports as one that has just ended is not seen, and the new flow goes where the old one was for up to a second.
//
//   key    source 16 | destination 16 | ports 4 | protocol, family 4      IPv4 addresses in the last four octets
//   value  the key's last word of the source 4 | its ports 4 | place of the mark 4 | epoch 4 | when learned 8 (ns)
import { Assembler, type Register } from './assembler.ts';
import type { MarkPlaces } from './flow-slots.ts';
import { ETHERNET_OCTETS, EtherType, GO_ON, Helper, SKB } from './packet-hook.ts';

export const FLOW_KEY_OCTETS = 40;
export const FLOW_VALUE_OCTETS = 24;

export interface FlowMaps {
  /** By descriptor: flows, and marks (flow-slots.ts). */
  readonly flows: number;
  readonly slots: number;
  readonly places: MarkPlaces;
}

const VALUE = { source: 0, ports: 4, place: 8, epoch: 12, learned: 16 } as const;
const SLOT = { epoch: 0, refresh: 8 } as const;
const Protocol = { ipv4: 4, tcp: 6, udp: 17, ipv6: 41, routing: 43 } as const;
const FAMILY = { ipv4: 0x400, ipv6: 0x600 } as const;
/** FIN, SYN, RST. */
const OPENS_OR_ENDS = 0x07;
/** Version 4 without options; MF and offset, read on a little-endian machine. */
const PLAIN_IPV4 = 0x45;
const FRAGMENT = 0xff3f;
/** In tc_index between the two programs: known, nothing to learn. */
const KNOWN = 0xcf0d;

/** IPv6 40, IPv4 20; ports stand first in either protocol, TCP's flags at 13. */
const [IPV6_OCTETS, IPV4_OCTETS, FLAGS] = [40, 20, 13] as const;

/** r6: the packet's structure. */
const PACKET = 6;
/** On the stack, under r10. An IPv6 header and ports read to HEADER leave addresses and ports in the key. */
const AT = { key: -40, source: -28, destination: -12, ports: -8, protocol: -4, header: -48, place: -52 } as const;
const [VALUE_AT, SCRATCH_AT] = [-80, -104] as const;

/** At what an interface takes in. */
export function markProgram({ flows, slots, places: { mask, shift } }: FlowMaps): Uint8Array {
  const a = new Assembler();
  a.set(PACKET, '=', 'r1').store(32, PACKET, SKB.index, 0).load(32, 2, PACKET, SKB.protocol);
  a.load(32, 7, PACKET, SKB.data).load(32, 8, PACKET, SKB.dataEnd);
  a.jumpIf(2, '==', EtherType.ipv6, 'ipv6').jumpIf(2, '!=', EtherType.ipv4, 'pass');
  within(a, ETHERNET_OCTETS + IPV4_OCTETS + 4);
  plainIpv4(a, 7, ETHERNET_OCTETS);
  within(a, ETHERNET_OCTETS + IPV4_OCTETS + FLAGS + 1);
  a.load(8, 2, 7, ETHERNET_OCTETS + IPV4_OCTETS + FLAGS).jump('flags');

  a.label('ipv6');
  within(a, ETHERNET_OCTETS + IPV6_OCTETS + 4);
  a.load(8, 9, 7, ETHERNET_OCTETS + 6)
    .jumpIf(9, '==', Protocol.udp, 'ipv6_key')
    .jumpIf(9, '!=', Protocol.tcp, 'pass');
  a.label('ipv6_key').set(9, '|', FAMILY.ipv6).store(32, 10, AT.protocol, 'r9');
  for (let at = 0; at < 32; at += 8) a.load(64, 2, 7, ETHERNET_OCTETS + 8 + at).store(64, 10, AT.key + at, 'r2');
  a.load(32, 2, 7, ETHERNET_OCTETS + IPV6_OCTETS).store(32, 10, AT.ports, 'r2');
  a.jumpIf(9, '==', FAMILY.ipv6 | Protocol.udp, 'known');
  within(a, ETHERNET_OCTETS + IPV6_OCTETS + FLAGS + 1);
  a.load(8, 2, 7, ETHERNET_OCTETS + IPV6_OCTETS + FLAGS);

  a.label('flags').jumpIf(2, '&', OPENS_OR_ENDS, 'forget');
  a.label('known');
  lookUp(a, flows, AT.key).set(9, '=', 'r0');
  a.load(32, 1, 9, VALUE.place).load(32, 7, 9, VALUE.epoch).load(64, 8, 9, VALUE.learned);
  // An entry may become another flow's while it is read. The kernel writes it in order: what was read before this is ours.
  for (const [word, at] of [
    [VALUE.source, AT.source],
    [VALUE.ports, AT.ports],
  ] as const)
    a.load(32, 2, 9, word).load(32, 3, 10, at).jumpIf(2, '!=', 'r3', 'pass');
  a.store(32, 10, AT.place, 'r1');
  lookUp(a, slots, AT.place);
  a.load(32, 1, 0, SLOT.epoch).jumpIf(1, '!=', 'r7', 'pass').load(64, 7, 0, SLOT.refresh);
  a.call(Helper.coarseTime).set(0, '-', 'r8').jumpIf(0, '>', 'r7', 'pass');
  a.load(32, 1, PACKET, SKB.mark).set(1, '&', ~mask);
  a.load(32, 2, 10, AT.place).set(2, '<<', shift).set(1, '|', 'r2').store(32, PACKET, SKB.mark, 'r1');
  a.store(32, PACKET, SKB.index, KNOWN).jump('pass');

  a.label('forget').loadMap(1, flows).set(2, '=', 'r10').set(2, '+', AT.key).call(Helper.mapDelete);
  return a.label('pass').set(0, '=', GO_ON).exit().assemble();
}

/** At what leaves by an interface. */
export function learnProgram({ flows, slots, places: { mask, shift } }: FlowMaps): Uint8Array {
  const a = new Assembler();
  a.set(PACKET, '=', 'r1')
    .load(32, 2, PACKET, SKB.mark)
    .set(2, '&', mask | 0)
    .jumpIf(2, '==', 0, 'pass');
  a.load(32, 3, PACKET, SKB.index).jumpIf(3, '==', KNOWN, 'pass');
  a.set(2, '>>', shift)
    .store(32, 10, AT.place, 'r2')
    .store(32, 10, VALUE_AT + VALUE.place, 'r2');
  lookUp(a, slots, AT.place);
  a.load(32, 1, 0, SLOT.epoch)
    .jumpIf(1, '==', 0, 'pass')
    .store(32, 10, VALUE_AT + VALUE.epoch, 'r1');

  // r7: where the header of the flow is, r9: what it is.
  a.load(32, 2, PACKET, SKB.protocol).set(7, '=', ETHERNET_OCTETS);
  a.jumpIf(2, '==', EtherType.ipv4, 'ipv4').jumpIf(2, '!=', EtherType.ipv6, 'pass');
  read(a, ETHERNET_OCTETS + 6, SCRATCH_AT, 1).load(8, 9, 10, SCRATCH_AT);
  a.jumpIf(9, '==', Protocol.tcp, 'ipv6').jumpIf(9, '==', Protocol.udp, 'ipv6').set(7, '+', IPV6_OCTETS);
  a.jumpIf(9, '!=', Protocol.routing, 'tunnel');
  read(a, 'r7', SCRATCH_AT, 2).load(8, 9, 10, SCRATCH_AT);
  a.load(8, 1, 10, SCRATCH_AT + 1)
    .set(1, '+', 1)
    .set(1, '<<', 3)
    .set(7, '+', 'r1');
  a.label('tunnel').jumpIf(9, '==', Protocol.ipv4, 'ipv4').jumpIf(9, '!=', Protocol.ipv6, 'pass');

  a.label('ipv6');
  read(a, 'r7', AT.header, IPV6_OCTETS + 4).load(8, 9, 10, AT.header + 6);
  a.set(8, '=', 'r7').set(8, '+', IPV6_OCTETS);
  a.set(1, '=', 'r9').set(1, '|', FAMILY.ipv6).store(32, 10, AT.protocol, 'r1');
  a.jumpIf(9, '==', Protocol.udp, 'learn').jumpIf(9, '!=', Protocol.tcp, 'pass').jump('tcp');

  a.label('ipv4');
  read(a, 'r7', SCRATCH_AT, IPV4_OCTETS + 4);
  a.set(8, '=', 'r7').set(8, '+', IPV4_OCTETS).set(7, '=', 'r10').set(7, '+', SCRATCH_AT);
  plainIpv4(a, 7, 0, 'learn');

  a.label('tcp').set(8, '+', FLAGS);
  read(a, 'r8', SCRATCH_AT, 1).load(8, 2, 10, SCRATCH_AT).jumpIf(2, '&', OPENS_OR_ENDS, 'pass');
  a.label('learn')
    .call(Helper.coarseTime)
    .store(64, 10, VALUE_AT + VALUE.learned, 'r0');
  a.load(32, 1, 10, AT.source).store(32, 10, VALUE_AT + VALUE.source, 'r1');
  a.load(32, 1, 10, AT.ports).store(32, 10, VALUE_AT + VALUE.ports, 'r1');
  a.loadMap(1, flows).set(2, '=', 'r10').set(2, '+', AT.key).set(3, '=', 'r10').set(3, '+', VALUE_AT);
  a.set(4, '=', 0).call(Helper.mapUpdate).store(32, PACKET, SKB.index, KNOWN);
  return a.label('pass').set(0, '=', GO_ON).exit().assemble();
}

/** Octets from the packet's start are there; r7: its data, r8: their end. */
function within(a: Assembler, octets: number): void {
  a.set(2, '=', 'r7').set(2, '+', octets).jumpIf(2, '>', 'r8', 'pass');
}

/** The key of the IPv4 header at [base + at], jumping to `known` for UDP; falls through for TCP. Loses r2, r9. */
function plainIpv4(a: Assembler, base: Register, at: number, known = 'known'): void {
  a.load(8, 2, base, at).jumpIf(2, '!=', PLAIN_IPV4, 'pass');
  a.load(16, 2, base, at + 6).jumpIf(2, '&', FRAGMENT, 'pass');
  for (let word = 0; word < 32; word += 8) a.store(64, 10, AT.key + word, 0);
  for (const [from, to] of [
    [12, AT.source],
    [16, AT.destination],
    [IPV4_OCTETS, AT.ports],
  ] as const)
    a.load(32, 2, base, at + from).store(32, 10, to, 'r2');
  a.load(8, 9, base, at + 9)
    .set(9, '|', FAMILY.ipv4)
    .store(32, 10, AT.protocol, 'r9');
  a.jumpIf(9, '==', FAMILY.ipv4 | Protocol.udp, known).jumpIf(9, '!=', FAMILY.ipv4 | Protocol.tcp, 'pass');
}

/** r0: what the map holds of the key at [r10 + key]; gone on without it. Loses r1..r5. */
function lookUp(a: Assembler, map: number, key: number): Assembler {
  a.loadMap(1, map).set(2, '=', 'r10').set(2, '+', key).call(Helper.mapLookup);
  return a.jumpIf(0, '==', 0, 'pass');
}

/** Copies octets of the packet, wherever they lie, to [r10 + to]. Loses r0..r5. */
function read(a: Assembler, from: `r${Register}` | number, to: number, octets: number): Assembler {
  a.set(1, '=', 'r6').set(2, '=', from).set(3, '=', 'r10').set(3, '+', to).set(4, '=', octets);
  return a.call(Helper.loadOctets).jumpIf(0, '!=', 0, 'pass');
}
