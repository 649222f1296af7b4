// What one peer is to hear: where it stands in the table's logs, which rows it was told, and what else waits for it. No
// queue of its own and no copy of a route: state is conflated per key, and a peer that does not read costs one bit a row
// (DESIGN section 4). The handle of a route is its row + 1, the same for every peer. update-batch.ts makes the UPDATEs.
import type { Family, RouterId } from '../model/identity.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import type { ChangeLog, LogReader } from './change-log.ts';
import type { RouteTable } from './route-table.ts';
import { RowSet } from './row-set.ts';

const OPEN: ReadonlySet<Family> = new Set();

function pendingNow(log: ChangeLog, reader: LogReader, lossesOnly: boolean): boolean {
  return (lossesOnly ? log.pendingLosses(reader) : log.pending(reader)) > 0;
}

export class AdjRibOut {
  readonly families: ReadonlySet<Family>;
  /** The peer's number in the table: its own words are not repeated to it. */
  readonly source: number;
  readonly routes: LogReader;
  readonly states: LogReader;
  /** Rows the peer knows. */
  readonly advertised = new RowSet();
  readonly #table: RouteTable;
  /** Looked at for every peer in every turn that changes anything: that costs a line of memory here and several in a set. */
  readonly #hearsRoutes: boolean;
  readonly #hearsStates: boolean;
  /** A walk over all rows, after the session came up and for a refresh: next row, and how many are left. */
  #walkAt = 0;
  #walkLeft = 0;
  /** Rows it knows already are told again. */
  #again = false;
  repeatedFrom = 0;
  /** Families whose news wait for their time; losses do not (lib/router/pacing.ts). */
  closed: ReadonlySet<Family> = OPEN;
  readonly #nodes = new Set<RouterId>();
  readonly #endOfRib = new Set<Family>();

  /** Everything in the table waits for the peer from the start. Call `close` when the session is over. */
  constructor(table: RouteTable, source: number, families: Iterable<Family>) {
    this.families = new Set(families);
    this.source = source;
    this.#table = table;
    this.#hearsRoutes = this.families.has('service');
    this.#hearsStates = this.families.has('compute');
    // A family that is not spoken is not read, and its reader must not hold the log back.
    this.routes = this.#hearsRoutes ? table.routeLog.subscribe() : { next: [0, 0], lapped: false };
    this.states = this.#hearsStates ? table.stateLog.subscribe() : { next: [0, 0], lapped: false };
    this.#walkAll(false);
  }

  close(): void {
    this.#table.routeLog.unsubscribe(this.routes);
    this.#table.stateLog.unsubscribe(this.states);
  }

  get hasPending(): boolean {
    return this.#hasRows || this.#nodes.size > 0 || this.#endOfRib.size > 0;
  }

  /** Something waits that may go now. */
  get hasDue(): boolean {
    if (this.closed.size === 0) return this.hasPending;
    const { closed } = this;
    if (this.#walkLeft > 0 || (this.#nodes.size > 0 && !closed.has('link-state'))) return true;
    if (this.#hearsRoutes && pendingNow(this.#table.routeLog, this.routes, closed.has('service'))) return true;
    if (this.#hearsStates && pendingNow(this.#table.stateLog, this.states, closed.has('compute'))) return true;
    return this.#endOfRib.size > 0 && !this.#hasRows && this.#nodes.size === 0;
  }

  /** Whether anything of the family waits. */
  isWaiting(family: Family): boolean {
    if (family === 'link-state') return this.#nodes.size > 0;
    const log = family === 'service' ? this.#table.routeLog : this.#table.stateLog;
    const reader = family === 'service' ? this.routes : this.states;
    return this.families.has(family) && log.pending(reader) > 0;
  }

  /** Link state and markers, beyond what the logs have. */
  get hasExtras(): boolean {
    return this.#nodes.size > 0 || (this.#endOfRib.size > 0 && !this.#hasRows);
  }

  get #hasRows(): boolean {
    return (
      this.#walkLeft > 0 ||
      (this.#hearsRoutes && this.#table.routeLog.pending(this.routes) > 0) ||
      (this.#hearsStates && this.#table.stateLog.pending(this.states) > 0)
    );
  }

  nodeChanged(router: RouterId): void {
    if (this.families.has('link-state')) this.#nodes.add(router);
  }

  /** Marks the set of these families complete once everything pending is out; families not negotiated are passed over. */
  endOfRib(families: readonly Family[]): void {
    for (const family of families) if (this.families.has(family)) this.#endOfRib.add(family);
  }

  /** What was sent counts as unsent: everything is told again under the same handles (route refresh). */
  repeat(): void {
    this.#walkAll(true);
  }

  /** True when both have read the same and have the same left, so that one UPDATE serves both. */
  isLevelWith(other: AdjRibOut): boolean {
    return (
      this.#walkLeft === 0 &&
      other.#walkLeft === 0 &&
      isLevel(this.routes, other.routes) &&
      isLevel(this.states, other.states) &&
      this.#hearsRoutes === other.#hearsRoutes &&
      this.#hearsStates === other.#hearsStates
    );
  }

  /**
   * Fills `into` with at most `max` rows of reachability that are to be told: losses, news, then the walk's; returns how
   * many. Those from `repeatedFrom` on are told whether the peer knows them or not.
   */
  takeRoutes(into: Uint32Array, max: number): number {
    if (!this.#hearsRoutes) return 0;
    this.#lap(this.routes);
    let count = this.#table.routeLog.read(this.routes, into, 0, max, this.closed.has('service'));
    this.repeatedFrom = this.#again ? count : max;
    const top = this.#table.top;
    while (this.#walkLeft > 0 && count < max) {
      if (this.#walkAt >= top) this.#walkAt = 0;
      const row = this.#walkAt++;
      this.#walkLeft--;
      if (this.#again || (this.#table.isUsed(row) && !this.advertised.has(row))) into[count++] = row;
    }
    return count;
  }

  takeStates(into: Uint32Array, max: number): number {
    if (!this.#hearsStates) return 0;
    this.#lap(this.states);
    return this.#table.stateLog.read(this.states, into, 0, max, this.closed.has('compute'));
  }

  /** Nodes to be told, at most `max`. */
  takeNodes(nodes: Pick<ReadonlyMap<RouterId, NodeAdvertisement>, 'get'>, max: number): NodeAdvertisement[] {
    const taken: NodeAdvertisement[] = [];
    if (this.closed.has('link-state')) return taken;
    for (const router of this.#nodes) {
      if (taken.length >= max) break;
      this.#nodes.delete(router);
      const node = nodes.get(router);
      if (node !== undefined) taken.push(node);
    }
    return taken;
  }

  /** Markers that are due: nothing is before them any more. */
  takeEndOfRib(): Family[] {
    if (this.#endOfRib.size === 0 || this.#hasRows || this.#nodes.size > 0) return [];
    const due = [...this.#endOfRib];
    this.#endOfRib.clear();
    return due;
  }

  /** A reader the log did not wait for looks at every row instead, from where its walk is: no row waits for ever. */
  #lap(reader: LogReader): void {
    if (!reader.lapped) return;
    reader.lapped = false;
    this.#walkAll(true);
  }

  #walkAll(again: boolean): void {
    this.#again = again || (this.#again && this.#walkLeft > 0);
    this.#walkLeft = this.families.has('service') ? this.#table.top : 0;
  }
}

const isLevel = (a: LogReader, b: LogReader): boolean =>
  a.next[0] === b.next[0] && a.next[1] === b.next[1] && !a.lapped && !b.lapped;
