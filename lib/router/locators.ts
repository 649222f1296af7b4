// Which locators this router serves, and which of them its contact instances get their egress SIDs from. A locator is
// served only where the probe has read back what its endpoints need: an End under a locator that cannot be walked would
// be a black hole. The order of preference is REPLACE-CSID, NEXT-CSID, full SIDs.
import type { LocalInstanceConfig, RouterConfig } from '../config/config.ts';
import type { FibCapability } from '../fib/fib.ts';
import type { SidAdvertisement } from '../model/link-state.ts';
import { instanceFunction, type Locator, type LocatorFamily, sidOf, structureOf } from '../model/locator.ts';
import { addressFamily, parsePrefix, prefixContains } from '../net/address.ts';
import { type Action, behaviourCode, type Flavour } from '../segment/behaviour-kind.ts';

/** What the kernel must have shown that it can (daemon/fib/probe.ts, kernel-start.ts). */
const NEEDS: Readonly<Record<LocatorFamily, readonly string[]>> = {
  end: [],
  'next-csid': ['seg6local-next-csid', 'seg6local-next-csid-end-x'],
  'replace-csid': ['replace-csid'],
};

const PREFERENCE: Readonly<Record<RouterConfig['srv6']['compression'], readonly LocatorFamily[]>> = {
  auto: ['replace-csid', 'next-csid', 'end'],
  'next-csid': ['next-csid', 'end'],
  'replace-csid': ['replace-csid', 'end'],
  none: ['end'],
};

const FLAVOURS: Readonly<Record<LocatorFamily, Flavour>> = {
  end: 'none',
  'next-csid': 'next',
  'replace-csid': 'replace',
};

/** The locator of full SIDs that every router has. */
export function plainLocator({ srv6: { locator, structure } }: RouterConfig): Locator {
  const { block, node, function: functionBits } = structure;
  return { prefix: locator, family: 'end', csidBits: 0, block, node, function: functionBits };
}

/** Locators that this kernel can serve, the plain one first; and of the others what each lacks. */
export function sortLocators(
  config: RouterConfig,
  capabilities: readonly FibCapability[],
): { readonly served: readonly Locator[]; readonly refused: readonly { prefix: string; lacks: string }[] } {
  const served = [plainLocator(config)];
  const refused: { prefix: string; lacks: string }[] = [];
  for (const locator of config.srv6.locators) {
    const lacks = NEEDS[locator.family].filter((name) => !isCapable(capabilities, name));
    if (lacks.length === 0) served.push(locator);
    else refused.push({ prefix: locator.prefix, lacks: lacks.join(' ') });
  }
  return { served, refused };
}

/** Flavours that this headend uses beside full SIDs. */
export function flavoursOf({ srv6: { compression } }: RouterConfig): Flavour[] {
  return PREFERENCE[compression].map((family) => FLAVOURS[family]);
}

export function behaviourOf({ family }: Locator, action: Action): number {
  return behaviourCode(action, FLAVOURS[family]);
}

/**
 * The egress SID of the n-th configured contact instance (from 1): the one that is configured, if its locator is served,
 * otherwise number n of the best locator that has one.
 */
export function egressSid(
  config: RouterConfig,
  served: readonly Locator[],
  { sid, nexthop }: Pick<LocalInstanceConfig, 'sid' | 'nexthop'>,
  n: number,
): SidAdvertisement {
  const action = egressAction(nexthop);
  const own = sid === '' ? undefined : served.find(({ prefix }) => prefixContains(parsePrefix(prefix), sid));
  if (own !== undefined) return { sid, structure: structure(config, own, 1), behaviour: behaviourOf(own, action) };
  for (const family of PREFERENCE[config.srv6.compression]) {
    for (const locator of served) {
      const value = locator.family === family ? instanceFunction(locator, n) : undefined;
      if (value === undefined) continue;
      return {
        sid: sidOf(locator, value),
        structure: structure(config, locator, value),
        behaviour: behaviourOf(locator, action),
      };
    }
  }
  // The configuration bounds instances below what the plain locator has numbers for.
  throw new Error(`no function number for contact instance ${n}`);
}

/** What takes packets of the nexthop's family to it. */
export function egressAction(nexthop: string): 'End.DX6' | 'End.DX4' {
  return addressFamily(nexthop) === 'ipv6' ? 'End.DX6' : 'End.DX4';
}

/** Prefix that instantiates a SID: its block, node and function. */
export function prefixOfSid({
  sid,
  structure: { block, node, function: functionBits },
}: Omit<SidAdvertisement, 'behaviour'>): string {
  const length = block + node + functionBits;
  return `${parsePrefix(`${sid}/${length}`).address}/${length}`;
}

function structure(config: RouterConfig, locator: Locator, value: number) {
  return structureOf(locator, value, config.srv6.structure.argument);
}

/** A dry run can whatever is asked of it. */
function isCapable(capabilities: readonly FibCapability[], name: string): boolean {
  const found = capabilities.find((capability) => capability.name === name);
  return found?.available ?? capabilities.some((capability) => capability.name === 'kernel');
}
