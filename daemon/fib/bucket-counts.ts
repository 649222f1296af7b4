// How many busy buckets each member of our resilient groups holds: what there is to see of flows where none is learned.
import type { FibObject } from '../../lib/fib/fib.ts';
import { decodeBucket, encodeDumpBuckets } from '../../lib/netlink/rt/nexthop-bucket.ts';
import type { RequestSocket } from '../netlink/request-socket.ts';

/** By slot of the member nexthop, members without a busy bucket included. A group that is gone counts nothing. */
export async function busyBuckets(
  requests: RequestSocket,
  held: Iterable<FibObject>,
  nexthopIdBase: number,
): Promise<Map<number, number>> {
  const counts = new Map<number, number>();
  const add = (nexthop: number, count: number) => {
    const slot = nexthop - nexthopIdBase;
    counts.set(slot, (counts.get(slot) ?? 0) + count);
  };
  for (const group of held) {
    if (group.kind !== 'group' || group.resilient === undefined) continue;
    for (const { nexthop } of group.members) add(nexthop, 0);
    try {
      for (const bucket of await requests.dump(encodeDumpBuckets(group.id), decodeBucket))
        if (bucket.idleMs < group.resilient.idleTimeoutMs) add(bucket.nexthop, 1);
    } catch {
      // Removed meanwhile.
    }
  }
  return counts;
}
