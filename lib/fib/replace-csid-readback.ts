// Reads REPLACE-CSID endpoints back from nft's JSON. It names the SIDs that packets are sent to; whether the rules behind
// them are the rendered ones shows by comparing texts of the table (`ruleText`), never by trusting a name.
import type { ReplaceSid, SidCounters } from './fib.ts';
import { layoutOf, sidChain, sidCounterNames, sidKey, sidMap, sidOfChain } from './replace-csid-names.ts';

export interface ReplaceReadBack {
  /** SIDs with an entry in their layout's map and a chain of their own. */
  readonly sids: readonly ReplaceSid[];
  readonly rules: number;
  /** Equal as long as nobody changes anything but counters; for comparison only. */
  readonly ruleText: string;
  readonly counters: ReadonlyMap<string, { readonly packets: number; readonly bytes: number }>;
}

type Json = Readonly<Record<string, unknown>>;

/** Parses the document of `nft -j list table`. Throws SyntaxError when it is not JSON. */
export function readReplaceTable(document: string): ReplaceReadBack {
  const items = asArray(asObject(JSON.parse(quoteLarge(document)))?.nftables).map(asObject);
  const chains = new Set(items.map((item) => asObject(item?.chain)?.name).filter((name) => typeof name === 'string'));
  const counters = new Map<string, { packets: number; bytes: number }>();
  const structure: Json[] = [];
  const sids: ReplaceSid[] = [];
  let rules = 0;
  for (const item of items) {
    if (!item || item.metainfo) continue;
    const counter = asObject(item.counter);
    if (counter) counters.set(String(counter.name), { packets: Number(counter.packets), bytes: Number(counter.bytes) });
    const map = asObject(item.map);
    if (map) sids.push(...destinationsOf(map).filter((sid) => chains.has(sidChain(sid))));
    if (item.rule) rules++;
    structure.push(counter ? { counter: counter.name } : map ? { map: { ...map, elem: sortedTexts(map.elem) } } : item);
  }
  return { sids, rules, ruleText: JSON.stringify(structure), counters };
}

/** Counters of the given SIDs since their chains were made; a SID without counters has none yet. */
export function replaceCounters(sids: Iterable<ReplaceSid>, read: ReplaceReadBack): SidCounters[] {
  const found: SidCounters[] = [];
  for (const sid of sids) {
    const { seen, lost } = sidCounterNames(sid);
    const { packets = 0, bytes = 0 } = read.counters.get(seen) ?? {};
    found.push({ prefix: sid.prefix, packets, bytes, errors: read.counters.get(lost)?.packets ?? 0 });
  }
  return found;
}

/** The SIDs of a map whose key, chain and layout agree. */
function destinationsOf(map: Json): ReplaceSid[] {
  const sids: ReplaceSid[] = [];
  for (const element of asArray(map.elem)) {
    const [key, verdict] = asArray(element);
    const sid = sidOfChain(String(asObject(asObject(verdict)?.goto)?.target));
    if (sid && isNumber(key, sidKey(sid)) && sidMap(layoutOf(sid)) === map.name) sids.push(sid);
  }
  return sids;
}

/** Numbers that are exact in nft and would not be here, as texts. */
function quoteLarge(document: string): string {
  return document.replace(/(?<=[[,:] ?)-?\d{16,}(?=[\],}])/g, '"$&"');
}

/** nft prints numbers of more than 64 bits in hexadecimal, and others as if they had a sign. */
function isNumber(key: unknown, wanted: string): boolean {
  const text = String(key);
  if (/^0x[0-9a-f]+$/.test(text)) return BigInt(text) === BigInt(wanted);
  return /^-?\d+$/.test(text) && BigInt.asUintN(64, BigInt(text)) === BigInt(wanted);
}

/** A hash table has no order of its own. */
function sortedTexts(elements: unknown): string[] {
  return asArray(elements)
    .map((element) => JSON.stringify(element))
    .sort();
}

function asObject(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

function asArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
