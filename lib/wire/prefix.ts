// Prefixes on the wire: 16 bytes and a length out of 128, IPv4 mapped (10.0.0.0/8 is ::ffff:10.0.0.0 with 104).
import { maskBytes, parsePrefix } from '../net/address.ts';
import { ADDRESS_BYTES, addressToMapped, mappedToAddress } from '../net/address-words.ts';
import type { Cursor } from './cursor.ts';

const MAPPED_BITS = 96;

export function prefixToWire(prefix: string): { readonly bytes: Uint8Array; readonly length: number } {
  const { address, length } = parsePrefix(prefix);
  return { bytes: addressToMapped(address), length: address.includes(':') ? length : length + MAPPED_BITS };
}

/** Canonical text; a wrong size, a length over 128 or host bits that are set are a fault of the entry. */
export function prefixFromWire(cursor: Cursor, bytes: Uint8Array, length: number): string {
  if (bytes.length !== ADDRESS_BYTES || length > 128) throw cursor.fault('not a prefix');
  if (maskBytes(bytes, length).some((byte, i) => byte !== bytes[i])) throw cursor.fault('prefix with host bits');
  const address = mappedToAddress(bytes);
  if (address.includes(':')) return `${address}/${length}`;
  // ::ffff:0:0/96 and shorter cover more than IPv4 and have no IPv4 text.
  if (length < MAPPED_BITS) throw cursor.fault('prefix across the IPv4-mapped block');
  return `${address}/${length - MAPPED_BITS}`;
}
