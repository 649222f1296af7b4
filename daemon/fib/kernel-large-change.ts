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
import { isOfRoute, lastPuts, splitRemovals } from '../../lib/fib/order.ts';
import { chunked, ranged } from './gently.ts';
import { isNetlinkKey, isNetlinkObject, type NetlinkObject } from './kernel-codec.ts';
import type { KernelProgrammer } from './kernel-programmer.ts';
import type { KernelScan, Watch } from './kernel-scan.ts';
import { putInTurns } from './put-in-turns.ts';
import { removeInTurns } from './remove-in-turns.ts';

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
  readonly starting: (objects: () => readonly FibObject[]) => void;
  /** Tells nftables and waits for it; failures are added. Returns how many were removed. */
  readonly settle: (puts: readonly FibObject[], removals: readonly FibKey[], failures: FibFailure[]) => Promise<number>;
  readonly nowMs: () => number;
}

export async function applyLarge(delta: FibDelta, tools: LargeChangeTools): Promise<FibResult> {
  const { programmer, scan, watch, isOver, starting, settle, nowMs } = tools;
  const { isTouched, done } = watch;
  /** Undefined: all of them, as nearly always. */
  const due = <T extends FibRemoval | FibObject>(items: readonly T[], from: number, to: number) =>
    watch.isQuiet() && !scan.isWatched(isTouched)
      ? undefined
      : items.slice(from, to).filter((item) => watch.isQuiet() || !isTouched(item));
  try {
    const failures: FibFailure[] = [];
    const puts = await sortPuts(delta.put, isOver);
    const gone = await sortRemovals(without(delta.remove, delta.put), isOver);
    const choose = (objects: readonly NetlinkObject[], from: number, to: number) => {
      const chosen = due(objects, from, to);
      if (chosen) scan.touch(chosen, [], isTouched);
      starting(() => chosen ?? objects.slice(from, to));
      return chosen;
    };
    for (const objects of puts.netlink) await putInTurns(objects, { programmer, isOver, choose }, failures);
    const netlinkDoneAtMs = nowMs();
    const told = puts.nft.filter((object) => !isTouched(object));
    const untold = gone.nft.filter((key) => !isTouched(key));
    scan.touch(told, untold, isTouched);
    let removed = await settle(told, untold, failures);
    const affinityDoneAtMs = nowMs();
    const chooseGone = (removals: readonly FibRemoval[], from: number, to: number) => {
      const chosen = due(removals, from, to);
      if (chosen) scan.touch([], chosen, isTouched);
      return chosen;
    };
    removed += await removeInTurns(gone.netlink, gone.routes, { programmer, isOver, choose: chooseGone }, failures);
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

/** What nftables is told apart, and lists of one kind each, in the order in which they are put. */
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
  const ladder = Map.groupBy(others, ({ kind }) => kind);
  const netlink = (['nexthop', 'group', 'local-sid', 'route', 'rule'] as const).map((kind) =>
    kind === 'route' ? routes : (ladder.get(kind) ?? []),
  );
  return { nft: lastPuts(nft), netlink };
}

/** The same for what goes, in the order in which it goes. */
export async function sortRemovals(removals: readonly FibRemoval[], isOver: () => boolean) {
  if (await isAll(removals, isOfRoute, isOver)) return { nft: [], netlink: [removals], routes: removals };
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
  return { nft, netlink: [before, routes, after] as readonly (readonly FibRemoval[])[], routes };
}

const isRoute = ({ kind }: FibObject): boolean => kind === 'route';

async function isAll<T>(items: readonly T[], is: (item: T) => boolean, isOver: () => boolean): Promise<boolean> {
  let all = true;
  await ranged(() => isOver() || !all, SLICE)(items.length, (from, to) => {
    for (let i = from; all && i < to; i++) all = is(items[i]!);
  });
  return all;
}
