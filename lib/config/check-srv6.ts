// What the options of SRv6 say about each other and about links: structure against prefix length, SIDs inside their locator,
// locators apart from each other.
import { parsePrefix, prefixContains } from '../net/address.ts';
import { defaultStructure } from './build.ts';
import { type Check, unknownName } from './finding.ts';
import { locatorFault } from './locators.ts';
import { sidFault } from './sid-fault.ts';

export const checkSrv6: Check = ({ srv6 }, error) => {
  if (srv6 === undefined) return;
  const locator = parsePrefix(srv6.locator);
  const structure = srv6.structure ?? defaultStructure(locator.length);
  if (structure === undefined) {
    error(['srv6', 'locator'], `a locator of ${locator.length} bits needs structure to be said`);
    return;
  }
  const { block, node, function: functionBits, argument } = structure;
  const sum = block + node + functionBits + argument;
  if (block + node !== locator.length) {
    const said = `block and node are ${block} + ${node} = ${block + node} bits`;
    error(['srv6', 'structure'], `${said}, the locator has ${locator.length}`);
  }
  // RFC 8986 3.1: L + F + A <= 128.
  if (sum > 128) error(['srv6', 'structure'], `sums to ${sum} bits; a SID has 128`);
  const fault = srv6['end-sid'] === undefined ? undefined : sidFault(srv6['end-sid'], srv6);
  if (fault !== undefined) error(['srv6', 'end-sid'], fault);
};

export const checkHmac: Check = ({ srv6, links }, error, _warn, isComplete) => {
  if (srv6?.hmac === undefined || links === undefined || !isComplete('links')) return;
  const names = links.map((link) => link.name);
  for (const [i, name] of srv6.hmac['require-on'].entries())
    if (!names.includes(name)) error(['srv6', 'hmac', 'require-on', i], unknownName('link', name, names));
};

export const checkLocators: Check = ({ srv6 }, error, warn) => {
  if (srv6 === undefined) return;
  const own = [srv6.locator, ...srv6.locators.map((locator) => locator.prefix)];
  for (const [i, locator] of srv6.locators.entries()) {
    const fault = locatorFault(locator);
    if (fault !== undefined) error(['srv6', 'locators', i, fault.at], fault.text);
    const overlapping = own.find((other, at) => at !== i + 1 && overlap(other, locator.prefix));
    if (overlapping !== undefined) error(['srv6', 'locators', i, 'prefix'], `overlaps the locator ${overlapping}`);
  }
  const wanted = srv6.compression;
  if (wanted === 'auto' || wanted === 'none' || srv6.locators.some((locator) => locator.behaviour === wanted)) return;
  warn(['srv6', 'compression'], `this router has no ${wanted} locator: lists to it are not packed`);
};

function overlap(a: string, b: string): boolean {
  const [first, second] = [parsePrefix(a), parsePrefix(b)];
  return prefixContains(first, second.address) || prefixContains(second, first.address);
}
