// Addresses on the wire: 16 bytes each, back to back, IPv4 as ::ffff:a.b.c.d; and router ids as 32-bit numbers.
// Text is what the core speaks, so both directions remember what they converted last: services and sites repeat.

import { numberToRouterId, type RouterId, routerIdToNumber } from '../model/identity.ts';
import { addressToBytes, bytesToAddress } from '../net/address.ts';
import type { Cursor } from './cursor.ts';

export const ADDRESS_BYTES = 16;

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

/** Canonical text to 16 bytes in network order (shared: not to be changed); throws `CodedError` `bad-address`. */
export const mappedBytes = memo<string, Uint8Array>(65_536, (text) => {
  const bytes = addressToBytes(text);
  if (bytes.length === ADDRESS_BYTES) return bytes;
  const mapped = new Uint8Array(ADDRESS_BYTES);
  mapped.set([0xff, 0xff], 10);
  mapped.set(bytes, 12);
  return mapped;
});

/** 16 bytes to canonical text; an IPv4-mapped address comes out as IPv4. */
export function mappedText(bytes: Uint8Array): string {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return bytesToAddress(bytes);
  return bytes[10] === 0xff && bytes[11] === 0xff ? bytesToAddress(bytes.subarray(12)) : bytesToAddress(bytes);
}

/** Reads a field that holds one address; empty bytes are '' where `optional`, anything but 16 is a fault. */
export function takeAddress(cursor: Cursor, optional: boolean): string {
  const bytes = cursor.bytes();
  if (bytes.length === 0 && optional) return '';
  if (bytes.length !== ADDRESS_BYTES) throw cursor.fault(`address of ${bytes.length} bytes`);
  return mappedText(bytes);
}

const SLAB_SIZE = 16_384;
/** Words of addresses written lately, four each in the byte order of the wire; `slabIndex` says whose. */
const slab = new Uint32Array(SLAB_SIZE * 4);
const slabBytes = new Uint8Array(slab.buffer);
const slabIndex = new Map<string, number>();

/** Where the address's words begin in `slab`. */
function slabAt(address: string): number {
  const known = slabIndex.get(address);
  if (known !== undefined) return known;
  if (slabIndex.size >= SLAB_SIZE) slabIndex.clear();
  const at = slabIndex.size * 4;
  slabBytes.set(mappedBytes(address), at * 4);
  slabIndex.set(address, at);
  return at;
}

/** One element a row, or one for all when all are equal (value column of session.proto rule 7). */
export function packAddresses(addresses: readonly string[]): Uint8Array {
  const first = addresses[0];
  if (first === undefined) return new Uint8Array(0);
  if (addresses.every((address) => address === first)) return mappedBytes(first);
  const words = new Uint32Array(addresses.length * 4);
  for (let i = 0; i < addresses.length; i++) {
    const from = slabAt(addresses[i]!);
    const to = i * 4;
    words[to] = slab[from]!;
    words[to + 1] = slab[from + 1]!;
    words[to + 2] = slab[from + 2]!;
    words[to + 3] = slab[from + 3]!;
  }
  return new Uint8Array(words.buffer);
}

const SLOTS = 16_384;
const slotKey = new Uint32Array(SLOTS * 4);
const slotText: string[] = new Array<string>(SLOTS).fill('');

/** Text of one element, remembered in a direct-mapped table: a string is built once a key, not once a row. */
function textAt(view: DataView, at: number): string {
  const a = view.getUint32(at);
  const b = view.getUint32(at + 4);
  const c = view.getUint32(at + 8);
  const d = view.getUint32(at + 12);
  const mixed =
    Math.imul(a ^ Math.imul(b, 0x85ebca6b), 0x9e3779b1) ^ Math.imul(c ^ Math.imul(d, 0xc2b2ae35), 0x27d4eb2f);
  const slot = (mixed ^ (mixed >>> 15)) & (SLOTS - 1);
  const key = slot * 4;
  const known = slotText[slot]!;
  const hit = slotKey[key] === a && slotKey[key + 1] === b && slotKey[key + 2] === c && slotKey[key + 3] === d;
  if (hit && known !== '') return known;
  const text = mappedText(new Uint8Array(view.buffer, view.byteOffset + at, ADDRESS_BYTES));
  slotKey.set([a, b, c, d], key);
  slotText[slot] = text;
  return text;
}

/** One text a row, or `undefined` when the length fits neither form of a value column. */
export function spreadAddresses(bytes: Uint8Array, rows: number): readonly string[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length === rows * ADDRESS_BYTES) {
    const out = new Array<string>(rows);
    for (let i = 0; i < rows; i++) out[i] = textAt(view, i * ADDRESS_BYTES);
    return out;
  }
  return bytes.length === ADDRESS_BYTES ? new Array<string>(rows).fill(textAt(view, 0)) : undefined;
}
