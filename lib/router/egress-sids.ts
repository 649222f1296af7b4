// Which egress SID each contact instance of this router gets. A SID is in the segment lists of remote ingresses, and flows
// keep to it: over a restart it stays with its contact instance, whatever the file now says before it. There is no file to
// remember it by; the kernel does, whose local SIDs name the address behind them.
import type { RouterConfig } from '../config/config.ts';
import type { FibObject, LocalSid } from '../fib/fib.ts';
import type { SidAdvertisement } from '../model/link-state.ts';
import { instanceNumber, type Locator } from '../model/locator.ts';
import { parsePrefix } from '../net/address.ts';
import { egressSid, prefixOfSid, sortLocators } from './locators.ts';
import type { RouterState } from './state.ts';
import { log } from './turn.ts';

/**
 * The egress SIDs of the configured contact instances, in their order: the one that is configured; the one of an earlier
 * life, if the best locator is still the same; else the first number of that locator that is free.
 */
export function allotEgressSids(
  config: RouterConfig,
  served: readonly Locator[],
  retained: readonly FibObject[],
): SidAdvertisement[] {
  const { instances } = config;
  const former = formerSids(retained);
  const numbered = (i: number, n: number) => egressSid(config, served, instances[i]!, n);
  const sids: (SidAdvertisement | undefined)[] = instances.map((instance, i) => {
    if (instance.sid === '') return undefined;
    const own = numbered(i, 1);
    // One that lies in a locator that is not served is replaced, like one that is not configured.
    return own.sid === instance.sid ? own : undefined;
  });
  // Configured ones may have such a number where a function is short (8 bits of REPLACE-CSID).
  const taken = new Set(sids.flatMap((sid) => (sid ? prefixOfSid(sid) : [])));
  const give = (i: number, sid: SidAdvertisement): boolean => {
    const prefix = prefixOfSid(sid);
    if (taken.has(prefix)) return false;
    taken.add(prefix);
    sids[i] = sid;
    return true;
  };
  for (const [i, { nexthop }] of instances.entries()) {
    for (const prefix of former.get(nexthop) ?? []) {
      if (sids[i] !== undefined) break;
      const { address } = parsePrefix(prefix);
      const n = served.map((locator) => instanceNumber(locator, address)).find((it) => it !== undefined);
      const sid = n === undefined ? undefined : numbered(i, n);
      if (sid !== undefined && prefixOfSid(sid) === prefix) give(i, sid);
    }
  }
  let next = 1;
  for (const i of instances.keys()) while (sids[i] === undefined) give(i, numbered(i, next++));
  return sids as SidAdvertisement[];
}

/** Prefixes of egress SIDs that the kernel holds, by the address behind them. */
function formerSids(retained: readonly FibObject[]): Map<string, string[]> {
  const former = new Map<string, string[]>();
  for (const object of retained) {
    const nexthop = object.kind === 'local-sid' ? behind(object) : undefined;
    if (nexthop === undefined) continue;
    const { prefix } = object as LocalSid;
    former.set(nexthop, [...(former.get(nexthop) ?? []), prefix]);
  }
  return former;
}

function behind({ behaviour }: LocalSid): string | undefined {
  return behaviour.action === 'End.DX6' || behaviour.action === 'End.DX4' ? behaviour.nexthop : undefined;
}

/** What the kernel cannot serve is neither programmed nor announced: said once. */
export function tellLocators(state: RouterState): void {
  for (const { prefix, lacks } of sortLocators(state.config, state.capabilities).refused)
    log(state, 'warn', 'locator not served: the kernel cannot', { locator: prefix, lacks });
  for (const { config, attributes } of state.instances.values()) {
    if (config.sid === '' || config.sid === attributes.egressSid) continue;
    const fields = { instance: config.instanceName, configured: config.sid, used: attributes.egressSid };
    log(state, 'warn', 'egress sid replaced: its locator is not served', fields);
  }
}
