// Which objects no forwarding plane would take, told before the kernel answers with a bare EINVAL (it names neither
// the segment nor the weight). Looks at one object alone; references are object-set.ts's concern.
import {
  addressFamily,
  addressToBytes,
  canonicalAddress,
  canonicalPrefix,
  parsePrefix,
  prefixContains,
} from '../net/address.ts';
import { PREFIX_WORDS, readPrefix } from '../net/prefix-words.ts';
import { classesOf, instancesOf, type NamedClass } from './affinity-classes.ts';
import { matchFault } from './affinity-match.ts';
import type {
  AffinityService,
  Border,
  FibObject,
  LocalSid,
  ReplaceSid,
  ResilientGroup,
  RouteTarget,
  ServiceMtu,
} from './fib.ts';

/** What a chain's name may end with. */
const CLASS_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export const NOT_CANONICAL = 'prefix is not canonical';

/** For what is looked at and not kept. */
const WORDS = new Uint32Array(PREFIX_WORDS);

/** What is wrong with the object itself, whatever else is there; undefined: nothing. */
export function objectFault(object: FibObject): string | undefined {
  try {
    switch (object.kind) {
      case 'nexthop':
        if (!isId(object.id)) return 'id is not in 1..4294967295';
        return segmentsFault(object.segments);
      case 'group':
        if (!isId(object.id)) return 'id is not in 1..4294967295';
        if (object.members.length === 0) return 'no members';
        if (new Set(object.members.map((member) => member.nexthop)).size < object.members.length)
          return 'a nexthop is a member twice';
        if (!object.members.every(({ weight }) => isWithin(weight, 1, 65536))) return 'a weight is not in 1..65536';
        return object.resilient && resilientFault(object.resilient);
      case 'route':
        if (readPrefix(object.prefix, 0, WORDS, 0) < 0) return NOT_CANONICAL;
        return tableFault(object.table) ?? targetFault(object.target);
      case 'local-sid':
        return sidFault(object);
      case 'replace-csid':
        return replaceFault(object);
      case 'rule':
        if (!isId(object.table)) return 'table is not in 1..4294967295';
        return isId(object.mask) && (object.fwmark & ~object.mask) === 0 ? undefined : 'mark has bits outside its mask';
      case 'affinity':
        return affinityFault(object);
      case 'border':
        return borderFault(object);
      case 'mtu':
        return mtuFault(object);
      default:
        return object satisfies never;
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function sidFault({ prefix, behaviour, flavours }: LocalSid): string | undefined {
  if (!prefix.includes(':') || canonicalPrefix(prefix) !== prefix) return 'prefix is not a canonical IPv6 prefix';
  const fault = behaviourFault(behaviour);
  if (fault !== undefined) return fault;
  const csid = flavours?.nextCsid;
  if (!flavours || (!flavours.psp && !csid)) return undefined;
  // seg6_local knows PSP with End alone, NEXT-CSID with End and End.X.
  if (flavours.psp && behaviour.action !== 'End') return `${behaviour.action} takes no PSP`;
  if (behaviour.action !== 'End' && behaviour.action !== 'End.X') return `${behaviour.action} takes no flavours`;
  if (!csid) return undefined;
  // seg6_local: both lengths are whole bytes and fit an address.
  const whole = csid.blockBits % 8 === 0 && csid.nodeBits % 8 === 0;
  const fit = csid.blockBits >= 8 && csid.nodeBits >= 8 && csid.blockBits + csid.nodeBits <= 128;
  return whole && fit ? undefined : 'block and node lengths are not whole bytes that fit an address';
}

/** What is wrong with the table of a route. */
export function tableFault(table: number): string | undefined {
  return isId(table) ? undefined : 'table is not in 1..4294967295';
}

/** What is wrong with where a route goes. */
export function targetFault(target: RouteTarget): string | undefined {
  switch (target.kind) {
    case 'encap':
      return segmentsFault(target.segments);
    case 'too-big':
      return isMtu(target.mtu) ? undefined : MTU_FAULT;
    case 'gateways':
      if (target.hops.length === 0) return 'no hops';
      return target.hops.every((hop) => isWeight(hop.weight)) ? undefined : 'a weight is not in 1..256';
    default:
      return undefined;
  }
}

function behaviourFault(behaviour: LocalSid['behaviour']): string | undefined {
  switch (behaviour.action) {
    case 'End':
      return undefined;
    case 'End.X':
    case 'End.DX6':
      return isIpv6(behaviour.nexthop) ? undefined : 'nexthop is not an IPv6 address';
    case 'End.DX4':
      return isIpv4(behaviour.nexthop) ? undefined : 'nexthop is not an IPv4 address';
    case 'End.T':
    case 'End.DT6':
      return isId(behaviour.table) ? undefined : 'table is not in 1..4294967295';
    case 'End.DT4':
    case 'End.DT46':
      return isId(behaviour.vrfTable) ? undefined : 'table is not in 1..4294967295';
    case 'End.B6.Encaps':
      return segmentsFault(behaviour.segments);
    default:
      return behaviour satisfies never;
  }
}

/** The header length of an SRH counts 8 octets in 8 bits. */
const SEGMENTS_MAX = 127;

/** Lists found to be sound: many routes share one. */
const SOUND = new WeakSet<readonly string[]>();

function segmentsFault(segments: readonly string[]): string | undefined {
  if (SOUND.has(segments)) return undefined;
  if (segments.length === 0) return 'no segments';
  if (segments.length > SEGMENTS_MAX) return `more than ${SEGMENTS_MAX} segments`;
  if (!segments.every(isIpv6)) return 'a segment is not an IPv6 address';
  SOUND.add(segments);
  return undefined;
}

function replaceFault({ prefix, csidBits, mark }: ReplaceSid): string | undefined {
  if (!prefix.includes(':') || canonicalPrefix(prefix) !== prefix) return 'prefix is not a canonical IPv6 prefix';
  const { address, length } = parsePrefix(prefix);
  const blockBits = length - csidBits;
  if (csidBits !== 16 && csidBits !== 32) return 'C-SIDs have 16 or 32 bits';
  // The last octet holds the index; nft copies whole octets.
  if (length % 8 !== 0 || length > 120 || blockBits < 8) return 'block and C-SID are not whole octets of 1..15';
  if (
    addressToBytes(address)
      .subarray(blockBits / 8)
      .every((octet) => octet === 0)
  )
    return 'C-SID 0 ends a container';
  return mark === undefined || isId(mark) ? undefined : 'mark is not in 1..4294967295';
}

function resilientFault({ buckets, idleTimeoutMs, unbalancedTimeoutMs }: ResilientGroup): string | undefined {
  if (!isWithin(buckets, 1, 65535)) return 'buckets are not in 1..65535';
  // struct nla u32 of clock ticks, hundredths of a second.
  return isWithin(idleTimeoutMs, 10, 40_000_000_000) && isWithin(unbalancedTimeoutMs, 0, 40_000_000_000)
    ? undefined
    : 'a timer is out of range';
}

function affinityFault(object: AffinityService): string | undefined {
  const { service, classes = [], classifier = [] } = object;
  if (canonicalAddress(service) !== service) return 'service address is not canonical';
  const slots = instancesOf(object).map((instance) => instance.slot);
  if (new Set(slots).size < slots.length) return 'a slot occurs twice';
  const names = classes.map(({ name }) => name);
  if (!names.every((name) => CLASS_NAME.test(name))) return 'a class has no name, or one that nft does not take';
  if (new Set(names).size < names.length) return 'a class occurs twice';
  const unknown = classifier.find((rule) => rule.class !== '' && !names.includes(rule.class));
  if (unknown) return `the classifier names ${unknown.class}, which is no class here`;
  const unmatched = classifier.map(({ match }) => matchFault(service, match)).find((fault) => fault !== undefined);
  return (
    unmatched ??
    classesOf(object)
      .map((one) => classFault(service, one))
      .find((fault) => fault !== undefined)
  );
}

function classFault(service: string, one: NamedClass): string | undefined {
  const { mode, instances, idleTimeoutMs, closingTimeoutMs, clientBits, mark } = one;
  if (mode === 'bucket' && (instances.length > 0 || (one.name !== '' && !isId(mark ?? 0))))
    return 'a bucket class has a mark and no instances';
  if (!(idleTimeoutMs > 0 && closingTimeoutMs > 0)) return 'a timeout is not positive';
  if (!instances.every(({ slot }) => Number.isInteger(slot) && slot >= 0)) return 'a slot is not a whole number';
  if (!instances.every((instance) => isId(instance.mark))) return 'a mark is not in 1..4294967295';
  if (!instances.every(({ weight }) => Number.isInteger(weight) && weight >= 0)) return 'a weight is not whole';
  const most = addressFamily(service) === 'ipv6' ? 128 : 32;
  if (clientBits !== undefined && !(isWithin(clientBits, 8, most) && clientBits % 8 === 0))
    return `client bits are not whole octets of 8..${most}`;
  const sum = instances.reduce((total, instance) => total + instance.weight, 0);
  return sum === 0 || sum === 1000 ? undefined : `weights sum to ${sum}, not to 1000 or 0`;
}

function borderFault({ inside, sidSpace }: Border): string | undefined {
  const strange = inside.find((name) => !/^[\w.@:-]{1,15}$/.test(name));
  if (strange !== undefined) return `${strange} is not the name of an interface`;
  if (new Set(inside).size < inside.length) return 'an interface occurs twice';
  const wrong = sidSpace.find((prefix) => !prefix.includes(':') || canonicalPrefix(prefix) !== prefix);
  if (wrong !== undefined) return `${wrong} is not a canonical IPv6 prefix`;
  const prefixes = sidSpace.map(parsePrefix);
  const within = prefixes.findIndex((inner) =>
    prefixes.some((outer) => outer !== inner && outer.length <= inner.length && prefixContains(outer, inner.address)),
  );
  return within < 0 ? undefined : `${sidSpace[within]} lies within another prefix`;
}

function mtuFault({ services, mtu, mark }: ServiceMtu): string | undefined {
  const wrong = services.find((service) => canonicalAddress(service) !== service);
  if (wrong !== undefined) return `${wrong} is not a canonical address`;
  if (services.length === 0 || new Set(services).size < services.length)
    return 'services are none, or one occurs twice';
  if (!isId(mark)) return 'mark is not in 1..4294967295';
  return isMtu(mtu) ? undefined : MTU_FAULT;
}

const MTU_FAULT = 'mtu is not in 1280..65535';

/** RFC 8200 5: no link has less. */
function isMtu(value: number): boolean {
  return Number.isInteger(value) && value >= 1280 && value <= 65535;
}

function isWithin(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}

function isId(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value <= 0xffffffff;
}

function isWeight(value: number): boolean {
  return isWithin(value, 1, 256);
}

function isIpv4(address: string): boolean {
  return addressFamily(address) === 'ipv4' && canonicalAddress(address) === address;
}

function isIpv6(address: string): boolean {
  return addressFamily(address) === 'ipv6' && canonicalAddress(address) === address;
}
