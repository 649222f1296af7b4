// Questions to many IPv6 prefixes and addresses at once, answered by their order: what lies within a prefix stands together
// behind its first address.
import { addressToBytes, type Prefix, parsePrefix, prefixContains } from './address.ts';

/** Whether a prefix holds any of these addresses: a look at the first that does not stand before it. */
export function holdersOf(addresses: readonly string[]): (prefix: Prefix) => boolean {
  const sorted = addresses.map((address) => ({ address, key: keyOf(address) })).sort(byKey);
  return (prefix) => {
    const key = keyOf(prefix.address);
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle]!.key < key) low = middle + 1;
      else high = middle;
    }
    const first = sorted[low];
    return first !== undefined && prefixContains(prefix, first.address);
  };
}

/** The prefixes without those that lie within another, and each once; in the order of their texts. */
export function outermost(prefixes: Iterable<string>): string[] {
  const sorted = [...new Set(prefixes)].map((text) => {
    const prefix = parsePrefix(text);
    return { text, prefix, key: keyOf(prefix.address) };
  });
  // Of one address the widest is first; whatever it holds comes before anything that it does not.
  sorted.sort((a, b) => byKey(a, b) || a.prefix.length - b.prefix.length);
  const kept: string[] = [];
  let outer: Prefix | undefined;
  for (const { text, prefix } of sorted) {
    if (outer && prefixContains(outer, prefix.address)) continue;
    outer = prefix;
    kept.push(text);
  }
  return kept.sort();
}

/** As ordered as the address is. */
function keyOf(address: string): string {
  return Array.from(addressToBytes(address), (octet) => octet.toString(16).padStart(2, '0')).join('');
}

function byKey(a: { readonly key: string }, b: { readonly key: string }): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}
