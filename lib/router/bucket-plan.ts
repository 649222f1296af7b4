// The resilient nexthop group of a class with `bucket` affinity: its members are the contact instances, and the kernel keeps
// a busy bucket where it is. A member without new flows stays at the smallest weight there is, in front of the others:
// rounded, that wants no bucket, so it gets none and loses those that fall idle. Removed, it would lose all at once.
import { type AffinityClass, type AffinityInstance, type FibObject, fibRoute } from '../fib/fib.ts';
import { addressFamily } from '../net/address.ts';
import { prefixOf } from './affinity-plan.ts';
import { want } from './fib-plan.ts';
import { bucketGroupId, bucketKey, bucketSlotFor } from './slots.ts';
import type { RouterState, Steered } from './state.ts';

/** Weights of a member, per thousandth of a share: as large as the kernel takes, so that 1 rounds to nothing. */
const WIDE = 65;
/** Kernels before 6.12 have eight bits. */
const NARROW = 0.256;

/** What the class is to nftables then: a mark, or for the service's own class nothing at all. */
export function programBuckets(
  state: RouterState,
  { key, service, name, class: serviceClass }: Steered,
  instances: readonly AffinityInstance[],
  cause: string,
): AffinityClass {
  const { idleTimeoutMs, closingTimeoutMs, buckets, unbalancedTimeoutMs } = serviceClass;
  const { fib } = state.config;
  const owner = bucketKey(key);
  const slot = instances.length === 0 ? undefined : bucketSlotFor(state, key, buckets);
  const spread = { instances: [], idleTimeoutMs, closingTimeoutMs };
  if (slot === undefined) {
    want(state, owner, [], cause);
    return { mode: 'none', ...spread };
  }
  const id = bucketGroupId(fib, slot);
  const unit = hasWideWeights(state) ? WIDE : NARROW;
  const weightOf = ({ weight }: AffinityInstance) => Math.max(1, Math.round(weight * unit));
  const members = [...instances]
    .sort((a, b) => Number(a.weight > 0) - Number(b.weight > 0) || a.slot - b.slot)
    .map((instance) => ({ nexthop: fib.nexthopIdBase + instance.slot, weight: weightOf(instance) }));
  const resilient = { buckets, idleTimeoutMs, unbalancedTimeoutMs };
  const objects: FibObject[] = [{ kind: 'group', id, members, resilient }];
  const fwmark = fib.markBase + slot;
  const table = fib.tableBase + slot;
  if (name !== '')
    objects.push(fibRoute(prefixOf(service), table, { kind: 'group', id }), {
      kind: 'rule',
      family: addressFamily(service),
      priority: fib.rulePriority + slot,
      fwmark,
      mask: fib.markMask,
      table,
    });
  want(state, owner, objects, cause);
  return { mode: 'bucket', ...spread, ...(name !== '' && { mark: fwmark }) };
}

/** True unless the kernel is known to take eight bits only. */
function hasWideWeights(state: RouterState): boolean {
  return !state.capabilities.some(({ name, available }) => name === 'nexthop-weights' && !available);
}
