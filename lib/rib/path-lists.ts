// What each source says of a route (add-path): lists of paths, the one in use first, and the order that says which that is.
// A list is known by its first path + 1, 0 when it is empty; whoever owns it keeps that number.
import { COMMUNITY } from '../model/service-route.ts';
import { Records } from '../records.ts';
import type { AttributeSets } from './attribute-sets.ts';
import type { Sources } from './sources.ts';

/** Words of a path. */
const SET = 0;
/** Number and epoch of the source. */
const SOURCE = 1;
const HANDLE = 2;
const NEXT = 3;
const WIDTH = 4;

export class PathLists {
  readonly #paths = new Records(WIDTH, NEXT);
  readonly #sets: AttributeSets;
  readonly #sources: Sources;

  /** Sets that paths have are retained, and paths of a source counted. */
  constructor(sets: AttributeSets, sources: Sources) {
    this.#sets = sets;
    this.#sources = sources;
  }

  get bytes(): number {
    return this.#paths.bytes;
  }

  /** The path of `source` in the list; -1: it says nothing. */
  find(first: number, source: number): number {
    for (let path = first; path !== 0; path = this.#paths.get(path - 1, NEXT))
      if ((this.#paths.get(path - 1, SOURCE) & 0xffff) === source) return path - 1;
    return -1;
  }

  set(path: number): number {
    return this.#paths.get(path, SET);
  }

  source(path: number): number {
    return this.#paths.get(path, SOURCE) & 0xffff;
  }

  /** Source and its epoch when it said the path (`Sources.stamp`). */
  stamp(path: number): number {
    return this.#paths.get(path, SOURCE);
  }

  handle(path: number): number {
    return this.#paths.get(path, HANDLE);
  }

  /** Numbers of all sources in the list, in its order. */
  sourcesOf(first: number): number[] {
    const found: number[] = [];
    for (let path = first; path !== 0; path = this.#paths.get(path - 1, NEXT)) found.push(this.source(path - 1));
    return found;
  }

  /** Adds what `source` says, which it did not before: behind the first. Returns the list. */
  add(first: number, source: number, set: number, handle: number): number {
    const path = this.#paths.add();
    const chunk = this.#paths.chunk(path);
    const at = this.#paths.offset(path);
    chunk[at + SET] = set;
    chunk[at + SOURCE] = this.#sources.stamp(source);
    chunk[at + HANDLE] = handle;
    chunk[at + NEXT] = 0;
    this.#sources.counted(source, 1);
    this.#sets.retain(set);
    if (first === 0) return path + 1;
    chunk[at + NEXT] = this.#paths.get(first - 1, NEXT);
    this.#paths.set(first - 1, NEXT, path + 1);
    return first;
  }

  /** Its source says the path again, under this handle. */
  renew(path: number, source: number, handle: number): void {
    this.#paths.set(path, SOURCE, this.#sources.stamp(source));
    this.#paths.set(path, HANDLE, handle);
  }

  /** Gives the path another set; false: it is the same. */
  revise(path: number, set: number): boolean {
    const before = this.set(path);
    if (before === set) return false;
    this.#sets.retain(set);
    this.#paths.set(path, SET, set);
    this.#sets.release(before);
    return true;
  }

  /** Takes the path out. Returns the list: 0 when nothing is left, and otherwise begun by whatever came next. */
  remove(first: number, path: number): number {
    const next = this.#paths.get(path, NEXT);
    if (first !== path + 1) this.#paths.set(this.#before(first, path), NEXT, next);
    this.#sets.release(this.set(path));
    this.#sources.counted(this.source(path), -1);
    this.#paths.remove(path);
    return first === path + 1 ? next : first;
  }

  /** Moves the path to be used to the front, and returns the list, which must not be empty. */
  choose(first: number): number {
    let best = first - 1;
    for (let path = this.#paths.get(best, NEXT); path !== 0; path = this.#paths.get(path - 1, NEXT))
      if (this.#precedes(path - 1, best)) best = path - 1;
    if (best === first - 1) return first;
    this.#paths.set(this.#before(first, best), NEXT, this.#paths.get(best, NEXT));
    this.#paths.set(best, NEXT, first);
    return best + 1;
  }

  /** The path whose successor in the list is `path`. */
  #before(first: number, path: number): number {
    let at = first - 1;
    while (this.#paths.get(at, NEXT) !== path + 1) at = this.#paths.get(at, NEXT) - 1;
    return at;
  }

  /**
   * Which of several versions of one route is used: each step headed by its clause, ending in identifiers. Staleness is no
   * step (RFC 4724 4.2 keeps stale routes in use as they are): two neighbours of a restarting peer that each preferred the
   * other's fresh copy of the same stale route would take it from each other for ever.
   */
  #precedes(path: number, other: number): boolean {
    const a = this.#sets.get(this.set(path));
    const b = this.#sets.get(this.set(other));
    // RFC 9494 4.3: long-lived stale routes are the least preferred.
    const stale = a.communities.includes(COMMUNITY.llgrStale);
    if (stale !== b.communities.includes(COMMUNITY.llgrStale)) return !stale;
    // RFC 4271 9.1.2.2 (a): the shortest path; a local route has none.
    if (a.sitePath.length !== b.sitePath.length) return a.sitePath.length < b.sitePath.length;
    // RFC 4456 section 9: the shorter CLUSTER_LIST.
    if (a.clusterList.length !== b.clusterList.length) return a.clusterList.length < b.clusterList.length;
    // RFC 4271 9.1.2.2 (f), (g): the lowest BGP identifier, then the lowest peer.
    return this.#sources.precedes(this.source(path), this.source(other));
  }
}
