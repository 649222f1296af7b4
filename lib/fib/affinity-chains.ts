// The rules of one service: running flows first, then the class of a new one, then its class' decision. Each command is
// complete; that the chains exist and are empty is affinity-rules.ts' concern.
//
// To renew an entry costs a packet as much as to find it, so what was renewed is noted in a set of its own, which is asked
// first and whose entries are never renewed: while one is there, the packet is marked and nothing else happens. It ends
// after an eighth of the idle timeout, and the next packet renews and notes again. What is noted is known, for longer
// than it is noted; what is forgotten (failure, the end of TCP) is so in both. What was seen once is not noted.
import { addressFamily, bytesToAddress, maskBytes } from '../net/address.ts';
import { classesOf, type NamedClass } from './affinity-classes.ts';
import { renderMatch } from './affinity-match.ts';
import {
  classNames,
  clientSet,
  closingSet,
  keepChain,
  learnChain,
  liveSet,
  recentClientSet,
  recentSet,
  serviceChains,
  AFFINITY_TABLE_SPEC as TABLE,
} from './affinity-names.ts';
import { renderSplitRules, SOURCE_BITS } from './affinity-split.ts';
import { keptSeconds, recentSeconds, timeoutSeconds } from './affinity-text.ts';
import type { AffinityService } from './fib.ts';

/** All rules of the service. `markMask`: the bits of the packet mark that are ours; the others are kept. */
export function renderRules(service: AffinityService, markMask: number): string[] {
  const all = classesOf(service);
  return [
    ...renderMain(service, all, markMask),
    ...renderClassifier(service, all),
    ...all.flatMap((one) => renderClass(service.service, one, markMask)),
  ];
}

/**
 * Running flows of every class: where a flow is matters, not what class it would have now. Of a closing flow late
 * segments only: a SYN of the same ports is a new flow and is decided anew.
 */
function renderMain(service: AffinityService, all: readonly NamedClass[], markMask: number): string[] {
  const { main, finish, classes } = serviceChains(service.service);
  const flow = flowKey(service.service);
  const raw = rawFlowKey(service.service);
  const recent: string[] = [];
  const live: string[] = [];
  const late: string[] = [];
  const ending: string[] = [];
  for (const one of all) {
    if (one.mode !== 'flow') continue;
    const closing = `${flow} timeout ${timeoutSeconds(one.closingTimeoutMs)}s`;
    for (const { slot, mark } of one.instances) {
      const marked = markStatement(mark, markMask);
      const [running, closed, noted] = [liveSet(slot), closingSet(slot), recentSet(slot)];
      recent.push(`${main} ${raw} @${noted} ${marked} accept`);
      live.push(`${main} ${flow} @${running} goto ${keepChain(service.service, slot, one.name)}`);
      // In this order: whoever found the flow running a moment ago and notes it also makes it run again.
      const forget = `delete @${running} { ${flow} } delete @${noted} { ${raw} }`;
      ending.push(`${finish} ${flow} @${running} ${marked} ${forget} add @${closed} { ${closing} } accept`);
      late.push(`${main} tcp flags & syn == 0 ${flow} @${closed} ${marked} return`);
    }
  }
  if (ending.length > 0) ending.push(`${main} tcp flags & (fin | rst) != 0 jump ${finish}`);
  const next = all.length > 1 ? classes : classNames(service.service, '').decide;
  // No flow of another protocol is in any of the sets, so that what is runs past this. Two comparisons cost less than a set.
  const others = `${main} meta l4proto != udp meta l4proto != tcp return`;
  return [...ending, ...recent, ...live, others, ...late, `${main} goto ${next}`].map(addRule);
}

function renderClassifier({ service, classifier = [] }: AffinityService, all: readonly NamedClass[]): string[] {
  if (all.length === 1) return [];
  const { classes } = serviceChains(service);
  const decide = (name: string) => `goto ${classNames(service, name).decide}`;
  const rules = classifier.map((rule) => `${classes} ${renderMatch(service, rule.match)}${decide(rule.class)}`);
  return [...rules, `${classes} ${decide('')}`].map(addRule);
}

/** Clients of the class first, then a count, then the split; the group behind a bucket class' mark does it all. */
function renderClass(service: string, one: NamedClass, markMask: number): string[] {
  const { decide, counter } = classNames(service, one.name);
  const { mode, instances, mark } = one;
  const counted = addRule(`${decide} counter name ${counter}`);
  if (mode === 'bucket')
    return [counted, ...(mark === undefined ? [] : [addRule(`${decide} ${markStatement(mark, markMask)}`)])];
  const kept = keptSeconds(one.idleTimeoutMs);
  const key = mode === 'client' ? clientKey(service, one.clientBits) : flowKey(service);
  const recent: string[] = [];
  const known: string[] = [];
  const learn: string[] = [];
  for (const { slot, mark: marked } of instances) {
    const set = mode === 'client' ? clientSet(slot) : liveSet(slot);
    const statement = markStatement(marked, markMask);
    const keep = keepChain(service, slot, one.name);
    if (mode === 'client') {
      recent.push(`${decide} ${key} @${recentClientSet(slot)} ${statement} return`);
      known.push(`${decide} ${key} @${set} goto ${keep}`);
    }
    if (mode !== 'none') {
      const [noted, notedKey] =
        mode === 'client' ? [recentClientSet(slot), key] : [recentSet(slot), rawFlowKey(service)];
      learn.push(`${keep} ${statement} update @${set} { ${key} timeout ${kept}s }`);
      // A rule of its own: when that set is full, `add` ends the rule.
      learn.push(`${keep} add @${noted} { ${notedKey} timeout ${recentSeconds(one.idleTimeoutMs)}s }`);
    }
    // Mark before add: when the set is full, `add` ends the rule, and the flow is steered by the hash alone.
    const learned = mode === 'none' ? '' : ` add @${set} { ${key} timeout ${kept}s }`;
    learn.push(`${learnChain(service, slot, one.name)} ${statement}${learned}`);
  }
  const split = renderSplitRules(service, one);
  // The main table's contact instance is the service's own class': another class may not have it.
  if (one.name !== '') split.push(addRule(`${decide} drop`));
  return [...[...recent, ...known, ...learn].map(addRule), counted, ...split];
}

function flowKey(service: string): string {
  return `${sourceOf(service)} . meta l4proto . th sport . th dport`;
}

/** The same as octets at their place: what is looked up for nearly every packet asks for no protocol and no port by itself. */
export function rawFlowKey(service: string): string {
  const { offset, length } = SOURCE_BITS[addressFamily(service)];
  return `@nh,${offset},${length} . meta l4proto . @th,0,32`;
}

function clientKey(service: string, bits: number | undefined): string {
  const bytes = addressFamily(service) === 'ipv6' ? 16 : 4;
  if (bits === undefined || bits === bytes * 8) return sourceOf(service);
  return `${sourceOf(service)} & ${bytesToAddress(maskBytes(new Uint8Array(bytes).fill(0xff), bits))}`;
}

function sourceOf(service: string): string {
  return addressFamily(service) === 'ipv6' ? 'ip6 saddr' : 'ip saddr';
}

function addRule(rule: string): string {
  return `add rule ${TABLE} ${rule}`;
}

function markStatement(mark: number, mask: number): string {
  const hex = `0x${mark.toString(16)}`;
  if (mask >>> 0 === 0xffffffff) return `meta mark set ${hex}`;
  return `meta mark set meta mark & 0x${(~mask >>> 0).toString(16)} | ${hex}`;
}
