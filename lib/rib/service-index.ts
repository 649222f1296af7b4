// CS-IDs as small numbers: each service once, with the list of its routes. The number is given again once the service has
// neither routes nor anyone who watches it.
import type { ServiceId } from '../model/identity.ts';
import { addressesToWords, wordsToAddress } from '../net/address-words.ts';
import { Records } from '../records.ts';
import { HashIndex, mix } from './hash-index.ts';

/** Words 0..3 are the address. */
/** The list of routes (route-lists.ts); of a number that is free, the free list's. */
const LIST = 4;
/** How many routes, and in the top bit whether somebody watches. */
const COUNT = 5;
const WATCHED = 0x8000_0000;
const WIDTH = 6;

export class ServiceIndex {
  readonly #rows = new Records(WIDTH, LIST);
  readonly #hash = new HashIndex((number) => this.#isSought(number));
  readonly #seed: number;
  /** Texts of those that are watched, and back: they keep their numbers. */
  readonly #texts = new Map<number, ServiceId>();
  readonly #numbers = new Map<ServiceId, number>();
  #withRoutes = 0;
  /** The address that is being looked for. */
  #sought: Uint32Array = new Uint32Array(0);
  #soughtAt = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Services with a route. */
  get size(): number {
    return this.#withRoutes;
  }

  get bytes(): number {
    return this.#rows.bytes + this.#hash.bytes;
  }

  /** Number of the service whose words begin at `at`; -1: not known. */
  find(words: Uint32Array, at: number): number {
    this.#sought = words;
    this.#soughtAt = at;
    return this.#hash.find(this.#hashAt(words, at));
  }

  findText(service: ServiceId): number {
    return this.#numbers.get(service) ?? this.find(addressesToWords([service]), 0);
  }

  /** The same, and a new number for a service that is not known: the caller adds a route, or watches it. */
  intern(words: Uint32Array, at: number): number {
    const hash = this.#hashAt(words, at);
    this.#sought = words;
    this.#soughtAt = at;
    const known = this.#hash.find(hash);
    if (known >= 0) return known;
    const number = this.#rows.add();
    const chunk = this.#rows.chunk(number);
    const to = this.#rows.offset(number);
    for (let i = 0; i < 4; i++) chunk[to + i] = words[at + i]!;
    chunk[to + LIST] = 0;
    chunk[to + COUNT] = 0;
    this.#hash.insert(number, hash);
    return number;
  }

  /** Marks a service whose every change somebody wants to hear of; it is known from now on, with routes or without. */
  watch(service: ServiceId): void {
    const number = this.intern(addressesToWords([service]), 0);
    this.#rows.set(number, COUNT, (this.#rows.get(number, COUNT) | WATCHED) >>> 0);
    this.#numbers.set(this.text(number), number);
  }

  isWatched(number: number): boolean {
    return this.#rows.get(number, COUNT) >= WATCHED;
  }

  /** Numbers of the services that have a route. */
  *used(): IterableIterator<number> {
    for (let number = 0; number < this.#rows.top; number++) if (this.count(number) > 0) yield number;
  }

  /** The list of its routes (route-lists.ts). */
  list(number: number): number {
    return this.#rows.get(number, LIST);
  }

  count(number: number): number {
    return this.#rows.get(number, COUNT) & ~WATCHED;
  }

  /** Notes that the service has `by` routes more, and what its list is now. */
  changed(number: number, by: 1 | -1, list: number): void {
    const count = this.count(number) + by;
    if (count === 0) this.#withRoutes--;
    else if (count === 1 && by === 1) this.#withRoutes++;
    this.#rows.set(number, COUNT, this.#rows.get(number, COUNT) + by);
    this.#rows.set(number, LIST, list);
    if (count > 0 || this.isWatched(number)) return;
    this.#hash.remove(number, this.#hashAt(this.#rows.chunk(number), this.#rows.offset(number)));
    this.#rows.remove(number);
  }

  /** Canonical text; remembered for those that are watched. */
  text(number: number): ServiceId {
    const known = this.#texts.get(number);
    if (known !== undefined) return known;
    const text = wordsToAddress(this.#rows.chunk(number), this.#rows.offset(number));
    if (this.isWatched(number)) this.#texts.set(number, text);
    return text;
  }

  /** Copies the four words of the address. */
  copyWords(number: number, into: Uint32Array, at: number): void {
    const chunk = this.#rows.chunk(number);
    const from = this.#rows.offset(number);
    for (let i = 0; i < 4; i++) into[at + i] = chunk[from + i]!;
  }

  #isSought(number: number): boolean {
    const chunk = this.#rows.chunk(number);
    const from = this.#rows.offset(number);
    const words = this.#sought;
    const at = this.#soughtAt;
    return (
      chunk[from] === words[at] &&
      chunk[from + 1] === words[at + 1] &&
      chunk[from + 2] === words[at + 2] &&
      chunk[from + 3] === words[at + 3]
    );
  }

  #hashAt(words: Uint32Array, at: number): number {
    return mix(mix(mix(mix(this.#seed, words[at]!), words[at + 1]!), words[at + 2]!), words[at + 3]!);
  }
}
