// What the kernel holds that carries our protocol number, as FIB objects. What is ours but has no place among them
// (another metric, a shape we do not write) is a stray: named, so that it can be removed, and never taken for an object.
import { setImmediate as turn } from 'node:timers/promises';
import {
  type FibKey,
  type FibObject,
  fibKey,
  type LocalSid,
  MAIN_TABLE,
  type RouteTarget,
  type SidCounters,
} from '../../lib/fib/fib.ts';
import type { FibObjectSet, RouteMarks } from '../../lib/fib/object-set.ts';
import type { Message } from '../../lib/netlink/reader.ts';
import {
  decodeNexthop,
  encodeDumpNexthops,
  encodeGetNexthop,
  encodeRemoveNexthop,
  type NexthopObject,
} from '../../lib/netlink/rt/nexthop.ts';
import { encodeDumpRoutes, encodeRoute, type Route } from '../../lib/netlink/rt/route.ts';
import { decodeRoute, NexthopRoute } from '../../lib/netlink/rt/route-decode.ts';
import { decodeRule, encodeDumpRules, encodeRule, type KnownRule } from '../../lib/netlink/rt/rule.ts';
import type { Seg6Local } from '../../lib/netlink/seg6/local.ts';
import type { Encode, Writer } from '../../lib/netlink/writer.ts';
import type { RequestSocket } from '../netlink/request-socket.ts';
import { isOwnEncap, ROUTE_METRIC, SID_METRIC } from './kernel-codec.ts';

export interface ReadContext {
  readonly protocol: number;
  readonly hmacKeyId: number | undefined;
  sidDevice(): number;
  /** Undefined: no such interface (any more). */
  deviceName(index: number): string | undefined;
  /** This kernel counts at SIDs: one that does not is not as we made it. */
  countsAtSids(): boolean;
}

export interface Stray {
  /** For people. */
  readonly key: string;
  readonly remove: Encode;
  /** The object whose place in the kernel it takes. */
  readonly shadows?: FibKey;
  /** A put of that object replaces it: it need not, and with its users must not, be removed. */
  readonly inPlace?: true;
}

export interface KernelReadBack {
  /** Without the routes that are as they are held. */
  readonly objects: ReadonlyMap<FibKey, FibObject>;
  /** What those bear. */
  readonly asHeld: RouteMarks;
  readonly strays: readonly Stray[];
}

const NO_MARKS: RouteMarks = { ipv6: -1, ipv4: -1 };

/** Objects taken in one turn of the event loop: about a millisecond. */
const TURN_AFTER = 512;

/**
 * Reads own nexthops, groups, routes, SIDs and rules. Routes to nexthop objects that are as in `held` are marked there, and
 * nothing is made of them. Rejects with the dump's `CodedError`.
 */
export async function readKernel(
  requests: RequestSocket,
  kernel: ReadContext,
  held?: FibObjectSet,
): Promise<KernelReadBack> {
  const { protocol } = kernel;
  const index = indexOf(kernel);
  const context = { ...kernel, sidDevice: () => index };
  // References before what they refer to: what is added meanwhile may lack its user, never its target.
  let rules: KnownRule[] = [];
  // A list of a hundred thousand is not spread into arguments: the stack has no room for many more.
  const routes: Route[][] = [];
  const asHeld = { ...NO_MARKS };
  for (const family of ['ipv6', 'ipv4'] as const) {
    rules = rules.concat(await requests.dump((writer) => encodeDumpRules(writer, family), decodeRule));
    const ask = (writer: Writer) => {
      // A dump that is begun again forgets what it met.
      if (held) asHeld[family] = held.routes.newMark();
      encodeDumpRoutes(writer, family, { protocol });
    };
    const isAsHeld = held ? comparison(held, protocol, () => asHeld[family]) : () => false;
    routes.push(await requests.dump(ask, (message) => (isAsHeld(message) ? null : decodeRoute(message))));
  }
  const nexthops = await requests.dump(encodeDumpNexthops, decodeNexthop);
  // One space of ids: the nexthops say whether a route points at one of them or at a group.
  if (held && nexthops.some((nexthop) => isOfOtherKind(held, nexthop))) return readKernel(requests, kernel);
  const groups = new Set(nexthops.flatMap((nexthop) => (nexthop.kind === 'group' ? [nexthop.id] : [])));
  const objects = new Map<FibKey, FibObject>();
  const strays: Stray[] = [];
  /** Beside one that is as held, in the same place. */
  const isMet = (object: FibObject) => object.kind === 'route' && held !== undefined && held.bears(object, asHeld);
  /** False: a stray. */
  const take = (object: FibObject | undefined) => {
    if (!object) return false;
    const key = fibKey(object);
    if (objects.has(key) || isMet(object)) return false;
    objects.set(key, object);
    return true;
  };
  let count = 0;
  for (const nexthop of nexthops) {
    if (++count % TURN_AFTER === 0) await turn();
    if (nexthop.protocol === protocol && !take(nexthopObject(context, nexthop)))
      strays.push({
        key: `nexthop ${nexthop.id}`,
        remove: (writer) => encodeRemoveNexthop(writer, nexthop.id),
        shadows: `nexthop ${nexthop.id}`,
        inPlace: true,
      });
  }
  for (const part of routes)
    for (const route of part) {
      if (++count % TURN_AFTER === 0) await turn();
      if (route.protocol !== protocol) continue;
      if (take(routeObject(context, groups, route))) continue;
      const { prefix, table, priority } = route;
      strays.push({
        key: `route ${table} ${prefix} metric ${priority}`,
        remove: (writer) => encodeRoute(writer, 'remove', { prefix, table, protocol, priority }),
        ...placeOf(route),
      });
    }
  for (const rule of rules)
    if (rule.protocol === protocol && !take(ruleObject(rule)))
      strays.push({
        key: `rule ${rule.family} ${rule.priority} fwmark ${rule.fwmark ?? 'any'} table ${rule.table}`,
        remove: (writer) => encodeRule(writer, 'remove', rule),
      });
  return { objects, asHeld, strays };
}

/** Whether a message tells a route as it is held, which is marked then. */
function comparison(held: FibObjectSet, protocol: number, mark: () => number): (message: Message) => boolean {
  const { routes } = held;
  const seen = new NexthopRoute();
  return (message) => {
    if (!seen.read(message) || seen.protocol !== protocol || seen.priority !== ROUTE_METRIC) return false;
    const row = routes.findWords(seen.table, seen.words, 0, seen.shape);
    const target = row < 0 ? undefined : routes.get(row)?.target;
    if (!target || !('id' in target) || target.id !== seen.nexthopId) return false;
    routes.mark(row, mark());
    return true;
  };
}

/** The kernel has a group where we hold a nexthop, or the other way: routes that name the id are not as they are held. */
function isOfOtherKind(held: FibObjectSet, { kind, id }: NexthopObject): boolean {
  return held.has(kind === 'group' ? `nexthop ${id}` : `group ${id}`);
}

/** -1: somebody took the SID device away, and nothing is on it. */
function indexOf(context: ReadContext): number {
  try {
    return context.sidDevice();
  } catch {
    return -1;
  }
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

/** One nexthop or group as the kernel holds it; undefined: it does not, or it is none of ours. */
export function readNexthop(requests: RequestSocket, kernel: ReadContext, id: number): FibObject | undefined {
  const { value } = requests.query((writer) => encodeGetNexthop(writer, id), decodeNexthop);
  const index = indexOf(kernel);
  return value?.protocol === kernel.protocol ? nexthopObject({ ...kernel, sidDevice: () => index }, value) : undefined;
}

/** Prefix, table and metric are a route's place in the kernel, whatever it is. */
function placeOf({ prefix, table, priority }: Route): Pick<Stray, 'shadows'> {
  if (priority === ROUTE_METRIC) return { shadows: `route ${table} ${prefix}` };
  return priority === SID_METRIC && table === MAIN_TABLE ? { shadows: `local-sid ${prefix}` } : {};
}

function nexthopObject(context: ReadContext, nexthop: NexthopObject): FibObject | undefined {
  const { id } = nexthop;
  if (nexthop.kind === 'group')
    return {
      kind: 'group',
      id,
      members: nexthop.members.map((member) => ({ nexthop: member.id, weight: member.weight })),
      ...(nexthop.resilient && { resilient: nexthop.resilient }),
    };
  const { encap, device, gateway } = nexthop;
  if (encap?.kind !== 'seg6' || !isOwnEncap(context.hmacKeyId, encap)) return undefined;
  if (device !== context.sidDevice() || gateway !== undefined) return undefined;
  return { kind: 'nexthop', id, segments: encap.segments };
}

function routeObject(context: ReadContext, groups: ReadonlySet<number>, route: Route): FibObject | undefined {
  const { prefix, table } = route;
  const local = seg6localOf(route);
  if (local) {
    const counts = local.counters !== undefined || !context.countsAtSids();
    const whole = route.priority === SID_METRIC && table === MAIN_TABLE && isOnSidDevice(context, route) && counts;
    return whole ? sidObject(context, prefix, local) : undefined;
  }
  if (route.priority !== ROUTE_METRIC) return undefined;
  const target = targetOf(context, groups, route);
  return target && { kind: 'route', prefix, table, target };
}

function targetOf(context: ReadContext, groups: ReadonlySet<number>, route: Route): RouteTarget | undefined {
  if (route.mtu !== undefined) {
    const [hop] = route.hops;
    const whole = isOnSidDevice(context, route) && hop?.gateway === undefined && hop?.encap === undefined;
    return whole && route.type === 'unicast' ? { kind: 'too-big', mtu: route.mtu } : undefined;
  }
  if (route.type === 'blackhole') return { kind: 'blackhole' };
  if (route.type !== 'unicast') return undefined;
  if (route.nexthopId !== undefined)
    return { kind: groups.has(route.nexthopId) ? 'group' : 'nexthop', id: route.nexthopId };
  const encap = route.hops[0]?.encap;
  if (encap?.kind === 'seg6') {
    const whole = isOwnEncap(context.hmacKeyId, encap) && isOnSidDevice(context, route);
    return whole ? { kind: 'encap', segments: encap.segments } : undefined;
  }
  const hops = route.hops.map((hop) => {
    const name = hop.device === undefined ? undefined : context.deviceName(hop.device);
    if (hop.gateway === undefined || name === undefined || hop.encap !== undefined) return undefined;
    return { gateway: hop.gateway, device: name, weight: hop.weight };
  });
  if (hops.length === 0 || hops.includes(undefined)) return undefined;
  return { kind: 'gateways', hops: hops.filter((hop) => hop !== undefined) };
}

function isOnSidDevice(context: ReadContext, { hops }: Route): boolean {
  return hops.length === 1 && hops[0]!.device === context.sidDevice();
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
