// What each source says of a route (add-path), and the order that says which of it is used. The path in use stands in the
// route's own row, where whoever asks for it finds it, and where the only path of a route needs no record; the others are
// a list behind it, in no order that means anything.
import { COMMUNITY } from '../model/service-route.ts';
import { Records } from '../records.ts';
import type { AttributeSets } from './attribute-sets.ts';
import type { Sources } from './sources.ts';

/** Words of a row: the path in use. The first: its set + 1; 0: nobody says the row, which is not in use. */
export const SET = 6;
/** Number and epoch of the source. */
const SOURCE = 7;
const HANDLE = 8;
/** The first of the others. Records of those have the same words, from `SET` on. */
const NEXT = 9;
const WIDTH = NEXT - SET + 1;

/** Paths of a row are numbers: that of the one in use, and of the others their record + 1. Behind the last comes `BEST`. */
export const BEST = 0;
export const NONE = -1;

export class PathLists {
  readonly #rows: Records;
  readonly #others = new Records(WIDTH, NEXT - SET);
  readonly #sets: AttributeSets;
  readonly #sources: Sources;

  /** Sets that paths have are retained, and paths of a source counted. */
  constructor(rows: Records, sets: AttributeSets, sources: Sources) {
    this.#rows = rows;
    this.#sets = sets;
    this.#sources = sources;
  }

  get bytes(): number {
    return this.#others.bytes;
  }

  /** Whether anybody says the row. */
  isSaid(row: number): boolean {
    return this.#rows.get(row, SET) !== 0;
  }

  /** The path of `source`; `NONE`: it says nothing. */
  find(row: number, source: number): number {
    if (!this.isSaid(row)) return NONE;
    let path = BEST;
    do {
      if (this.source(row, path) === source) return path;
      path = this.#get(row, path, NEXT);
    } while (path !== BEST);
    return NONE;
  }

  set(row: number, path: number): number {
    return this.#get(row, path, SET) - 1;
  }

  source(row: number, path: number): number {
    return this.#get(row, path, SOURCE) & 0xffff;
  }

  /** Source and its epoch when it said the path (`Sources.stamp`). */
  stamp(row: number, path: number): number {
    return this.#get(row, path, SOURCE);
  }

  handle(row: number, path: number): number {
    return this.#get(row, path, HANDLE);
  }

  /** Numbers of all who say the row, the one in use first. */
  sourcesOf(row: number): number[] {
    const found: number[] = [];
    if (!this.isSaid(row)) return found;
    let path = BEST;
    do {
      found.push(this.source(row, path));
      path = this.#get(row, path, NEXT);
    } while (path !== BEST);
    return found;
  }

  /** Adds what `source` says, which it did not before: the path in use if it is the first. */
  add(row: number, source: number, set: number, handle: number): void {
    let path = BEST;
    let next = BEST;
    if (this.isSaid(row)) {
      path = this.#others.add() + 1;
      next = this.#get(row, BEST, NEXT);
      this.#set(row, BEST, NEXT, path);
    }
    this.#set(row, path, SET, set + 1);
    this.#set(row, path, SOURCE, this.#sources.stamp(source));
    this.#set(row, path, HANDLE, handle);
    this.#set(row, path, NEXT, next);
    this.#sources.counted(source, 1);
    this.#sets.retain(set);
  }

  /** Its source says the path again, under this handle. */
  renew(row: number, path: number, source: number, handle: number): void {
    this.#set(row, path, SOURCE, this.#sources.stamp(source));
    this.#set(row, path, HANDLE, handle);
  }

  /** Gives the path another set; false: it is the same. */
  revise(row: number, path: number, set: number): boolean {
    const before = this.set(row, path);
    if (before === set) return false;
    this.#sets.retain(set);
    this.#set(row, path, SET, set + 1);
    this.#sets.release(before);
    return true;
  }

  /** Takes the path out. Where it was in use another one is now, whichever: the caller chooses. */
  remove(row: number, path: number): void {
    this.#sets.release(this.set(row, path));
    this.#sources.counted(this.source(row, path), -1);
    const next = this.#get(row, path, NEXT);
    if (path !== BEST) {
      this.#set(row, this.#before(row, path), NEXT, next);
      this.#others.remove(path - 1);
    } else if (next === BEST) {
      this.#set(row, BEST, SET, 0);
    } else {
      for (const word of [SET, SOURCE, HANDLE, NEXT]) this.#set(row, BEST, word, this.#get(row, next, word));
      this.#others.remove(next - 1);
    }
  }

  /** Puts the path to be used into the row, which must have one. True when it is another than before. */
  choose(row: number): boolean {
    let best = BEST;
    for (let path = this.#get(row, BEST, NEXT); path !== BEST; path = this.#get(row, path, NEXT))
      if (this.#precedes(row, path, best)) best = path;
    if (best === BEST) return false;
    for (const word of [SET, SOURCE, HANDLE]) {
      const before = this.#get(row, BEST, word);
      this.#set(row, BEST, word, this.#get(row, best, word));
      this.#set(row, best, word, before);
    }
    return true;
  }

  /** The path behind which `path` comes. */
  #before(row: number, path: number): number {
    let at = BEST;
    for (let next = this.#get(row, at, NEXT); next !== path; next = this.#get(row, at, NEXT)) at = next;
    return at;
  }

  /**
   * Which of several versions of one route is used: each step headed by its clause, ending in identifiers. Staleness is no
   * step (RFC 4724 4.2 keeps stale routes in use as they are): two neighbours of a restarting peer that each preferred the
   * other's fresh copy of the same stale route would take it from each other for ever.
   */
  #precedes(row: number, path: number, other: number): boolean {
    const a = this.#sets.get(this.set(row, path));
    const b = this.#sets.get(this.set(row, other));
    // RFC 9494 4.3: long-lived stale routes are the least preferred.
    const stale = a.communities.includes(COMMUNITY.llgrStale);
    if (stale !== b.communities.includes(COMMUNITY.llgrStale)) return !stale;
    // RFC 4271 9.1.2.2 (a): the shortest path; a local route has none.
    if (a.sitePath.length !== b.sitePath.length) return a.sitePath.length < b.sitePath.length;
    // RFC 4456 section 9: the shorter CLUSTER_LIST.
    if (a.clusterList.length !== b.clusterList.length) return a.clusterList.length < b.clusterList.length;
    // RFC 4271 9.1.2.2 (f), (g): the lowest BGP identifier, then the lowest peer.
    return this.#sources.precedes(this.source(row, path), this.source(row, other));
  }

  #get(row: number, path: number, word: number): number {
    return path === BEST ? this.#rows.get(row, word) : this.#others.get(path - 1, word - SET);
  }

  #set(row: number, path: number, word: number, value: number): void {
    if (path === BEST) this.#rows.set(row, word, value);
    else this.#others.set(path - 1, word - SET, value);
  }
}
