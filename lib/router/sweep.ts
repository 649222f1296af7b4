// What becomes of routes that a peer said before it went and has not said again, some rows a turn: a table of a million
// routes must not keep hold timers waiting. Which rows those are is known from the epoch alone (lib/rib/sources.ts), so a
// peer that comes back while its old routes are being swept loses none of the new ones.
import { COMMUNITY, MAX_LIST, type ServiceAttributes } from '../model/service-route.ts';
import { rowChanged, withdrawRow } from './row-change.ts';
import type { RouterState } from './state.ts';

/** Rows looked at in one turn, about a millisecond; a row that changes counts as several. */
export const ROWS_PER_TURN = 16_384;
export const COST_OF_CHANGE = 8;

/**
 * `all`: they go. `session-bound`: those go that do not outlive their session. `long-lived`: RFC 9494 4.3. `rejudge`: those
 * go that another import policy takes away.
 */
export type SweepRule = 'all' | 'session-bound' | 'long-lived' | 'rejudge';

export interface Sweep {
  readonly source: number;
  readonly rule: SweepRule;
  /** Of the source; it is about what was said before. */
  readonly epoch: number;
  /** Rows below are done. */
  next: number;
}

/** Begins a sweep of what was said before the source's present epoch, and does the first part of it. */
export function sweep(state: RouterState, source: number, rule: SweepRule): void {
  const { sources } = state.table;
  if (sources.count(source) === 0) return;
  state.sweeps.push({ source, rule, epoch: sources.epoch(source), next: 0 });
  // One after the other, and the rest in later turns: the end of this turn sees that there is one (flush.ts).
  if (state.sweeps.length === 1) continueSweeps(state);
}

/** Does the next part of the sweeps under way. */
export function continueSweeps(state: RouterState): void {
  let budget = ROWS_PER_TURN;
  for (let current = state.sweeps[0]; current !== undefined && budget > 0; current = state.sweeps[0]) {
    const { source, rule, epoch } = current;
    const end = state.table.top;
    for (; current.next < end && budget > 0; budget--) {
      const row = current.next++;
      if (state.table.saidBefore(row, source, epoch) && change(state, row, source, rule)) budget -= COST_OF_CHANGE;
    }
    if (current.next >= end) state.sweeps.shift();
  }
}

/** False when the row stays as it is. */
function change(state: RouterState, row: number, source: number, rule: SweepRule): boolean {
  const { table } = state;
  const attributes = table.sets.get(table.setOf(row, source));
  const kept = whatIsKept(state, row, source, rule);
  if (kept === attributes) return false;
  if (kept !== undefined) {
    const set = table.sets.intern(kept);
    rowChanged(state, row, table.revise(row, source, set));
    table.sets.settle(set);
  } else {
    release(state, source, row);
    withdrawRow(state, source, row);
  }
  return true;
}

/** Under which attributes the row stays; undefined: it goes. */
function whatIsKept(state: RouterState, row: number, source: number, rule: SweepRule): ServiceAttributes | undefined {
  const { table } = state;
  const attributes = table.sets.get(table.setOf(row, source));
  if (rule === 'session-bound') return attributes.validForMs > 0 ? attributes : undefined;
  if (rule === 'long-lived')
    return attributes.communities.includes(COMMUNITY.noLlgr) ? undefined : longLived(attributes);
  return rule === 'rejudge' ? rejudged(state, row, source, attributes) : undefined;
}

/** As the policy of now takes what was said then. */
function rejudged(
  state: RouterState,
  row: number,
  source: number,
  attributes: ServiceAttributes,
): ServiceAttributes | undefined {
  const { table, peers, raw } = state;
  const imports = peers.get(table.sources.name(source))?.lastImports;
  if (imports === undefined) return attributes;
  const said = raw[source]?.get(row) ?? attributes;
  const used = imports.judge(table.services.text(table.service(row)), said);
  if (typeof used === 'string') return undefined;
  if (used === said) raw[source]?.delete(row);
  else (raw[source] ??= new Map()).set(row, said);
  return attributes.communities.includes(COMMUNITY.llgrStale) ? longLived(used) : used;
}

/** A peer that is there keeps no handle of what it did not tell again: the row will be another route's. */
function release({ table, peers }: RouterState, source: number, row: number): void {
  const session = peers.get(table.sources.name(source))?.session;
  const handle = table.handleOf(row, source);
  if (session === undefined || handle === 0 || session.handles.resolve(handle) !== row) return;
  session.handles.unbind(handle);
  session.perService?.forget(handle);
}

function longLived(attributes: ServiceAttributes): ServiceAttributes {
  if (attributes.communities.includes(COMMUNITY.llgrStale)) return attributes;
  // A full list gives up its last tag: one too many would be a malformed set to whoever hears of it.
  return { ...attributes, communities: [...attributes.communities.slice(0, MAX_LIST - 1), COMMUNITY.llgrStale] };
}
