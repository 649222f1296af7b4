// Reads affinity services back from nft's JSON, the inverse of affinity-rules.ts. Whatever is not as we would have
// rendered it makes the service `damaged`, and the caller renders it anew; nothing here trusts a name alone.
import { addressToBytes, bytesToAddress } from '../net/address.ts';
import {
  CLASSIFY_CHAIN,
  closingSet,
  learnChain,
  liveSet,
  serviceChains,
  slotOfLearnChain,
  slotOfLiveSet,
} from './affinity-names.ts';
import type { SplitRange } from './affinity-split.ts';
import { hashRanges, WEIGHT_TOTAL } from './affinity-weights.ts';
import type { AffinityService } from './fib.ts';

export interface AffinityReadBack {
  readonly services: readonly AffinityService[];
  /** Addresses of services whose chains, sets or map entry are not whole. */
  readonly damaged: ReadonlySet<string>;
}

/** Ranges of each split map by its name, ascending; undefined where its elements are no ranges of ours. */
export type SplitsRead = ReadonlyMap<string, readonly SplitRange[] | undefined>;

type Json = Readonly<Record<string, unknown>>;

/**
 * Parses the documents of `nft -j list table` (terse) and `nft -j list map` for our table; order does not matter,
 * other tables' objects must not be among them; the split maps are read apart. Throws SyntaxError when a text is not JSON.
 */
export function readAffinity(documents: readonly string[], splits: SplitsRead): AffinityReadBack {
  const items = documents
    .flatMap((text) => asArray(asObject(JSON.parse(text))?.nftables))
    .map((item) => asObject(item));
  const chains = new Map<string, unknown[][]>();
  const sets = new Set<string>();
  const entries = new Map<string, string>();
  for (const item of items) {
    const chain = asObject(item?.chain);
    if (chain) chains.set(String(chain.name), []);
    const set = asObject(item?.set);
    if (set) sets.add(String(set.name));
    for (const pair of asArray(asObject(item?.map)?.elem)) {
      const [address, verdict] = asArray(pair);
      entries.set(String(address), String(asObject(asObject(verdict)?.goto)?.target));
    }
  }
  for (const item of items) {
    const rule = asObject(item?.rule);
    if (rule) chains.get(String(rule.chain))?.push(asArray(rule.expr));
  }
  const services: AffinityService[] = [];
  const damaged = new Set<string>();
  const baseWhole = chains.get(CLASSIFY_CHAIN)?.length === 2;
  for (const name of chains.keys()) {
    const address = addressOfChain(name);
    if (address === undefined) continue;
    const read = readService(address, chains, splits);
    services.push(read.service);
    const slots = read.service.instances.map((instance) => instance.slot);
    const held = slots.every((slot) => sets.has(liveSet(slot)) && sets.has(closingSet(slot)));
    if (!baseWhole || !read.whole || !held || entries.get(address) !== name) damaged.add(address);
  }
  return { services, damaged };
}

/** Elements in the document of `nft -j list set`; 0 when it holds none. Throws SyntaxError. */
export function countElements(document: string): number {
  const items = asArray(asObject(JSON.parse(document))?.nftables);
  return items.reduce<number>((sum, item) => sum + asArray(asObject(asObject(item)?.set)?.elem).length, 0);
}

function readService(
  address: string,
  chains: ReadonlyMap<string, unknown[][]>,
  splits: SplitsRead,
): { service: AffinityService; whole: boolean } {
  const names = serviceChains(address);
  const main = chains.get(names.main) ?? [];
  const finish = chains.get(names.finish) ?? [];
  const ranges = splits.get(names.split);
  const weights = ranges && readWeights(ranges);
  const instances: { slot: number; mark: number; weight: number; failed: boolean }[] = [];
  let idleTimeoutMs = 0;
  for (const expressions of main) {
    const learned = setStatement(expressions, 'update');
    const slot = learned && slotOfLiveSet(learned.set);
    if (slot === undefined) continue;
    idleTimeoutMs = learned!.timeoutMs;
    instances.push({ slot, mark: markOf(expressions), weight: weights?.get(slot) ?? 0, failed: false });
  }
  const closingTimeoutMs = finish.map((rule) => setStatement(rule, 'add')?.timeoutMs ?? 0).find((ms) => ms > 0) ?? 0;
  const count = instances.length;
  const learnsAlike = instances.every(({ slot, mark }) => {
    const rules = chains.get(learnChain(slot)) ?? [];
    const [rule] = rules;
    return rules.length === 1 && markOf(rule!) === mark && setStatement(rule!, 'add')?.set === liveSet(slot);
  });
  const whole =
    ranges !== undefined &&
    isDivision(ranges, instances) &&
    looksUp(chains.get(names.decide) ?? [], names.split) &&
    main.length === 2 * count + 2 &&
    finish.length === count &&
    learnsAlike;
  return {
    service: { kind: 'affinity', service: address, mode: 'flow', instances, idleTimeoutMs, closingTimeoutMs },
    whole,
  };
}

/** Numbers per slot. */
function readWeights(ranges: readonly SplitRange[]): ReadonlyMap<number, number> {
  const weights = new Map<number, number>();
  for (const { from, to, chain } of ranges) {
    const slot = slotOfLearnChain(chain);
    if (slot !== undefined) weights.set(slot, (weights.get(slot) ?? 0) + to - from + 1);
  }
  return weights;
}

/** True when the ranges are all or nothing, and as we would have divided these weights. */
function isDivision(
  ranges: readonly SplitRange[],
  instances: readonly { readonly slot: number; readonly weight: number }[],
): boolean {
  const wanted = hashRanges(instances);
  const last = ranges.at(-1);
  return (
    ranges.length === wanted.length &&
    (last === undefined || last.to === WEIGHT_TOTAL - 1) &&
    wanted.every(({ from, to, slot }, i) => {
      const range = ranges[i]!;
      return range.from === from && range.to === to && range.chain === learnChain(slot);
    })
  );
}

/** True when the chain is the two look-ups that we render. */
function looksUp(rules: readonly unknown[][], split: string): boolean {
  const isLookUp = ([statement, ...others]: unknown[]) => {
    const map = asObject(asObject(statement)?.vmap);
    const hash = asObject(asObject(map?.key)?.jhash);
    return others.length === 0 && map?.data === `@${split}` && hash?.mod === WEIGHT_TOTAL;
  };
  return rules.length === 2 && rules.every(isLookUp);
}

/** The first `add @set {...}` or `update @set {...}` of a rule. */
function setStatement(expressions: readonly unknown[], op: string): { set: string; timeoutMs: number } | undefined {
  for (const expression of expressions) {
    const statement = asObject(asObject(expression)?.set);
    if (!statement || statement.op !== op) continue;
    const seconds = asObject(asObject(statement.elem)?.elem)?.timeout;
    const timeoutMs = typeof seconds === 'number' ? seconds * 1000 : 0;
    return { set: String(statement.set).replace(/^@/, ''), timeoutMs };
  }
  return undefined;
}

/** The mark a rule sets, whether plain or under a mask; 0 when it sets none. */
function markOf(expressions: readonly unknown[]): number {
  for (const expression of expressions) {
    const value = asObject(asObject(expression)?.mangle)?.value;
    if (typeof value === 'number') return value;
    const operands = asArray(asObject(value)?.['|'] ?? asObject(value)?.['^']);
    if (typeof operands[1] === 'number') return operands[1];
  }
  return 0;
}

/** Inverse of `serviceChains(address).main`; undefined for other chains. */
function addressOfChain(name: string): string | undefined {
  const text = /^svc_([0-9a-f_]+)$/.exec(name)?.[1];
  if (text === undefined) return undefined;
  const ipv4 = /^\d+_\d+_\d+_\d+$/.test(text);
  try {
    return bytesToAddress(addressToBytes(text.replaceAll('_', ipv4 ? '.' : ':')));
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

function asArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
