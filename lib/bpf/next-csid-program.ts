// End with NEXT-CSID (RFC 9800 4.1.1) in eBPF, for what an interface takes in: while another C-SID follows, the destination is
// shifted by one, and the packet goes on to the stack as one for that. The kernel does the same by a second look-up of a
// route. Where no C-SID or no hop follows it is left to the kernel, unchanged.
//
//   destination   | block | node | argument |   ->   | block | argument | 0 |      within the first 64 bits: block and node
import type { LocalSid } from '../fib/fib.ts';
import { addressToBytes } from '../net/address.ts';
import { Assembler } from './assembler.ts';
import { ETHERNET_OCTETS, EtherType, GO_ON, Helper, SKB } from './packet-hook.ts';
import { readCounts, type SidFlavour } from './sid-flavour.ts';

export interface ShiftSid {
  readonly prefix: string;
  readonly blockBits: number;
  readonly nodeBits: number;
}

/** Octets: block and node (64 bits, the others 0), and the layout. */
const KEY_OCTETS = 16;
/** Octets: packets and bytes. */
const VALUE_OCTETS = 16;

const PACKET = 6;
const HOP_LIMIT = ETHERNET_OCTETS + 7;
const DESTINATION = ETHERNET_OCTETS + 24;
const KEY_AT = -16;

export const NEXT_CSID: SidFlavour<ShiftSid> = {
  keyOctets: KEY_OCTETS,
  valueOctets: VALUE_OCTETS,
  probe: { prefix: '100::/48', blockBits: 32, nodeBits: 16 },
  layouts: (sids) => layoutsOf(sids).join(' '),
  program: shiftProgram,
  key({ prefix, blockBits, nodeBits }) {
    const key = new Uint8Array(KEY_OCTETS);
    key.set(addressToBytes(prefix.slice(0, prefix.indexOf('/'))).subarray(0, 8));
    new DataView(key.buffer).setUint32(8, layoutNumber(blockBits, nodeBits), true);
    return key;
  },
  value: () => new Uint8Array(VALUE_OCTETS),
  counts: (value) => readCounts(value, 0),
};

/** Undefined: not one that this program does for. */
export function shiftSidOf({ prefix, behaviour, flavours }: LocalSid): ShiftSid | undefined {
  const { blockBits, nodeBits } = flavours?.nextCsid ?? { blockBits: 0, nodeBits: 0 };
  const bits = blockBits + nodeBits;
  const isEnd = behaviour.action === 'End' && flavours?.psp !== true && flavours?.nextCsid !== undefined;
  return isEnd && bits < 64 && prefix.endsWith(`/${bits}`) ? { prefix, blockBits, nodeBits } : undefined;
}

function shiftProgram(sids: readonly ShiftSid[], map: number): Uint8Array {
  const a = new Assembler();
  a.set(PACKET, '=', 'r1').load(32, 2, PACKET, SKB.protocol).jumpIf(2, '!=', EtherType.ipv6, 'pass');
  a.load(32, 7, PACKET, SKB.data).load(32, 3, PACKET, SKB.dataEnd);
  a.set(2, '=', 'r7')
    .set(2, '+', DESTINATION + 16)
    .jumpIf(2, '>', 'r3', 'pass');
  // What has no hop left is the kernel's to count and answer.
  a.load(8, 1, 7, HOP_LIMIT).jumpIf(1, '<=', 1, 'pass');
  // The first octet is the lowest: towards the front is down.
  a.load(64, 8, 7, DESTINATION).load(64, 9, 7, DESTINATION + 8);
  for (const layout of layoutsOf(sids)) {
    const [block, node] = [layout >> 8, layout & 255];
    const bits = block + node;
    const next = `not_${layout}`;
    a.set(1, '=', 'r8').set(1, '>>', bits).set(1, '|', 'r9').jumpIf(1, '==', 0, next);
    a.set(1, '=', 'r8')
      .set(1, '<<', 64 - bits)
      .set(1, '>>', 64 - bits);
    a.store(64, 10, KEY_AT, 'r1')
      .store(32, 10, KEY_AT + 8, layout)
      .store(32, 10, KEY_AT + 12, 0);
    a.loadMap(1, map).set(2, '=', 'r10').set(2, '+', KEY_AT).call(Helper.mapLookup).jumpIf(0, '==', 0, next);
    a.set(1, '=', 'r8')
      .set(1, '>>', bits)
      .set(1, '<<', block)
      .set(8, '<<', 64 - block)
      .set(8, '>>', 64 - block);
    a.set(8, '|', 'r1')
      .set(1, '=', 'r9')
      .set(1, '<<', 64 - node)
      .set(8, '|', 'r1')
      .set(9, '>>', node);
    // Its own SID again: the kernel does both, and counts them by what becomes of the packet.
    a.set(1, '=', 'r8')
      .set(1, '<<', 64 - bits)
      .set(1, '>>', 64 - bits)
      .load(64, 2, 10, KEY_AT);
    a.jumpIf(1, '==', 'r2', 'pass');
    a.store(64, 7, DESTINATION, 'r8')
      .store(64, 7, DESTINATION + 8, 'r9')
      .jump('count');
    a.label(next);
  }
  a.jump('pass');
  a.label('count').set(1, '=', 1).addAtomically(0, 0, 1);
  a.load(32, 1, PACKET, SKB.length).set(1, '-', ETHERNET_OCTETS).addAtomically(0, 8, 1);
  return a.label('pass').set(0, '=', GO_ON).exit().assemble();
}

function layoutsOf(sids: readonly ShiftSid[]): number[] {
  return [...new Set(sids.map(({ blockBits, nodeBits }) => layoutNumber(blockBits, nodeBits)))].sort((a, b) => a - b);
}

function layoutNumber(blockBits: number, nodeBits: number): number {
  return (blockBits << 8) | nodeBits;
}
