// Adj-RIB-In and Loc-RIB of the `service` and `compute` families in one table of numbers: a row a route key, a block of
// paths a row (add-path: what each source says), the best path first, and the newest compute state. Rows, sources,
// services and attribute sets are small integers; texts and objects are made when somebody looks (route-entry.ts).
// It refuses to know sessions and policy. What changed is noted in `log` for the Adj-RIB-Outs.
import type { PeerName, ServiceId } from '../model/identity.ts';
import type { RouteKey, ServiceAttributes } from '../model/service-route.ts';
import { Records } from '../records.ts';
import { AttributeSets } from './attribute-sets.ts';
import { ChangeLog } from './change-log.ts';
import { BEST, NONE, PathLists, SET } from './path-lists.ts';
import { ORIGINATOR, RouteIndex, SERVICE } from './route-index.ts';
import { RouteLists } from './route-lists.ts';
import { ServiceIndex } from './service-index.ts';
import { Sources } from './sources.ts';
import { SparseColumn } from './sparse-column.ts';
import { StateStore } from './state-store.ts';

/** The source of routes that this router originates. */
export const LOCAL: PeerName = '';
/** Its number. */
export const LOCAL_SOURCE = 0;

export type Change = 'none' | 'added' | 'changed' | 'removed';

/** Words of a row behind its key (route-index.ts) and the path in use (path-lists.ts). */
/** Where the row stands among the routes of its service (route-lists.ts). */
const PLACE = 10;
const ROUTE_LOGGED = 11;
const WIDTH = 12;

/** Bands of the score (DESIGN section 4): 0..3, 4..7, 8..10. */
const bandOf = (score: number): number => (score >= 8 ? 2 : score >= 4 ? 1 : 0);

export class RouteTable {
  readonly sets = new AttributeSets();
  readonly sources = new Sources();
  readonly states = new StateStore();
  readonly services: ServiceIndex;
  /** Texts of rows that somebody watches, made when first looked at (route-entry.ts). */
  readonly texts = new Map<number, { readonly key: string; readonly route: RouteKey }>();
  readonly #rows = new Records(WIDTH, PLACE);
  readonly #paths = new PathLists(this.#rows, this.sets, this.sources);
  readonly #lists = new RouteLists(this.#rows, PLACE);
  readonly #index: RouteIndex;
  /** Beside the states, because routes without one are spared it. */
  readonly #stateLogged = new SparseColumn();
  /** Rows whose reachability, and rows whose state, changed: what Adj-RIB-Outs read. */
  readonly routeLog = new ChangeLog(this.#rows, this.#rows, ROUTE_LOGGED);
  readonly stateLog = new ChangeLog(this.#rows, this.#stateLogged, 0);

  /** `seed` keeps a peer from choosing keys that collide; equal seeds give equal tables. */
  constructor(seed = 0) {
    this.#index = new RouteIndex(this.#rows, seed);
    this.services = new ServiceIndex(seed);
  }

  /** Routes known, from whomever. */
  get size(): number {
    return this.#rows.live;
  }

  /** One more than the highest row in use: every row is below it. */
  get top(): number {
    return this.#rows.top;
  }

  /** Bytes of all columns, rows not in use included; not of attribute sets. */
  get bytes(): number {
    const routes = this.#rows.bytes + this.#paths.bytes + this.#lists.bytes + this.#index.bytes;
    return routes + this.services.bytes + this.states.bytes + this.#stateLogged.bytes;
  }

  isUsed(row: number): boolean {
    return row >= 0 && row < this.#rows.top && this.#paths.isSaid(row);
  }

  /** Row of the key, or -1. `instance` and `service` are four words that begin at their offsets. */
  find(service: Uint32Array, serviceAt: number, instance: Uint32Array, instanceAt: number, originator: number): number {
    this.#index.seek(instance, instanceAt, originator);
    const number = this.services.find(service, serviceAt);
    return number < 0 ? -1 : this.#findSought(number);
  }

  /** The same, and a row for a key that is not known: the caller announces it. */
  intern(
    service: Uint32Array,
    serviceAt: number,
    instance: Uint32Array,
    instanceAt: number,
    originator: number,
  ): number {
    this.#index.seek(instance, instanceAt, originator);
    const number = this.services.intern(service, serviceAt);
    const known = this.#findSought(number);
    if (known >= 0) return known;
    const row = this.#rows.add();
    this.#index.writeSought(row);
    this.#rows.set(row, SET, 0);
    const list = this.services.list(number);
    if (this.#lists.isOnly(list)) {
      this.#index.insert(this.#lists.only(list));
      this.#index.insert(row);
    } else if (list !== 0) this.#index.insertSought(row);
    this.services.setList(number, this.#lists.add(list, row));
    this.states.clear(row);
    return row;
  }

  /**
   * Inserts or replaces what `source` says of the route. `handle` is the one it said it under; 0 where there is none.
   * `changed` means: the version in use, or who says it, differs now.
   */
  announce(row: number, source: number, set: number, handle: number): Change {
    const path = this.#paths.find(row, source);
    if (path !== NONE) {
      this.#paths.renew(row, path, source, handle);
      return this.#revise(row, path, set);
    }
    const isNew = !this.#paths.isSaid(row);
    this.#paths.add(row, source, set, handle);
    if (!isNew) return this.#paths.choose(row) ? this.#changed(row) : 'none';
    this.routeLog.touch(row, false);
    return 'added';
  }

  /** With a handle: only what is still known under it; a route that moved to another handle stays. */
  withdraw(row: number, source: number, handle = 0): Change {
    const path = this.#paths.find(row, source);
    if (path === NONE || (handle !== 0 && this.#paths.handle(row, path) !== handle)) return 'none';
    this.#paths.remove(row, path);
    if (path !== BEST) return 'none';
    if (!this.#paths.isSaid(row)) {
      this.#free(row);
      return 'removed';
    }
    this.#paths.choose(row);
    return this.#changed(row);
  }

  /**
   * Takes the state row of `values` that begins at `at`. Last writer wins by sequence, whoever delivers it. `lower`: newer,
   * and in a lower band of the score than before, which passes all pacing.
   */
  updateState(
    row: number,
    values: Float64Array,
    at: number,
    source: number,
    atMs: number,
  ): 'newer' | 'lower' | 'older' {
    if (this.states.isOld(row, values[at]!)) return 'older';
    const known = this.states.has(row);
    const lower = known && bandOf(values[at + 1]!) < bandOf(this.states.score(row));
    this.states.put(row, values, at, source, atMs);
    this.stateLog.touch(row, lower);
    return lower ? 'lower' : 'newer';
  }

  /** Number of the set that `source` says the row with; it must say it. */
  setOf(row: number, source: number): number {
    return this.#paths.set(row, this.#paths.find(row, source));
  }

  /** The handle under which `source` says the row; 0: it does not, or without one. */
  handleOf(row: number, source: number): number {
    const path = this.#paths.find(row, source);
    return path === NONE ? 0 : this.#paths.handle(row, path);
  }

  /** Gives what `source` says another set, as old and under the same handle as before. */
  revise(row: number, source: number, set: number): Change {
    return this.#revise(row, this.#paths.find(row, source), set);
  }

  /** Whether `source` says this row, and under this handle where one is given. */
  says(row: number, source: number, handle = 0): boolean {
    if (!this.isUsed(row)) return false;
    const path = this.#paths.find(row, source);
    return path !== NONE && (handle === 0 || this.#paths.handle(row, path) === handle);
  }

  /** Number of the source in use, or -1 where the row is not. */
  bestSource(row: number): number {
    return this.#paths.isSaid(row) ? this.#paths.source(row, BEST) : -1;
  }

  /** Number of the attribute set in use; the row must be in use. */
  bestSet(row: number): number {
    return this.#paths.set(row, BEST);
  }

  bestAttributes(row: number): ServiceAttributes {
    return this.sets.get(this.bestSet(row));
  }

  /** Whether the version in use waits for its source to come back (RFC 4724): see `Sources.markStale`. */
  isBestStale(row: number): boolean {
    return this.sources.isStale(this.#paths.stamp(row, BEST));
  }

  /** Numbers of all who say the row, the one in use first. */
  sourcesOf(row: number): number[] {
    return this.#paths.sourcesOf(row);
  }

  /** Whether `source` said the row before `epoch` of it began and not since. */
  saidBefore(row: number, source: number, epoch: number): boolean {
    const path = this.#paths.find(row, source);
    return path !== NONE && this.sources.isBefore(this.#paths.stamp(row, path), epoch);
  }

  service(row: number): number {
    return this.#rows.get(row, SERVICE);
  }

  originator(row: number): number {
    return this.#rows.get(row, ORIGINATOR);
  }

  /** Copies the four words of the contact instance. */
  copyInstance(row: number, into: Uint32Array, at: number): void {
    const chunk = this.#rows.chunk(row);
    const from = this.#rows.offset(row);
    for (let i = 0; i < 4; i++) into[at + i] = chunk[from + i]!;
  }

  /** Rows of a service, in no order that means anything. */
  rowsOf(service: ServiceId): number[] {
    const number = this.services.findText(service);
    return number < 0 ? [] : this.#lists.rowsOf(this.services.list(number));
  }

  /** Every row in use, in the order of their numbers. */
  *rows(): IterableIterator<number> {
    for (let row = 0; row < this.#rows.top; row++) if (this.#paths.isSaid(row)) yield row;
  }

  /** The row of the service that has the key `#index` was told, or -1. An only one is not in the index. */
  #findSought(service: number): number {
    this.#index.seekIn(service);
    const list = this.services.list(service);
    if (!this.#lists.isOnly(list)) return list === 0 ? -1 : this.#index.find();
    const only = this.#lists.only(list);
    return this.#index.isSought(only) ? only : -1;
  }

  #revise(row: number, path: number, set: number): Change {
    if (!this.#paths.revise(row, path, set)) return 'none';
    return this.#paths.choose(row) || path === BEST ? this.#changed(row) : 'none';
  }

  #changed(row: number): 'changed' {
    this.routeLog.touch(row, false);
    return 'changed';
  }

  #free(row: number): void {
    this.routeLog.touch(row, true);
    const number = this.#rows.get(row, SERVICE);
    const list = this.services.list(number);
    const rest = this.#lists.remove(list, row);
    if (!this.#lists.isOnly(list)) {
      this.#index.remove(row);
      if (this.#lists.isOnly(rest)) this.#index.remove(this.#lists.only(rest));
    }
    this.services.setList(number, rest);
    this.states.clear(row);
    this.texts.delete(row);
    this.#rows.remove(row);
  }
}
