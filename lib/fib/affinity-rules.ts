// Renders the nftables transactions that keep running flows at their contact instance and spread new ones by weight:
// sets that learn flows or clients, FIN-aware, no connection tracking (conntrack never confirms what seg6 encapsulates
// between prerouting and postrouting). Decides what a change creates and takes away; the rules are affinity-chains.ts'.
// Refuses to know how nft is run. Limits: a fragment after the first has no ports and follows the main table, as does ICMP.
import { addressFamily } from '../net/address.ts';
import { rawFlowKey, renderRules } from './affinity-chains.ts';
import { forgottenSets, leavesTrace, partsOf, type ServiceParts } from './affinity-classes.ts';
import { CLASSIFY_CHAIN, serviceChains, serviceMap, AFFINITY_TABLE_SPEC as TABLE } from './affinity-names.ts';
import { renderShareSet, renderSplitElements } from './affinity-split.ts';
import { sameStructure } from './affinity-text.ts';
import type { AffinityService } from './fib.ts';

export interface AffinityRendering {
  /** Bits of the packet mark that are ours; the others are kept. */
  readonly markMask: number;
  /** Most flows a set learns; a flow beyond it is still marked, by the hash alone. */
  readonly setSize: number;
  /** True: render structure even where only weights changed (the kernel was found damaged). */
  readonly rebuild?: boolean;
  /** True: what comes in with a mark of ours was given it by the accelerator, and is left alone. */
  readonly accelerated?: boolean;
}

export const AFFINITY_SET_SIZE = 262_144;

/**
 * The commands, one a string, that turn what the kernel holds for one service into `after`; to be run as ONE
 * transaction. Structural changes are idempotent: they hold whatever part of `before` is really there, and never
 * touch the flows of a slot that stays and has not failed. A change of weights alone rewrites elements of shares.
 * Empty when nothing is to be done. `before` and `after`, where both are given, are of one service.
 */
export function renderAffinityChange(
  before: AffinityService | undefined,
  after: AffinityService | undefined,
  rendering: AffinityRendering,
): string[] {
  const old = before && leavesTrace(before) ? before : undefined;
  const next = after && leavesTrace(after) ? after : undefined;
  if (!next) return old ? renderRemoval(old, rendering) : [];
  const forget = forgottenSets(next).map((set) => `flush set ${TABLE} ${set}`);
  if (!rendering.rebuild && old && sameStructure(old, next)) return [...forget, ...renderSplitElements(next)];
  const parts = partsOf(next);
  return [
    ...renderTable(rendering),
    ...renderParts(next.service, parts, rendering),
    ...parts.chains.map((chain) => `flush chain ${TABLE} ${chain}`),
    ...renderRules(next, rendering.markMask),
    ...renderSplitElements(next),
    ...(old ? renderPartsRemoval(old.service, without(partsOf(old), parts), rendering) : []),
    ...forget,
    `add element ${entryOf(next.service)}`,
  ];
}

/** Creates the table, its maps and its base chain, or restores them; foreign rules in our own chain are dropped. */
export function renderTable({ markMask, accelerated }: Pick<AffinityRendering, 'markMask' | 'accelerated'>): string[] {
  const marked = `add rule ${TABLE} ${CLASSIFY_CHAIN} meta mark & 0x${(markMask >>> 0).toString(16)} != 0 accept`;
  return [
    `add table ${TABLE}`,
    `add map ${TABLE} services6 { type ipv6_addr : verdict; }`,
    `add map ${TABLE} services4 { type ipv4_addr : verdict; }`,
    `add chain ${TABLE} ${CLASSIFY_CHAIN} { type filter hook prerouting priority mangle; policy accept; }`,
    `flush chain ${TABLE} ${CLASSIFY_CHAIN}`,
    ...(accelerated ? [marked] : []),
    `add rule ${TABLE} ${CLASSIFY_CHAIN} ip6 daddr vmap @services6`,
    `add rule ${TABLE} ${CLASSIFY_CHAIN} ip daddr vmap @services4`,
  ];
}

/** Tries our kinds of set, map and rule in a table that exists inside one transaction only. */
export function renderAffinityProbe(): string[] {
  const service: AffinityService = {
    kind: 'affinity',
    service: '100::',
    mode: 'flow',
    instances: [{ slot: 1, mark: 1, weight: 1000, failed: false }],
    idleTimeoutMs: 8000,
    closingTimeoutMs: 1000,
  };
  const scratch = renderAffinityChange(undefined, service, { markMask: 0xf, setSize: 16 });
  return [...scratch, `delete table ${TABLE}`].map((command) => command.replace(TABLE, `${TABLE}_probe`));
}

/** Removes the whole table; the kernel need not hold it. */
export function renderTableRemoval(): string[] {
  return [`add table ${TABLE}`, `delete table ${TABLE}`];
}

function renderRemoval(service: AffinityService, rendering: AffinityRendering): string[] {
  const { main } = serviceChains(service.service);
  const entry = entryOf(service.service);
  // nft knows no "delete if there" before 1.0.7; to add first makes each deletion hold in any state.
  return [
    ...renderTable(rendering),
    `add chain ${TABLE} ${main}`,
    `add element ${entry}`,
    `delete element ${entry}`,
    ...renderPartsRemoval(service.service, partsOf(service), rendering),
  ];
}

function entryOf(service: string): string {
  return `${TABLE} ${serviceMap(service)} { ${service} : goto ${serviceChains(service).main} }`;
}

function renderParts(service: string, parts: ServiceParts, { setSize }: AffinityRendering): string[] {
  const address = addressFamily(service) === 'ipv6' ? 'ipv6_addr' : 'ipv4_addr';
  const types = {
    flow: `type ${address} . inet_proto . inet_service . inet_service`,
    'raw-flow': `typeof ${rawFlowKey(service)}`,
    client: `type ${address}`,
  };
  return [
    ...parts.sets.map(({ name, key }) => {
      if (key === 'share') return renderShareSet(name);
      // No timeout on the set: the rules carry it, so that another timeout needs no other set, which would forget flows.
      return `add set ${TABLE} ${name} { ${types[key]}; size ${setSize}; flags dynamic,timeout; }`;
    }),
    ...parts.counters.map((name) => `add counter ${TABLE} ${name}`),
    ...parts.chains.map((name) => `add chain ${TABLE} ${name}`),
  ];
}

function renderPartsRemoval(service: string, parts: ServiceParts, rendering: AffinityRendering): string[] {
  return [
    ...renderParts(service, parts, rendering),
    ...parts.chains.map((name) => `flush chain ${TABLE} ${name}`),
    ...parts.chains.map((name) => `delete chain ${TABLE} ${name}`),
    ...parts.sets.map(({ name }) => `delete set ${TABLE} ${name}`),
    ...parts.counters.map((name) => `delete counter ${TABLE} ${name}`),
  ];
}

function without(parts: ServiceParts, other: ServiceParts): ServiceParts {
  const sets = new Set(other.sets.map(({ name }) => name));
  const rest = (key: 'chains' | 'counters') => parts[key].filter((name) => !other[key].includes(name));
  return {
    sets: parts.sets.filter(({ name }) => !sets.has(name)),
    chains: rest('chains'),
    counters: rest('counters'),
  };
}
