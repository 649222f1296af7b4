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
  shareSet,
} from './affinity-names.ts';
import type { SharesRead } from './affinity-readback.ts';
import { SOURCE_BITS } from './affinity-split.ts';
import { idleTimeoutOf } from './affinity-text.ts';
import { hashRanges, isShare, WEIGHT_TOTAL } from './affinity-weights.ts';
import type { AffinityClass, AffinityInstance, AffinityMode } from './fib.ts';
import { asObject, type Json, markOf, setStatement, targetOf } from './nft-json.ts';

/** Expressions of each rule of each chain, in order. */
export type ChainRules = ReadonlyMap<string, readonly (readonly unknown[])[]>;

export interface ClassRead {
  readonly class: AffinityClass;
  /** False: not as we would have rendered it. */
  readonly whole: boolean;
}

export function readClass(service: string, name: string, chains: ChainRules, shares: SharesRead): ClassRead {
  const names = classNames(service, name);
  const { main, finish } = serviceChains(service);
  const decide = chains.get(names.decide) ?? [];
  const counts = decide.filter((rule) => asObject(rule[0])?.counter === names.counter).length === 1;
  const learners = [...chains].flatMap(([chain, rules]) => {
    const of = ofLearnChain(service, chain);
    return of?.name === name ? [{ slot: of.slot, rules }] : [];
  });
  const refuses = decide.slice(-1).filter((rule) => rule.length === 1 && asObject(rule[0])?.drop !== undefined);
  if (learners.length === 0) return unlearned(name, decide, counts, refuses.length > 0);
  const hashed = decide.map(hashOf).find((it) => it !== undefined)?.expr;
  const mode = modeOf(learners, hashed);
  const instances: AffinityInstance[] = learners.map(({ slot, rules }) => {
    return { slot, mark: markOf(rules[0] ?? []) ?? 0, weight: numbersOf(shares, slot), failed: false };
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
  const clients = mode === 'client' ? 2 * instances.length : 0;
  const lookUps = decide.slice(clients + 1, clients + 1 + 2 * instances.length);
  const whole =
    isDivided(instances, shares) &&
    counts &&
    learnsAlike &&
    decide.length === clients + 1 + 2 * instances.length + refuses.length &&
    // The shares are what comes last, each twice, and then nothing for other classes than the service's own.
    learners.every(({ slot }) => {
      const chain = learnChain(service, slot, name);
      const [first = -1, second = -1, ...others] = lookUps.flatMap((rule, i) =>
        looksUp(rule, slot, chain) ? [i] : [],
      );
      return others.length === 0 && second === first + instances.length;
    }) &&
    refuses.length === (name === '' ? 0 : 1);
  return { class: read, whole };
}

/** Nobody learns: the group behind a mark does it all, the main table does, or nobody serves the class, whatever its mode. */
function unlearned(
  name: string,
  decide: readonly (readonly unknown[])[],
  counts: boolean,
  refuses: boolean,
): ClassRead {
  const mark = decide.map(markOf).find((it) => it !== undefined);
  const isEmpty = mark === undefined && (name === '' || refuses);
  const read: AffinityClass = {
    mode: isEmpty ? 'none' : 'bucket',
    instances: [],
    idleTimeoutMs: 0,
    closingTimeoutMs: 0,
    ...(mark !== undefined && { mark }),
  };
  const rules = 1 + Number(mark !== undefined || (isEmpty && name !== ''));
  return { class: read, whole: counts && decide.length === rules };
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

/** How many numbers a contact instance has. */
function numbersOf(shares: SharesRead, slot: number): number {
  return (shares.get(shareSet(slot)) ?? []).reduce((sum, { from, to }) => sum + to - from + 1, 0);
}

/** True when the shares are all or nothing, and as we would have divided these weights. */
function isDivided(instances: readonly AffinityInstance[], shares: SharesRead): boolean {
  const total = instances.reduce((sum, { weight }) => sum + weight, 0);
  if (total !== 0 && total !== WEIGHT_TOTAL) return false;
  return [...hashRanges(instances)].every(([slot, meant]) => isShare(shares.get(shareSet(slot)), meant));
}

/** True when the rule is the look-up that we render. */
function looksUp(rule: readonly unknown[], slot: number, chain: string): boolean {
  const match = asObject(asObject(rule[0])?.match);
  return (
    rule.length === 2 &&
    match?.right === `@${shareSet(slot)}` &&
    hashOf(rule)?.mod === WEIGHT_TOTAL &&
    targetOf(rule) === chain
  );
}

function hashOf([statement]: readonly unknown[]): Json | undefined {
  return asObject(asObject(asObject(asObject(statement)?.match)?.left)?.jhash);
}

function isSome(ms: number): boolean {
  return ms > 0;
}
