// How a service's new flows are spread: a hash of the flow looked up in a map of ranges, one range a contact instance.
// The rules stand still and only elements change, so that new weights need no rule text and no nft program. Decides
// which elements; refuses to know how they reach the kernel.
import { addressFamily } from '../net/address.ts';
import { closingSet, learnChain, liveSet, serviceChains, AFFINITY_TABLE_SPEC as TABLE } from './affinity-names.ts';
import { type HashRange, hashRanges, rangeChange, WEIGHT_TOTAL } from './affinity-weights.ts';
import type { AffinityService } from './fib.ts';

/** Numbers from `from` to `to`, both inclusive, go to `chain`. */
export interface SplitRange {
  readonly from: number;
  readonly to: number;
  readonly chain: string;
}

/** What new weights change of a service whose rules stay. */
export interface SplitChange {
  readonly map: string;
  readonly gone: readonly SplitRange[];
  readonly come: readonly SplitRange[];
  /** Sets to be emptied: the flows of contact instances that have failed. */
  readonly forget: readonly string[];
}

const HASH_SEED = '0x5eed';
/** A map's key has the type of an expression. nft 1.0.6 dies of a listing in which that is `jhash`; this is as wide. */
const KEY_TYPE = `typeof numgen inc mod ${WEIGHT_TOTAL}`;

/** From the service as the kernel holds it to the same service with other weights. */
export function splitChange(before: AffinityService, after: AffinityService): SplitChange {
  const { gone, come } = rangeChange(hashRanges(before.instances), hashRanges(after.instances));
  return {
    map: serviceChains(after.service).split,
    gone: gone.map(toLearnChain),
    come: come.map(toLearnChain),
    forget: forgottenSets(after),
  };
}

/** Live and closing sets of the instances that have failed. */
export function forgottenSets(service: AffinityService): string[] {
  const failed = service.instances.filter((instance) => instance.failed);
  return failed.flatMap(({ slot }) => [liveSet(slot), closingSet(slot)]);
}

/** The ranges that the weights of a service mean. */
export function splitRanges(service: AffinityService): SplitRange[] {
  return hashRanges(service.instances).map(toLearnChain);
}

/** Creates the map where it is not there. */
export function renderSplitMap(service: string): string {
  return `add map ${TABLE} ${serviceChains(service).split} { ${KEY_TYPE} : verdict; flags interval; }`;
}

/** Gives the map the ranges of the weights, whatever it held. */
export function renderSplitElements(service: AffinityService): string[] {
  const { split } = serviceChains(service.service);
  const ranges = splitRanges(service).map(
    ({ from, to, chain }) => `${from === to ? from : `${from}-${to}`} : goto ${chain}`,
  );
  const flush = `flush map ${TABLE} ${split}`;
  return ranges.length === 0 ? [flush] : [flush, `add element ${TABLE} ${split} { ${ranges.join(', ')} }`];
}

/** The rules of the decide chain. */
export function renderSplitRules(service: string): string[] {
  const { decide, split } = serviceChains(service);
  const source = addressFamily(service) === 'ipv6' ? 'ip6 saddr' : 'ip saddr';
  // A hash and not a random number: two packets of one new flow on two CPUs, or in a full set, decide alike.
  const hash = `jhash ${source} . th sport . th dport mod ${WEIGHT_TOTAL} seed ${HASH_SEED}`;
  const rule = `add rule ${TABLE} ${decide} ${hash} vmap @${split}`;
  // Twice: before Linux 6.17 a look-up that a transaction overtakes may find neither the old nor the new element. The
  // second one begins in the new generation. Where the first finds something, it is never reached.
  return [rule, rule];
}

function toLearnChain({ from, to, slot }: HashRange): SplitRange {
  return { from, to, chain: learnChain(slot) };
}
