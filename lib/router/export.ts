// What peers may hear of a route (Adj-RIB-Out policy), judged once for all peers of a group: those of one site that
// negotiated the same. What depends on the peer itself, that nobody hears his own words, is decided where UPDATEs are made (lib/rib/update-batch.ts).
// More policy joins here: whatever it depends on becomes part of the group's key.
import { COMMUNITY, type ServiceAttributes } from '../model/service-route.ts';
import { LOCAL_SOURCE } from '../rib/route-table.ts';
import type { Negotiated } from '../session/peer-contract.ts';
import type { RouterState } from './state.ts';

export interface ExportGroup {
  readonly remoteSite: string;
  /** The peers are inside this site. */
  readonly internal: boolean;
  /** They know what long-lived stale means (RFC 9494). */
  readonly longLived: boolean;
  /** Verdict on each attribute set by its number, right while the table's set is still `of`. */
  readonly verdicts: ({ readonly of: ServiceAttributes; readonly out: ServiceAttributes | undefined } | undefined)[];
}

/** The group of a peer by what its session negotiated. */
export function exportGroup(state: RouterState, { remote }: Negotiated): ExportGroup {
  const longLived = remote.longLived !== undefined;
  const key = JSON.stringify([remote.site, longLived]);
  const known = state.exportGroups.get(key);
  if (known !== undefined) return known;
  const internal = remote.site === state.config.site;
  const made: ExportGroup = { remoteSite: remote.site, internal, longLived, verdicts: [] };
  state.exportGroups.set(key, made);
  return made;
}

/** What the group may hear of a row in use: nothing that crossed its site, internal routes only once. */
export function exported(state: RouterState, group: ExportGroup, row: number): ServiceAttributes | undefined {
  const { table } = state;
  // RFC 4271 9.2: what came from inside the site is not sent back inside.
  const source = group.internal ? table.bestSource(row) : LOCAL_SOURCE;
  if (source !== LOCAL_SOURCE && state.sourceSites[source] === state.config.site) return undefined;
  const set = table.bestSet(row);
  const attributes = table.sets.get(set);
  const known = group.verdicts[set];
  if (known?.of === attributes) return known.out;
  const out = judge(state, group, attributes);
  group.verdicts[set] = { of: attributes, out };
  return out;
}

function judge(state: RouterState, group: ExportGroup, attributes: ServiceAttributes): ServiceAttributes | undefined {
  if (attributes.sitePath.includes(group.remoteSite)) return undefined;
  // RFC 9494 4.3: only to peers that know what it means.
  if (!group.longLived && attributes.communities.includes(COMMUNITY.llgrStale)) return undefined;
  return group.internal ? attributes : prepended(state, attributes);
}

/** One object per attribute set, so that an UPDATE carries each set once. */
function prepended(state: RouterState, attributes: ServiceAttributes): ServiceAttributes {
  const known = state.prepended.get(attributes);
  if (known !== undefined) return known;
  const made: ServiceAttributes = { ...attributes, sitePath: [state.config.site, ...attributes.sitePath] };
  state.prepended.set(attributes, made);
  return made;
}
