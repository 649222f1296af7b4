// What a service is told as a whole: the route that unmarked packets take, and the affinity of all its classes with the
// classifier in front. Each class brings what its own last decision means (service-plan.ts).
import { leavesTrace } from '../fib/affinity-classes.ts';
import {
  type AffinityClass,
  type AffinityService,
  type ClassifierRule,
  type FibObject,
  type FibRoute,
  fibRoute,
  MAIN_TABLE,
} from '../fib/fib.ts';
import type { ServiceId } from '../model/identity.ts';
import { addressFamily } from '../net/address.ts';
import { want } from './fib-plan.ts';
import { bucketGroupId, bucketKey } from './slots.ts';
import type { RouterState, Steered } from './state.ts';

export function prefixOf(service: ServiceId): string {
  return `${service}/${addressFamily(service) === 'ipv6' ? 128 : 32}`;
}

export function wantService(state: RouterState, service: ServiceId, cause: string): void {
  const [own, ...named] = state.classes.get(service) ?? [];
  if (own === undefined) return;
  const objects: FibObject[] = [];
  const target = mainTarget(state, own);
  if (target !== undefined) objects.push(fibRoute(prefixOf(service), MAIN_TABLE, target));
  const affinity: AffinityService = {
    kind: 'affinity',
    service,
    ...(own.spread ?? undecided(own)),
    ...(named.length > 0 && {
      classes: named.map((one) => ({ name: one.name, ...(one.spread ?? undecided(one)) })),
      classifier: classifierOf(state, own),
    }),
  };
  // Nobody to send a flow to, of any class: packets find no route, and the sender is told.
  const isServed = [own, ...named].some(
    ({ spread }) => spread?.mode === 'bucket' || (spread?.instances.length ?? 0) > 0,
  );
  if (isServed && leavesTrace(affinity)) objects.push(affinity);
  want(state, `service ${service}`, objects, cause);
}

/** Where packets without a flow (ICMP, later fragments) go, and all of them where a group does the spreading. */
function mainTarget(state: RouterState, own: Steered): FibRoute['target'] | undefined {
  const { fib } = state.config;
  if (own.spread?.mode === 'bucket') {
    const slot = state.slots.get(bucketKey(own.key));
    return slot === undefined ? undefined : { kind: 'group', id: bucketGroupId(fib, slot) };
  }
  const best = own.programmed.get(own.decision?.best ?? '');
  if (best === undefined || best.failedAtMs !== undefined) return undefined;
  return { kind: 'nexthop', id: fib.nexthopIdBase + best.slot };
}

function classifierOf(state: RouterState, own: Steered): readonly ClassifierRule[] {
  const config = state.config.steering.services.find((it) => it.service === own.service);
  const rules = config?.classify ?? [];
  return rules.map(({ match, class: name }) => ({ match, class: name === own.class.name ? '' : name }));
}

function undecided({ class: { idleTimeoutMs, closingTimeoutMs } }: Steered): AffinityClass {
  return { mode: 'none', instances: [], idleTimeoutMs, closingTimeoutMs };
}
