// A SID as a value: address, structure and behaviour, with the fields that packing needs read out once (RFC 8986 3.1,
// RFC 9800 3). Decides whether a SID is fit for compression; which SIDs go together is decided elsewhere.
//
//   |<------ LBL ------>|<- LNL ->|<-- FL -->|<------- AL ------->|
//   |   Locator-Block   |  Node   | Function |      Argument      |
//                       |<-- C-SID (LNFL) -->|
import type { SidStructure } from '../model/service-route.ts';
import { addressToBytes, bytesToAddress, maskBytes } from '../net/address.ts';
import { type BehaviourKind, behaviourKind, type Flavour, isDecapsulating } from './behaviour-kind.ts';
import { isZeroFrom, readBits } from './bits.ts';

export interface Sid {
  /** Canonical text. */
  readonly address: string;
  /** 16 octets, never written to. */
  readonly bytes: Uint8Array;
  readonly structure: SidStructure;
  /** Behaviour code point. */
  readonly behaviour: number;
  /** Undefined: the behaviour is not known here and the SID is opaque. */
  readonly kind: BehaviourKind | undefined;
  /** Flavour that may be used: `none` where the behaviour has one but the SID is not fit for it, see `unfit`. */
  readonly packs: Flavour;
  /** Why a flavoured SID cannot be packed; empty when it can, or has no flavour. */
  readonly unfit: SidFault | '';
  /** Locator-Block as text with its length: equal blocks are equal strings. */
  readonly block: string;
  /** Flavour by which another SID may follow it in a container or sequence; `none` for what ends one. */
  readonly continues: Flavour;
  /** True when its endpoint reads the next entry as packed, whether the SID is fit for packing or not. */
  readonly replaces: boolean;
  /** True when every bit behind block, node and function is zero. */
  readonly isBare: boolean;
  /** C-SID length LNFL, bits. */
  readonly csidBits: number;
  /** Node and function bits as a number; -1 when there are none or more than 32. */
  readonly csid: number;
  /** Who instantiates it: the name given, or block and node bits as text. */
  readonly node: string;
}

export type SidFault =
  /** Lengths are negative, fractional or more than 128 bits together. */
  | 'bad-structure'
  /** A flavoured SID whose argument does not reach to bit 128, or whose C-SID length its flavour does not have. */
  | 'length-of-flavour'
  /** RFC 9800 5: C-SID 0 marks the end of a container. */
  | 'zero-csid'
  /** A flavoured SID is announced and listed with a zero argument. */
  | 'argument-not-zero';

/** RFC 9800 6.1: both flavours have 16- and 32-bit C-SIDs. */
const CSID_BITS: readonly number[] = [16, 32];
/** Deviates: RFC 9800 lets the index share an octet with the C-SID; our endpoints write the last octet whole. */
const REPLACE_PREFIX_BITS_MAX = 120;

/** Builds the value; throws `CodedError` `bad-address`. A fault of structure or argument is in `unfit`, not thrown. */
export function makeSid(address: string, structure: SidStructure, behaviour: number, node?: string): Sid {
  const bytes = addressToBytes(address);
  const kind = behaviourKind(behaviour);
  const sound = isSound(structure);
  const { block, node: nodeBits, function: functionBits } = sound ? structure : UNKNOWN_STRUCTURE;
  const csidBits = nodeBits + functionBits;
  const unfit = sound ? unfitness(bytes, structure, kind) : 'bad-structure';
  const packs = unfit === '' ? (kind?.flavour ?? 'none') : 'none';
  const isTransit = kind !== undefined && !isDecapsulating(kind);
  return {
    address: bytesToAddress(bytes),
    bytes,
    structure,
    behaviour,
    kind,
    packs,
    unfit,
    continues: isTransit ? packs : 'none',
    replaces: isTransit && kind.flavour === 'replace',
    isBare: isZeroFrom(bytes, block + csidBits),
    block: prefixText(bytes, block),
    csidBits,
    csid: csidBits > 0 && csidBits <= 32 ? readBits(bytes, block, csidBits) : -1,
    node: node ?? prefixText(bytes, block + nodeBits),
  };
}

/** Length of the prefix that instantiates the SID, bits (RFC 9800 5.3: block, node and function). */
export function sidPrefixBits({ structure }: Sid): number {
  return structure.block + structure.node + structure.function;
}

/** True when the SID is installed as a prefix, so that any argument behind it reaches it. */
export function takesArgument({ structure, csidBits }: Sid): boolean {
  return structure.argument > 0 && structure.argument === 128 - structure.block - csidBits;
}

const UNKNOWN_STRUCTURE: SidStructure = { block: 0, node: 0, function: 0, argument: 0 };

function isSound({ block, node, function: functionBits, argument }: SidStructure): boolean {
  const lengths = [block, node, functionBits, argument];
  return lengths.every((bits) => Number.isInteger(bits) && bits >= 0) && lengths.reduce((a, b) => a + b) <= 128;
}

/** RFC 9800 6.1 and 6.2: what a source node checks before it compresses a SID. */
function unfitness(bytes: Uint8Array, structure: SidStructure, kind: BehaviourKind | undefined): SidFault | '' {
  if (kind === undefined || kind.flavour === 'none') return '';
  const csidBits = structure.node + structure.function;
  const prefixBits = structure.block + csidBits;
  if (!isZeroFrom(bytes, prefixBits)) return 'argument-not-zero';
  if (csidBits <= 32 && readBits(bytes, structure.block, csidBits) === 0) return 'zero-csid';
  if (!CSID_BITS.includes(csidBits) || structure.argument !== 128 - prefixBits) return 'length-of-flavour';
  return kind.flavour === 'replace' && prefixBits > REPLACE_PREFIX_BITS_MAX ? 'length-of-flavour' : '';
}

function prefixText(bytes: Uint8Array, bits: number): string {
  return `${bytesToAddress(maskBytes(bytes, bits))}/${bits}`;
}
