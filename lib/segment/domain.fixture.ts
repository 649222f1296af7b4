// A small domain in which every way to write a SID occurs, with numbers that collide on purpose (functions that are also
// node numbers), and arbitrary lists through it. For the properties and the benchmark of packing.
import fc from 'fast-check';
import { bytesToAddress } from '../net/address.ts';
import { writeBits } from './bits.ts';
import type { Segment } from './eligibility.ts';
import type { InstalledSid } from './endpoint-packet.ts';
import { makeSid, type Sid } from './sid.ts';
import { type PrefixTable, sidTable } from './sid-table.ts';
import { type Domain, makeDomain } from './walk.ts';

export type Family = 'End' | 'End.X' | 'End.T' | 'service' | 'local End.X' | 'local service';

export interface TestDomain {
  readonly nodes: readonly string[];
  /** SIDs of a node that do the same thing. */
  twins(node: string, family: Family): readonly InstalledSid[];
  readonly installed: PrefixTable<Sid>;
  readonly model: Domain;
}

interface Spec {
  readonly family: Family;
  /** Block as 16-bit groups with its length. */
  readonly block: readonly [groups: readonly number[], bits: number];
  readonly nodeBits: number;
  readonly functionBits: number;
  readonly csid: (node: number) => number;
  readonly argument: number;
  readonly behaviour: (node: number) => number;
  readonly prefixBits?: number;
}

const NODES = 6;
const REPLACE_32 = [[0x2001, 0xdb8, 0xc], 48] as const;
const REPLACE_32_ODD = [[0x2001, 0xdb8, 0xd, 0x5500], 56] as const;
const REPLACE_16 = [[0x2001, 0xdb8, 0xe, 0x1], 64] as const;
const PLAIN = [[0x5f00, 0], 32] as const;

function specs(next: Spec['block']): Spec[] {
  const [, nextBits] = next;
  const always = (code: number) => () => code;
  const pspWhenEven = (code: number) => (node: number) => code + (node % 2 === 0 ? 1 : 0);
  const wide = (value: number) => (node: number) => node * 0x10000 + value;
  const node16 = { nodeBits: 16, functionBits: 0 };
  const both = { nodeBits: 16, functionBits: 16 };
  const local = { nodeBits: 0, functionBits: 16 };
  const inNext = { block: next, argument: 128 - nextBits - 32 };
  const in32 = { block: REPLACE_32, ...both, argument: 48 };
  const in16 = { block: REPLACE_16, ...node16, argument: 48 };
  const plain = { block: PLAIN, ...both, argument: 0 };
  return [
    // NEXT-CSID.
    { family: 'End', ...inNext, ...node16, argument: 112 - nextBits, csid: (n) => n, behaviour: pspWhenEven(43) },
    { family: 'End.X', ...inNext, ...both, csid: (n) => n * 0x10000 + (n % 5) + 2, behaviour: always(52) },
    { family: 'local End.X', ...inNext, ...local, argument: 112 - nextBits, csid: () => 0xe001, behaviour: always(52) },
    { family: 'service', ...inNext, ...both, csid: wide(0xd6), behaviour: always(62) },
    {
      family: 'local service',
      ...inNext,
      ...local,
      argument: 112 - nextBits,
      csid: () => 0xe0d6,
      behaviour: always(62),
    },
    { family: 'service', ...inNext, ...both, argument: 0, csid: wide(0xd7), behaviour: always(18) },
    { family: 'End', ...inNext, ...both, argument: 0, csid: wide(1), behaviour: always(1) },
    // REPLACE-CSID of 32 bits, with plain and NEXT-CSID SIDs of the same block.
    { family: 'End', ...in32, csid: wide(1), behaviour: pspWhenEven(101) },
    { family: 'End.X', ...in32, csid: wide(0xe001), behaviour: always(105) },
    { family: 'End.T', ...in32, csid: wide(0x71), behaviour: always(109) },
    { family: 'service', ...in32, csid: wide(0xd6), behaviour: always(118) },
    { family: 'End', ...in32, csid: wide(2), behaviour: pspWhenEven(1) },
    { family: 'service', ...in32, csid: wide(0xd7), behaviour: always(18) },
    { family: 'End', ...in32, argument: 0, csid: wide(3), behaviour: always(1), prefixBits: 128 },
    { family: 'End', ...in32, csid: wide(4), behaviour: always(43) },
    { family: 'End', ...in32, block: REPLACE_32_ODD, argument: 40, csid: wide(1), behaviour: always(101) },
    // REPLACE-CSID of 16 bits.
    { family: 'End', ...in16, csid: (n) => n * 16 + 1, behaviour: always(101) },
    { family: 'End.X', ...in16, csid: (n) => n * 16 + 2, behaviour: pspWhenEven(105) },
    { family: 'service', ...in16, csid: (n) => n * 16 + 3, behaviour: always(118) },
    { family: 'End', ...in16, csid: (n) => n * 16 + 4, behaviour: always(1) },
    // Full SIDs only.
    { family: 'End', ...plain, csid: wide(1), behaviour: pspWhenEven(1) },
    { family: 'End.X', ...plain, csid: wide(0xe001), behaviour: always(5) },
    { family: 'End.T', ...plain, csid: wide(0x71), behaviour: always(9) },
    { family: 'service', ...plain, csid: wide(0xd6), behaviour: always(16) },
  ];
}

/** A domain whose NEXT-CSID block has 32 or 48 bits. */
export function testDomain(nextBlockBits: 32 | 48): TestDomain {
  const groups = nextBlockBits === 32 ? [0xfcbb, 0xbbbb] : [0xfcbb, 0xbbbb, 0xb];
  const nodes = Array.from({ length: NODES }, (_, i) => `n${i + 1}`);
  const all = nodes.flatMap((node, i) =>
    specs([groups, nextBlockBits]).map((spec) => ({ family: spec.family, entry: instantiate(spec, i + 1, node) })),
  );
  const twins = new Map<string, InstalledSid[]>();
  for (const { family, entry } of all) {
    const key = `${entry.node} ${family}`;
    twins.set(key, [...(twins.get(key) ?? []), entry]);
  }
  return {
    nodes,
    twins: (node, family) => twins.get(`${node} ${family}`) ?? [],
    installed: sidTable(all.map(({ entry }) => entry.sid)),
    model: makeDomain(
      all.map(({ entry }) => entry),
      { onePass: true },
    ),
  };
}

function instantiate(spec: Spec, number: number, node: string): InstalledSid {
  const { block, nodeBits, functionBits, argument, prefixBits } = spec;
  const [groups, bits] = block;
  const bytes = new Uint8Array(16);
  for (const [i, group] of groups.entries()) writeBits(bytes, i * 16, 16, group);
  writeBits(bytes, bits, nodeBits + functionBits, spec.csid(number));
  const structure = { block: bits, node: nodeBits, function: functionBits, argument };
  const sid = makeSid(bytesToAddress(bytes), structure, spec.behaviour(number), node);
  const neighbour = `n${(number % NODES) + 1}`;
  return { sid, node, neighbour, ...(prefixBits !== undefined && { prefixBits }) };
}

/**
 * Lists of up to `longest` segments that can be walked when nothing is packed. Most segments take a SID of the list's own
 * block, mostly its first, so that runs get long; the others have some of the node's twins to choose from.
 */
export function anyList(domain: TestDomain, longest: number): fc.Arbitrary<readonly Segment[]> {
  const blocks = [...new Set(domain.twins('n1', 'End').map(({ sid }) => sid.block))];
  const stepOf = (...families: Family[]) =>
    fc.record({
      node: fc.constantFrom(...domain.nodes),
      family: fc.constantFrom(...families),
      twins: fc.integer({ min: 1, max: 0xfff }),
      inBlock: fc.constantFrom(true, true, true, false),
    });
  const transit = fc.array(stepOf('End', 'End', 'End', 'End', 'End.X', 'End.T', 'local End.X'), {
    maxLength: longest - 1,
    size: 'max',
  });
  const last = stepOf('service', 'service', 'service', 'local service', 'End');
  return fc.tuple(transit, last, fc.constantFrom(...blocks)).map(([steps, end, block]) => {
    const segments: Segment[] = [];
    /** Where the packet is when the next SID is looked up. */
    let at = '';
    for (const { node, family, twins, inBlock } of [...steps, end]) {
      if (family.startsWith('local') && at !== node) continue;
      const all = domain.twins(node, family);
      const own = inBlock ? all.filter(({ sid }) => sid.block === block) : [];
      const pick = twins % (own.length + 4);
      const chosen = own.length > 0 ? [own[pick] ?? own[0]!] : all.filter((_, i) => (twins >> i) & 1);
      if (chosen.length === 0) continue;
      segments.push({ choices: chosen.map(({ sid }) => sid) });
      at = family.endsWith('End.X') ? chosen[0]!.neighbour! : node;
    }
    return segments;
  });
}
