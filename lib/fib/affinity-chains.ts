// The rules of one service: running flows first, then the class of a new one, then its class' decision. Each command is
// complete; that the chains exist and are empty is affinity-rules.ts' concern.
import { addressFamily, bytesToAddress, maskBytes } from '../net/address.ts';
import { classesOf, type NamedClass } from './affinity-classes.ts';
import { renderMatch } from './affinity-match.ts';
import {
  classNames,
  clientSet,
  closingSet,
  learnChain,
  liveSet,
  serviceChains,
  AFFINITY_TABLE_SPEC as TABLE,
} from './affinity-names.ts';
import { renderSplitRules } from './affinity-split.ts';
import { timeoutSeconds } from './affinity-text.ts';
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
  const rules: string[] = [];
  const late: string[] = [];
  for (const one of all) {
    if (one.mode !== 'flow') continue;
    const idle = `${flow} timeout ${timeoutSeconds(one.idleTimeoutMs)}s`;
    const closing = `${flow} timeout ${timeoutSeconds(one.closingTimeoutMs)}s`;
    for (const { slot, mark } of one.instances) {
      const marked = markStatement(mark, markMask);
      const live = liveSet(slot);
      const closed = closingSet(slot);
      rules.push(`${main} ${flow} @${live} ${marked} update @${live} { ${idle} } return`);
      rules.push(
        `${finish} ${flow} @${live} ${marked} delete @${live} { ${flow} } add @${closed} { ${closing} } accept`,
      );
      late.push(`${main} tcp flags & syn == 0 ${flow} @${closed} ${marked} return`);
    }
  }
  if (rules.length > 0) rules.unshift(`${main} tcp flags & (fin | rst) != 0 jump ${finish}`);
  const next = all.length > 1 ? classes : classNames(service.service, '').decide;
  return [...rules, ...late, `${main} goto ${next}`].map(addRule);
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
  const idle = timeoutSeconds(one.idleTimeoutMs);
  const key = mode === 'client' ? clientKey(service, one.clientBits) : flowKey(service);
  const rules: string[] = [];
  const learn: string[] = [];
  for (const { slot, mark: marked } of instances) {
    const set = mode === 'client' ? clientSet(slot) : liveSet(slot);
    const statement = markStatement(marked, markMask);
    if (mode === 'client')
      rules.push(`${decide} ${key} @${set} ${statement} update @${set} { ${key} timeout ${idle}s } return`);
    // Mark before add: when the set is full, `add` ends the rule, and the flow is steered by the hash alone.
    const learned = mode === 'none' ? '' : ` add @${set} { ${key} timeout ${idle}s }`;
    learn.push(`${learnChain(service, slot, one.name)} ${statement}${learned}`);
  }
  const split = renderSplitRules(service, one);
  // The main table's contact instance is the service's own class': another class may not have it.
  if (one.name !== '') split.push(addRule(`${decide} drop`));
  return [...rules.map(addRule), ...learn.map(addRule), counted, ...split];
}

function flowKey(service: string): string {
  return `${sourceOf(service)} . meta l4proto . th sport . th dport`;
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
