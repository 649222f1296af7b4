// IPv6 and IPv4 addresses and prefixes as the rest of the code wants them: canonical text (RFC 5952) for keys and
// humans, 16 or 4 bytes for the wire and the kernel. The only importer of ip-address.
import { Address4, Address6 } from 'ip-address';
import { CodedError } from '../errors.ts';
import { writeIpv4, writeIpv6 } from './plain-address.ts';

export interface Prefix {
  /** Canonical text of the network address, host bits cleared. */
  readonly address: string;
  readonly length: number;
}

export type AddressFamily = 'ipv4' | 'ipv6';

export function addressFamily(address: string): AddressFamily {
  return address.includes(':') ? 'ipv6' : 'ipv4';
}

/** Parses text to 16 (IPv6) or 4 (IPv4) bytes in network order; throws `CodedError` `bad-address`. */
export function addressToBytes(address: string): Uint8Array {
  const ipv6 = address.includes(':');
  const plain = new Uint8Array(ipv6 ? 16 : 4);
  if ((ipv6 ? writeIpv6 : writeIpv4)(address, address.length, plain, 0) > 0) return plain;
  return generalBytes(address);
}

/** As `addressToBytes`, for any text: what plain-address.ts leaves, and what it is tested against. */
export function generalBytes(address: string): Uint8Array {
  try {
    if (address.includes('%') || address.includes('/')) throw new Error('zone or prefix length');
    const bytes = Uint8Array.from(
      address.includes(':') ? new Address6(address).toByteArray() : new Address4(address).toArray(),
    );
    if (bytes.length === (address.includes(':') ? 16 : 4)) return bytes;
    const padded = new Uint8Array(address.includes(':') ? 16 : 4);
    padded.set(bytes, padded.length - bytes.length);
    return padded;
  } catch {
    throw new CodedError('bad-address', `not an IP address: ${JSON.stringify(address)}`);
  }
}

/** Formats 16 or 4 bytes as canonical text (RFC 5952 section 4); throws `CodedError` `bad-address` on other lengths. */
export function bytesToAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) throw new CodedError('bad-address', `an address has 4 or 16 bytes, not ${bytes.length}`);
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((bytes[i]! << 8) | bytes[i + 1]!);
  // RFC 5952 4.2.3: the longest run of two or more zero groups, the first of equals, becomes "::".
  let bestStart = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > bestLength) {
      bestStart = i;
      bestLength = run;
    }
    if (run > 0) i += run - 1;
  }
  const hex = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((g) => g.toString(16))
      .join(':');
  return bestStart < 0 ? hex(0, 8) : `${hex(0, bestStart)}::${hex(bestStart + bestLength, 8)}`;
}

/** Canonical text of an address, so that equal addresses are equal strings. */
export function canonicalAddress(address: string): string {
  return bytesToAddress(addressToBytes(address));
}

/** Parses `address/length`; host bits are cleared; throws `CodedError` `bad-prefix`. */
export function parsePrefix(text: string): Prefix {
  const slash = text.lastIndexOf('/');
  const bytes = addressToBytes(slash < 0 ? text : text.slice(0, slash));
  const bits = bytes.length * 8;
  const lengthText = slash < 0 ? String(bits) : text.slice(slash + 1);
  const length = /^\d{1,3}$/.test(lengthText) ? Number(lengthText) : -1;
  if (length < 0 || length > bits) throw new CodedError('bad-prefix', `not a prefix: ${JSON.stringify(text)}`);
  return { address: bytesToAddress(maskBytes(bytes, length)), length };
}

export function formatPrefix(prefix: Prefix): string {
  return `${prefix.address}/${prefix.length}`;
}

export function canonicalPrefix(text: string): string {
  return formatPrefix(parsePrefix(text));
}

export function prefixContains(prefix: Prefix, address: string): boolean {
  const bytes = addressToBytes(address);
  if (addressFamily(prefix.address) !== addressFamily(address)) return false;
  return bytesToAddress(maskBytes(bytes, prefix.length)) === prefix.address;
}

/** Clears all but the first `length` bits, in a copy. */
export function maskBytes(bytes: Uint8Array, length: number): Uint8Array {
  const out = Uint8Array.from(bytes);
  for (let i = 0; i < out.length; i++) {
    const keep = Math.max(0, Math.min(8, length - i * 8));
    out[i]! &= (0xff << (8 - keep)) & 0xff;
  }
  return out;
}
