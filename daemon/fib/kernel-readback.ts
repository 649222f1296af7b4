// What the kernel holds that carries our protocol number, as FIB objects. What is ours but has no place among them
// (another metric, a shape we do not write) is a stray: named, so that it can be removed, and never taken for an object.
import { setImmediate as turn } from 'node:timers/promises';
import { type FibObject, fibKey, type LocalSid, MAIN_TABLE, type SidCounters } from '../../lib/fib/fib.ts';
import {
  decodeNexthop,
  encodeDumpNexthops,
  encodeRemoveNexthop,
  type NexthopObject,
} from '../../lib/netlink/rt/nexthop.ts';
import { encodeDumpRoutes, encodeRoute, type Route } from '../../lib/netlink/rt/route.ts';
import { decodeRoute } from '../../lib/netlink/rt/route-decode.ts';
import { decodeRule, encodeDumpRules, encodeRule, type KnownRule } from '../../lib/netlink/rt/rule.ts';
import type { Seg6Local } from '../../lib/netlink/seg6/local.ts';
import type { Encode } from '../../lib/netlink/writer.ts';
import type { RequestSocket } from '../netlink/request-socket.ts';
import { ROUTE_METRIC, SID_METRIC } from './kernel-codec.ts';

export interface ReadContext {
  readonly protocol: number;
  sidDevice(): number;
  /** Undefined: no such interface (any more). */
  deviceName(index: number): string | undefined;
}

export interface Stray {
  /** For people. */
  readonly key: string;
  readonly remove: Encode;
}

export interface KernelReadBack {
  /** One object a key. */
  readonly objects: readonly FibObject[];
  readonly strays: readonly Stray[];
}

/** Objects taken in one turn of the event loop: about a millisecond. */
const TURN_AFTER = 512;

/** Reads own nexthops, groups, routes, SIDs and rules. Rejects with the dump's `CodedError`. */
export async function readKernel(requests: RequestSocket, context: ReadContext): Promise<KernelReadBack> {
  const { protocol } = context;
  // References before what they refer to: what is added meanwhile may lack its user, never its target.
  const rules: KnownRule[] = [];
  const routes: Route[] = [];
  for (const family of ['ipv6', 'ipv4'] as const) {
    rules.push(...(await requests.dump((writer) => encodeDumpRules(writer, family), decodeRule)));
    routes.push(...(await requests.dump((writer) => encodeDumpRoutes(writer, family, { protocol }), decodeRoute)));
  }
  const nexthops = await requests.dump(encodeDumpNexthops, decodeNexthop);
  const objects = new Map<string, FibObject>();
  const strays: Stray[] = [];
  const take = (object: FibObject | undefined, stray: Stray) => {
    if (!object || objects.has(fibKey(object))) strays.push(stray);
    else objects.set(fibKey(object), object);
  };
  let count = 0;
  for (const nexthop of nexthops) {
    if (++count % TURN_AFTER === 0) await turn();
    if (nexthop.protocol === protocol)
      take(nexthopObject(nexthop), {
        key: `nexthop ${nexthop.id}`,
        remove: (writer) => encodeRemoveNexthop(writer, nexthop.id),
      });
  }
  for (const route of routes) {
    if (++count % TURN_AFTER === 0) await turn();
    if (route.protocol !== protocol) continue;
    const { prefix, table, priority } = route;
    take(routeObject(context, route), {
      key: `route ${table} ${prefix} metric ${priority}`,
      remove: (writer) => encodeRoute(writer, 'remove', { prefix, table, protocol, priority }),
    });
  }
  for (const rule of rules)
    if (rule.protocol === protocol)
      take(ruleObject(rule), {
        key: `rule ${rule.family} ${rule.priority} fwmark ${rule.fwmark ?? 'any'} table ${rule.table}`,
        remove: (writer) => encodeRule(writer, 'remove', rule),
      });
  return { objects: [...objects.values()], strays };
}

/** Counters of own SIDs since each was installed. */
export async function readSidCounters(requests: RequestSocket, context: ReadContext): Promise<SidCounters[]> {
  const { protocol } = context;
  const filter = { protocol, table: MAIN_TABLE };
  const routes = await requests.dump((writer) => encodeDumpRoutes(writer, 'ipv6', filter), decodeRoute);
  return routes.flatMap((route) => {
    const local = seg6localOf(route);
    return route.protocol === protocol && local?.counters ? [{ prefix: route.prefix, ...local.counters }] : [];
  });
}

function nexthopObject(nexthop: NexthopObject): FibObject | undefined {
  const { id } = nexthop;
  if (nexthop.kind === 'group')
    return {
      kind: 'group',
      id,
      members: nexthop.members.map((member) => ({ nexthop: member.id, weight: member.weight })),
      ...(nexthop.resilient && { resilient: nexthop.resilient }),
    };
  const { encap } = nexthop;
  if (encap?.kind !== 'seg6' || encap.mode !== 'encap.red') return undefined;
  return { kind: 'nexthop', id, segments: encap.segments };
}

function routeObject(context: ReadContext, route: Route): FibObject | undefined {
  const { prefix, table } = route;
  const local = seg6localOf(route);
  if (local) {
    const whole =
      route.priority === SID_METRIC && table === MAIN_TABLE && route.hops[0]?.device === context.sidDevice();
    return whole ? sidObject(context, prefix, local) : undefined;
  }
  if (route.priority !== ROUTE_METRIC) return undefined;
  if (route.type === 'blackhole') return { kind: 'route', prefix, table, target: { kind: 'blackhole' } };
  if (route.type !== 'unicast') return undefined;
  if (route.nexthopId !== undefined)
    return { kind: 'route', prefix, table, target: { kind: 'group', id: route.nexthopId } };
  const [first] = route.hops;
  if (first?.encap?.kind === 'seg6') {
    const { mode, segments } = first.encap;
    const whole = mode === 'encap.red' && route.hops.length === 1 && first.device === context.sidDevice();
    return whole ? { kind: 'route', prefix, table, target: { kind: 'encap', segments } } : undefined;
  }
  if (route.mtu !== undefined) {
    const whole = route.hops.length === 1 && first?.gateway === undefined && first?.device === context.sidDevice();
    return whole ? { kind: 'route', prefix, table, target: { kind: 'too-big', mtu: route.mtu } } : undefined;
  }
  const hops = route.hops.map(({ gateway, device, weight, encap }) => {
    if (encap !== undefined) return undefined;
    const name = device === undefined ? undefined : context.deviceName(device);
    return gateway === undefined || name === undefined ? undefined : { gateway, device: name, weight };
  });
  if (hops.length === 0 || hops.includes(undefined)) return undefined;
  return { kind: 'route', prefix, table, target: { kind: 'gateways', hops: hops.filter((hop) => hop !== undefined) } };
}

function seg6localOf(route: Route): Seg6Local | undefined {
  const encap = route.hops[0]?.encap;
  return encap?.kind === 'seg6local' ? encap : undefined;
}

function sidObject(context: ReadContext, prefix: string, local: Seg6Local): LocalSid | undefined {
  const behaviour = sidBehaviour(context, local);
  if (!behaviour) return undefined;
  const { psp, nextCsid } = local.flavours ?? {};
  const flavours = { ...(psp && { psp }), ...(nextCsid && { nextCsid }) };
  return { kind: 'local-sid', prefix, behaviour, ...(Object.keys(flavours).length > 0 && { flavours }) };
}

function sidBehaviour(context: ReadContext, { behaviour }: Seg6Local): LocalSid['behaviour'] | undefined {
  switch (behaviour.action) {
    case 'End.X': {
      const { action, nexthop, device } = behaviour;
      if (device === undefined) return { action, nexthop };
      const name = context.deviceName(device);
      return name === undefined ? undefined : { action, nexthop, device: name };
    }
    case 'other':
      return undefined;
    default:
      return behaviour;
  }
}

function ruleObject(rule: KnownRule): FibObject | undefined {
  const { family, priority, table, fwmark } = rule;
  if (fwmark === undefined || rule.selective || rule.action !== FR_ACT_TO_TBL) return undefined;
  return { kind: 'rule', family, priority, fwmark, mask: rule.mask ?? 0xffffffff, table };
}

const FR_ACT_TO_TBL = 1;
