// Prefixes as tables and kernel messages hold them: four words of this machine that lie in memory as the address does in
// a packet (IPv4: the first of them), and one number for family and length. Read from canonical text in one pass: a
// forwarding plane does that of each of a hundred thousand routes.
import { bytesToAddress } from './address.ts';

export const PREFIX_WORDS = 4;
/** Of a row of words that holds a prefix: its address comes first, then its shape. */
export const SHAPE_WORD = 4;
/** Added to the length of an IPv4 prefix. */
const IPV4 = 0x100;

const COLON = 58;
const SLASH = 47;
const DOT = 46;
const ZERO = 48;
const GROUPS = 8;
const GROUP_BITS = 16;

/** The address that is being read, as it lies in a packet. */
const groups = new Uint16Array(GROUPS);
const octets = new Uint8Array(groups.buffer);
const address = new Uint32Array(groups.buffer);
const IGNORED = new Uint32Array(PREFIX_WORDS);
/** Groups are swapped where this machine keeps the low octet first. */
const SWAPS = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

export const prefixShape = (isIpv4: boolean, length: number): number => (isIpv4 ? IPV4 + length : length);
export const isIpv4Prefix = (shape: number): boolean => shape >= IPV4;
export const prefixBits = (shape: number): number => shape & 0xff;

/**
 * Reads the prefix that begins at `from` and ends with the text into `out`, four words; returns its shape (family and
 * length), or -1 for all that is not canonical (RFC 5952 section 4, host bits clear, plain decimal).
 */
export function readPrefix(text: string, from: number, out: Uint32Array, at: number): number {
  address[0] = address[1] = address[2] = address[3] = 0;
  const shape = readGroups(text, from);
  if (shape < 0) return -1;
  out[at] = address[0]!;
  out[at + 1] = address[1]!;
  out[at + 2] = address[2]!;
  out[at + 3] = address[3]!;
  return shape;
}

/** A prefix read once, for those who make a route of it and then change that often. */
export class PrefixWords {
  /** The address, as signed numbers: the engine keeps those without a box. */
  readonly first: number;
  readonly second: number;
  readonly third: number;
  readonly fourth: number;
  readonly shape: number;

  private constructor(shape: number) {
    this.first = address[0]! | 0;
    this.second = address[1]! | 0;
    this.third = address[2]! | 0;
    this.fourth = address[3]! | 0;
    this.shape = shape;
  }

  /** Undefined: the text is no canonical prefix. */
  static of(text: string): PrefixWords | undefined {
    const shape = readPrefix(text, 0, IGNORED, 0);
    return shape < 0 ? undefined : new PrefixWords(shape);
  }

  /** Stands beside the text, which says the same. */
  toJSON(): undefined {
    return undefined;
  }
}

/** Canonical text of the prefix whose words begin at `at`. */
export function prefixText(words: Uint32Array, at: number, shape: number): string {
  const bytes = new Uint8Array(words.buffer, words.byteOffset + at * 4, isIpv4Prefix(shape) ? 4 : 16);
  return `${bytesToAddress(bytes)}/${prefixBits(shape)}`;
}

/** Or IPv4, where a dot follows the first number. */
function readGroups(text: string, from: number): number {
  let count = 0;
  let gapAt = -1;
  let zeroRun = 0;
  let longestRun = 0;
  /** The same in front of the gap. */
  let longestBefore = 0;
  /** Position after the last bit that is set, as written: groups behind a gap are moved by it. */
  let usedBits = 0;
  let usedGroup = -1;
  let i = from;
  let c = text.charCodeAt(i);
  if (c === COLON) {
    if (text.charCodeAt(i + 1) !== COLON) return -1;
    gapAt = 0;
    i += 2;
    c = text.charCodeAt(i);
  }
  while (c !== SLASH) {
    const start = i;
    let value = 0;
    for (;;) {
      const digit = c >= ZERO && c <= 57 ? c - ZERO : c >= 97 && c <= 102 ? c - 87 : -1;
      if (digit < 0) break;
      value = value * 16 + digit;
      c = text.charCodeAt(++i);
    }
    const digits = i - start;
    // No digits, too many, or a zero in front.
    if (digits === 0 || digits > 4 || (digits > 1 && value < 1 << (4 * (digits - 1))) || count === GROUPS) return -1;
    if (value === 0) {
      // A zero beside the gap belongs into it.
      if (count === gapAt) return -1;
      if (++zeroRun > longestRun) longestRun = zeroRun;
    } else {
      zeroRun = 0;
      usedGroup = count;
      usedBits = GROUP_BITS - (31 - Math.clz32(value & -value));
    }
    groups[count++] = SWAPS ? ((value & 255) << 8) | (value >> 8) : value;
    if (c === SLASH) break;
    if (c !== COLON) return c === DOT && count === 1 && gapAt < 0 ? readIpv4(text, from) : -1;
    c = text.charCodeAt(++i);
    if (c === COLON) {
      if (gapAt >= 0 || zeroRun > 0) return -1;
      gapAt = count;
      longestBefore = longestRun;
      longestRun = 0;
      c = text.charCodeAt(++i);
    } else if (c === SLASH) return -1;
  }
  const gap = GROUPS - count;
  // The gap stands for two groups or more, and for the first of the longest runs.
  if (gapAt < 0 ? gap !== 0 || longestRun > 1 : gap < 2 || longestBefore >= gap || longestRun > gap) return -1;
  if (gapAt >= 0 && gapAt < count) {
    for (let group = count - 1; group >= gapAt; group--) {
      groups[group + gap] = groups[group]!;
      groups[group] = 0;
    }
    if (usedGroup >= gapAt) usedGroup += gap;
  }
  const length = lengthAt(text, i + 1);
  return length <= 128 && usedGroup * GROUP_BITS + usedBits <= length ? length : -1;
}

function readIpv4(text: string, from: number): number {
  let i = from;
  for (let octet = 0; octet < 4; octet++) {
    const start = i;
    let value = 0;
    let c = text.charCodeAt(i);
    while (c >= ZERO && c <= 57 && i - start < 4) {
      value = value * 10 + c - ZERO;
      c = text.charCodeAt(++i);
    }
    const digits = i - start;
    if (digits === 0 || value > 255 || (digits > 1 && text.charCodeAt(start) === ZERO)) return -1;
    if (c !== (octet < 3 ? DOT : SLASH)) return -1;
    octets[octet] = value;
    i++;
  }
  const length = lengthAt(text, i);
  if (length < 0 || length > 32) return -1;
  const value = ((octets[0]! << 24) | (octets[1]! << 16) | (octets[2]! << 8) | octets[3]!) >>> 0;
  const hostBits = length === 0 ? value : (value << length) >>> 0;
  return length < 32 && hostBits !== 0 ? -1 : IPV4 + length;
}

/** Decimal without zeros in front, to the end of the text; -1 for all else. */
function lengthAt(text: string, from: number): number {
  let length = 0;
  for (let i = from; i < text.length; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9 || (length === 0 && i > from) || i > from + 2) return -1;
    length = length * 10 + digit;
  }
  return from < text.length ? length : -1;
}
