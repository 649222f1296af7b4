// Renders the nftables transactions that make this router a REPLACE-CSID endpoint: a packet sees the table before or
// after, never a part, and SIDs that stay are not touched by a change of others. No kernel knows this flavour; what the
// walk does is replace-csid-walk.ts's concern. Refuses to know how nft is run, and which SIDs there should be.
//
// Limits that a planner has to know: two SIDs of one node in a row are not walked in one pass (a packet passes here
// once), and packets that this node itself encapsulates do not pass here at all: a list starts at the first remote hop.
import { sameObject } from './equality.ts';
import type { ReplaceSid } from './fib.ts';
import { renderStandInRemoval } from './nft-stand-in.ts';
import {
  LOSS_COUNTERS,
  layoutName,
  layoutOf,
  type ReplaceLayout,
  SIDS_CHAIN,
  sidChain,
  sidCounterNames,
  sidKey,
  sidMap,
  REPLACE_TABLE_SPEC as TABLE,
} from './replace-csid-names.ts';
import { DESTINATION, MAX_CONTAINERS, type NamedChain, renderWalk, walkEntry } from './replace-csid-walk.ts';

export interface ReplaceRendering {
  /** Bits of the packet mark that are ours; the others are kept. */
  readonly markMask: number;
  /** Most entries of a Segment List, 1..8 (RFC 9352: Maximum Segments Left). */
  readonly maxContainers?: number;
}

/** After nf_tables' conntrack defragmentation (-400) and the border (-350), before any address translation. */
const BASE_CHAIN = `add chain ${TABLE} ${SIDS_CHAIN} { type filter hook prerouting priority raw; policy accept; }`;
/** Most SIDs of a layout. A map with a size has a hash table that is never rebuilt under traffic. */
const MAP_SIZE = 4096;

/**
 * The commands, one a string, after which the table holds exactly `after`; to be run as ONE transaction. `before` is what
 * the table is known to hold: SIDs in both keep their counters. Absent, or with other layouts: the table is made anew.
 */
export function renderReplaceChange(
  before: readonly ReplaceSid[] | undefined,
  after: readonly ReplaceSid[],
  rendering: ReplaceRendering,
): string[] {
  if (after.length === 0) return renderReplaceRemoval();
  if (before === undefined || !haveSameLayouts(before, after)) return renderTable(after, rendering);
  const gone = before.filter((old) => !after.some((sid) => sameObject(old, sid)));
  const fresh = after.filter((sid) => !before.some((old) => sameObject(old, sid)));
  const kept = new Set(after.flatMap(countersOf));
  return [
    ...gone.map((sid) => `delete element ${TABLE} ${sidMap(layoutOf(sid))} { ${sidKey(sid)} }`),
    ...fresh.flatMap((sid) => renderSid(sid, rendering)),
    ...gone.flatMap((sid) => [`flush chain ${TABLE} ${sidChain(sid)}`, `delete chain ${TABLE} ${sidChain(sid)}`]),
    ...gone.flatMap(countersOf).flatMap((name) => (kept.has(name) ? [] : [`delete counter ${TABLE} ${name}`])),
  ];
}

/** Removes the table, whether it is there or not. */
export function renderReplaceRemoval(): string[] {
  return [`add table ${TABLE}`, `delete table ${TABLE}`, ...renderStandInRemoval(TABLE)];
}

/** False: a change from one to the other makes the table anew. */
export function haveSameLayouts(a: readonly ReplaceSid[], b: readonly ReplaceSid[]): boolean {
  const [first, second] = [layoutsOf(a), layoutsOf(b)];
  return first.size === second.size && [...first.keys()].every((name) => second.has(name));
}

/**
 * Tries everything of ours that nft or the kernel may refuse, above all the copy from payload to payload, in a table
 * that exists inside one transaction only.
 */
export function renderReplaceProbe(): string[] {
  const sid: ReplaceSid = { kind: 'replace-csid', prefix: '100:0:0:cf:d::/80', csidBits: 32, mark: 1 };
  const scratch = renderTable([sid], { markMask: 1, maxContainers: 1 });
  return [...scratch, `delete table ${TABLE}`].map((command) => command.replace(TABLE, `${TABLE}_probe`));
}

/** Rules in the table that holds `sids`. */
export function countReplaceRules(sids: readonly ReplaceSid[], rendering: ReplaceRendering): number {
  return renderTable(sids, rendering).filter((command) => command.startsWith('add rule')).length;
}

function renderTable(sids: readonly ReplaceSid[], { markMask, maxContainers }: ReplaceRendering): string[] {
  const layouts = [...layoutsOf(sids).values()];
  const walks = layouts.flatMap((layout) => renderWalk(layout, markMask, maxContainers ?? MAX_CONTAINERS));
  return [
    `add table ${TABLE}`,
    `delete table ${TABLE}`,
    `add table ${TABLE}`,
    ...Object.values(LOSS_COUNTERS).map((name) => `add counter ${TABLE} ${name}`),
    ...layouts.map(
      (layout) => `add map ${TABLE} ${sidMap(layout)} { typeof ${octetsOf(layout)} : verdict; size ${MAP_SIZE}; }`,
    ),
    ...renderChains(walks),
    ...sids.flatMap((sid) => renderSid(sid, { markMask })),
    BASE_CHAIN,
    ...layouts.map((layout) => `add rule ${TABLE} ${SIDS_CHAIN} ${lookUp(layout)}`),
  ];
}

/** Where a packet of the SID begins and, if the walk returns it, ends. */
function renderSid(sid: ReplaceSid, { markMask }: ReplaceRendering): string[] {
  const { seen, lost } = sidCounterNames(sid);
  const name = sidChain(sid);
  const layout = layoutOf(sid);
  const mark = sid.mark === undefined ? '' : ` meta mark set meta mark & ${hex(~markMask)} | ${hex(sid.mark)}`;
  const rules = [`counter name ${seen}${mark} jump ${walkEntry(layout)}`, `counter name ${lost} drop`];
  return [
    ...countersOf(sid).map((counter) => `add counter ${TABLE} ${counter}`),
    ...renderChains([{ name, rules }]),
    `add element ${TABLE} ${sidMap(layout)} { ${sidKey(sid)} : goto ${name} }`,
  ];
}

function renderChains(chains: readonly NamedChain[]): string[] {
  return [
    ...chains.map(({ name }) => `add chain ${TABLE} ${name}`),
    ...chains.flatMap(({ name, rules }) => rules.map((rule) => `add rule ${TABLE} ${name} ${rule}`)),
  ];
}

function lookUp(layout: ReplaceLayout): string {
  return `${octetsOf(layout)} vmap @${sidMap(layout)}`;
}

/** The destination's block and C-SID: so many octets from its first on need no mask, which costs every packet a step. */
function octetsOf({ blockBits, csidBits }: ReplaceLayout): string {
  return `@nh,${DESTINATION},${blockBits + csidBits}`;
}

function countersOf(sid: ReplaceSid): string[] {
  const { seen, lost } = sidCounterNames(sid);
  return [seen, lost];
}

function layoutsOf(sids: readonly ReplaceSid[]): ReadonlyMap<string, ReplaceLayout> {
  return new Map(sids.map(layoutOf).map((layout) => [layoutName(layout), layout]));
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}
