// The change that traffic waits for, and by far the most frequent: one nexthop or one group is replaced, and nothing else.
import type { FibDelta, FibKey, FibResult } from '../../lib/fib/fib.ts';
import { monotonicMs } from '../runtime/clock.ts';
import type { NetlinkObject } from './kernel-codec.ts';
import type { KernelProgrammer } from './kernel-programmer.ts';
import type { KernelScan } from './kernel-scan.ts';

const NONE: readonly FibKey[] = [];

/** What the change replaces, if it is of that sort. */
export function steeringOf({ put, remove }: FibDelta): NetlinkObject | undefined {
  if (put.length !== 1 || remove.length > 0) return undefined;
  const [object] = put;
  return object!.kind === 'nexthop' || object!.kind === 'group' ? object : undefined;
}

export function steer(object: NetlinkObject, programmer: KernelProgrammer, scan: KernelScan): FibResult {
  const requestedAtMs = monotonicMs();
  scan.touch([object], NONE);
  const failure = programmer.putOne(object);
  const failures = failure ? [failure] : [];
  const atMs = monotonicMs();
  return {
    failures,
    put: 1 - failures.length,
    removed: 0,
    requestedAtMs,
    netlinkDoneAtMs: atMs,
    affinityDoneAtMs: atMs,
  };
}
