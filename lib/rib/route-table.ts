// Adj-RIB-In and Loc-RIB of the `service` and `compute` families in one table of numbers: a row a route key, a block of
// paths a row (add-path: what each source says), the best path first, and the newest compute state. Rows, sources,
// services and attribute sets are small integers; texts and objects are made when somebody looks (route-entry.ts).
// It refuses to know sessions and policy. What changed is noted in `log` for the Adj-RIB-Outs.
import type { PeerName, ServiceId } from '../model/identity.ts';
import { COMMUNITY, type RouteKey, type ServiceAttributes } from '../model/service-route.ts';
import { Records } from '../records.ts';
import { AttributeSets } from './attribute-sets.ts';
import { ChangeLog } from './change-log.ts';
import { HashIndex, mix } from './hash-index.ts';
import { ServiceIndex } from './service-index.ts';
import { Sources } from './sources.ts';
import { StateStore } from './state-store.ts';

/** The source of routes that this router originates. */
export const LOCAL: PeerName = '';
/** Its number. */
export const LOCAL_SOURCE = 0;

export type Change = 'none' | 'added' | 'changed' | 'removed';

/** Words of a row; 0..3 are the contact instance's address. */
const SERVICE = 4;
const ORIGINATOR = 5;
/** Best path + 1, which begins the list of all; 0: the row is not in use. */
const BEST = 6;
/** Neighbours + 1 among the routes of the service. */
const NEXT = 7;
const BEFORE = 8;
const ROUTE_LOGGED = 9;
const STATE_LOGGED = 10;
const WIDTH = 11;

/** Words of a path. */
const SET = 0;
const SOURCE = 1;
const HANDLE = 2;
const NEXT_PATH = 3;
const PATH_WIDTH = 4;

/** Bands of the score (DESIGN section 4): 0..3, 4..7, 8..10. */
const bandOf = (score: number): number => (score >= 8 ? 2 : score >= 4 ? 1 : 0);

export class RouteTable {
  readonly sets = new AttributeSets();
  readonly sources = new Sources();
  readonly states = new StateStore();
  readonly services: ServiceIndex;
  /** Texts of rows that somebody watches, made when first looked at (route-entry.ts). */
  readonly texts = new Map<number, { readonly key: string; readonly route: RouteKey }>();
  readonly #rows = new Records(WIDTH, NEXT);
  readonly #paths = new Records(PATH_WIDTH, NEXT_PATH);
  readonly #hash = new HashIndex((row) => this.#isSought(row));
  /** The key that is being looked for. */
  #instance: Uint32Array = new Uint32Array(0);
  #instanceAt = 0;
  #service = 0;
  #originator = 0;
  readonly #seed: number;
  /** Rows whose reachability, and rows whose state, changed: what Adj-RIB-Outs read. */
  readonly routeLog = new ChangeLog(this.#rows, ROUTE_LOGGED);
  readonly stateLog = new ChangeLog(this.#rows, STATE_LOGGED);

  /** `seed` keeps a peer from choosing keys that collide; equal seeds give equal tables. */
  constructor(seed = 0) {
    this.#seed = seed;
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
    return this.#rows.bytes + this.#paths.bytes + this.#hash.bytes + this.services.bytes + this.states.bytes;
  }

  isUsed(row: number): boolean {
    return row >= 0 && row < this.#rows.top && this.#rows.get(row, BEST) !== 0;
  }

  /** Row of the key, or -1. `instance` and `service` are four words that begin at their offsets. */
  find(service: Uint32Array, serviceAt: number, instance: Uint32Array, instanceAt: number, originator: number): number {
    const number = this.services.find(service, serviceAt);
    return number < 0 ? -1 : this.#hash.find(this.#seek(number, instance, instanceAt, originator));
  }

  /** The same, and a row for a key that is not known: the caller announces it. */
  intern(
    service: Uint32Array,
    serviceAt: number,
    instance: Uint32Array,
    instanceAt: number,
    originator: number,
  ): number {
    const number = this.services.intern(service, serviceAt);
    const hash = this.#seek(number, instance, instanceAt, originator);
    const known = this.#hash.find(hash);
    if (known >= 0) return known;
    const row = this.#rows.add();
    const chunk = this.#rows.chunk(row);
    const at = this.#rows.offset(row);
    for (let i = 0; i < 4; i++) chunk[at + i] = instance[instanceAt + i]!;
    chunk[at + SERVICE] = number;
    chunk[at + ORIGINATOR] = originator;
    chunk[at + BEST] = 0;
    const first = this.services.first(number);
    chunk[at + NEXT] = first;
    chunk[at + BEFORE] = 0;
    if (first > 0) this.#rows.set(first - 1, BEFORE, row + 1);
    this.services.changed(number, 1, row + 1);
    this.states.clear(row);
    this.#hash.insert(row, hash);
    return row;
  }

  /**
   * Inserts or replaces what `source` says of the route. `handle` is the one it said it under; 0 where there is none.
   * `changed` means: the version in use, or who says it, differs now.
   */
  announce(row: number, source: number, set: number, handle: number): Change {
    const best = this.#rows.get(row, BEST);
    const word = this.sources.stamp(source);
    let path = this.#pathOf(row, source);
    if (path < 0) {
      path = this.#paths.add();
      this.#paths.set(path, NEXT_PATH, 0);
      this.sources.counted(source, 1);
      this.sets.retain(set);
      if (best === 0) this.#rows.set(row, BEST, path + 1);
      else {
        this.#paths.set(path, NEXT_PATH, this.#paths.get(best - 1, NEXT_PATH));
        this.#paths.set(best - 1, NEXT_PATH, path + 1);
      }
      this.#paths.set(path, SET, set);
    } else {
      this.#paths.set(path, SOURCE, word);
      this.#paths.set(path, HANDLE, handle);
      return this.revise(row, source, set);
    }
    this.#paths.set(path, SOURCE, word);
    this.#paths.set(path, HANDLE, handle);
    if (best === 0) {
      this.routeLog.touch(row, false);
      return 'added';
    }
    return this.#choose(row) ? this.#changed(row) : 'none';
  }

  /** With a handle: only what is still known under it; a route that moved to another handle stays. */
  withdraw(row: number, source: number, handle = 0): Change {
    const path = this.#pathOf(row, source);
    if (path < 0 || (handle !== 0 && this.#paths.get(path, HANDLE) !== handle)) return 'none';
    const best = this.#rows.get(row, BEST);
    const next = this.#paths.get(path, NEXT_PATH);
    if (best === path + 1) this.#rows.set(row, BEST, next);
    else this.#paths.set(this.#before(row, path), NEXT_PATH, next);
    this.sets.release(this.#paths.get(path, SET));
    this.sources.counted(source, -1);
    this.#paths.remove(path);
    if (best === path + 1 && next === 0) {
      this.#free(row);
      return 'removed';
    }
    if (best !== path + 1) return 'none';
    this.#choose(row);
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
    return this.#paths.get(this.#pathOf(row, source), SET);
  }

  /** The handle under which `source` says the row; 0: it does not, or without one. */
  handleOf(row: number, source: number): number {
    const path = this.#pathOf(row, source);
    return path < 0 ? 0 : this.#paths.get(path, HANDLE);
  }

  /** Gives what `source` says another set, as old and under the same handle as before. */
  revise(row: number, source: number, set: number): Change {
    const path = this.#pathOf(row, source);
    const before = this.#paths.get(path, SET);
    if (before === set) return 'none';
    const best = this.#rows.get(row, BEST);
    this.sets.retain(set);
    this.#paths.set(path, SET, set);
    this.sets.release(before);
    return this.#choose(row) || path + 1 === best ? this.#changed(row) : 'none';
  }

  /** Whether `source` says this row, and under this handle where one is given. */
  says(row: number, source: number, handle = 0): boolean {
    if (!this.isUsed(row)) return false;
    const path = this.#pathOf(row, source);
    return path >= 0 && (handle === 0 || this.#paths.get(path, HANDLE) === handle);
  }

  /** Number of the source in use, or -1 where the row is not. */
  bestSource(row: number): number {
    const best = this.#rows.get(row, BEST);
    return best === 0 ? -1 : this.#paths.get(best - 1, SOURCE) & 0xffff;
  }

  /** Number of the attribute set in use; the row must be in use. */
  bestSet(row: number): number {
    return this.#paths.get(this.#rows.get(row, BEST) - 1, SET);
  }

  bestAttributes(row: number): ServiceAttributes {
    return this.sets.get(this.bestSet(row));
  }

  /** Whether the version in use waits for its source to come back (RFC 4724): see `Sources.markStale`. */
  isBestStale(row: number): boolean {
    return this.sources.isStale(this.#paths.get(this.#rows.get(row, BEST) - 1, SOURCE));
  }

  /** Numbers of all who say the row, the one in use first. */
  sourcesOf(row: number): number[] {
    const found: number[] = [];
    for (let path = this.#rows.get(row, BEST); path !== 0; path = this.#paths.get(path - 1, NEXT_PATH))
      found.push(this.#paths.get(path - 1, SOURCE) & 0xffff);
    return found;
  }

  /** Whether `source` said the row before `epoch` of it began and not since. */
  saidBefore(row: number, source: number, epoch: number): boolean {
    if (this.#rows.get(row, BEST) === 0) return false;
    const path = this.#pathOf(row, source);
    return path >= 0 && this.sources.isBefore(this.#paths.get(path, SOURCE), epoch);
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

  /** Rows of a service, the youngest first. */
  rowsOf(service: ServiceId): number[] {
    const rows: number[] = [];
    const number = this.services.findText(service);
    if (number < 0) return rows;
    for (let row = this.services.first(number); row !== 0; row = this.#rows.get(row - 1, NEXT)) rows.push(row - 1);
    return rows;
  }

  /** Every row in use, in the order of their numbers. */
  *rows(): IterableIterator<number> {
    for (let row = 0; row < this.#rows.top; row++) if (this.#rows.get(row, BEST) !== 0) yield row;
  }

  #changed(row: number): 'changed' {
    this.routeLog.touch(row, false);
    return 'changed';
  }

  #free(row: number): void {
    this.routeLog.touch(row, true);
    const number = this.#rows.get(row, SERVICE);
    const next = this.#rows.get(row, NEXT);
    const before = this.#rows.get(row, BEFORE);
    if (next > 0) this.#rows.set(next - 1, BEFORE, before);
    if (before > 0) this.#rows.set(before - 1, NEXT, next);
    this.#hash.remove(row, this.#hashOf(row));
    this.services.changed(number, -1, before === 0 ? next : this.services.first(number));
    this.states.clear(row);
    this.texts.delete(row);
    this.#rows.remove(row);
  }

  /** Notes the key that is looked for, and gives its hash. */
  #seek(service: number, instance: Uint32Array, at: number, originator: number): number {
    this.#instance = instance;
    this.#instanceAt = at;
    this.#service = service;
    this.#originator = originator;
    return this.#hashKey(instance, at, service, originator);
  }

  #isSought(row: number): boolean {
    const chunk = this.#rows.chunk(row);
    const from = this.#rows.offset(row);
    const instance = this.#instance;
    const at = this.#instanceAt;
    return (
      chunk[from] === instance[at] &&
      chunk[from + 1] === instance[at + 1] &&
      chunk[from + 2] === instance[at + 2] &&
      chunk[from + 3] === instance[at + 3] &&
      chunk[from + SERVICE] === this.#service &&
      chunk[from + ORIGINATOR] === this.#originator
    );
  }

  #hashOf(row: number): number {
    const chunk = this.#rows.chunk(row);
    const at = this.#rows.offset(row);
    return this.#hashKey(chunk, at, chunk[at + SERVICE]!, chunk[at + ORIGINATOR]!);
  }

  #hashKey(words: Uint32Array, at: number, service: number, originator: number): number {
    const address = mix(mix(mix(mix(this.#seed, words[at]!), words[at + 1]!), words[at + 2]!), words[at + 3]!);
    return mix(mix(address, service), originator);
  }

  #pathOf(row: number, source: number): number {
    for (let path = this.#rows.get(row, BEST); path !== 0; path = this.#paths.get(path - 1, NEXT_PATH))
      if ((this.#paths.get(path - 1, SOURCE) & 0xffff) === source) return path - 1;
    return -1;
  }

  /** The path whose successor in the row's list is `path`. */
  #before(row: number, path: number): number {
    let at = this.#rows.get(row, BEST) - 1;
    while (this.#paths.get(at, NEXT_PATH) !== path + 1) at = this.#paths.get(at, NEXT_PATH) - 1;
    return at;
  }

  /** Moves the path to be used to the front; true when it is another one than before. */
  #choose(row: number): boolean {
    const first = this.#rows.get(row, BEST) - 1;
    let best = first;
    for (let path = this.#paths.get(first, NEXT_PATH); path !== 0; path = this.#paths.get(path - 1, NEXT_PATH))
      if (this.#precedes(path - 1, best)) best = path - 1;
    if (best === first) return false;
    this.#paths.set(this.#before(row, best), NEXT_PATH, this.#paths.get(best, NEXT_PATH));
    this.#paths.set(best, NEXT_PATH, first + 1);
    this.#rows.set(row, BEST, best + 1);
    return true;
  }

  /**
   * Which of several versions of one route is used: each step headed by its clause, ending in identifiers. Staleness is no
   * step (RFC 4724 4.2 keeps stale routes in use as they are): two neighbours of a restarting peer that each preferred the
   * other's fresh copy of the same stale route would take it from each other for ever.
   */
  #precedes(path: number, other: number): boolean {
    const a = this.sets.get(this.#paths.get(path, SET));
    const b = this.sets.get(this.#paths.get(other, SET));
    // RFC 9494 4.3: long-lived stale routes are the least preferred.
    const stale = a.communities.includes(COMMUNITY.llgrStale);
    if (stale !== b.communities.includes(COMMUNITY.llgrStale)) return !stale;
    // RFC 4271 9.1.2.2 (a): the shortest path; a local route has none.
    if (a.sitePath.length !== b.sitePath.length) return a.sitePath.length < b.sitePath.length;
    // RFC 4456 section 9: the shorter CLUSTER_LIST.
    if (a.clusterList.length !== b.clusterList.length) return a.clusterList.length < b.clusterList.length;
    // RFC 4271 9.1.2.2 (f), (g): the lowest BGP identifier, then the lowest peer.
    return this.sources.precedes(this.#paths.get(path, SOURCE) & 0xffff, this.#paths.get(other, SOURCE) & 0xffff);
  }
}
