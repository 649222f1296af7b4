// Address text straight into a message buffer. Only an accelerator of lib/net/address: a route change costs the
// kernel 5 us, the general parser as much again for each of its three addresses. Whatever is not plain canonical
// text is left to the general parser, which also owns the errors.
import { addressToBytes, type Prefix, parsePrefix } from '../net/address.ts';

const COLON = 58;
const DOT = 46;

/** Writes an address in network order; returns its 4 or 16 bytes; throws `CodedError` `bad-address`. */
export function writeAddress(text: string, out: Uint8Array, at: number): number {
  const size = text.includes(':') ? writeIpv6(text, out, at) : writeIpv4(text, out, at);
  if (size > 0) return size;
  const bytes = addressToBytes(text);
  out.set(bytes, at);
  return bytes.length;
}

/** Splits `address/length`; throws `CodedError` `bad-prefix`. The kernel masks host bits itself. */
export function splitPrefix(text: string): Prefix {
  const slash = text.indexOf('/');
  if (slash > 0) {
    const length = decimal(text, slash + 1);
    if (length >= 0 && length <= (text.includes(':') ? 128 : 32)) return { address: text.slice(0, slash), length };
  }
  return parsePrefix(text);
}

/** One to three digits up to the end of the text, or -1. */
function decimal(text: string, from: number): number {
  const count = text.length - from;
  if (count < 1 || count > 3) return -1;
  let value = 0;
  for (let i = from; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Hex groups and at most one "::"; 0 for anything else (embedded IPv4, zones, nonsense). */
function writeIpv6(text: string, out: Uint8Array, at: number): number {
  let position = at;
  let gap = -1;
  let group = 0;
  let digits = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === COLON) {
      if (digits > 0) {
        if (position > at + 14) return 0;
        out[position++] = group >> 8;
        out[position++] = group & 0xff;
        group = digits = 0;
        if (text.charCodeAt(i + 1) !== COLON) {
          if (i + 1 === text.length) return 0;
          continue;
        }
        i++;
      } else if (i === 0 && text.charCodeAt(1) === COLON) {
        i++;
      } else return 0;
      if (gap >= 0) return 0;
      gap = position;
      continue;
    }
    const value = c >= 48 && c <= 57 ? c - 48 : c >= 97 && c <= 102 ? c - 87 : -1;
    if (value < 0 || ++digits > 4) return 0;
    group = (group << 4) | value;
  }
  if (digits > 0) {
    if (position > at + 14) return 0;
    out[position++] = group >> 8;
    out[position++] = group & 0xff;
  }
  const written = position - at;
  if (gap < 0) return written === 16 ? 16 : 0;
  if (written > 14) return 0;
  const tail = position - gap;
  out.copyWithin(at + 16 - tail, gap, position);
  out.fill(0, gap, at + 16 - tail);
  return 16;
}

function writeIpv4(text: string, out: Uint8Array, at: number): number {
  let position = at;
  let value = 0;
  let digits = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = i < text.length ? text.charCodeAt(i) : DOT;
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
