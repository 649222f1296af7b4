// RTM_*NEXTHOP: nexthop objects, single (device, gateway, tunnel) and groups with weights. Pure; id ranges and order of
// programming are the FIB's concern.
//
//   nhmsg  | family | scope | protocol | 0 |  | flags (32) |
import { CodedError } from '../../errors.ts';
import { type AddressFamily, addressFamily } from '../../net/address.ts';
import { AF_INET, AF_INET6, AF_UNSPEC, Flag, MessageType, verbFlags } from '../constants.ts';
import type { Attributes, Message } from '../reader.ts';
import { type Encap, readEncap, writeEncap } from '../seg6/encap.ts';
import type { Writer } from '../writer.ts';

export interface SingleNexthop {
  readonly kind: 'single';
  readonly id: number;
  readonly protocol: number;
  /** Family of the gateway, or of the routes when there is none: a seg6 nexthop of `ipv6` serves IPv4 routes too. */
  readonly family: AddressFamily;
  /** Interface index; absent only for a blackhole. */
  readonly device?: number;
  readonly gateway?: string;
  readonly encap?: Encap;
  readonly blackhole?: boolean;
}

export interface GroupNexthop {
  readonly kind: 'group';
  readonly id: number;
  readonly protocol: number;
  /** Single nexthops, at least one; weight 1..65536, beyond 256 from Linux 6.12 on (EINVAL before). */
  readonly members: readonly { readonly id: number; readonly weight: number }[];
  readonly resilient?: ResilientHashing;
}

/** NEXTHOP_GRP_TYPE_RES. Buckets are fixed for the group's life; timers have a grain of 10 ms, unbalanced 0: never. */
export interface ResilientHashing {
  readonly buckets: number;
  readonly idleTimeoutMs: number;
  readonly unbalancedTimeoutMs: number;
}

export type NexthopObject = SingleNexthop | GroupNexthop;

const Attribute = {
  id: 1,
  group: 2,
  groupType: 3,
  blackhole: 4,
  device: 5,
  gateway: 6,
  encapType: 7,
  encap: 8,
  resilient: 12,
};
/** NHA_RES_GROUP_*. */
const Resilient = { buckets: 1, idleTimer: 2, unbalancedTimer: 3 };
const GROUP_TYPE_RESILIENT = 1;
/** USER_HZ: the kernel's timers come in hundredths of a second. */
const TICK_MS = 10;
const NHMSG_BYTES = 8;
const GROUP_ENTRY_BYTES = 8;

/** Encodes a creation (`install`) or an upsert (`replace`): in place, so that every route using it follows at once. */
export function encodeNexthop(writer: Writer, verb: 'install' | 'replace', nexthop: NexthopObject): void {
  writer.begin(MessageType.newNexthop, verbFlags(verb));
  if (nexthop.kind === 'group') writeGroup(writer, nexthop);
  else writeSingle(writer, nexthop);
  writer.end();
}

function writeSingle(writer: Writer, nexthop: SingleNexthop): void {
  const family = nexthop.gateway === undefined ? nexthop.family : addressFamily(nexthop.gateway);
  writer.quad(family === 'ipv6' ? AF_INET6 : AF_INET, 0, nexthop.protocol, 0);
  writer.word(0);
  writer.u32Attribute(Attribute.id, nexthop.id);
  if (nexthop.blackhole) {
    writer.flag(Attribute.blackhole);
    return;
  }
  if (nexthop.device === undefined) throw new CodedError('bad-nexthop', 'a nexthop needs a device', { id: nexthop.id });
  writer.u32Attribute(Attribute.device, nexthop.device);
  if (nexthop.gateway !== undefined) writer.address(Attribute.gateway, nexthop.gateway);
  if (nexthop.encap !== undefined) writeEncap(writer, nexthop.encap, Attribute.encapType, Attribute.encap);
}

/** struct nexthop_grp: id (32), weight-1 (8), weight-1 high bits (8), 0 (16). */
function writeGroup(writer: Writer, group: GroupNexthop): void {
  if (group.members.length === 0) throw new CodedError('bad-nexthop', 'a group needs a member', { id: group.id });
  writer.quad(AF_UNSPEC, 0, group.protocol, 0);
  writer.word(0);
  writer.u32Attribute(Attribute.id, group.id);
  const list = writer.openRaw(Attribute.group);
  writer.reserve(group.members.length * GROUP_ENTRY_BYTES);
  for (const member of group.members) {
    if (!Number.isInteger(member.weight) || member.weight < 1 || member.weight > 65536)
      throw new CodedError('bad-nexthop', 'a group member weighs 1 to 65536', { id: group.id, weight: member.weight });
    writer.word(member.id);
    writer.quad((member.weight - 1) & 0xff, (member.weight - 1) >> 8, 0, 0);
  }
  writer.close(list);
  if (group.resilient === undefined) return;
  const { buckets, idleTimeoutMs, unbalancedTimeoutMs } = group.resilient;
  writer.u16Attribute(Attribute.groupType, GROUP_TYPE_RESILIENT);
  const nest = writer.open(Attribute.resilient);
  writer.u16Attribute(Resilient.buckets, buckets);
  writer.u32Attribute(Resilient.idleTimer, Math.ceil(idleTimeoutMs / TICK_MS));
  writer.u32Attribute(Resilient.unbalancedTimer, Math.ceil(unbalancedTimeoutMs / TICK_MS));
  writer.close(nest);
}

/** Removal; routes and groups that still use it go silently with it, so they are removed first. */
export function encodeRemoveNexthop(writer: Writer, id: number): void {
  writer.begin(MessageType.delNexthop, Flag.request);
  writer.zeros(NHMSG_BYTES);
  writer.u32Attribute(Attribute.id, id);
  writer.end();
}

/** Asks for one. */
export function encodeGetNexthop(writer: Writer, id: number): void {
  writer.begin(MessageType.getNexthop, Flag.request);
  writer.zeros(NHMSG_BYTES);
  writer.u32Attribute(Attribute.id, id);
  writer.end();
}

/** Asks for all nexthop objects; the kernel filters by nothing that we need. */
export function encodeDumpNexthops(writer: Writer): void {
  writer.begin(MessageType.getNexthop, Flag.request | Flag.dump);
  writer.zeros(NHMSG_BYTES);
  writer.end();
}

/** Decodes RTM_NEWNEXTHOP and RTM_DELNEXTHOP. */
export function decodeNexthop(message: Message): NexthopObject {
  const protocol = message.byteAt(2);
  const attributes = message.attributes(NHMSG_BYTES);
  let id: number | undefined;
  let device: number | undefined;
  let gateway: string | undefined;
  let blackhole = false;
  let encapType: number | undefined;
  let encapNest: Attributes | undefined;
  let members: { id: number; weight: number }[] | undefined;
  let resilient: ResilientHashing | undefined;
  while (attributes.next()) {
    if (attributes.type === Attribute.id) id = attributes.u32();
    else if (attributes.type === Attribute.group) members = readGroup(attributes);
    else if (attributes.type === Attribute.resilient) resilient = readResilient(attributes.nested());
    else if (attributes.type === Attribute.blackhole) blackhole = true;
    else if (attributes.type === Attribute.device) device = attributes.u32();
    else if (attributes.type === Attribute.gateway) gateway = attributes.address();
    else if (attributes.type === Attribute.encapType) encapType = attributes.u16();
    else if (attributes.type === Attribute.encap) encapNest = attributes.nested();
  }
  if (id === undefined) throw new CodedError('missing-attribute', 'a nexthop object has no id');
  if (members !== undefined) return { kind: 'group', id, protocol, members, ...(resilient && { resilient }) };
  const encap = encapType !== undefined && encapNest !== undefined ? readEncap(encapType, encapNest) : undefined;
  return {
    kind: 'single',
    id,
    protocol,
    family: message.byteAt(0) === AF_INET ? 'ipv4' : 'ipv6',
    ...(device !== undefined && { device }),
    ...(gateway !== undefined && { gateway }),
    ...(encap !== undefined && { encap }),
    ...(blackhole && { blackhole }),
  };
}

function readResilient(nest: Attributes): ResilientHashing {
  let buckets = 0;
  let idleTimeoutMs = 0;
  let unbalancedTimeoutMs = 0;
  while (nest.next()) {
    if (nest.type === Resilient.buckets) buckets = nest.u16();
    else if (nest.type === Resilient.idleTimer) idleTimeoutMs = nest.u32() * TICK_MS;
    else if (nest.type === Resilient.unbalancedTimer) unbalancedTimeoutMs = nest.u32() * TICK_MS;
  }
  return { buckets, idleTimeoutMs, unbalancedTimeoutMs };
}

function readGroup(list: Attributes): { id: number; weight: number }[] {
  const members: { id: number; weight: number }[] = [];
  for (let at = 0; at < list.length; at += GROUP_ENTRY_BYTES)
    members.push({ id: list.u32At(at), weight: (list.byteAt(at + 4) | (list.byteAt(at + 5) << 8)) + 1 });
  return members;
}
