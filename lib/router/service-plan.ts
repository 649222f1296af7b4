// Turns a decision into forwarding objects (DESIGN section 6): per contact instance one nexthop with its segment list, a
// group, a table and a rule; per service the main route to the best instance and the affinity that spreads new flows.

import type { RankedCandidate } from '../decision/decision.ts';
import { type AffinityService, type FibObject, MAIN_TABLE } from '../fib/fib.ts';
import type { ServiceId } from '../model/identity.ts';
import { addressFamily } from '../net/address.ts';
import { want } from './fib-plan.ts';
import { egressOf, segmentsTo } from './segment-lists.ts';
import { releaseSlot, slotFor } from './slots.ts';
import type { RouterState, Steered } from './state.ts';

/** Wants what the service's last decision asks for. Reachable instances without new flows keep what their old flows need. */
export function programService(state: RouterState, steered: Steered, cause: string): void {
  const { decision, service, programmed } = steered;
  if (decision === undefined || !state.config.roles.includes('forwarder')) return;
  const { fib } = state.config;
  const instances: AffinityService['instances'][number][] = [];
  const gone = new Set(programmed.keys());
  for (const ranked of decision.ranked) {
    const slot = programInstance(state, steered, ranked, cause);
    if (slot === undefined) continue;
    gone.delete(ranked.key);
    const weight = decision.weights[ranked.key] ?? 0;
    instances.push({ slot, mark: fib.markBase + slot, weight, failed: false });
  }
  const objects: FibObject[] = [];
  const best = programmed.get(decision.best);
  if (best !== undefined && !gone.has(decision.best)) {
    const target = { kind: 'group' as const, id: fib.groupIdBase + best.slot };
    objects.push({ kind: 'route', prefix: prefixOf(service), table: MAIN_TABLE, target });
  }
  if (instances.length > 0 && steered.class.affinity !== 'none') {
    const { idleTimeoutMs, closingTimeoutMs, affinity: mode } = steered.class;
    const whole = whole1000(instances.sort((a, b) => a.slot - b.slot));
    objects.push({ kind: 'affinity', service, mode, instances: whole, idleTimeoutMs, closingTimeoutMs });
  }
  want(state, `service ${service}`, objects, cause);
  for (const key of gone) {
    want(state, `instance ${key}`, [], cause);
    programmed.delete(key);
    releaseSlot(state, key);
  }
}

/** Wants the instance's own objects, anew only when its path, SID or slot changed; its slot, undefined when there is no way. */
function programInstance(
  state: RouterState,
  { service, class: { affinity }, programmed }: Steered,
  { key, attributes, path }: RankedCandidate,
  cause: string,
): number | undefined {
  const { egressSid } = attributes;
  const before = programmed.get(key);
  // Paths are objects of one SPF run: the same object is the same path over the same link state.
  if (before !== undefined && before.path === path && before.egressSid === egressSid) return before.slot;
  const segments = path.length === 0 ? undefined : segmentsTo(state, path, attributes);
  const slot = segments && slotFor(state, key, egressOf(attributes, path.at(-1)!));
  if (segments === undefined || slot === undefined) return undefined;
  programmed.set(key, { path, egressSid, slot });
  const { fib } = state.config;
  const group = fib.groupIdBase + slot;
  const table = fib.tableBase + slot;
  const objects: FibObject[] = [
    { kind: 'nexthop', id: fib.nexthopIdBase + slot, segments },
    { kind: 'group', id: group, members: [{ nexthop: fib.nexthopIdBase + slot, weight: 1 }] },
  ];
  if (affinity !== 'none') {
    const family = addressFamily(service);
    const fwmark = fib.markBase + slot;
    objects.push(
      { kind: 'route', prefix: prefixOf(service), table, target: { kind: 'group', id: group } },
      { kind: 'rule', family, priority: fib.rulePriority + slot, fwmark, mask: fib.markMask, table },
    );
  }
  want(state, `instance ${key}`, objects, cause);
  return slot;
}

function prefixOf(service: ServiceId): string {
  return `${service}/${addressFamily(service) === 'ipv6' ? 128 : 32}`;
}

/** Shares of instances that could not be programmed go to the largest that could: weights sum to 1000 or are all 0. */
function whole1000(instances: AffinityService['instances']): AffinityService['instances'] {
  const sum = instances.reduce((total, instance) => total + instance.weight, 0);
  if (sum === 0 || sum === 1000) return instances;
  const largest = instances.reduce((a, b) => (b.weight > a.weight ? b : a));
  return instances.map((it) => (it === largest ? { ...it, weight: it.weight + 1000 - sum } : it));
}
