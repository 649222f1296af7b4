// Conditions of a policy rule: every list that is not empty must have an entry that fits. The first that has none is named.
import type { PolicyMatch } from '../config/config.ts';
import { parsePrefix, prefixContains } from '../net/address.ts';
import { matchesPattern } from '../pattern.ts';
import type { PolicyRoute } from './policy.ts';

type Condition = keyof PolicyMatch;

const fits = (patterns: readonly string[], texts: readonly string[]): boolean =>
  patterns.some((pattern) => texts.some((text) => matchesPattern(pattern, text)));

/** In the order in which they are written in the configuration. */
const CONDITIONS: readonly (readonly [Condition, (wanted: readonly string[], route: PolicyRoute) => boolean])[] = [
  ['services', (wanted, { service }) => wanted.some((prefix) => prefixContains(parsePrefix(prefix), service))],
  ['sites', (wanted, { attributes }) => fits(wanted, [attributes.site])],
  ['regions', (wanted, { attributes }) => fits(wanted, [attributes.region])],
  ['tags', (wanted, { attributes }) => fits(wanted, [...attributes.capabilities, ...attributes.residency])],
  ['classes', (wanted, { attributes }) => fits(wanted, attributes.classes)],
  ['peers', (wanted, { peer }) => fits(wanted, [peer])],
  ['communities', (wanted, { attributes }) => fits(wanted, attributes.communities)],
];

/** The first condition that does not hold; undefined: all hold. A rule without conditions fits every route. */
export function failedCondition(match: PolicyMatch, route: PolicyRoute): Condition | undefined {
  return CONDITIONS.find(([name, holds]) => match[name].length > 0 && !holds(match[name], route))?.[0];
}
