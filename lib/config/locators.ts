// The locators of the file as values, defaults filled in, and what can be wrong with one on its own: a structure that its
// behaviour does not have (RFC 9800 6.1), or a node number that is no C-SID.
import type { Locator } from '../model/locator.ts';
import { FUNCTION_END_X } from '../model/sid-functions.ts';
import { addressToBytes, parsePrefix } from '../net/address.ts';
import type { Sections } from './schema.ts';

export type FileLocator = Sections['srv6']['locators'][number];

/** Room for numbers of links and of contact instances (lib/model/locator.ts). */
const FUNCTION_BITS_LEAST = 6;
/** Our REPLACE-CSID endpoints write the last octet whole. */
const PREFIX_BITS_MOST = 120;

/** Fills in what the file leaves out; lengths may still contradict each other, see `locatorFault`. */
export function buildLocator({ prefix, behaviour, 'csid-bits': said, structure }: FileLocator): Locator {
  const csidBits = behaviour === 'end' ? 0 : (said ?? (behaviour === 'next-csid' ? 16 : 32));
  const node = behaviour === 'replace-csid' && csidBits === 16 ? 8 : 16;
  const lengths = structure ?? { block: parsePrefix(prefix).length - node, node, function: node };
  return { prefix, family: behaviour, csidBits, ...lengths };
}

/** Why a locator cannot be what it says; undefined: it can. `at` names the option. */
export function locatorFault(file: FileLocator): { readonly at: keyof FileLocator; readonly text: string } | undefined {
  const locator = buildLocator(file);
  const { family, csidBits, block, node, function: functionBits } = locator;
  const { length, address } = parsePrefix(file.prefix);
  if (family === 'end' && file['csid-bits'] !== undefined) {
    return { at: 'csid-bits', text: 'is for next-csid and replace-csid; full SIDs have no C-SID' };
  }
  if (block < 1)
    return { at: 'prefix', text: `has ${length} bits, which leaves no block in front of ${node} node bits` };
  if (block + node !== length) {
    return {
      at: 'structure',
      text: `block and node are ${block} + ${node} = ${block + node} bits, the prefix has ${length}`,
    };
  }
  if (functionBits < FUNCTION_BITS_LEAST || block + node + functionBits > PREFIX_BITS_MOST) {
    const text = `needs at least ${FUNCTION_BITS_LEAST} function bits, and at most ${PREFIX_BITS_MOST} in all`;
    return { at: file.structure === undefined ? 'prefix' : 'structure', text };
  }
  if (family === 'end') return undefined;
  const number = nodeNumber(address, block, node);
  if (number === 0) return { at: 'prefix', text: 'has node number 0; a C-SID of 0 means that a container ends there' };
  const isUsid = family === 'next-csid' && csidBits === 16;
  if (isUsid ? node !== 16 || functionBits !== 16 : node + functionBits !== csidBits) {
    const wanted = isUsid ? 'node 16 and function 16' : `node and function ${csidBits} bits together`;
    return { at: 'structure', text: `${csidBits}-bit ${family} needs ${wanted}` };
  }
  if (block % 8 !== 0)
    return { at: 'structure', text: `a block of ${block} bits: endpoints shift and copy whole octets` };
  if (isUsid && number >= FUNCTION_END_X) {
    const text = `has node number 0x${number.toString(16)}; from 0xe000 on they are local functions`;
    return { at: 'prefix', text };
  }
  return undefined;
}

function nodeNumber(address: string, block: number, node: number): number {
  const bytes = addressToBytes(address);
  let value = 0;
  for (let bit = block; bit < block + node; bit++) value = value * 2 + ((bytes[bit >> 3]! >> (7 - (bit & 7))) & 1);
  return value;
}
