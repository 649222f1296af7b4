// CS-IDs as small numbers: each service once, with the list of its routes. The number is given again once the service has
// neither routes nor anyone who watches it.
import type { ServiceId } from '../model/identity.ts';
import { addressesToWords, wordsToAddress } from '../net/address-words.ts';
import { Records } from '../records.ts';
import { HashIndex, mix } from './hash-index.ts';

/** Words 0..3 are the address. The first, of a number that is free, is the free list's. */
const FREE = 0;
/** The list of routes (route-lists.ts), and in the top bit whether somebody watches; 0 of a number that is free. */
const LIST = 4;
const WATCHED = 0x8000_0000;
const WIDTH = 5;

export class ServiceIndex {
  readonly #rows = new Records(WIDTH, FREE);
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
    this.#hash.insert(number, hash);
    return number;
  }

  /** Marks a service whose every change somebody wants to hear of; it is known from now on, with routes or without. */
  watch(service: ServiceId): void {
    const number = this.intern(addressesToWords([service]), 0);
    this.#rows.set(number, LIST, (this.#rows.get(number, LIST) | WATCHED) >>> 0);
    this.#numbers.set(this.text(number), number);
  }

  isWatched(number: number): boolean {
    return this.#rows.get(number, LIST) >= WATCHED;
  }

  /** Numbers of the services that have a route. */
  *used(): IterableIterator<number> {
    for (let number = 0; number < this.#rows.top; number++) if (this.list(number) !== 0) yield number;
  }

  /** The list of its routes (route-lists.ts); 0 when it has none. */
  list(number: number): number {
    return this.#rows.get(number, LIST) & ~WATCHED;
  }

  /** Notes what the list of its routes is now. */
  setList(number: number, list: number): void {
    const word = this.#rows.get(number, LIST);
    const watched = word & WATCHED;
    if ((word & ~WATCHED) === 0) this.#withRoutes++;
    if (list === 0) this.#withRoutes--;
    this.#rows.set(number, LIST, (watched | list) >>> 0);
    if (list !== 0 || watched !== 0) return;
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
