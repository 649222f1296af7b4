// FIB objects as rtnetlink messages. Decides metrics and which device carries SIDs and tunnels; knows no sockets, and
// nothing about what is nftables' part.
import { CodedError } from '../../lib/errors.ts';
import {
  type FibKey,
  type FibObject,
  type FibRoute,
  type GatewayHop,
  type LocalSid,
  MAIN_TABLE,
} from '../../lib/fib/fib.ts';
import { kindOfKey } from '../../lib/fib/order.ts';
import { encodeNexthop, encodeRemoveNexthop } from '../../lib/netlink/rt/nexthop.ts';
import { encodeRoute, type RouteSpec } from '../../lib/netlink/rt/route.ts';
import { encodeRule } from '../../lib/netlink/rt/rule.ts';
import type { Seg6Encap } from '../../lib/netlink/seg6/encap.ts';
import { type Seg6LocalBehaviour, ZERO_COUNTERS } from '../../lib/netlink/seg6/local.ts';
import type { Encode, Writer } from '../../lib/netlink/writer.ts';

export type NetlinkObject = Exclude<FibObject, { kind: NftKind }>;

const NFT_KINDS = ['replace-csid', 'affinity', 'mtu', 'border'] as const;
type NftKind = (typeof NFT_KINDS)[number];

/** False for what nftables holds. */
export function isNetlinkObject(object: FibObject): object is NetlinkObject {
  // Written out: asked of each of a hundred thousand routes.
  const { kind } = object;
  return kind !== 'replace-csid' && kind !== 'affinity' && kind !== 'mtu' && kind !== 'border';
}

export function isNetlinkKey(key: FibKey): boolean {
  if (key.startsWith('route ')) return true;
  const kind = kindOfKey(key);
  return !NFT_KINDS.some((known) => known === kind);
}

/**
 * The metric is part of a route's identity in the kernel, and a replace asks for no protocol number: with the usual
 * metrics (1024, 256, 0, FRR's 20) we would overwrite other people's routes. SIDs win over a route to the same prefix.
 */
export const SID_METRIC = 9;
export const ROUTE_METRIC = 11;

export interface KernelContext {
  /** rtm_protocol, nexthop protocol and FRA_PROTOCOL of everything of ours. */
  readonly protocol: number;
  /** Key that signs the headers we impose; undefined: they are reduced, and not signed. */
  readonly hmacKeyId: number | undefined;
  /** Interface index of the SID device. */
  sidDevice(): number;
  /** Throws `CodedError` `ENODEV` when there is no such interface. */
  deviceIndex(name: string): number;
}

/** As `writePut`, as a message of its own. */
export function encodePut(context: KernelContext, object: NetlinkObject, fresh: boolean): Encode {
  return (writer) => writePut(writer, context, object, fresh);
}

/** As `writeRemoval`, as a message of its own. */
export function encodeRemoval(context: KernelContext, object: NetlinkObject): Encode {
  return (writer) => writeRemoval(writer, context, object);
}

/**
 * The message that brings an object into the kernel. `fresh`: refuse (EEXIST) rather than replace, because what is
 * there under its key would not be ours.
 */
export function writePut(writer: Writer, context: KernelContext, object: NetlinkObject, fresh: boolean): void {
  const verb = fresh ? 'install' : 'replace';
  const { protocol } = context;
  switch (object.kind) {
    case 'nexthop':
      return encodeNexthop(writer, verb, {
        kind: 'single',
        id: object.id,
        protocol,
        family: 'ipv6',
        device: context.sidDevice(),
        encap: encapOf(context, object.segments),
      });
    case 'group':
      return encodeNexthop(writer, verb, {
        kind: 'group',
        id: object.id,
        protocol,
        members: object.members.map(({ nexthop, weight }) => ({ id: nexthop, weight })),
        ...(object.resilient && { resilient: object.resilient }),
      });
    case 'route':
      return encodeRoute(writer, verb, routeSpec(context, object));
    case 'local-sid':
      return encodeRoute(writer, verb, sidRoute(context, object));
    case 'rule':
      return encodeRule(writer, 'install', { ...object, protocol });
    default:
      return object satisfies never;
  }
}

/**
 * The message that removes an object: routes and rules only under our protocol number. RTM_DELNEXTHOP knows ids alone; what is
 * there is ours, because an install refuses to replace somebody else's.
 */
export function writeRemoval(writer: Writer, context: KernelContext, object: NetlinkObject): void {
  const { protocol } = context;
  switch (object.kind) {
    case 'nexthop':
    case 'group':
      return encodeRemoveNexthop(writer, object.id);
    case 'route':
      return encodeRoute(writer, 'remove', routeRemoval(context, object));
    case 'local-sid': {
      const { prefix } = object;
      return encodeRoute(writer, 'remove', { prefix, table: MAIN_TABLE, protocol, priority: SID_METRIC });
    }
    case 'rule':
      return encodeRule(writer, 'remove', { ...object, protocol });
    default:
      return object satisfies never;
  }
}

export function routeRemoval({ protocol }: KernelContext, { prefix, table }: FibRoute): RouteSpec {
  return { prefix, table, protocol, priority: ROUTE_METRIC };
}

export function routeSpec(context: KernelContext, { prefix, table, target: to }: FibRoute): RouteSpec {
  const { protocol } = context;
  const priority = ROUTE_METRIC;
  switch (to.kind) {
    case 'group':
    case 'nexthop':
      return { prefix, table, protocol, priority, nexthopId: to.id };
    case 'blackhole':
      return { prefix, table, protocol, priority, type: 'blackhole' };
    case 'encap': {
      const hops = [{ device: context.sidDevice(), weight: 1, encap: encapOf(context, to.segments) }];
      return { prefix, table, protocol, priority, hops };
    }
    // On the SID device, where nothing leaves: a packet that would fit has no business here.
    case 'too-big':
      return { prefix, table, protocol, priority, hops: [{ device: context.sidDevice(), weight: 1 }], mtu: to.mtu };
    case 'gateways':
      return { prefix, table, protocol, priority, hops: to.hops.map((hop) => gatewayHop(context, hop)) };
    default:
      return to satisfies never;
  }
}

/** A signature needs a whole header to stand in, also for a single segment. */
function encapOf({ hmacKeyId }: KernelContext, segments: readonly string[]): Seg6Encap {
  if (hmacKeyId === undefined) return { kind: 'seg6', mode: 'encap.red', segments };
  return { kind: 'seg6', mode: 'encap', segments, hmacKeyId };
}

/** True for a tunnel as we would impose it. */
export function isOwnEncap(hmacKeyId: number | undefined, encap: Seg6Encap): boolean {
  return encap.mode === (hmacKeyId === undefined ? 'encap.red' : 'encap') && encap.hmacKeyId === hmacKeyId;
}

function gatewayHop(context: KernelContext, { gateway, device, weight }: GatewayHop) {
  return { gateway, device: context.deviceIndex(device), weight };
}

function sidRoute(context: KernelContext, { prefix, behaviour, flavours }: LocalSid): RouteSpec {
  const encap = {
    kind: 'seg6local',
    behaviour: kernelBehaviour(context, behaviour),
    counters: ZERO_COUNTERS,
    ...(flavours && { flavours }),
  } as const;
  return {
    prefix,
    table: MAIN_TABLE,
    protocol: context.protocol,
    priority: SID_METRIC,
    hops: [{ device: context.sidDevice(), weight: 1, encap }],
  };
}

function kernelBehaviour(context: KernelContext, behaviour: LocalSid['behaviour']): Seg6LocalBehaviour {
  if (behaviour.action !== 'End.X') return behaviour;
  const { action, nexthop, device } = behaviour;
  return device === undefined ? { action, nexthop } : { action, nexthop, device: context.deviceIndex(device) };
}

/** For `KernelContext.deviceIndex`. */
export function noSuchDevice(name: string): CodedError {
  return new CodedError('ENODEV', `no interface ${name}`);
}
