// Renders the nftables transactions that keep running flows at their contact instance and spread new ones by weight:
// one learned and one closing set a contact instance, FIN-aware, no connection tracking (conntrack never
// confirms what seg6 encapsulates between prerouting and postrouting). Refuses to know how nft is run.
// Limits: a fragment after the first has no ports and follows the main table, as does ICMP.
import { addressFamily } from '../net/address.ts';
import {
  CLASSIFY_CHAIN,
  closingSet,
  learnChain,
  liveSet,
  serviceChains,
  serviceMap,
  AFFINITY_TABLE_SPEC as TABLE,
} from './affinity-names.ts';
import { forgottenSets, renderSplitElements, renderSplitMap, renderSplitRules } from './affinity-split.ts';
import { timeoutSeconds } from './equality.ts';
import type { AffinityService } from './fib.ts';

export interface AffinityRendering {
  /** Bits of the packet mark that are ours; the others are kept. */
  readonly markMask: number;
  /** Most flows a set learns; a flow beyond it is still marked, by the hash alone. */
  readonly setSize: number;
  /** True: render structure even where only weights changed (the kernel was found damaged). */
  readonly rebuild?: boolean;
}

export const AFFINITY_SET_SIZE = 262_144;

/**
 * The commands, one a string, that turn what the kernel holds for one service into `after`; to be run as ONE
 * transaction. Structural changes are idempotent: they hold whatever part of `before` is really there, and never
 * touch the flows of a slot that stays and has not failed. A change of weights alone rewrites one map's elements.
 * Empty when nothing is to be done. `before` and `after`, where both are given, are of one service.
 */
export function renderAffinityChange(
  before: AffinityService | undefined,
  after: AffinityService | undefined,
  rendering: AffinityRendering,
): string[] {
  const old = before?.mode === 'flow' ? before : undefined;
  const next = after?.mode === 'flow' ? after : undefined;
  if (!next) return old ? renderRemoval(old, rendering) : [];
  const forget = forgottenSets(next).map((set) => `flush set ${TABLE} ${set}`);
  if (!rendering.rebuild && old && sameStructure(old, next)) return [...forget, ...renderSplitElements(next)];
  const gone = old?.instances.filter(({ slot }) => !next.instances.some((instance) => instance.slot === slot)) ?? [];
  return [
    ...renderTable(),
    ...next.instances.flatMap(({ slot }) => renderSlot(next.service, slot, rendering)),
    ...renderChains(next, rendering),
    ...renderSplitElements(next),
    ...gone.flatMap(({ slot }) => renderSlotRemoval(old!.service, slot, rendering)),
    ...forget,
    `add element ${TABLE} ${serviceMap(next.service)} { ${next.service} : goto ${serviceChains(next.service).main} }`,
  ];
}

/** True when nothing but weights differs: the rules of one are the rules of the other. */
export function sameStructure(a: AffinityService, b: AffinityService): boolean {
  return a.mode === b.mode && structureText(a) === structureText(b);
}

/** Creates the table, its maps and its base chain, or restores them; foreign rules in our own chain are dropped. */
export function renderTable(): string[] {
  return [
    `add table ${TABLE}`,
    `add map ${TABLE} services6 { type ipv6_addr : verdict; }`,
    `add map ${TABLE} services4 { type ipv4_addr : verdict; }`,
    `add chain ${TABLE} ${CLASSIFY_CHAIN} { type filter hook prerouting priority mangle; policy accept; }`,
    `flush chain ${TABLE} ${CLASSIFY_CHAIN}`,
    `add rule ${TABLE} ${CLASSIFY_CHAIN} meta l4proto { tcp, udp } ip6 daddr vmap @services6`,
    `add rule ${TABLE} ${CLASSIFY_CHAIN} meta l4proto { tcp, udp } ip daddr vmap @services4`,
  ];
}

/** Removes the whole table; the kernel need not hold it. */
export function renderTableRemoval(): string[] {
  return [`add table ${TABLE}`, `delete table ${TABLE}`];
}

function renderRemoval(service: AffinityService, rendering: AffinityRendering): string[] {
  const { main, finish, decide, split } = serviceChains(service.service);
  const chains = [main, finish, decide];
  const element = `${TABLE} ${serviceMap(service.service)} { ${service.service} : goto ${main} }`;
  // nft knows no "delete if there" before 1.0.7; to add first makes each deletion hold in any state.
  return [
    ...renderTable(),
    ...chains.map((chain) => `add chain ${TABLE} ${chain}`),
    `add element ${element}`,
    `delete element ${element}`,
    renderSplitMap(service.service),
    ...chains.map((chain) => `flush chain ${TABLE} ${chain}`),
    ...chains.map((chain) => `delete chain ${TABLE} ${chain}`),
    `delete map ${TABLE} ${split}`,
    ...service.instances.flatMap(({ slot }) => renderSlotRemoval(service.service, slot, rendering)),
  ];
}

function renderSlot(service: string, slot: number, { setSize }: AffinityRendering): string[] {
  const address = addressFamily(service) === 'ipv6' ? 'ipv6_addr' : 'ipv4_addr';
  // No timeout on the set: the rules carry it, so that another timeout needs no other set, which would forget flows.
  const spec = `{ type ${address} . inet_proto . inet_service . inet_service; size ${setSize}; flags dynamic,timeout; }`;
  return [
    `add set ${TABLE} ${liveSet(slot)} ${spec}`,
    `add set ${TABLE} ${closingSet(slot)} ${spec}`,
    `add chain ${TABLE} ${learnChain(slot)}`,
  ];
}

function renderSlotRemoval(service: string, slot: number, rendering: AffinityRendering): string[] {
  return [
    ...renderSlot(service, slot, rendering),
    `flush chain ${TABLE} ${learnChain(slot)}`,
    `delete chain ${TABLE} ${learnChain(slot)}`,
    `delete set ${TABLE} ${liveSet(slot)}`,
    `delete set ${TABLE} ${closingSet(slot)}`,
  ];
}

function renderChains(service: AffinityService, { markMask }: AffinityRendering): string[] {
  const { main, finish, decide } = serviceChains(service.service);
  const source = addressFamily(service.service) === 'ipv6' ? 'ip6 saddr' : 'ip saddr';
  const flow = `${source} . meta l4proto . th sport . th dport`;
  const idle = `${flow} timeout ${timeoutSeconds(service.idleTimeoutMs)}s`;
  const closing = `${flow} timeout ${timeoutSeconds(service.closingTimeoutMs)}s`;
  const rules = [`${main} tcp flags & (fin | rst) != 0 jump ${finish}`];
  for (const { slot, mark } of service.instances) {
    const marked = markStatement(mark, markMask);
    const live = liveSet(slot);
    const late = closingSet(slot);
    rules.push(`${main} ${flow} @${live} ${marked} update @${live} { ${idle} } return`);
    rules.push(`${finish} ${flow} @${live} ${marked} delete @${live} { ${flow} } add @${late} { ${closing} } accept`);
    // Mark before add: when the set is full, `add` ends the rule, and the flow is steered by the hash alone.
    rules.push(`${learnChain(slot)} ${marked} add @${live} { ${idle} }`);
  }
  for (const { slot, mark } of service.instances) {
    // A SYN of the same ports is a new flow and is decided anew.
    const late = `${flow} @${closingSet(slot)}`;
    rules.push(`${main} tcp flags & syn == 0 ${late} ${markStatement(mark, markMask)} return`);
  }
  rules.push(`${main} goto ${decide}`);
  const chains = [main, finish, decide, ...service.instances.map(({ slot }) => learnChain(slot))];
  return [
    ...[main, finish, decide].map((chain) => `add chain ${TABLE} ${chain}`),
    renderSplitMap(service.service),
    ...chains.map((chain) => `flush chain ${TABLE} ${chain}`),
    ...rules.map((rule) => `add rule ${TABLE} ${rule}`),
    ...renderSplitRules(service.service),
  ];
}

function markStatement(mark: number, mask: number): string {
  const hex = `0x${mark.toString(16)}`;
  if (mask >>> 0 === 0xffffffff) return `meta mark set ${hex}`;
  return `meta mark set meta mark & 0x${(~mask >>> 0).toString(16)} | ${hex}`;
}

function structureText(service: AffinityService): string {
  const slots = service.instances.map(({ slot, mark }) => `${slot}:${mark}`);
  const timeouts = `${timeoutSeconds(service.idleTimeoutMs)} ${timeoutSeconds(service.closingTimeoutMs)}`;
  return `${service.service} ${timeouts} ${slots.join(' ')}`;
}
