// The rtnetlink half of a scan: how the kernel departs from what is held, and putting it right in one go. What is missing
// is installed anew and never replaced, because what has taken its place since may be somebody else's; what carries our
// number and stands in the place of an object of ours makes room first.
import { driftSteps } from '../../lib/fib/diff.ts';
import { type FibDrift, type FibFailure, type FibKey, type FibObject, fibKey } from '../../lib/fib/fib.ts';
import { orderPuts } from '../../lib/fib/order.ts';
import type { RequestSocket } from '../netlink/request-socket.ts';
import { gently, type InChunks } from './gently.ts';
import { encodeRemoval, isNetlinkObject, type KernelContext, type NetlinkObject } from './kernel-codec.ts';
import type { KernelProgrammer } from './kernel-programmer.ts';
import type { KernelReadBack, Stray } from './kernel-readback.ts';

export interface RepairOptions {
  readonly requests: RequestSocket;
  readonly context: KernelContext;
  readonly programmer: KernelProgrammer;
  readonly inChunks: InChunks;
  /** A change made since the read has decided this key. */
  readonly isTouched: (key: FibKey) => boolean;
  /** What is ours and not held may go: the first full set is known. */
  readonly synced: boolean;
}

export interface Comparison {
  readonly drift: FibDrift[];
  readonly seen: ReadonlyMap<FibKey, FibObject>;
  /** Strays in the place of a held object, and all others. */
  readonly shadows: readonly Stray[];
  readonly strays: readonly Stray[];
}

/** How what was read departs from what is held; each key at most once. */
export async function compareNetlink(read: KernelReadBack, options: RepairOptions): Promise<Comparison> {
  const { programmer, isTouched, synced } = options;
  const { held } = programmer;
  const compared = await gently(
    driftSteps(netlinkObjects(held.unmarked(read.asHeld)), (key) => held.has(key), read.objects),
  );
  const byKey = new Map<FibKey, FibDrift>();
  for (const drift of compared) {
    const counts = !isTouched(drift.key) && !programmer.isWaiting(drift.key);
    if (counts && (synced || drift.what !== 'stale')) byKey.set(drift.key, drift);
  }
  const isShadow = ({ shadows }: Stray) => shadows !== undefined && held.has(shadows) && !programmer.isWaiting(shadows);
  const shadows = read.strays.filter((stray) => isShadow(stray) && !isTouched(stray.shadows!));
  for (const { shadows: key } of shadows) byKey.set(key!, { key: key!, what: 'different' });
  const strays = synced ? read.strays.filter((stray) => !isShadow(stray)) : [];
  for (const { key } of strays) byKey.set(key, { key, what: 'stale' });
  return { drift: [...byKey.values()], seen: read.objects, shadows, strays };
}

function* netlinkObjects(objects: Iterable<FibObject>): IterableIterator<NetlinkObject> {
  for (const object of objects) if (isNetlinkObject(object)) yield object;
}

/** Puts right what `compareNetlink` found; what cannot be is returned. */
export async function repairNetlink(found: Comparison, options: RepairOptions): Promise<FibFailure[]> {
  const { requests, context, programmer, inChunks, isTouched } = options;
  const { held } = programmer;
  const { drift, seen, shadows, strays } = found;
  requests.batch(shadows.filter(({ inPlace }) => inPlace !== true).map(({ remove }) => remove));
  const again: NetlinkObject[] = [];
  const lost = new Set<FibKey>();
  for (const { key, what } of drift) {
    const object = what === 'stale' ? undefined : held.get(key);
    if (!object || !isNetlinkObject(object)) continue;
    again.push(object);
    if (what === 'missing') lost.add(key);
  }
  const failures: FibFailure[] = [];
  await inChunks(orderPuts(again) as NetlinkObject[], (chunk) => {
    const due = chunk.filter((object) => !isTouched(fibKey(object)));
    failures.push(...programmer.put(due, lost));
  });
  const stale = drift.filter(({ key, what }) => what === 'stale' && seen.has(key) && !isTouched(key));
  for (const { key } of stale) held.put(seen.get(key)!);
  failures.push(...programmer.remove(stale.map(({ key }) => key)).failures);
  for (const { key, what } of drift) {
    const object = seen.get(key);
    // Rules have no replace: the one that was there instead stands beside the repaired one.
    if (what === 'different' && object?.kind === 'rule') requests.request(encodeRemoval(context, object));
  }
  requests.batch(strays.map(({ remove }) => remove));
  return stale.length + strays.length > 0 ? onceMore(failures, options, lost) : failures;
}

/** What stood in the way may be gone: a group where a nexthop is to be, and whatever refers to it. */
function onceMore(failures: readonly FibFailure[], options: RepairOptions, lost: ReadonlySet<FibKey>): FibFailure[] {
  const { programmer, isTouched } = options;
  const failed = failures.map(({ key }) => programmer.held.get(key)).filter((object) => object !== undefined);
  const due = failed.filter(isNetlinkObject).filter((object) => !isTouched(fibKey(object)));
  return [...failures.filter(({ key }) => !due.some((object) => fibKey(object) === key)), ...programmer.put(due, lost)];
}
