// Endpoint behaviours (RFC 8986 section 4) as Linux seg6local tunnels: action, parameters, flavours, counters. Refuses
// combinations that the kernel would answer with a bare EINVAL; what a behaviour does is the kernel's business.
import { CodedError } from '../../errors.ts';
import { addressFamily } from '../../net/address.ts';
import type { Attributes } from '../reader.ts';
import type { Writer } from '../writer.ts';
import { readSrh, writeSrh } from './srh.ts';

export type Seg6LocalBehaviour =
  | { readonly action: 'End' }
  /** `device` is an ifindex, needed for a link-local nexthop. */
  | { readonly action: 'End.X'; readonly nexthop: string; readonly device?: number }
  | { readonly action: 'End.T'; readonly table: number }
  /** `::` looks the inner destination up. */
  | { readonly action: 'End.DX6'; readonly nexthop: string }
  /** `0.0.0.0` looks the inner destination up. */
  | { readonly action: 'End.DX4'; readonly nexthop: string }
  | { readonly action: 'End.DT6'; readonly table: number }
  /** The VRF's table; needs a VRF device and net.vrf.strict_mode. */
  | { readonly action: 'End.DT4' | 'End.DT46'; readonly vrfTable: number }
  /** Segments in travel order. */
  | { readonly action: 'End.B6.Encaps'; readonly segments: readonly string[] }
  /** SEG6_LOCAL_ACTION_* of somebody else's; read only. */
  | { readonly action: 'other'; readonly number: number };

export interface Seg6LocalFlavours {
  readonly psp?: boolean;
  /** NEXT-CSID (RFC 9800 section 4.1); lengths in bits, each a multiple of 8. */
  readonly nextCsid?: { readonly blockBits: number; readonly nodeBits: number };
}

export interface Seg6LocalCounters {
  readonly packets: number;
  readonly bytes: number;
  readonly errors: number;
}

export interface Seg6Local {
  readonly kind: 'seg6local';
  readonly behaviour: Seg6LocalBehaviour;
  readonly flavours?: Seg6LocalFlavours;
  /** Present: the behaviour counts. Values are ignored when writing, counting starts at zero. */
  readonly counters?: Seg6LocalCounters;
}

export const ZERO_COUNTERS: Seg6LocalCounters = { packets: 0, bytes: 0, errors: 0 };

/** SEG6_LOCAL_* attributes (linux/seg6_local.h). */
const Attribute = { action: 1, srh: 2, table: 3, nh4: 4, nh6: 5, oif: 7, vrfTable: 9, counters: 10, flavours: 11 };
const Flavour = { operations: 1, blockBits: 2, nodeBits: 3 };
const Counter = { packets: 2, bytes: 3, errors: 4 };
/** Bits of the operations mask. */
const PSP = 1 << 1;
const NEXT_CSID = 1 << 4;
/** RFC 9800's usual lengths, and what the kernel assumes when none are given. */
const DEFAULT_BLOCK_BITS = 32;
const DEFAULT_NODE_BITS = 16;

/** SEG6_LOCAL_ACTION_*. */
const ACTIONS: Readonly<Record<Exclude<Seg6LocalBehaviour['action'], 'other'>, number>> = {
  End: 1,
  'End.X': 2,
  'End.T': 3,
  'End.DX6': 5,
  'End.DX4': 6,
  'End.DT6': 7,
  'End.DT4': 8,
  'End.B6.Encaps': 10,
  'End.DT46': 16,
};

export function writeSeg6Local(writer: Writer, local: Seg6Local): void {
  const { behaviour, flavours } = local;
  if (behaviour.action === 'other')
    throw new CodedError('unsupported-encap', 'cannot write a foreign behaviour', { action: behaviour.number });
  writer.u32Attribute(Attribute.action, ACTIONS[behaviour.action]);
  switch (behaviour.action) {
    case 'End':
      break;
    case 'End.X':
      writeNexthop(writer, 'ipv6', behaviour.nexthop);
      if (behaviour.device !== undefined) writer.u32Attribute(Attribute.oif, behaviour.device);
      break;
    case 'End.DX6':
      writeNexthop(writer, 'ipv6', behaviour.nexthop);
      break;
    case 'End.DX4':
      writeNexthop(writer, 'ipv4', behaviour.nexthop);
      break;
    case 'End.T':
    case 'End.DT6':
      writer.u32Attribute(Attribute.table, behaviour.table);
      break;
    case 'End.DT4':
    case 'End.DT46':
      writer.u32Attribute(Attribute.vrfTable, behaviour.vrfTable);
      break;
    case 'End.B6.Encaps': {
      const srh = writer.openRaw(Attribute.srh);
      writeSrh(writer, behaviour.segments, { inline: false });
      writer.close(srh);
      break;
    }
    default:
      behaviour satisfies never;
  }
  if (flavours !== undefined) writeFlavours(writer, flavours);
  if (local.counters !== undefined) writeCounters(writer);
}

function writeNexthop(writer: Writer, family: 'ipv4' | 'ipv6', nexthop: string): void {
  if (addressFamily(nexthop) !== family)
    throw new CodedError('bad-address', `the behaviour needs an ${family} nexthop`, { nexthop });
  writer.address(family === 'ipv6' ? Attribute.nh6 : Attribute.nh4, nexthop);
}

function writeFlavours(writer: Writer, flavours: Seg6LocalFlavours): void {
  const operations = (flavours.psp ? PSP : 0) | (flavours.nextCsid ? NEXT_CSID : 0);
  if (operations === 0) return;
  const nest = writer.open(Attribute.flavours);
  writer.u32Attribute(Flavour.operations, operations);
  if (flavours.nextCsid) {
    writer.u8(Flavour.blockBits, flavours.nextCsid.blockBits);
    writer.u8(Flavour.nodeBits, flavours.nextCsid.nodeBits);
  }
  writer.close(nest);
}

/** The kernel wants all three present, at any value. */
function writeCounters(writer: Writer): void {
  const nest = writer.open(Attribute.counters);
  for (const type of [Counter.packets, Counter.bytes, Counter.errors]) {
    writer.halves(12, type);
    writer.zeros(8);
  }
  writer.close(nest);
}

interface Parameters {
  action: number;
  table?: number;
  vrfTable?: number;
  nh4?: string;
  nh6?: string;
  oif?: number;
  segments?: string[];
}

export function readSeg6Local(nest: Attributes): Seg6Local {
  const read: Parameters = { action: 0 };
  let flavours: Seg6LocalFlavours | undefined;
  let counters: Seg6LocalCounters | undefined;
  while (nest.next()) {
    if (nest.type === Attribute.action) read.action = nest.u32();
    else if (nest.type === Attribute.table) read.table = nest.u32();
    else if (nest.type === Attribute.vrfTable) read.vrfTable = nest.u32();
    else if (nest.type === Attribute.nh4) read.nh4 = nest.address();
    else if (nest.type === Attribute.nh6) read.nh6 = nest.address();
    else if (nest.type === Attribute.oif) read.oif = nest.u32();
    else if (nest.type === Attribute.srh) read.segments = readSrh(nest, 0, false);
    else if (nest.type === Attribute.flavours) flavours = readFlavours(nest.nested());
    else if (nest.type === Attribute.counters) counters = readCounters(nest.nested());
  }
  return {
    kind: 'seg6local',
    behaviour: behaviourOf(read),
    ...(flavours && { flavours }),
    ...(counters && { counters }),
  };
}

function behaviourOf(read: Parameters): Seg6LocalBehaviour {
  const need = <T>(value: T | undefined, what: string): T => {
    if (value === undefined)
      throw new CodedError('missing-attribute', `the behaviour lacks its ${what}`, { action: read.action });
    return value;
  };
  switch (read.action) {
    case ACTIONS.End:
      return { action: 'End' };
    case ACTIONS['End.X']:
      return {
        action: 'End.X',
        nexthop: need(read.nh6, 'nexthop'),
        ...(read.oif !== undefined && { device: read.oif }),
      };
    case ACTIONS['End.T']:
      return { action: 'End.T', table: need(read.table, 'table') };
    case ACTIONS['End.DX6']:
      return { action: 'End.DX6', nexthop: need(read.nh6, 'nexthop') };
    case ACTIONS['End.DX4']:
      return { action: 'End.DX4', nexthop: need(read.nh4, 'nexthop') };
    case ACTIONS['End.DT6']:
      // With a VRF table it is a behaviour we never write.
      if (read.table === undefined && read.vrfTable !== undefined) return { action: 'other', number: read.action };
      return { action: 'End.DT6', table: need(read.table, 'table') };
    case ACTIONS['End.DT4']:
      return { action: 'End.DT4', vrfTable: need(read.vrfTable, 'table') };
    case ACTIONS['End.DT46']:
      return { action: 'End.DT46', vrfTable: need(read.vrfTable, 'table') };
    case ACTIONS['End.B6.Encaps']:
      return { action: 'End.B6.Encaps', segments: need(read.segments, 'segment list') };
    default:
      return { action: 'other', number: read.action };
  }
}

function readFlavours(nest: Attributes): Seg6LocalFlavours {
  let operations = 0;
  let blockBits = DEFAULT_BLOCK_BITS;
  let nodeBits = DEFAULT_NODE_BITS;
  while (nest.next()) {
    if (nest.type === Flavour.operations) operations = nest.u32();
    else if (nest.type === Flavour.blockBits) blockBits = nest.u8();
    else if (nest.type === Flavour.nodeBits) nodeBits = nest.u8();
  }
  return {
    ...(operations & PSP && { psp: true }),
    ...(operations & NEXT_CSID && { nextCsid: { blockBits, nodeBits } }),
  };
}

function readCounters(nest: Attributes): Seg6LocalCounters {
  let { packets, bytes, errors } = ZERO_COUNTERS;
  while (nest.next()) {
    if (nest.type === Counter.packets) packets = nest.u64();
    else if (nest.type === Counter.bytes) bytes = nest.u64();
    else if (nest.type === Counter.errors) errors = nest.u64();
  }
  return { packets, bytes, errors };
}
