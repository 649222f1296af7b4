// Reads one class of a service back: the inverse of what affinity-chains.ts renders for it. The learn chains tell which
// slots it has and, by the set they learn into, its mode; everything else must agree with that.
import { addressFamily } from '../net/address.ts';
import {
  classNames,
  clientSet,
  closingSet,
  keepChain,
  learnChain,
  liveSet,
  ofLearnChain,
  recentClientSet,
  recentSet,
  serviceChains,
} from './affinity-names.ts';
import { SOURCE_BITS, type SplitRange, splitRanges } from './affinity-split.ts';
import { idleTimeoutOf } from './affinity-text.ts';
import { WEIGHT_TOTAL } from './affinity-weights.ts';
import type { AffinityClass, AffinityInstance, AffinityMode } from './fib.ts';
import { asObject, type Json, markOf, setStatement, targetOf } from './nft-json.ts';

/** Expressions of each rule of each chain, in order. */
export type ChainRules = ReadonlyMap<string, readonly (readonly unknown[])[]>;

export interface ClassRead {
  readonly class: AffinityClass;
  /** False: not as we would have rendered it. */
  readonly whole: boolean;
}

export function readClass(
  service: string,
  name: string,
  chains: ChainRules,
  splits: ReadonlyMap<string, readonly SplitRange[] | undefined>,
): ClassRead {
  const names = classNames(service, name);
  const { main, finish } = serviceChains(service);
  const decide = chains.get(names.decide) ?? [];
  const ranges = splits.get(names.split);
  const counts = decide.filter((rule) => asObject(rule[0])?.counter === names.counter).length === 1;
  const lookUps = decide.filter((rule) => looksUp(rule, names.split));
  const learners = [...chains].flatMap(([chain, rules]) => {
    const of = ofLearnChain(service, chain);
    return of?.name === name ? [{ slot: of.slot, rules }] : [];
  });
  if (learners.length === 0 && lookUps.length === 0) return bucketClass(decide, counts && ranges?.length === 0);
  const hashed = asObject(asObject(asObject(asObject(lookUps[0]?.[0])?.vmap)?.key)?.jhash)?.expr;
  const mode = modeOf(learners, hashed);
  const weights = weightsOf(service, name, ranges ?? []);
  const instances: AffinityInstance[] = learners.map(({ slot, rules }) => {
    return { slot, mark: markOf(rules[0] ?? []) ?? 0, weight: weights.get(slot) ?? 0, failed: false };
  });
  const where = { flow: main, client: names.decide, none: '', bucket: '' }[mode];
  const learnsAlike = learners.every(({ slot, rules }) => {
    const set = { flow: liveSet(slot), client: clientSet(slot), none: undefined, bucket: undefined }[mode];
    const mark = markOf(rules[0] ?? []);
    if (rules.length !== 1 || mark === undefined || setStatement(rules[0]!, 'add')?.set !== set) return false;
    if (set === undefined) return true;
    const noted = mode === 'client' ? recentClientSet(slot) : recentSet(slot);
    const keep = keepChain(service, slot, name);
    const asked = chains.get(where) ?? [];
    const recent = asked.filter((rule) => looksIn(rule, noted));
    const known = asked.filter((rule) => looksIn(rule, set) && targetOf(rule) === keep);
    const closed = chains.get(finish)?.filter((rule) => setStatement(rule, 'add')?.set === closingSet(slot)) ?? [];
    return (
      recent.length === 1 &&
      markOf(recent[0]!) === mark &&
      known.length === 1 &&
      keeps(chains.get(keep) ?? [], mark, set, noted) &&
      (mode === 'client' || closed.length === 1)
    );
  });
  const keptMs = learners.map(({ rules }) => setStatement(rules[0] ?? [], 'add')?.timeoutMs ?? 0).find(isSome) ?? 0;
  const closing = learners.map(({ slot }) => closingTimeout(chains.get(finish) ?? [], slot));
  const bits = mode === 'client' ? clientBitsOf(service, hashed) : undefined;
  const read: AffinityClass = {
    mode,
    instances,
    idleTimeoutMs: idleTimeoutOf(keptMs),
    closingTimeoutMs: closing.find(isSome) ?? 0,
    ...(bits !== undefined && { clientBits: bits }),
  };
  const refuses = decide.slice(-1).filter((rule) => rule.length === 1 && asObject(rule[0])?.drop !== undefined);
  const clients = mode === 'client' ? 2 * instances.length : 0;
  const whole =
    ranges !== undefined &&
    isDivision(ranges, splitRanges(service, { ...read, name })) &&
    counts &&
    learnsAlike &&
    decide.length === clients + 3 + refuses.length &&
    // The split is what comes last, twice, and then nothing for other classes than the service's own.
    decide.slice(clients + 1, clients + 3).every((rule) => lookUps.includes(rule)) &&
    refuses.length === (name === '' ? 0 : 1);
  return { class: read, whole };
}

function bucketClass(decide: readonly (readonly unknown[])[], counts: boolean): ClassRead {
  const mark = decide.map(markOf).find((it) => it !== undefined);
  const read: AffinityClass = {
    mode: 'bucket',
    instances: [],
    idleTimeoutMs: 0,
    closingTimeoutMs: 0,
    ...(mark !== undefined && { mark }),
  };
  return { class: read, whole: counts && decide.length === (mark === undefined ? 1 : 2) };
}

/** What is known is marked and renewed, then noted. */
function keeps(rules: readonly (readonly unknown[])[], mark: number, set: string, noted: string): boolean {
  const [renewed = [], added = [], ...others] = rules;
  return (
    others.length === 0 &&
    markOf(renewed) === mark &&
    setStatement(renewed, 'update')?.set === set &&
    setStatement(added, 'add')?.set === noted
  );
}

function looksIn(rule: readonly unknown[], set: string): boolean {
  return rule.some((statement) => asObject(asObject(statement)?.match)?.right === `@${set}`);
}

/** Without learners nothing is learned: what is hashed tells. */
function modeOf(
  learners: readonly { readonly rules: readonly (readonly unknown[])[] }[],
  hashed: unknown,
): AffinityMode {
  const set = learners.map(({ rules }) => setStatement(rules[0] ?? [], 'add')?.set).find((it) => it !== undefined);
  if (set?.startsWith('live_')) return 'flow';
  if (set?.startsWith('client_') || asObject(asObject(hashed)?.payload)) return 'client';
  return 'none';
}

/** Undefined: all of the address. */
function clientBitsOf(service: string, hashed: unknown): number | undefined {
  const { base, len, offset } = asObject(asObject(hashed)?.payload) ?? ({} as Json);
  const known = base === 'nh' && offset === SOURCE_BITS[addressFamily(service)].offset && typeof len === 'number';
  return known ? len : undefined;
}

function closingTimeout(finish: readonly (readonly unknown[])[], slot: number): number {
  const added = finish.map((rule) => setStatement(rule, 'add')).find((it) => it?.set === closingSet(slot));
  return added?.timeoutMs ?? 0;
}

/** Numbers per slot. */
function weightsOf(service: string, name: string, ranges: readonly SplitRange[]): ReadonlyMap<number, number> {
  const weights = new Map<number, number>();
  for (const { from, to, chain } of ranges) {
    const slot = ofLearnChain(service, chain)?.slot;
    if (slot === undefined || learnChain(service, slot, name) !== chain) continue;
    weights.set(slot, (weights.get(slot) ?? 0) + to - from + 1);
  }
  return weights;
}

/** True when the ranges are all or nothing, and as we would have divided these weights. */
function isDivision(ranges: readonly SplitRange[], wanted: readonly SplitRange[]): boolean {
  const last = ranges.at(-1);
  return (
    ranges.length === wanted.length &&
    (last === undefined || last.to === WEIGHT_TOTAL - 1) &&
    wanted.every(({ from, to, chain }, i) => {
      const range = ranges[i]!;
      return range.from === from && range.to === to && range.chain === chain;
    })
  );
}

/** True when the rule is the look-up that we render. */
function looksUp([statement, ...others]: readonly unknown[], split: string): boolean {
  const map = asObject(asObject(statement)?.vmap);
  const hash = asObject(asObject(map?.key)?.jhash);
  return others.length === 0 && map?.data === `@${split}` && hash?.mod === WEIGHT_TOTAL;
}

function isSome(ms: number): boolean {
  return ms > 0;
}
