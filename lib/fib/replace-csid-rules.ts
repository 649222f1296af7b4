// Renders the whole nftables table of this router's REPLACE-CSID endpoints, for one transaction: a packet sees the old
// table or the new one, never a part. No kernel knows this flavour; what the walk does is replace-csid-walk.ts's concern.
// Refuses to know how nft is run, and which SIDs there should be.
//
// Limits that a planner has to know: two SIDs of one node in a row are not walked in one pass (a packet passes here
// once), and packets that this node itself encapsulates do not pass here at all: a list starts at the first remote hop.
import type { ReplaceSid } from './fib.ts';
import {
  LOSS_COUNTERS,
  layoutName,
  layoutOf,
  type ReplaceLayout,
  SIDS_CHAIN,
  sidChain,
  sidCounterNames,
  REPLACE_TABLE_SPEC as TABLE,
} from './replace-csid-names.ts';
import { MAX_CONTAINERS, type NamedChain, renderWalk, walkEntry } from './replace-csid-walk.ts';

export interface ReplaceRendering {
  /** Bits of the packet mark that are ours; the others are kept. */
  readonly markMask: number;
  /** Most entries of a Segment List, 1..8 (RFC 9352: Maximum Segments Left). */
  readonly maxContainers?: number;
  /** SIDs whose chains and counters are in the kernel now; their counters go on counting. Absent: make all anew. */
  readonly held?: readonly ReplaceSid[];
}

/** After nf_tables' conntrack defragmentation (-400) and the border (-350), before any address translation. */
const BASE_CHAIN = `add chain ${TABLE} ${SIDS_CHAIN} { type filter hook prerouting priority raw; policy accept; }`;

/** The commands, one a string, after which the table holds exactly `sids`; to be run as ONE transaction. */
export function renderReplaceTable(sids: readonly ReplaceSid[], rendering: ReplaceRendering): string[] {
  const { held = [], markMask, maxContainers = MAX_CONTAINERS } = rendering;
  const anew = rendering.held === undefined;
  if (sids.length === 0) return renderReplaceRemoval();
  const chains = [...layoutsOf(sids).flatMap((layout) => renderWalk(layout, markMask, maxContainers))];
  chains.push(...sids.map((sid) => sidRules(sid, markMask)));
  const destinations = sids.map((sid) => `${sid.prefix} : goto ${sidChain(sid)}`);
  chains.push({ name: SIDS_CHAIN, rules: [`ip6 daddr vmap { ${destinations.join(', ')} }`] });
  const counters = countersOf(sids);
  const stale = {
    chains: difference(chainNames(held, maxContainers), new Set(chains.map((chain) => chain.name))),
    counters: difference(countersOf(held), new Set(counters)),
  };
  return [
    `add table ${TABLE}`,
    ...(anew ? [`delete table ${TABLE}`, `add table ${TABLE}`] : [`flush table ${TABLE}`]),
    ...counters.map((name) => `add counter ${TABLE} ${name}`),
    ...chains.map(({ name }) => (name === SIDS_CHAIN ? BASE_CHAIN : `add chain ${TABLE} ${name}`)),
    ...chains.flatMap(({ name, rules }) => rules.map((rule) => `add rule ${TABLE} ${name} ${rule}`)),
    ...stale.chains.map((name) => `delete chain ${TABLE} ${name}`),
    ...stale.counters.map((name) => `delete counter ${TABLE} ${name}`),
  ];
}

/** Removes the table, whether it is there or not. */
export function renderReplaceRemoval(): string[] {
  return [`add table ${TABLE}`, `delete table ${TABLE}`];
}

/**
 * Tries everything of ours that nft or the kernel may refuse, above all the copy from payload to payload, in a table
 * that exists inside one transaction only.
 */
export function renderReplaceProbe(): string[] {
  const sid: ReplaceSid = { kind: 'replace-csid', prefix: '100:0:0:cf:d::/80', csidBits: 32, mark: 1 };
  const scratch = renderReplaceTable([sid], { markMask: 1, maxContainers: 1 });
  return [...scratch, `delete table ${TABLE}`].map((command) => command.replace(TABLE, `${TABLE}_probe`));
}

/** Rules in the table that holds `sids`. */
export function countReplaceRules(sids: readonly ReplaceSid[], rendering: ReplaceRendering): number {
  return renderReplaceTable(sids, rendering).filter((command) => command.startsWith('add rule')).length;
}

function sidRules(sid: ReplaceSid, markMask: number): NamedChain {
  const { seen, lost } = sidCounterNames(sid);
  const mark = sid.mark === undefined ? '' : ` meta mark set meta mark & ${hex(~markMask)} | ${hex(sid.mark)}`;
  return {
    name: sidChain(sid),
    rules: [`counter name ${seen}${mark} jump ${walkEntry(layoutOf(sid))}`, `counter name ${lost} drop`],
  };
}

function countersOf(sids: readonly ReplaceSid[]): string[] {
  if (sids.length === 0) return [];
  return [
    ...Object.values(LOSS_COUNTERS),
    ...sids.flatMap((sid) => {
      const { seen, lost } = sidCounterNames(sid);
      return [seen, lost];
    }),
  ];
}

/** Callers before callees, so that a removal in this order never meets a chain that is still referred to. */
function chainNames(sids: readonly ReplaceSid[], maxContainers: number): string[] {
  const walks = layoutsOf(sids).flatMap((layout) => renderWalk(layout, 0, maxContainers).toReversed());
  return [...sids.map(sidChain), ...walks.map((chain) => chain.name)];
}

function layoutsOf(sids: readonly ReplaceSid[]): ReplaceLayout[] {
  const layouts = sids.map(layoutOf);
  return [...new Map(layouts.map((layout) => [layoutName(layout), layout])).values()];
}

function difference(names: readonly string[], kept: ReadonlySet<string>): string[] {
  return names.filter((name) => !kept.has(name));
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}
