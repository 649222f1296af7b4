// RTM_*ROUTE requests, IPv6 and IPv4: destination, table, and where it goes (nexthop object, hops with gateway, device
// and tunnel, or nowhere). The types of both directions are here; reading is in route-decode.ts.
//
//   rtmsg  | family | dst len | src len | tos |  | table | protocol | scope | type |  | flags (32) |
import { CodedError } from '../../errors.ts';
import { type AddressFamily, addressFamily, addressToBytes } from '../../net/address.ts';
import { isIpv6 } from '../address-text.ts';
import { AF_INET, AF_INET6, Flag, HEADER_BYTES, MessageType, type Verb, verbFlags } from '../constants.ts';
import { type Encap, writeEncap } from '../seg6/encap.ts';
import type { Writer } from '../writer.ts';
import { ROUTE_TYPES, RouteAttribute, RTAX_MTU, UNICAST } from './route-numbers.ts';

export interface RouteHop {
  readonly gateway?: string;
  /** Interface index. */
  readonly device?: number;
  /** 1..256. */
  readonly weight: number;
  readonly encap?: Encap;
}

/** rtm_type; kinds that we never write keep their number. */
export type RouteType = 'unicast' | 'local' | 'blackhole' | 'unreachable' | 'prohibit' | `other-${number}`;

export interface RouteSpec {
  /** `address/length`; its family is the route's. */
  readonly prefix: string;
  /** 1..2^32-1; 254 is main, 255 local. */
  readonly table: number;
  /** rtm_protocol: who owns the route. */
  readonly protocol: number;
  /** Metric; 0 or absent: the kernel's own (1024 for IPv6, 0 for IPv4). Part of a route's identity. */
  readonly priority?: number;
  /** Default `unicast`. */
  readonly type?: RouteType;
  /** Nexthop object or group; excludes `hops`. */
  readonly nexthopId?: number;
  /** IPv6 with more than one hop: each needs a gateway. */
  readonly hops?: readonly RouteHop[];
  /** RTAX_MTU, bytes. */
  readonly mtu?: number;
}

/** A route as the kernel tells it. With `nexthopId` the kernel may name the object's gateway and device in `hops` too. */
export interface Route extends RouteSpec {
  readonly family: AddressFamily;
  readonly priority: number;
  readonly type: RouteType;
  readonly hops: readonly RouteHop[];
}

/** Filters that the kernel itself applies to a dump (strict checking). */
export interface RouteFilter {
  readonly table?: number;
  readonly protocol?: number;
}

/** rtm_dst_len, from the start of the message. */
const PREFIX_LENGTH_AT = HEADER_BYTES + 1;
const RTM_F_FIB_MATCH = 0x2000;
/** rtm_scope. */
const Scope = { universe: 0, link: 253, nowhere: 255 };

function typeNumber(type: RouteType): number {
  if (type === 'unicast') return UNICAST;
  const number = ROUTE_TYPES[type];
  if (number === undefined) throw new CodedError('bad-route', 'cannot write this route type', { type });
  return number;
}

/** Encodes a change; a removal names destination, table, protocol and priority only. */
export function encodeRoute(writer: Writer, verb: Verb, route: RouteSpec): void {
  const ipv6 = isIpv6(route.prefix);
  const removal = verb === 'remove';
  writer.begin(removal ? MessageType.delRoute : MessageType.newRoute, verbFlags(verb));
  writer.quad(ipv6 ? AF_INET6 : AF_INET, 0, 0, 0);
  writer.quad(
    route.table < 256 ? route.table : 0,
    route.protocol,
    removal ? Scope.nowhere : scopeOf(route, ipv6),
    removal ? 0 : typeNumber(route.type ?? 'unicast'),
  );
  writer.word(0);
  writer.setByte(PREFIX_LENGTH_AT, writer.prefix(RouteAttribute.destination, route.prefix, ipv6));
  if (route.table > 255) writer.u32Attribute(RouteAttribute.table, route.table);
  if (route.priority) writer.u32Attribute(RouteAttribute.priority, route.priority);
  if (!removal) writeTarget(writer, route, ipv6);
  writer.end();
}

function writeTarget(writer: Writer, route: RouteSpec, ipv6: boolean): void {
  const hops = route.hops ?? [];
  if (route.nexthopId !== undefined) {
    if (hops.length > 0)
      throw new CodedError('bad-route', 'a route has a nexthop object or hops, not both', { prefix: route.prefix });
    writer.u32Attribute(RouteAttribute.nexthopId, route.nexthopId);
  } else if (hops.length === 1) {
    if (hops[0]!.device !== undefined) writer.u32Attribute(RouteAttribute.device, hops[0]!.device);
    writeHop(writer, hops[0]!, ipv6);
  } else if (hops.length > 1) {
    const multipath = writer.openRaw(RouteAttribute.multipath);
    for (const hop of hops) {
      const start = writer.openRaw((hop.weight - 1) << 8);
      writer.word(hop.device ?? 0);
      writeHop(writer, hop, ipv6);
      writer.close(start);
    }
    writer.close(multipath);
  }
  if (route.mtu !== undefined) {
    const metrics = writer.open(RouteAttribute.metrics);
    writer.u32Attribute(RTAX_MTU, route.mtu);
    writer.close(metrics);
  }
}

function writeHop(writer: Writer, hop: RouteHop, ipv6: boolean): void {
  if (hop.weight < 1 || hop.weight > 256 || !Number.isInteger(hop.weight))
    throw new CodedError('bad-route', 'a hop weighs 1 to 256', { weight: hop.weight });
  if (hop.gateway !== undefined) writeGateway(writer, hop.gateway, ipv6);
  if (hop.encap !== undefined) writeEncap(writer, hop.encap, RouteAttribute.encapType, RouteAttribute.encap);
}

/** An IPv4 route through an IPv6 neighbour (RFC 5549) names it in RTA_VIA: family, address. */
function writeGateway(writer: Writer, gateway: string, ipv6: boolean): void {
  if (ipv6 || addressFamily(gateway) === 'ipv4') {
    writer.address(RouteAttribute.gateway, gateway);
    return;
  }
  const via = new Uint8Array(18);
  new Uint16Array(via.buffer)[0] = AF_INET6;
  via.set(addressToBytes(gateway), 2);
  writer.binary(RouteAttribute.via, via);
}

/** IPv4 refuses a universe scope for a hop without gateway; IPv6 ignores the field. */
function scopeOf(route: RouteSpec, ipv6: boolean): number {
  if (ipv6 || route.nexthopId !== undefined || !route.hops?.length) return Scope.universe;
  return route.hops.some((hop) => hop.gateway !== undefined) ? Scope.universe : Scope.link;
}

/** Asks for all routes of a family, filtered in the kernel. */
export function encodeDumpRoutes(writer: Writer, family: AddressFamily, filter: RouteFilter = {}): void {
  const table = filter.table ?? 0;
  writer.begin(MessageType.getRoute, Flag.request | Flag.dump);
  writer.quad(family === 'ipv6' ? AF_INET6 : AF_INET, 0, 0, 0);
  writer.quad(table < 256 ? table : 0, filter.protocol ?? 0, 0, 0);
  writer.word(0);
  if (table > 255) writer.u32Attribute(RouteAttribute.table, table);
  writer.end();
}

/** Asks for the stored route that an address matches, tunnel included. */
export function encodeMatchRoute(writer: Writer, destination: string): void {
  const ipv6 = addressFamily(destination) === 'ipv6';
  writer.begin(MessageType.getRoute, Flag.request);
  writer.quad(ipv6 ? AF_INET6 : AF_INET, ipv6 ? 128 : 32, 0, 0);
  writer.word(0);
  writer.word(RTM_F_FIB_MATCH);
  writer.address(RouteAttribute.destination, destination);
  writer.end();
}
