// The full desired set: takes what was read for what is in force, programs what is missing or different, and only then
// removes own objects that are not desired. All of it in pieces, and what a change touches meanwhile is left to the change.
import { heldDiffSteps } from '../../lib/fib/diff.ts';
import { sameObject } from '../../lib/fib/equality.ts';
import {
  type FibFailure,
  type FibKey,
  type FibObject,
  type FibRemoval,
  fibKey,
  removalKey,
} from '../../lib/fib/fib.ts';
import { kindOfKey } from '../../lib/fib/order.ts';
import type { RequestSocket } from '../netlink/request-socket.ts';
import { chunked, each, gently } from './gently.ts';
import type { NetlinkObject } from './kernel-codec.ts';
import { sortPuts, sortRemovals } from './kernel-large-change.ts';
import type { KernelProgrammer } from './kernel-programmer.ts';
import type { KernelReadBack } from './kernel-readback.ts';
import type { NftHalf } from './nft-half.ts';
import { putInTurns } from './put-in-turns.ts';
import { removeInTurns } from './remove-in-turns.ts';

export interface SyncOutcome {
  readonly failures: FibFailure[];
  readonly put: number;
  readonly removed: number;
}

/** Puts what nftables holds among `puts` and removes it among `removals`; failures are added. */
export type SettleNft = (
  puts: readonly FibObject[],
  removals: readonly FibKey[],
  failures: FibFailure[],
) => Promise<void>;

export interface SyncTools {
  readonly requests: RequestSocket;
  readonly programmer: KernelProgrammer;
  readonly nft: NftHalf;
  readonly settleNft: SettleNft;
  /** No change was made since the sync was asked for. */
  readonly isQuiet: () => boolean;
  /** A change made since the sync was asked for has decided this key. */
  readonly isTouched: (key: FibKey) => boolean;
  readonly isOver: () => boolean;
}

export async function syncKernel(
  read: KernelReadBack,
  desired: readonly FibObject[],
  tools: SyncTools,
): Promise<SyncOutcome> {
  const { requests, programmer, nft, settleNft, isQuiet, isTouched, isOver } = tools;
  const inChunks = chunked(isOver);
  await adopt(read, tools);
  const { put, remove } = await gently(heldDiffSteps(programmer.held, desired));
  const failures: FibFailure[] = [];
  const puts = await sortPuts(put, isOver);
  const gone = await sortRemovals(remove, isOver);
  const choose = (objects: readonly NetlinkObject[], from: number, to: number) =>
    isQuiet() ? undefined : objects.slice(from, to).filter((object) => !isTouched(fibKey(object)));
  for (const objects of puts.netlink) await putInTurns(objects, { programmer, isOver, choose }, failures);
  const untouched = (removal: FibRemoval) => !isTouched(removalKey(removal));
  const told = puts.nft.filter((object) => untouched(fibKey(object)));
  await settleNft(told, gone.nft.filter(untouched), failures);
  let removed = gone.nft.length;
  const stale = (removals: readonly FibRemoval[], from: number, to: number) =>
    isQuiet() ? undefined : removals.slice(from, to).filter(untouched);
  removed += await removeInTurns(gone.netlink, gone.routes, { programmer, isOver, choose: stale }, failures);
  await inChunks(read.strays, (chunk) => {
    const outcomes = requests.batch(chunk.map((stray) => stray.remove));
    removed += outcomes.filter((outcome) => outcome === null).length;
  });
  if (!nft.replace.isKnown) failures.push(...(await nft.replace.repair()));
  for (const plane of nft.tables) {
    if (!plane.isKnown && untouched(plane.key)) failures.push(...(await plane.repair(plane.inForce())));
  }
  return { failures, put: countPut(put, failures), removed };
}

/** How many of `puts` are not among the failures. */
export function countPut(puts: readonly FibObject[], failures: readonly FibFailure[]): number {
  if (failures.length === 0) return puts.length;
  const failed = new Set(failures.map((failure) => failure.key));
  return puts.filter((object) => !failed.has(fibKey(object))).length;
}

/** Takes what was read for what is in force, except where a change has been faster. */
async function adopt(
  { objects, asHeld }: KernelReadBack,
  { programmer, nft, isTouched, isOver }: SyncTools,
): Promise<void> {
  const { held } = programmer;
  const pinned = await nft.affinity.readBack();
  const replaced = await nft.replace.readBack();
  const unread = new Set<FibKey>();
  const whole: FibObject[] = [];
  // One after the other: each starts a program, and to fork a large process takes some milliseconds.
  for (const plane of nft.tables) {
    const truth = await plane.readBack();
    if (!truth) unread.add(plane.key);
    else if (truth.object) whole.push(truth.object);
  }
  const services = pinned?.services.filter((service) => !pinned.damaged.has(service.service)) ?? [];
  const others = new Map([...services, ...(replaced?.sids ?? []), ...whole].map((object) => [fibKey(object), object]));
  await each(held.unmarked(asHeld), isOver, (object) => {
    const key = fibKey(object);
    if (objects.has(key) || others.has(key) || isTouched(key)) return;
    const kind = kindOfKey(key);
    const unknown = (kind === 'affinity' && !pinned) || (kind === 'replace-csid' && !replaced) || unread.has(key);
    if (!unknown) held.remove(key);
  });
  for (const seen of [objects, others])
    await each(seen, isOver, ([key, object]) => {
      const old = held.get(key);
      if (!isTouched(key) && !(old && sameObject(old, object))) held.put(object);
    });
}
