// Whether an address may be a SID of this router: inside one of its locators, ending with its function, and none of the
// functions that the router keeps for itself.
import { endFunction, type Locator } from '../model/locator.ts';
import { FUNCTION_DT6, FUNCTION_DX4, FUNCTION_END_X, FUNCTION_INSTANCE } from '../model/sid-functions.ts';
import { addressToBytes, parsePrefix, prefixContains } from '../net/address.ts';
import { defaultStructure } from './build.ts';
import { buildLocator } from './locators.ts';
import type { Sections } from './schema.ts';

/** Why an address cannot be a SID of our own; undefined: it can. A SID is installed as locator and function. */
export function sidFault(sid: string, srv6: Sections['srv6']): string | undefined {
  const locator = locatorsOf(srv6).find(({ prefix }) => prefixContains(parsePrefix(prefix), sid));
  if (locator !== undefined) return functionFault(sid, locator);
  const isPlain = prefixContains(parsePrefix(srv6.locator), sid);
  if (isPlain) return undefined;
  return srv6.locators.length === 0
    ? `${sid} is not inside the locator ${srv6.locator}`
    : `${sid} is not inside the locator ${srv6.locator} or one of locators`;
}

/** All locators of the router whose structure is known. */
function locatorsOf(srv6: Sections['srv6']): Locator[] {
  const structure = srv6.structure ?? defaultStructure(parsePrefix(srv6.locator).length);
  const plain = structure && { prefix: srv6.locator, family: 'end' as const, csidBits: 0 as const, ...structure };
  return [...(plain ? [plain] : []), ...srv6.locators.map(buildLocator)];
}

function functionFault(sid: string, locator: Locator): string | undefined {
  const start = parsePrefix(locator.prefix).length;
  const end = start + locator.function;
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
  if (!isRestZero) return `${sid} has bits set behind its ${locator.function} function bits`;
  if (functionNumber === 0) return `${sid} has function 0, which is the locator itself`;
  if (locator.family === 'end' || locator.function >= 16) {
    if (functionNumber === FUNCTION_DT6) return `${sid} has the function kept for End.DT6 of the router`;
    if (functionNumber === FUNCTION_DX4) return `${sid} has the function kept for End.DX4 of the router`;
    if (functionNumber >= FUNCTION_END_X && functionNumber < FUNCTION_INSTANCE) {
      return `${sid} has a function kept for links (from 0x${FUNCTION_END_X.toString(16)})`;
    }
    if (functionNumber >= FUNCTION_INSTANCE && functionNumber < FUNCTION_INSTANCE + 0x1000) {
      return `${sid} has a function kept for contact instances without sid (from 0x${FUNCTION_INSTANCE.toString(16)})`;
    }
  }
  if (locator.family !== 'end' && functionNumber === endFunction(locator))
    return `${sid} is the End SID of its locator`;
  return undefined;
}
