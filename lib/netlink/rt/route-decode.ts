// RTM_NEWROUTE and RTM_DELROUTE as the kernel tells them, in dumps and notifications.
import { CodedError } from '../../errors.ts';
import type { AddressFamily } from '../../net/address.ts';
import { PREFIX_WORDS, prefixShape } from '../../net/prefix-words.ts';
import { AF_INET, AF_INET6 } from '../constants.ts';
import type { Attributes, Message } from '../reader.ts';
import { type Encap, readEncap } from '../seg6/encap.ts';
import type { Route, RouteHop, RouteType } from './route.ts';
import { ROUTE_TYPES, RouteAttribute, RTAX_MTU, UNICAST } from './route-numbers.ts';

const RTMSG_BYTES = 12;
const RTNEXTHOP_BYTES = 8;
const RTM_F_CLONED = 0x200;
const TYPE_NAMES = new Map(Object.entries(ROUTE_TYPES).map(([name, number]) => [number, name as RouteType]));

interface Draft {
  gateway?: string;
  device?: number;
  encapType?: number;
  encap?: Attributes;
}

/** A route to a nexthop object and nothing else, in numbers: most of a table, read without making an object of each. */
export class NexthopRoute {
  /** The prefix's address, as it lies in a packet. */
  readonly words = new Uint32Array(PREFIX_WORDS);
  /** Its family and length, as `readPrefix` has them. */
  shape = 0;
  table = 0;
  protocol = 0;
  priority = 0;
  nexthopId = 0;

  /** False: the route is more or less than that, and what is here means nothing. */
  read(message: Message): boolean {
    const family = message.byteAt(0);
    if (family !== AF_INET6 && family !== AF_INET) return false;
    const attributes = message.attributes(RTMSG_BYTES);
    if (message.byteAt(7) !== UNICAST || message.u32At(8) & RTM_F_CLONED) return false;
    const { words } = this;
    words[0] = words[1] = words[2] = words[3] = 0;
    this.shape = prefixShape(family === AF_INET, message.byteAt(1));
    this.table = message.byteAt(4);
    this.protocol = message.byteAt(5);
    this.priority = this.nexthopId = 0;
    while (attributes.next()) {
      switch (attributes.type) {
        case RouteAttribute.destination:
          for (let i = 0; i < attributes.length >> 2; i++) words[i] = attributes.u32At(4 * i);
          break;
        case RouteAttribute.table:
          this.table = attributes.u32();
          break;
        case RouteAttribute.priority:
          this.priority = attributes.u32();
          break;
        case RouteAttribute.nexthopId:
          this.nexthopId = attributes.u32();
          break;
        case RouteAttribute.metrics:
        case RouteAttribute.encap:
          return false;
      }
    }
    return this.nexthopId !== 0;
  }
}

/** Decodes a route message; `null` for cached clones and families other than IPv6 and IPv4. */
export function decodeRoute(message: Message): Route | null {
  const familyNumber = message.byteAt(0);
  const attributes = message.attributes(RTMSG_BYTES);
  if (message.u32At(8) & RTM_F_CLONED) return null;
  if (familyNumber !== AF_INET && familyNumber !== AF_INET6) return null;
  const family: AddressFamily = familyNumber === AF_INET6 ? 'ipv6' : 'ipv4';
  let destination = family === 'ipv6' ? '::' : '0.0.0.0';
  let table = message.byteAt(4);
  let priority = 0;
  let nexthopId: number | undefined;
  let mtu: number | undefined;
  let multipath: RouteHop[] | undefined;
  const single: Draft = {};
  while (attributes.next()) {
    if (attributes.type === RouteAttribute.destination) destination = attributes.address();
    else if (attributes.type === RouteAttribute.table) table = attributes.u32();
    else if (attributes.type === RouteAttribute.priority) priority = attributes.u32();
    else if (attributes.type === RouteAttribute.nexthopId) nexthopId = attributes.u32();
    else if (attributes.type === RouteAttribute.metrics) mtu = readMtu(attributes.nested());
    else if (attributes.type === RouteAttribute.multipath) multipath = readMultipath(attributes);
    else readHopAttribute(single, attributes);
  }
  const type = TYPE_NAMES.get(message.byteAt(7)) ?? (`other-${message.byteAt(7)}` as const);
  return {
    family,
    prefix: `${destination}/${message.byteAt(1)}`,
    table,
    protocol: message.byteAt(5),
    priority,
    type,
    // The kernel tells an IPv6 blackhole with "dev lo".
    hops: type !== 'unicast' && type !== 'local' ? [] : (multipath ?? readSingle(single)),
    ...(nexthopId !== undefined && { nexthopId }),
    ...(mtu !== undefined && { mtu }),
  };
}

function readHopAttribute(draft: Draft, attributes: Attributes): void {
  if (attributes.type === RouteAttribute.device) draft.device = attributes.u32();
  else if (attributes.type === RouteAttribute.gateway) draft.gateway = attributes.address();
  else if (attributes.type === RouteAttribute.via) draft.gateway = attributes.addressAfter(2);
  else if (attributes.type === RouteAttribute.encapType) draft.encapType = attributes.u16();
  // The kernel puts the nest before its type: both are read when both are known.
  else if (attributes.type === RouteAttribute.encap) draft.encap = attributes.nested();
}

function readSingle(draft: Draft): RouteHop[] {
  return draft.gateway === undefined && draft.device === undefined ? [] : [hopOf(draft, 1)];
}

function hopOf(draft: Draft, weight: number): RouteHop {
  const encap: Encap | undefined =
    draft.encapType !== undefined && draft.encap !== undefined ? readEncap(draft.encapType, draft.encap) : undefined;
  return {
    ...(draft.gateway !== undefined && { gateway: draft.gateway }),
    ...(draft.device !== undefined && { device: draft.device }),
    weight,
    ...(encap !== undefined && { encap }),
  };
}

/** struct rtnexthop: length (16), flags (8), weight-1 (8), ifindex (32); then attributes of the hop. */
function readMultipath(multipath: Attributes): RouteHop[] {
  const hops: RouteHop[] = [];
  for (let at = 0; at < multipath.length; ) {
    const length = multipath.u16At(at);
    if (length < RTNEXTHOP_BYTES || at + length > multipath.length)
      throw new CodedError('netlink-truncated', `hop length ${length} does not fit`, { at });
    const draft: Draft = {};
    const device = multipath.u32At(at + 4);
    if (device !== 0) draft.device = device;
    const attributes = multipath.slice(at + RTNEXTHOP_BYTES, at + length);
    while (attributes.next()) readHopAttribute(draft, attributes);
    hops.push(hopOf(draft, multipath.byteAt(at + 3) + 1));
    at += (length + 3) & ~3;
  }
  return hops;
}

function readMtu(metrics: Attributes): number | undefined {
  while (metrics.next()) if (metrics.type === RTAX_MTU) return metrics.u32();
  return undefined;
}
