// Longest-prefix match over SIDs, as a FIB does it: which SID of a domain, or of a node, an address reaches. Keeps values
// by prefix; knows nothing of forwarding.
import { maskBytes } from '../net/address.ts';
import { type Sid, sidPrefixBits } from './sid.ts';

/** Values by prefix; a later value replaces an earlier one of the same prefix. */
export class PrefixTable<T> {
  readonly #byLength = new Map<number, Map<string, T>>();
  /** Lengths in use, longest first. */
  #lengths: number[] = [];

  set(bytes: Uint8Array, bits: number, value: T): void {
    let values = this.#byLength.get(bits);
    if (values === undefined) {
      this.#byLength.set(bits, (values = new Map()));
      this.#lengths = [...this.#byLength.keys()].sort((a, b) => b - a);
    }
    values.set(keyOf(bytes, bits), value);
  }

  /** The value of the longest prefix that contains the address and is longer than `longerThan` bits. */
  find(bytes: Uint8Array, longerThan = -1): T | undefined {
    for (const bits of this.#lengths) {
      if (bits <= longerThan) return undefined;
      const value = this.#byLength.get(bits)!.get(keyOf(bytes, bits));
      if (value !== undefined) return value;
    }
    return undefined;
  }
}

/** A table of SIDs, each under the prefix that instantiates it. */
export function sidTable(sids: Iterable<Sid>): PrefixTable<Sid> {
  const table = new PrefixTable<Sid>();
  for (const sid of sids) table.set(sid.bytes, sidPrefixBits(sid), sid);
  return table;
}

function keyOf(bytes: Uint8Array, bits: number): string {
  return String.fromCharCode(...maskBytes(bytes, bits));
}
