// Whether an address may be a SID of this router: inside the locator, ending with its function, and none of the functions
// that the router keeps for itself.
import { FUNCTION_DT6, FUNCTION_DX4, FUNCTION_END_X } from '../model/sid-functions.ts';
import { addressToBytes, parsePrefix, prefixContains } from '../net/address.ts';
import { defaultStructure } from './build.ts';
import type { Sections } from './schema.ts';

/** Why an address cannot be a SID of our own; undefined: it can. A SID is installed as locator and function. */
export function sidFault(sid: string, srv6: Sections['srv6']): string | undefined {
  const locator = parsePrefix(srv6.locator);
  if (!prefixContains(locator, sid)) return `${sid} is not inside the locator ${srv6.locator}`;
  const structure = srv6.structure ?? defaultStructure(locator.length);
  if (structure === undefined) return undefined;
  const start = locator.length;
  const end = start + structure.function;
  let functionNumber = 0;
  let isRestZero = true;
  for (const [i, byte] of addressToBytes(sid).entries()) {
    for (let bit = 0; bit < 8; bit++) {
      const set = (byte >> (7 - bit)) & 1;
      const position = i * 8 + bit;
      if (position >= start && position < end) functionNumber = functionNumber * 2 + set;
      else if (position >= end && set === 1) isRestZero = false;
    }
  }
  // RFC 8986 3.1: what follows the function is zero in a SID as it is announced.
  if (!isRestZero) return `${sid} has bits set behind its ${structure.function} function bits`;
  if (functionNumber === 0) return `${sid} has function 0, which is the locator itself`;
  if (functionNumber === FUNCTION_DT6) return `${sid} has the function kept for End.DT6 of the router`;
  if (functionNumber === FUNCTION_DX4) return `${sid} has the function kept for End.DX4 of the router`;
  if (functionNumber >= FUNCTION_END_X && functionNumber < FUNCTION_END_X + 0x2000) {
    return `${sid} has a function kept for links (from 0x${FUNCTION_END_X.toString(16)})`;
  }
  return undefined;
}
