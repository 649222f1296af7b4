// Rows of the route table by their key: contact instance, number of the service, originator.
import type { Records } from '../records.ts';
import { HashIndex, mix } from './hash-index.ts';

/** Words of a row: 0..3 are the contact instance's address; with these two they are its key. */
export const SERVICE = 4;
export const ORIGINATOR = 5;

export class RouteIndex {
  readonly #rows: Records;
  readonly #seed: number;
  readonly #hash = new HashIndex((row) => this.#isSought(row));
  /** The key that is being looked for, and its hash. */
  #instance: Uint32Array = new Uint32Array(0);
  #instanceAt = 0;
  #service = 0;
  #originator = 0;
  #sought = 0;

  constructor(rows: Records, seed: number) {
    this.#rows = rows;
    this.#seed = seed;
  }

  get bytes(): number {
    return this.#hash.bytes;
  }

  /** The row of the key, or -1. `instance` is four words that begin at `at`. */
  find(service: number, instance: Uint32Array, at: number, originator: number): number {
    this.#instance = instance;
    this.#instanceAt = at;
    this.#service = service;
    this.#originator = originator;
    this.#sought = this.#hashKey(instance, at, service, originator);
    return this.#hash.find(this.#sought);
  }

  /** Puts in the row whose key was looked for last, and not found, and writes the key into it. */
  insertSought(row: number): void {
    const chunk = this.#rows.chunk(row);
    const at = this.#rows.offset(row);
    for (let i = 0; i < 4; i++) chunk[at + i] = this.#instance[this.#instanceAt + i]!;
    chunk[at + SERVICE] = this.#service;
    chunk[at + ORIGINATOR] = this.#originator;
    this.#hash.insert(row, this.#sought);
  }

  /** The row must be in the index, its key as it was. */
  remove(row: number): void {
    const chunk = this.#rows.chunk(row);
    const at = this.#rows.offset(row);
    this.#hash.remove(row, this.#hashKey(chunk, at, chunk[at + SERVICE]!, chunk[at + ORIGINATOR]!));
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

  #hashKey(words: Uint32Array, at: number, service: number, originator: number): number {
    const address = mix(mix(mix(mix(this.#seed, words[at]!), words[at + 1]!), words[at + 2]!), words[at + 3]!);
    return mix(mix(address, service), originator);
  }
}
