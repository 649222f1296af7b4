// Addresses on the wire: 16 bytes each, back to back, IPv4 as ::ffff:a.b.c.d; and router ids as 32-bit numbers.
// Keys of routes stay words; texts are made for attributes and link state, which remember what they converted last.

import { numberToRouterId, type RouterId, routerIdToNumber } from '../model/identity.ts';
import { ADDRESS_BYTES, ADDRESS_WORDS, mappedToAddress } from '../net/address-words.ts';
import type { Cursor, Span } from './cursor.ts';
import { uint32s } from './words.ts';

/** Remembers a pure function's results, at most `limit` of them: results never change, only how soon they come. */
function memo<K, V>(limit: number, compute: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>();
  return (key) => {
    const hit = known.get(key);
    if (hit !== undefined) return hit;
    if (known.size >= limit) known.clear();
    const value = compute(key);
    known.set(key, value);
    return value;
  };
}

/** Router id to the number on the wire and back. */
export const routerNumber = memo<RouterId, number>(16_384, routerIdToNumber);
export const routerText = memo<number, RouterId>(16_384, numberToRouterId);

/** Reads a field that holds one address; empty bytes are '' where `optional`, anything but 16 is a fault. */
export function takeAddress(cursor: Cursor, optional: boolean): string {
  const bytes = cursor.bytes();
  if (bytes.length === 0 && optional) return '';
  if (bytes.length !== ADDRESS_BYTES) throw cursor.fault(`address of ${bytes.length} bytes`);
  return mappedToAddress(bytes);
}

/** The words of a column in its shortest form: one address when all are equal (value column of session.proto rule 7). */
export function packAddresses(words: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  if (words.length <= ADDRESS_WORDS) return bytes;
  for (let i = ADDRESS_WORDS; i < words.length; i++) if (words[i] !== words[i - ADDRESS_WORDS]) return bytes;
  return bytes.subarray(0, ADDRESS_BYTES);
}

/** Four words a row, or `undefined` when the length fits neither form of a value column. */
export function spreadAddresses({ view }: Cursor, { from, length }: Span, rows: number): Uint32Array | undefined {
  if (length !== rows * ADDRESS_BYTES && length !== ADDRESS_BYTES) return undefined;
  const words = uint32s(rows * ADDRESS_WORDS);
  copyAddresses(view, from, length, words, 0, words.length);
  return words;
}

/** The same into `count` words from `first` on: `length` bytes are one address, or as many as there is room for. */
export function copyAddresses(
  view: DataView,
  from: number,
  length: number,
  words: Uint32Array,
  first: number,
  count: number,
): void {
  const given = first + Math.min(count, length / 4);
  for (let i = first, at = from; i < given; i++, at += 4) words[i] = view.getUint32(at, LITTLE_ENDIAN);
  for (let i = given; i < first + count; i++) words[i] = words[i - ADDRESS_WORDS]!;
}

/** Words are copied as they stand in memory. */
const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
