// Address text straight into a message buffer. Only an accelerator of lib/net/address: a route change costs the
// kernel 5 us, the general parser as much again for each of its three addresses. Whatever is not plain canonical
// text is left to the general parser, which also owns the errors.
import { addressToBytes, parsePrefix } from '../net/address.ts';

const COLON = 58;
const DOT = 46;
const SLASH = 47;

/** Writes an address in network order; returns its 4 or 16 bytes; throws `CodedError` `bad-address`. */
export function writeAddress(text: string, out: Uint8Array, at: number): number {
  const size = isIpv6(text) ? writeIpv6(text, text.length, out, at) : writeIpv4(text, text.length, out, at);
  if (size > 0) return size;
  const bytes = addressToBytes(text);
  out.set(bytes, at);
  return bytes.length;
}

/**
 * Writes the address of `address/length` and returns the length in bits; throws `CodedError` `bad-prefix` or
 * `bad-address`. Host bits are left: the kernel clears them.
 */
export function writePrefix(text: string, ipv6: boolean, out: Uint8Array, at: number): number {
  // One to three digits behind the slash.
  let slash = text.length - 2;
  while (slash > text.length - 4 && text.charCodeAt(slash) !== SLASH) slash--;
  const bits = text.charCodeAt(slash) === SLASH ? decimal(text, slash + 1) : -1;
  if (bits >= 0 && bits <= (ipv6 ? 128 : 32)) {
    if (ipv6 ? writeIpv6(text, slash, out, at) : writeIpv4(text, slash, out, at)) return bits;
  }
  const prefix = parsePrefix(text);
  writeAddress(prefix.address, out, at);
  return prefix.length;
}

/** Whether the text is, if anything, an IPv6 address or prefix: the colon comes within the first group. */
export function isIpv6(text: string): boolean {
  for (let i = 4; i >= 0; i--) if (text.charCodeAt(i) === COLON) return true;
  return false;
}

/** Digits from `from` to the end of the text, or -1. */
function decimal(text: string, from: number): number {
  let value = 0;
  for (let i = from; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

const NO_DIGIT = 255;
/** Value of a hex digit by its character code. */
const HEX = new Uint8Array(128).fill(NO_DIGIT);
for (const digits of ['0123456789abcdef', '0123456789ABCDEF'])
  for (let value = 0; value < 16; value++) HEX[digits.charCodeAt(value)] = value;

/**
 * Hex groups and at most one "::" in the first `end` characters; 0 for all else (embedded IPv4, zones, nonsense). Reads
 * each character once: that is most of the cost.
 */
function writeIpv6(text: string, end: number, out: Uint8Array, at: number): number {
  const limit = at + 16;
  let position = at;
  let gap = -1;
  let i = 0;
  let c = text.charCodeAt(0);
  if (c === COLON) {
    if (text.charCodeAt(1) !== COLON) return 0;
    gap = at;
    i = 2;
    c = text.charCodeAt(2);
  }
  while (i < end) {
    // One to four digits. Characters beyond the table give undefined, which is no digit either.
    let group = HEX[c]!;
    if (!(group < 16) || position === limit) return 0;
    for (let digits = 1; ; digits++) {
      c = ++i < end ? text.charCodeAt(i) : 0;
      const digit = HEX[c]!;
      if (!(digit < 16)) break;
      if (digits === 4) return 0;
      group = (group << 4) | digit;
    }
    out[position] = group >> 8;
    out[position + 1] = group;
    position += 2;
    if (i >= end) break;
    if (c !== COLON || ++i === end) return 0;
    c = text.charCodeAt(i);
    if (c === COLON) {
      if (gap >= 0) return 0;
      gap = position;
      c = text.charCodeAt(++i);
    }
  }
  if (gap < 0) return position === limit ? 16 : 0;
  if (position === limit) return 0;
  // Moves what stands behind the gap to the end.
  let to = limit;
  while (position > gap) out[--to] = out[--position]!;
  while (to > gap) out[--to] = 0;
  return 16;
}

function writeIpv4(text: string, end: number, out: Uint8Array, at: number): number {
  let position = at;
  let value = 0;
  let digits = 0;
  for (let i = 0; i <= end; i++) {
    const c = i < end ? text.charCodeAt(i) : DOT;
    if (c === DOT) {
      if (digits === 0 || value > 255 || position === at + 4) return 0;
      out[position++] = value;
      value = digits = 0;
      continue;
    }
    // A leading zero is octal to some and decimal to others: the general parser decides.
    if (c < 48 || c > 57 || ++digits > 3 || (digits === 2 && value === 0)) return 0;
    value = value * 10 + c - 48;
  }
  return position - at === 4 ? 4 : 0;
}
