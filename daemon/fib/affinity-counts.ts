// What our table of nftables has learned and counted, by listing it, and how it spreads new flows.
import { classesOf, setsOf } from '../../lib/fib/affinity-classes.ts';
import { AFFINITY_TABLE, shareSet } from '../../lib/fib/affinity-names.ts';
import { countElements, readClassCounters } from '../../lib/fib/affinity-readback.ts';
import { hashRanges, isShare } from '../../lib/fib/affinity-weights.ts';
import type { AffinityService, ClassCounter } from '../../lib/fib/fib.ts';
import type { NftElements } from './nft-elements.ts';
import { runNft } from './nft-process.ts';

export interface Listing {
  readonly netns?: string | undefined;
  /** The nft program. */
  readonly nft?: string | undefined;
}

/** Learned flows per slot: 0.8 s of CPU at 40 000. */
export async function countByListing(
  services: Iterable<AffinityService>,
  { netns, nft: program }: Listing,
): Promise<Map<number, number>> {
  const counts = new Map<number, number>();
  for (const one of [...services].flatMap(classesOf))
    for (const { slot } of one.instances) {
      const [learned] = setsOf(one, slot);
      if (learned === undefined) continue;
      const { ok, output } = await runNft(['-j', 'list', 'set', 'inet', AFFINITY_TABLE, learned], { netns, program });
      if (ok) counts.set(slot, countElements(output));
    }
  return counts;
}

/** What each class has decided. */
export async function listCounters(
  services: readonly AffinityService[],
  { netns, nft: program }: Listing,
): Promise<ClassCounter[]> {
  const { ok, output } = await runNft(['-j', 'list', 'counters', 'table', 'inet', AFFINITY_TABLE], { netns, program });
  return ok ? readClassCounters(output, services) : [];
}

/** Whether the kernel spreads new flows of a service by its weights. */
export async function spreadsAs(service: AffinityService, elements: NftElements): Promise<boolean> {
  for (const { instances } of classesOf(service))
    for (const [slot, meant] of hashRanges(instances))
      if (!isShare(await elements.readShare(shareSet(slot)), meant)) return false;
  return true;
}
