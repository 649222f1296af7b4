// A locator as its router divides it: block, node, function, and which compression its SIDs take part in. Decides which
// function number is what, and how many there are; what the kernel can serve is decided by the router.
//
//   next-csid, 16 bits    | block | node 16 |                     End: the node's bits alone are the C-SID
//                         | block | node 16 | function 16 |       the others: node and function, two C-SIDs in one entry
//   32 bits, either       | block | node 16 | function 16 |       one C-SID
//   replace-csid, 16 bits | block | node 8  | function 8  |       one C-SID
import { addressToBytes, bytesToAddress, parsePrefix, prefixContains } from '../net/address.ts';
import type { SidStructure } from './service-route.ts';
import { FUNCTION_END, FUNCTION_END_X, FUNCTION_INSTANCE } from './sid-functions.ts';

/** `end`: full SIDs. */
export const LOCATOR_FAMILIES = ['end', 'next-csid', 'replace-csid'] as const;
export type LocatorFamily = (typeof LOCATOR_FAMILIES)[number];

export interface Locator {
  /** Canonical prefix of block and node. */
  readonly prefix: string;
  readonly family: LocatorFamily;
  /** Bits of a C-SID; 0 with `end`. */
  readonly csidBits: 0 | 16 | 32;
  readonly block: number;
  readonly node: number;
  /** Bits of the function of every SID but the End of a 16-bit `next-csid`. */
  readonly function: number;
}

/** Function of the router's End SID; 0: it has none. */
export function endFunction({ family, csidBits }: Locator): number {
  return family === 'next-csid' && csidBits === 16 ? 0 : FUNCTION_END;
}

/** Function of End.X of the n-th configured link (from 1); undefined: there are no more. */
export function adjacencyFunction(locator: Locator, n: number): number | undefined {
  const { adjacency, instance } = ranges(locator);
  return adjacency + n < instance ? adjacency + n : undefined;
}

/** Function of the egress SID with this number (from 1); undefined: there are no more. */
export function instanceFunction(locator: Locator, n: number): number | undefined {
  const { instance, end } = ranges(locator);
  return instance + n < end ? instance + n : undefined;
}

/** Which contact instance's number the SID carries (from 1); undefined: it is not of this locator, or no contact instance's. */
export function instanceNumber(locator: Locator, sid: string): number | undefined {
  const { block, node, function: functionBits } = locator;
  if (!prefixContains(parsePrefix(locator.prefix), sid)) return undefined;
  const bytes = addressToBytes(sid);
  let value = 0;
  for (let position = block + node; position < block + node + functionBits; position++)
    value = value * 2 + ((bytes[position >> 3]! >> (7 - (position & 7))) & 1);
  const { instance, end } = ranges(locator);
  return value > instance && value < end ? value - instance : undefined;
}

/** The SID of a function number; without a function it is the locator's own address. */
export function sidOf({ prefix, block, node, function: functionBits }: Locator, value: number): string {
  const bytes = addressToBytes(parsePrefix(prefix).address);
  for (let bit = 0; bit < functionBits; bit++) {
    if (Math.floor(value / 2 ** (functionBits - 1 - bit)) % 2 === 0) continue;
    const position = block + node + bit;
    bytes[position >> 3]! |= 0x80 >> (position & 7);
  }
  return bytesToAddress(bytes);
}

/** The structure of a SID of this locator (RFC 9252 3.2.1): with a flavour the argument reaches to bit 128 (RFC 9800 6.1). */
export function structureOf(locator: Locator, value: number, argument = 0): SidStructure {
  const { family, block, node } = locator;
  const functionBits = value === 0 ? 0 : locator.function;
  return {
    block,
    node,
    function: functionBits,
    argument: family === 'end' ? argument : 128 - block - node - functionBits,
  };
}

/** Where the numbers for links and for contact instances begin: 0xe000 and 0xf000, or as far along a shorter function. */
function ranges({ function: functionBits }: Locator): { adjacency: number; instance: number; end: number } {
  const scale = 2 ** (Math.min(functionBits, 16) - 16);
  return { adjacency: FUNCTION_END_X * scale, instance: FUNCTION_INSTANCE * scale, end: 0x1_0000 * scale };
}
