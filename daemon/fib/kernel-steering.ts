// The change that traffic waits for, and by far the most frequent: one nexthop, group or route is replaced, or one service's
// weights are, or both. Between two of them memory grows cold: what counts is how little is touched on the way.
import type { AffinityService, FibDelta, FibKey, FibResult } from '../../lib/fib/fib.ts';
import { monotonicMs } from '../runtime/clock.ts';
import type { NetlinkObject } from './kernel-codec.ts';
import type { KernelProgrammer } from './kernel-programmer.ts';
import type { KernelScan } from './kernel-scan.ts';
import type { NftHalf } from './nft-half.ts';

const NONE: readonly FibKey[] = [];

export interface Steering {
  readonly object: NetlinkObject | undefined;
  readonly service: AffinityService | undefined;
}

export interface SteeringTools {
  readonly programmer: KernelProgrammer;
  readonly scan: KernelScan;
  readonly nft: NftHalf;
}

/** What the change replaces, if it is of that sort. */
export function steeringOf({ put, remove }: FibDelta): Steering | undefined {
  if (put.length === 0 || put.length > 2 || remove.length > 0) return undefined;
  const first = put[0]!;
  const last = put[put.length - 1]!;
  const service = last.kind === 'affinity' ? last : undefined;
  if (first === service) return { object: undefined, service };
  if (first !== last && !service) return undefined;
  if (first.kind !== 'nexthop' && first.kind !== 'group' && first.kind !== 'route') return undefined;
  return { object: first, service };
}

/**
 * Performs such a change in this very call. Undefined: it is another, or not for now, or nftables would not have it so; then all
 * of it is still to be asked for.
 */
export function steer(delta: FibDelta, { programmer, scan, nft }: SteeringTools): FibResult | undefined {
  const steering = steeringOf(delta);
  if (!steering || nft.busy) return undefined;
  const { object, service } = steering;
  if (service && !nft.affinity.isReweighed(service)) return undefined;
  const requestedAtMs = monotonicMs();
  scan.touch(delta.put, NONE);
  const failure = object && programmer.putOne(object);
  const netlinkDoneAtMs = monotonicMs();
  if (service && (programmer.held.accept(service) || !nft.affinity.changeNow(new Map([[service.service, service]]))))
    return undefined;
  const affinityDoneAtMs = service ? monotonicMs() : netlinkDoneAtMs;
  const failures = failure ? [failure] : [];
  const put = delta.put.length - failures.length;
  return { failures, put, removed: 0, requestedAtMs, netlinkDoneAtMs, affinityDoneAtMs };
}
