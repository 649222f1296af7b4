// What a namespace's nftables hold, as nft tells it: tables, and their parts one by one, for tests that take them away.
import type { Namespace } from './namespaces.ts';

export type NftPart =
  | { readonly kind: 'chain' | 'set' | 'map' | 'counter'; readonly name: string }
  | { readonly kind: 'rule'; readonly chain: string; readonly handle: number }
  /** Of a set or map whose elements are not learned. */
  | { readonly kind: 'element'; readonly set: string; readonly key: string };

/** As `family name`, in order. */
export function nftTables(namespace: Namespace): string[] {
  const lines = namespace.run('nft', 'list', 'tables').trim().split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => line.replace(/^table /, ''))
    .sort();
}

/** The table's text without counts; its parts in an order of their own, since a repair makes them in another. */
export function listNft(namespace: Namespace, table: string): string {
  const text = namespace.run('nft', '-s', 'list', 'table', ...table.split(' '));
  const [head = '', ...rest] = text.trimEnd().split(/\n(?=\t[a-z])/);
  return [head, ...rest.map((part) => part.replace(/\n\}$/, '').trimEnd()).sort()].join('\n');
}

type Json = Readonly<Record<string, unknown>>;

export function nftParts(namespace: Namespace, table: string): NftPart[] {
  const listed = JSON.parse(namespace.run('nft', '-j', 'list', 'table', ...table.split(' '))) as { nftables: Json[] };
  return listed.nftables.flatMap((item): NftPart[] => {
    const [kind, value] = Object.entries(item)[0] as [string, Json];
    const name = String(value.name);
    if (kind === 'rule') return [{ kind, chain: String(value.chain), handle: Number(value.handle) }];
    if (kind === 'chain' || kind === 'counter') return [{ kind, name }];
    if (kind !== 'set' && kind !== 'map') return [];
    const elements = Array.isArray(value.elem) ? value.elem : [];
    const keys = elements.map((element: unknown) => keyText(kind === 'map' ? (element as unknown[])[0] : element));
    return [{ kind, name }, ...keys.map((key): NftPart => ({ kind: 'element', set: name, key }))];
  });
}

function keyText(key: unknown): string {
  if (typeof key !== 'object' || key === null) return String(key);
  const { range, prefix } = key as { range?: unknown[]; prefix?: { addr: string; len: number } };
  if (range) return range.map(String).join('-');
  return prefix ? `${prefix.addr}/${prefix.len}` : JSON.stringify(key);
}
