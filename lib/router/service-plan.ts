// Turns a decision into forwarding objects (DESIGN section 6): once a class, per contact instance one nexthop with its
// segment list, a group, a table and a rule. What a service is told as a whole is affinity-plan.ts'.
//
// A contact instance that is gone is first marked as failed: its flows are forgotten and its share is taken by others in
// one change of elements, the fastest there is. Its objects go a moment later, so that a packet that was on its way
// through the old rules still finds them, and a learned flow that slipped past the change goes with its set.
import type { RankedCandidate } from '../decision/decision.ts';
import { type AffinityInstance, type FibObject, fibRoute } from '../fib/fib.ts';
import { addressFamily } from '../net/address.ts';
import { prefixOf, wantService } from './affinity-plan.ts';
import { programBuckets } from './bucket-plan.ts';
import { want } from './fib-plan.ts';
import { egressOf, segmentsTo } from './segment-lists.ts';
import { releaseSlot, slotFor, slotKey } from './slots.ts';
import type { RouterState, Steered } from './state.ts';
import { setTimer } from './turn.ts';

/** How long the objects of an instance that is gone stay. */
const SWEEP_MS = 1000;

export function sweepTimer(key: string): string {
  return `sweep/${key}`;
}

/** Wants what the class's last decision asks for. Reachable instances without new flows keep what their old flows need. */
export function programService(state: RouterState, steered: Steered, reason: string): void {
  const { decision, service, programmed } = steered;
  if (decision === undefined || !state.config.roles.includes('forwarder')) return;
  const known = programmed.size;
  const { markBase } = state.config.fib;
  const instances: AffinityInstance[] = [];
  const missing = new Set(programmed.keys());
  for (const ranked of decision.ranked) {
    const slot = programInstance(state, steered, ranked, reason);
    if (slot === undefined) continue;
    missing.delete(ranked.key);
    instances.push({ slot, mark: markBase + slot, weight: decision.weights[ranked.key] ?? 0, failed: false });
  }
  // One that comes brings rules and tables, by nft: no measure of how fast a report moves traffic.
  const cause = programmed.size > known ? 'instance' : reason;
  const swept = fail(state, steered, missing);
  for (const key of missing) {
    const { slot } = programmed.get(key)!;
    if (!swept.includes(key)) instances.push({ slot, mark: markBase + slot, weight: 0, failed: true });
  }
  const whole = whole1000(instances.sort((a, b) => a.slot - b.slot));
  const { affinity: mode, idleTimeoutMs, closingTimeoutMs, clientBits } = steered.class;
  const bits = clientBits[addressFamily(service)];
  steered.spread = {
    mode,
    instances: whole,
    idleTimeoutMs,
    closingTimeoutMs,
    ...(mode === 'client' && bits < (addressFamily(service) === 'ipv6' ? 128 : 32) && { clientBits: bits }),
  };
  if (mode === 'bucket') steered.spread = programBuckets(state, steered, whole, cause);
  wantService(state, service, cause);
  for (const key of swept) {
    want(state, `instance ${slotKey(steered.name, key)}`, [], cause);
    programmed.delete(key);
    releaseSlot(state, slotKey(steered.name, key));
  }
}

/** Notes since when instances are gone; those whose objects may go now. Without learned flows there is nothing to wait for. */
function fail(state: RouterState, steered: Steered, missing: ReadonlySet<string>): string[] {
  const { programmed, class: serviceClass } = steered;
  if (serviceClass.affinity === 'bucket' || serviceClass.affinity === 'none') return [...missing];
  const swept: string[] = [];
  for (const key of missing) {
    const entry = programmed.get(key)!;
    const failedAtMs = entry.failedAtMs ?? state.atMs;
    if (state.atMs >= failedAtMs + SWEEP_MS) swept.push(key);
    else if (entry.failedAtMs === undefined) {
      programmed.set(key, { ...entry, failedAtMs });
      setTimer(state, sweepTimer(steered.key), state.atMs + SWEEP_MS);
    }
  }
  return swept;
}

/** Removes what is left of instances that are gone, or waits for the younger of them. */
export function sweep(state: RouterState, steered: Steered): void {
  programService(state, steered, 'sweep');
  const left = [...steered.programmed.values()].flatMap(({ failedAtMs }) => failedAtMs ?? []);
  if (left.length > 0) setTimer(state, sweepTimer(steered.key), Math.min(...left) + SWEEP_MS);
}

/** Wants the instance's own objects, anew only when its path, SID or slot changed; its slot, undefined when there is no way. */
function programInstance(
  state: RouterState,
  { service, name, class: { affinity }, programmed }: Steered,
  { key, attributes, path }: RankedCandidate,
  cause: string,
): number | undefined {
  const { egressSid } = attributes;
  const before = programmed.get(key);
  // Paths are objects of one SPF run: the same object is the same path over the same link state.
  if (before !== undefined && before.path === path && before.egressSid === egressSid) {
    if (before.failedAtMs !== undefined) programmed.set(key, { path, egressSid, slot: before.slot });
    return before.slot;
  }
  const segments = path.length === 0 ? undefined : segmentsTo(state, path, attributes);
  const own = slotKey(name, key);
  const slot = segments && slotFor(state, name, key, egressOf(attributes, path.at(-1)!));
  if (segments === undefined || slot === undefined) return undefined;
  programmed.set(key, { path, egressSid, slot });
  const { fib } = state.config;
  const nexthop = fib.nexthopIdBase + slot;
  const table = fib.tableBase + slot;
  const objects: FibObject[] = [{ kind: 'nexthop', id: nexthop, segments }];
  if (affinity !== 'bucket') {
    const family = addressFamily(service);
    const fwmark = fib.markBase + slot;
    objects.push(fibRoute(prefixOf(service), table, { kind: 'nexthop', id: nexthop }), {
      kind: 'rule',
      family,
      priority: fib.rulePriority + slot,
      fwmark,
      mask: fib.markMask,
      table,
    });
  }
  want(state, `instance ${own}`, objects, cause);
  return slot;
}

/** Shares of instances that could not be programmed go to the largest that could: weights sum to 1000 or are all 0. */
function whole1000(instances: readonly AffinityInstance[]): readonly AffinityInstance[] {
  const sum = instances.reduce((total, instance) => total + instance.weight, 0);
  if (sum === 0 || sum === 1000) return instances;
  const largest = instances.reduce((a, b) => (b.weight > a.weight ? b : a));
  return instances.map((it) => (it === largest ? { ...it, weight: it.weight + 1000 - sum } : it));
}
