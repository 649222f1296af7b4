// A change so large that timers would wait for it: made in pieces, with a turn of the event loop between. What smaller
// changes decide meanwhile is newer, and wins. Order is that of any change: members, routes, rules, nftables, then removals.
import {
  type FibDelta,
  type FibFailure,
  type FibKey,
  type FibObject,
  type FibRemoval,
  type FibResult,
  fibKey,
  removalKey,
} from '../../lib/fib/fib.ts';
import { isOfRoute, lastPuts, orderPuts, splitRemovals } from '../../lib/fib/order.ts';
import { chunked } from './gently.ts';
import { isNetlinkKey, isNetlinkObject, type NetlinkObject } from './kernel-codec.ts';
import type { KernelProgrammer } from './kernel-programmer.ts';
import type { KernelScan, Watch } from './kernel-scan.ts';

/** Objects of a change that is made in one turn: some ms. */
export const LARGE = 1024;

/** Objects sorted in one turn: a fraction of a millisecond. */
const SLICE = 4096;

export interface LargeChangeTools {
  readonly programmer: KernelProgrammer;
  readonly scan: KernelScan;
  /** What others have changed since this change was asked for. */
  readonly watch: Watch;
  /** The forwarding plane was closed. */
  readonly isOver: () => boolean;
  /** These are about to be put. */
  readonly starting: (objects: readonly FibObject[]) => void;
  /** Tells nftables and waits for it; failures are added. Returns how many were removed. */
  readonly settle: (puts: readonly FibObject[], removals: readonly FibKey[], failures: FibFailure[]) => Promise<number>;
  readonly nowMs: () => number;
}

export async function applyLarge(delta: FibDelta, tools: LargeChangeTools): Promise<FibResult> {
  const { programmer, scan, watch, isOver, starting, settle, nowMs } = tools;
  const inChunks = chunked(isOver);
  const { isTouched, done } = watch;
  try {
    const failures: FibFailure[] = [];
    const puts = await sortPuts(delta.put, isOver);
    const gone = await sortRemovals(without(delta.remove, delta.put), isOver);
    for (const objects of puts.netlink) {
      // The kernel's reserve for lists is small, and fills up while others go in: what found it empty comes at the end.
      const later: NetlinkObject[] = [];
      const put = (due: readonly NetlinkObject[], patient: boolean) => {
        scan.touch(due, [], isTouched);
        starting(due);
        if (patient) return void failures.push(...programmer.put(due));
        const refused = programmer.putInPassing(due);
        const outOfMemory = new Set(refused.flatMap(({ key, code }) => (code === 'ENOMEM' ? key : [])));
        if (outOfMemory.size > 0) later.push(...due.filter((object) => outOfMemory.has(fibKey(object))));
        failures.push(...refused.filter(({ key }) => !outOfMemory.has(key)));
      };
      const untouched = (chunk: readonly NetlinkObject[]) =>
        watch.isQuiet() ? chunk : chunk.filter((object) => !isTouched(object));
      await inChunks(objects, (chunk) => put(untouched(chunk), chunk[0]?.kind !== 'route'));
      await inChunks(later, (chunk) => put(untouched(chunk), true));
    }
    const netlinkDoneAtMs = nowMs();
    const told = puts.nft.filter((object) => !isTouched(object));
    const untold = gone.nft.filter((key) => !isTouched(key));
    scan.touch(told, untold, isTouched);
    let removed = await settle(told, untold, failures);
    const affinityDoneAtMs = nowMs();
    for (const keys of gone.netlink)
      await inChunks(keys, (chunk) => {
        const due = watch.isQuiet() ? chunk : chunk.filter((removal) => !isTouched(removal));
        scan.touch([], due, isTouched);
        const result = programmer.remove(due);
        failures.push(...result.failures);
        removed += result.removed;
      });
    return { failures, put: delta.put.length - failures.length, removed, netlinkDoneAtMs, affinityDoneAtMs };
  } finally {
    done();
  }
}

/** Those of `removals` that no put is for. */
export function without(removals: readonly FibRemoval[], puts: readonly FibObject[]): readonly FibRemoval[] {
  if (removals.length === 0 || puts.length === 0) return removals;
  const put = new Set(puts.map(fibKey));
  return removals.filter((removal) => !put.has(removalKey(removal)));
}

/** Routes apart from what comes before and after them, and what nftables is told. */
export async function sortPuts(puts: readonly FibObject[], isOver: () => boolean) {
  // What is large mostly is nothing but routes, and needs no copy.
  if (await isAll(puts, isRoute, isOver)) return { nft: [], netlink: [puts as readonly NetlinkObject[]] };
  const nft: FibObject[] = [];
  const routes: NetlinkObject[] = [];
  const others: NetlinkObject[] = [];
  await chunked(isOver, SLICE)(puts, (slice) => {
    for (const object of slice) {
      if (!isNetlinkObject(object)) nft.push(object);
      else (object.kind === 'route' ? routes : others).push(object);
    }
  });
  const ladder = orderPuts(others).filter(isNetlinkObject);
  const rules = ladder.filter((object) => object.kind === 'rule');
  const first = ladder.filter((object) => object.kind !== 'rule');
  return { nft: lastPuts(nft), netlink: [first, routes, rules] };
}

/** The same for what goes, in the order in which it goes. */
export async function sortRemovals(removals: readonly FibRemoval[], isOver: () => boolean) {
  if (await isAll(removals, isOfRoute, isOver)) return { nft: [], netlink: [removals] };
  const nft: FibKey[] = [];
  const routes: FibRemoval[] = [];
  const others: FibKey[] = [];
  await chunked(isOver, SLICE)(removals, (slice) => {
    for (const removal of slice) {
      if (isOfRoute(removal)) routes.push(removal);
      else (isNetlinkKey(removal as FibKey) ? others : nft).push(removal as FibKey);
    }
  });
  const { before, after } = splitRemovals(others);
  return { nft, netlink: [before, routes, after] as readonly (readonly FibRemoval[])[] };
}

const isRoute = ({ kind }: FibObject): boolean => kind === 'route';

async function isAll<T>(items: readonly T[], is: (item: T) => boolean, isOver: () => boolean): Promise<boolean> {
  let all = true;
  await chunked(() => isOver() || !all, SLICE)(items, (slice) => {
    all = slice.every(is);
  });
  return all;
}
