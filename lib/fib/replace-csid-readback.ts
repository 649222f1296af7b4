// Reads REPLACE-CSID endpoints back from nft's JSON. It names the SIDs that packets are sent to; whether the rules behind
// them are the rendered ones shows by comparing texts of the table (`ruleText`), never by trusting a name.
import type { ReplaceSid, SidCounters } from './fib.ts';
import { SIDS_CHAIN, sidChain, sidCounterNames, sidOfChain } from './replace-csid-names.ts';

export interface ReplaceReadBack {
  /** SIDs with an entry in the base chain and a chain of their own. */
  readonly sids: readonly ReplaceSid[];
  readonly rules: number;
  /** Equal for tables with equal rules, made by one transaction; for comparison only. */
  readonly ruleText: string;
  readonly counters: ReadonlyMap<string, { readonly packets: number; readonly bytes: number }>;
}

type Json = Readonly<Record<string, unknown>>;

/** Parses the document of `nft -j list table`. Throws SyntaxError when it is not JSON. */
export function readReplaceTable(document: string): ReplaceReadBack {
  const items = asArray(asObject(JSON.parse(document))?.nftables).map(asObject);
  const chains = new Set(items.map((item) => asObject(item?.chain)?.name).filter((name) => typeof name === 'string'));
  const counters = new Map<string, { packets: number; bytes: number }>();
  const structure: Json[] = [];
  const sids: ReplaceSid[] = [];
  let rules = 0;
  for (const item of items) {
    if (!item || item.metainfo) continue;
    const counter = asObject(item.counter);
    if (counter) counters.set(String(counter.name), { packets: Number(counter.packets), bytes: Number(counter.bytes) });
    structure.push(counter ? { counter: counter.name, handle: counter.handle } : item);
    const rule = asObject(item.rule);
    if (!rule) continue;
    rules++;
    if (rule.chain === SIDS_CHAIN) sids.push(...destinationsOf(rule).filter((sid) => chains.has(sidChain(sid))));
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

/** The SIDs of a verdict map whose prefix and chain agree. */
function destinationsOf(rule: Json): ReplaceSid[] {
  const sids: ReplaceSid[] = [];
  for (const expression of asArray(rule.expr)) {
    const set = asObject(asObject(asObject(asObject(expression)?.vmap)?.data))?.set;
    for (const element of asArray(set)) {
      const [key, verdict] = asArray(element);
      const prefix = asObject(asObject(key)?.prefix);
      const sid = sidOfChain(String(asObject(asObject(verdict)?.goto)?.target));
      if (sid && prefix && sid.prefix === `${prefix.addr}/${prefix.len}`) sids.push(sid);
    }
  }
  return sids;
}

function asObject(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

function asArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
