// Addresses as columns hold them: 16 bytes in network order, IPv4 as ::ffff:a.b.c.d, seen as four 32-bit words of this
// machine. Words are keys: they are copied, hashed and compared, never computed with.
import { addressToBytes, bytesToAddress } from './address.ts';

export const ADDRESS_BYTES = 16;
export const ADDRESS_WORDS = 4;

/** Canonical text to 16 bytes in network order; throws `CodedError` `bad-address`. */
export function addressToMapped(text: string): Uint8Array {
  const bytes = addressToBytes(text);
  if (bytes.length === ADDRESS_BYTES) return bytes;
  const mapped = new Uint8Array(ADDRESS_BYTES);
  mapped.set([0xff, 0xff], 10);
  mapped.set(bytes, 12);
  return mapped;
}

/** 16 bytes to canonical text; an IPv4-mapped address comes out as IPv4. */
export function mappedToAddress(bytes: Uint8Array): string {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return bytesToAddress(bytes);
  return bytes[10] === 0xff && bytes[11] === 0xff ? bytesToAddress(bytes.subarray(12)) : bytesToAddress(bytes);
}

/** Four words a text, in order; throws `CodedError` `bad-address`. */
export function addressesToWords(texts: readonly string[]): Uint32Array {
  const words = new Uint32Array(texts.length * ADDRESS_WORDS);
  const bytes = new Uint8Array(words.buffer);
  for (let i = 0; i < texts.length; i++) bytes.set(addressToMapped(texts[i]!), i * ADDRESS_BYTES);
  return words;
}

/** Text of the address whose words begin at `at`. */
export function wordsToAddress(words: Uint32Array, at: number): string {
  return mappedToAddress(new Uint8Array(words.buffer, words.byteOffset + at * 4, ADDRESS_BYTES));
}

/** Texts of a whole column. */
export function wordsToAddresses(words: Uint32Array): string[] {
  return Array.from({ length: words.length / ADDRESS_WORDS }, (_, i) => wordsToAddress(words, i * ADDRESS_WORDS));
}
