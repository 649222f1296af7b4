// Turns a decision into forwarding objects (DESIGN section 6): per contact instance one nexthop with its segment list, a
// group, a table and a rule; per service the main route to the best instance and the affinity that spreads new flows.
import { type AffinityService, type FibObject, MAIN_TABLE } from '../fib/fib.ts';
import { addressFamily } from '../net/address.ts';
import { planSegments } from '../segment/plan.ts';
import { want } from './fib-plan.ts';
import { releaseSlot, slotFor } from './slots.ts';
import type { RouterState, Steered } from './state.ts';
import { log } from './turn.ts';

/** Wants what the service's last decision asks for. Reachable instances without new flows keep what their old flows need. */
export function programService(state: RouterState, steered: Steered, cause: string): void {
  const { decision, service } = steered;
  if (decision === undefined || !state.config.roles.includes('forwarder')) return;
  const { fib } = state.config;
  const family = addressFamily(service);
  const prefix = `${service}/${family === 'ipv6' ? 128 : 32}`;
  const objects: FibObject[] = [];
  const instances: AffinityService['instances'][number][] = [];
  const kept = new Set<string>();
  for (const { key, attributes, path } of decision.ranked) {
    if (path.length === 0) continue;
    const segments = segmentsTo(state, path, attributes.egressSid);
    const slot = segments && slotFor(state, key, attributes.egressSid);
    if (segments === undefined || slot === undefined) continue;
    kept.add(key);
    const table = fib.tableBase + slot;
    const mark = fib.markBase + slot;
    const group = fib.groupIdBase + slot;
    objects.push(
      { kind: 'nexthop', id: fib.nexthopIdBase + slot, segments },
      { kind: 'group', id: group, members: [{ nexthop: fib.nexthopIdBase + slot, weight: 1 }] },
    );
    if (key === decision.best)
      objects.push({ kind: 'route', prefix, table: MAIN_TABLE, target: { kind: 'group', id: group } });
    if (steered.class.affinity === 'none') continue;
    objects.push(
      { kind: 'route', prefix, table, target: { kind: 'group', id: group } },
      { kind: 'rule', family, priority: fib.rulePriority + slot, fwmark: mark, mask: fib.markMask, table },
    );
    instances.push({ slot, mark, weight: decision.weights[key] ?? 0, failed: false });
  }
  if (instances.length > 0) {
    const { idleTimeoutMs, closingTimeoutMs, affinity: mode } = steered.class;
    const whole = whole1000(instances.sort((a, b) => a.slot - b.slot));
    objects.push({ kind: 'affinity', service, mode, instances: whole, idleTimeoutMs, closingTimeoutMs });
  }
  want(state, `service ${service}`, objects, cause);
  for (const key of state.slots.keys()) if (key.startsWith(`${service} `) && !kept.has(key)) releaseSlot(state, key);
}

/** Shares of instances that could not be programmed go to the largest that could: weights sum to 1000 or are all 0. */
function whole1000(instances: AffinityService['instances']): AffinityService['instances'] {
  const sum = instances.reduce((total, instance) => total + instance.weight, 0);
  if (sum === 0 || sum === 1000) return instances;
  const largest = instances.reduce((a, b) => (b.weight > a.weight ? b : a));
  return instances.map((it) => (it === largest ? { ...it, weight: it.weight + 1000 - sum } : it));
}

/** The uncompressed list toward an egress SID along `path`; undefined when there is none that the headend can impose. */
export function segmentsTo(
  state: RouterState,
  path: readonly string[],
  egressSid: string,
): readonly string[] | undefined {
  const plan = planSegments({
    path,
    nodes: state.lsdb.nodes,
    egressSid,
    maxSidDepth: state.config.srv6.maxSidDepth,
  });
  if (plan.segments.length > 0) return plan.segments;
  log(state, 'warn', 'no segment list', { egressSid, reason: plan.reason });
  return undefined;
}
