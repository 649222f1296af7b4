// What a policy would do with the routes that are there: `cfnctl policy test`. Import looks at what the peer said, export at
// what is in use; nothing is changed.
import { numberToRouterId } from '../../model/identity.ts';
import { routeKeyText, type ServiceAttributes } from '../../model/service-route.ts';
import type { PolicyTestView } from '../../model/view.ts';
import { wordsToAddress } from '../../net/address-words.ts';
import type { Policy } from '../../policy/policy.ts';
import { keyAt } from '../../rib/route-entry.ts';
import type { Peer, RouterState } from '../state.ts';

interface Said {
  readonly service: string;
  readonly contactInstance: string;
  readonly attributes: ServiceAttributes;
}

export function policyTest(
  state: RouterState,
  peer: Peer,
  direction: 'import' | 'export',
  policy: Policy,
  service: string | undefined,
): PolicyTestView[] {
  const said = direction === 'import' ? announced(state, peer) : inUse(state, peer);
  return [...said]
    .filter(([, it]) => service === undefined || it.service === service)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, it]) => testView(policy, peer, it));
}

function testView(policy: Policy, peer: Peer, said: Said): PolicyTestView {
  const { service, contactInstance, attributes } = said;
  const { accepted, by, steps, attributes: after } = policy.explain({ service, attributes, peer: peer.config.name });
  const { instanceName, site } = attributes;
  return { service, contactInstance, instanceName, site, accepted, by, steps, changes: changesOf(attributes, after) };
}

/** What the peer said, used or held; by key. */
function announced(state: RouterState, peer: Peer): Map<string, Said> {
  const { table } = state;
  const raw = state.raw[peer.source];
  const found = new Map<string, Said>();
  for (const row of table.rows()) {
    if (!table.says(row, peer.source)) continue;
    const { key, route } = keyAt(table, row);
    const attributes = raw?.get(row) ?? table.sets.get(table.setOf(row, peer.source));
    found.set(key, { service: route.service, contactInstance: route.contactInstance, attributes });
  }
  for (const held of peer.session?.held.values() ?? []) {
    const service = wordsToAddress(held.service, 0);
    const contactInstance = wordsToAddress(held.contactInstance, 0);
    const key = routeKeyText({ service, contactInstance, originator: numberToRouterId(held.originator) });
    found.set(key, { service, contactInstance, attributes: held.attributes });
  }
  return found;
}

/** What the peer could hear: nobody hears his own words. */
function inUse(state: RouterState, peer: Peer): Map<string, Said> {
  const { table } = state;
  const found = new Map<string, Said>();
  for (const row of table.rows()) {
    if (table.bestSource(row) === peer.source) continue;
    const { key, route } = keyAt(table, row);
    const attributes = table.bestAttributes(row);
    found.set(key, { service: route.service, contactInstance: route.contactInstance, attributes });
  }
  return found;
}

function changesOf(before: ServiceAttributes, after: ServiceAttributes): string[] {
  const names = ['preference', 'drain', 'communities'] as const;
  return names
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .map((name) => `${name} ${textOf(before[name])} -> ${textOf(after[name])}`);
}

const textOf = (value: number | boolean | readonly string[]): string =>
  typeof value === 'object' ? `[${value.join(' ')}]` : String(value);
