// How new flows of a class are spread: a hash looked up in a map of ranges, one range a contact instance. The rules
// stand still and only elements change, so that new weights need no rule text and no nft program. Decides which
// elements; refuses to know how they reach the kernel.
import { addressFamily } from '../net/address.ts';
import { classesOf, forgottenSets, type NamedClass } from './affinity-classes.ts';
import { classNames, learnChainOf, mainChain, splitMap, AFFINITY_TABLE_SPEC as TABLE } from './affinity-names.ts';
import { type HashRange, hashRanges, rangeChange, WEIGHT_TOTAL } from './affinity-weights.ts';
import type { AffinityInstance, AffinityService } from './fib.ts';

/** Numbers from `from` to `to`, both inclusive, go to `chain`. */
export interface SplitRange {
  readonly from: number;
  readonly to: number;
  readonly chain: string;
}

/** What new weights change of one split map. */
export interface MapChange {
  readonly map: string;
  readonly gone: readonly SplitRange[];
  readonly come: readonly SplitRange[];
}

/** What new weights change of a service whose rules stay. */
export interface SplitChange {
  readonly maps: readonly MapChange[];
  /** Sets to be emptied: the flows of contact instances that have failed. */
  readonly forget: readonly string[];
}

const HASH_SEED = '0x5eed';
/** A map's key has the type of an expression. nft 1.0.6 dies of a listing in which that is `jhash`; this is as wide. */
const KEY_TYPE = `typeof numgen inc mod ${WEIGHT_TOTAL}`;

/** From the service as the kernel holds it to the same service with other weights (`sameStructure`). */
export function splitChange(before: AffinityService, after: AffinityService): SplitChange {
  const maps: MapChange[] = [];
  const { service, classes } = after;
  const add = (name: string, from: readonly AffinityInstance[], to: readonly AffinityInstance[]) => {
    const { gone, come } = rangeChange(hashRanges(from), hashRanges(to));
    if (gone.length === 0 && come.length === 0) return;
    const main = mainChain(service);
    const toRange = toLearnChain(main, name);
    maps.push({ map: splitMap(main, name), gone: gone.map(toRange), come: come.map(toRange) });
  };
  add('', before.instances, after.instances);
  if (classes !== before.classes) {
    const old = new Map(before.classes?.map((one) => [one.name, one.instances]));
    for (const { name, instances } of classes ?? []) add(name, old.get(name) ?? [], instances);
  }
  return { maps, forget: forgottenSets(after) };
}

/** The ranges that the weights of a class of `service` mean. */
export function splitRanges(service: string, { name, instances }: NamedClass): SplitRange[] {
  return hashRanges(instances).map(toLearnChain(mainChain(service), name));
}

/** Creates the map where it is not there. */
export function renderSplitMap(map: string): string {
  return `add map ${TABLE} ${map} { ${KEY_TYPE} : verdict; flags interval; }`;
}

/** Gives the maps the ranges of the weights, whatever they held. */
export function renderSplitElements(service: AffinityService): string[] {
  return classesOf(service).flatMap((one) => {
    const { split } = classNames(service.service, one.name);
    const ranges = splitRanges(service.service, one).map(
      ({ from, to, chain }) => `${from === to ? from : `${from}-${to}`} : goto ${chain}`,
    );
    const flush = `flush map ${TABLE} ${split}`;
    return ranges.length === 0 ? [flush] : [flush, `add element ${TABLE} ${split} { ${ranges.join(', ')} }`];
  });
}

/** The rules that look a new flow up in the split of its class. */
export function renderSplitRules(service: string, one: NamedClass): string[] {
  const { decide, split } = classNames(service, one.name);
  // A hash and not a random number: two packets of one new flow on two CPUs, or in a full set, decide alike.
  const hash = `jhash ${hashedText(service, one)} mod ${WEIGHT_TOTAL} seed ${HASH_SEED}`;
  const rule = `add rule ${TABLE} ${decide} ${hash} vmap @${split}`;
  // Twice: before Linux 6.17 a look-up that a transaction overtakes may find neither the old nor the new element. The
  // second one begins in the new generation. Where the first finds something, it is never reached.
  return [rule, rule];
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

function toLearnChain(main: string, name: string): (range: HashRange) => SplitRange {
  return ({ from, to, slot }) => ({ from, to, chain: learnChainOf(main, slot, name) });
}
