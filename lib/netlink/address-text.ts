// Address text straight into a message buffer: a route change costs the kernel 5 us, and an array in between for each of
// its three addresses would be felt. Whatever is not plain text is left to lib/net/address, which also owns the errors.
import { addressToBytes, parsePrefix } from '../net/address.ts';
import { writeIpv4, writeIpv6 } from '../net/plain-address.ts';

const COLON = 58;
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
