// How new flows of a class are spread: a hash looked up in a set of numbers of each contact instance, as many as its weight.
// The rules stand still and only elements change, so that new weights need no rule text and no nft program. Sets, and not
// one map from number to chain: when verdicts change, the kernel walks every chain of the table in search of loops.
// Decides which elements; refuses to know how they reach the kernel.
import { addressFamily } from '../net/address.ts';
import { classesOf, forgottenSets, type NamedClass } from './affinity-classes.ts';
import { classNames, learnChain, shareSet, AFFINITY_TABLE_SPEC as TABLE } from './affinity-names.ts';
import { hashRanges, type NumberRange, WEIGHT_TOTAL } from './affinity-weights.ts';
import type { AffinityInstance, AffinityService } from './fib.ts';

/** What new weights change of one share. */
export interface ShareChange {
  readonly set: string;
  readonly gone: NumberRange | undefined;
  readonly come: NumberRange | undefined;
}

/** What new weights change of a service whose rules stay. */
export interface SplitChange {
  readonly shares: readonly ShareChange[];
  /** Sets to be emptied: the flows of contact instances that have failed. */
  readonly forget: readonly string[];
}

const HASH_SEED = '0x5eed';
/** A set's key has the type of an expression. nft 1.0.6 dies of a listing in which that is `jhash`; this is as wide. */
const KEY_TYPE = `typeof numgen inc mod ${WEIGHT_TOTAL}`;

/** From the service as the kernel holds it to the same service with other weights (`sameStructure`). */
export function splitChange(before: AffinityService, after: AffinityService): SplitChange {
  const shares: ShareChange[] = [];
  const add = (from: readonly AffinityInstance[], to: readonly AffinityInstance[]) => {
    const held = hashRanges(from);
    for (const [slot, come] of hashRanges(to)) {
      const gone = held.get(slot);
      if (gone?.from !== come?.from || gone?.to !== come?.to) shares.push({ set: shareSet(slot), gone, come });
    }
  };
  add(before.instances, after.instances);
  if (after.classes !== before.classes) {
    const old = new Map(before.classes?.map((one) => [one.name, one.instances]));
    for (const { name, instances } of after.classes ?? []) add(old.get(name) ?? [], instances);
  }
  return { shares, forget: forgottenSets(after) };
}

/** Creates the share where it is not there. */
export function renderShareSet(name: string): string {
  return `add set ${TABLE} ${name} { ${KEY_TYPE}; flags interval; }`;
}

/** Gives the shares the numbers of the weights, whatever they held. */
export function renderSplitElements(service: AffinityService): string[] {
  return classesOf(service).flatMap(({ instances }) =>
    [...hashRanges(instances)].flatMap(([slot, range]) => {
      const set = shareSet(slot);
      const flush = `flush set ${TABLE} ${set}`;
      return range ? [flush, `add element ${TABLE} ${set} { ${rangeText(range)} }`] : [flush];
    }),
  );
}

/** The rules that look a new flow up in the shares of its class. */
export function renderSplitRules(service: string, one: NamedClass): string[] {
  const { decide } = classNames(service, one.name);
  // A hash and not a random number: two packets of one new flow on two CPUs, or in a full set, decide alike.
  const hash = `jhash ${hashedText(service, one)} mod ${WEIGHT_TOTAL} seed ${HASH_SEED}`;
  const rules = one.instances.map(
    ({ slot }) => `add rule ${TABLE} ${decide} ${hash} @${shareSet(slot)} goto ${learnChain(service, slot, one.name)}`,
  );
  // Twice: a look-up that a transaction overtakes may find the number in the share that it has left, or in none. The second
  // time begins in the new generation. Where the first finds something, it is never reached.
  return [...rules, ...rules];
}

/** Offset of the source address in the network header, bits. */
export const SOURCE_BITS = { ipv4: { offset: 96, length: 32 }, ipv6: { offset: 64, length: 128 } } as const;

function hashedText(service: string, { mode, clientBits }: NamedClass): string {
  const family = addressFamily(service);
  const source = family === 'ipv6' ? 'ip6 saddr' : 'ip saddr';
  if (mode !== 'client') return `${source} . th sport . th dport`;
  const { offset, length } = SOURCE_BITS[family];
  // nft 1.0.6 hashes no masked address; the leading octets it does.
  return clientBits === undefined || clientBits === length ? source : `@nh,${offset},${clientBits}`;
}

function rangeText({ from, to }: NumberRange): string {
  return from === to ? `${from}` : `${from}-${to}`;
}
