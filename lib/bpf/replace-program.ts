// End and End.X with REPLACE-CSID (RFC 9800 4.2.1) in eBPF, for what an interface takes in: the packets that the walk of
// nftables would send on, and those only. Whatever is malformed, has arrived, or lies in pieces goes on unchanged to
// nftables, which decides and counts; so the two never disagree. Deviates as replace-csid-walk.ts does.
//
//   Ethernet 14 | IPv6 40: length 4, next header 6, destination 24..39 | SRH: length 41, type 42, left 43, last 44 | entries 48
import type { ReplaceSid } from '../fib/fib.ts';
import { layoutName, layoutOf, type ReplaceLayout } from '../fib/replace-csid-names.ts';
import { addressToBytes } from '../net/address.ts';
import { Assembler, type Register } from './assembler.ts';
import { ETHERNET_OCTETS, EtherType, GO_ON, Helper, SKB } from './packet-hook.ts';
import { readCounts, type SidFlavour } from './sid-flavour.ts';

/** Octets: the SID's bits, the others 0, and its layout. */
const KEY_OCTETS = 20;
/** Octets: whether to mark and how (32 bits each), packets and bytes (64 bits each). */
const VALUE_OCTETS = 24;
const VALUE = { isMarked: 0, mark: 4, packets: 8, bytes: 16 } as const;

const MAX_ENTRIES = 8;

const DESTINATION = 24;
const LAST_OCTET = 39;
const SRH = { length: 41, type: 42, left: 43, last: 44, entries: 48 } as const;

/** r6: the packet's structure, r7: its IPv6 header, r8: what the map holds of the SID, r9: Segments Left, r3: the end. */
const [PACKET, IPV6, SID, LEFT, END] = [6, 7, 8, 9, 3] as const;
/** On the stack, under r10. */
const [KEY_AT, SCRATCH_AT] = [-20, -36] as const;

export const REPLACE_CSID: SidFlavour<ReplaceSid> = {
  keyOctets: KEY_OCTETS,
  valueOctets: VALUE_OCTETS,
  probe: { kind: 'replace-csid', prefix: '100::/80', csidBits: 32 },
  layouts: (sids) => layoutsOf(sids).map(layoutName).sort().join(' '),
  program: (sids, map, markMask) => replaceProgram(layoutsOf(sids), map, markMask),
  key: sidKey,
  value: ({ mark }) => sidValue(mark),
  counts: (value) => readCounts(value, VALUE.packets),
};

function layoutsOf(sids: readonly ReplaceSid[]): ReplaceLayout[] {
  return [...new Map(sids.map(layoutOf).map((layout) => [layoutName(layout), layout])).values()];
}

/** The program for these layouts; SIDs are found in `map`, by descriptor. `markMask`: the bits of marks that are ours. */
function replaceProgram(layouts: readonly ReplaceLayout[], map: number, markMask: number): Uint8Array {
  const a = new Assembler();
  a.set(6, '=', 'r1').load(32, 2, PACKET, SKB.protocol).jumpIf(2, '!=', EtherType.ipv6, 'pass');
  a.load(32, 7, PACKET, SKB.data).load(32, 3, PACKET, SKB.dataEnd);
  a.set(2, '=', 'r7')
    .set(2, '+', ETHERNET_OCTETS + SRH.entries)
    .jumpIf(2, '>', 'r3', 'pass');
  a.set(7, '+', ETHERNET_OCTETS);
  a.load(8, 2, IPV6, 0).set(2, '>>', 4).jumpIf(2, '!=', 6, 'pass');
  a.load(8, 2, IPV6, 6).jumpIf(2, '!=', 43, 'pass');
  a.load(8, 2, IPV6, SRH.type).jumpIf(2, '!=', 4, 'pass');
  for (const layout of layouts) lookUp(a, layout, map, IPV6, DESTINATION, layoutName(layout));
  a.jump('pass');
  for (const layout of layouts) walk(a, layout);
  commit(a, layouts, map);
  done(a, markMask);
  return a.label('pass').set(0, '=', GO_ON).exit().assemble();
}

/** The key of a SID in the map. */
function sidKey({ prefix, csidBits }: Pick<ReplaceSid, 'prefix' | 'csidBits'>): Uint8Array {
  const address = prefix.slice(0, prefix.indexOf('/'));
  const key = new Uint8Array(KEY_OCTETS);
  key.set(addressToBytes(address));
  new DataView(key.buffer).setUint32(16, layoutNumber(layoutOf({ prefix, csidBits })), true);
  return key;
}

function sidValue(mark: number | undefined): Uint8Array {
  const value = new Uint8Array(VALUE_OCTETS);
  const view = new DataView(value.buffer);
  view.setUint32(VALUE.isMarked, mark === undefined ? 0 : 1, true);
  view.setUint32(VALUE.mark, mark ?? 0, true);
  return value;
}

/** Layouts may cut one length in two ways. */
function layoutNumber({ blockBits, csidBits }: ReplaceLayout): number {
  return (blockBits << 8) | csidBits;
}

/** Builds the key of the address at [base + at] and jumps when the SID is ours. Loses r0..r5. */
function lookUp(a: Assembler, layout: ReplaceLayout, map: number, base: Register, from: number, label: string): void {
  const octets = (layout.blockBits + layout.csidBits) / 8;
  for (let word = 0; word < 4; word++) {
    const kept = Math.max(0, Math.min(4, octets - 4 * word));
    const at = KEY_AT + 4 * word;
    if (kept === 0) {
      a.store(32, 10, at, 0);
      continue;
    }
    a.load(32, 2, base, from + 4 * word);
    // The first octet is the lowest.
    if (kept < 4) a.set(2, '&', 2 ** (8 * kept) - 1);
    a.store(32, 10, at, 'r2');
  }
  a.store(32, 10, KEY_AT + 16, layoutNumber(layout)).loadMap(1, map);
  a.set(2, '=', 'r10').set(2, '+', KEY_AT).call(Helper.mapLookup).jumpIf(0, '!=', 0, label);
}

/** Makes the new destination in the scratch copy, and Segments Left in r9; the packet is not touched. */
function walk(a: Assembler, layout: ReplaceLayout): void {
  const name = layoutName(layout);
  const octets = layout.csidBits / 8;
  const positions = 16 / octets;
  const [first, write] = [`${name}_first`, `${name}_write`];
  a.label(name).set(8, '=', 'r0').load(32, END, PACKET, SKB.dataEnd);
  // S08: entries = Hdr Ext Len / 2; Last Entry is within, and all of it is within the packet.
  a.load(8, 1, IPV6, SRH.length).set(1, '>>', 1).jumpIf(1, '>', MAX_ENTRIES, 'pass');
  a.load(8, 2, IPV6, SRH.last).jumpIf(2, '>=', 'r1', 'pass');
  a.load(8, 4, IPV6, 4).set(4, '<<', 8).load(8, 5, IPV6, 5).set(4, '|', 'r5');
  a.set(1, '<<', 4).set(1, '+', 8).jumpIf(4, '<', 'r1', 'pass');
  for (let word = 0; word < 16; word += 4)
    a.load(32, 1, IPV6, DESTINATION + word).store(32, 10, SCRATCH_AT + word, 'r1');
  a.load(8, 9, IPV6, SRH.left)
    .load(8, 0, IPV6, LAST_OCTET)
    .set(0, '&', positions - 1)
    .jumpIf(0, '==', 0, first);
  // R02, R05, R06.
  a.jumpIf(LEFT, '>', 'r2', 'pass').set(0, '-', 1);
  csid(a, layout).jumpIf(1, '!=', 0, write);
  // R07-R10: the container ended early, and what follows is a whole SID. With none to follow the packet has arrived.
  a.jumpIf(LEFT, '==', 0, 'pass').set(9, '-', 1);
  entry(a, 16);
  for (let word = 0; word < 16; word += 4) a.load(32, 1, 5, SRH.entries + word).store(32, 10, SCRATCH_AT + word, 'r1');
  a.jump('check');
  // R13, R16, R17.
  a.label(first).jumpIf(LEFT, '==', 0, 'pass').set(9, '-', 1).jumpIf(LEFT, '>', 'r2', 'pass');
  a.set(0, '=', positions - 1);
  csid(a, layout).jumpIf(1, '==', 0, 'pass');
  // R20: octet by octet, the stack takes nothing that is not aligned.
  a.label(write)
    .load(8, 2, 10, SCRATCH_AT + 15)
    .set(2, '&', 256 - positions)
    .set(2, '|', 'r0');
  a.store(8, 10, SCRATCH_AT + 15, 'r2');
  for (let octet = 0; octet < octets; octet++)
    a.store(8, 10, SCRATCH_AT + layout.blockBits / 8 + octet, 'r1').set(1, '>>', 8);
  a.jump('check');
}

/** r1 = Segment List[Segments Left][r0]. */
function csid(a: Assembler, { csidBits }: ReplaceLayout): Assembler {
  const octets = csidBits / 8;
  a.set(5, '=', 'r0').set(5, '<<', Math.log2(octets));
  entry(a, octets, 5);
  return a.load(csidBits, 1, 5, SRH.entries);
}

/** r5 = the place of entry Segments Left, `SRH.entries` before it, plus r5 where asked; `octets` there are in the packet. */
function entry(a: Assembler, octets: number, plus?: 5): void {
  a.set(4, '=', 'r9').set(4, '<<', 4);
  if (plus !== undefined) a.set(4, '+', 'r5');
  // No more than it is already; for the verifier's eyes.
  a.set(4, '&', 127).set(5, '=', 'r7').set(5, '+', 'r4');
  a.set(1, '=', 'r5')
    .set(1, '+', SRH.entries + octets)
    .jumpIf(1, '>', 'r3', 'pass');
}

/** A packet whose next SID is ours too would be seen again by nftables: that one does it all. */
function commit(a: Assembler, layouts: readonly ReplaceLayout[], map: number): void {
  a.label('check');
  for (const layout of layouts) lookUp(a, layout, map, 10, SCRATCH_AT, 'pass');
  for (let word = 0; word < 16; word += 4)
    a.load(32, 1, 10, SCRATCH_AT + word).store(32, IPV6, DESTINATION + word, 'r1');
  a.store(8, IPV6, SRH.left, 'r9');
}

function done(a: Assembler, markMask: number): void {
  a.load(32, 1, SID, VALUE.isMarked).jumpIf(1, '==', 0, 'count');
  a.load(32, 1, PACKET, SKB.mark).set(1, '&', ~markMask).load(32, 2, SID, VALUE.mark).set(1, '|', 'r2');
  a.store(32, PACKET, SKB.mark, 'r1');
  a.label('count').set(1, '=', 1).addAtomically(SID, VALUE.packets, 1);
  a.load(32, 1, PACKET, SKB.length).set(1, '-', ETHERNET_OCTETS).addAtomically(SID, VALUE.bytes, 1);
}
