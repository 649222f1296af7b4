// Rows of the route table by their key: contact instance, number of the service, originator. The only route of a service is
// found by the service and is not in the hash index: it saves a look-up and an entry where most services have one.
import type { Records } from '../records.ts';
import { HashIndex, mix } from './hash-index.ts';

/** Words of a row: 0..3 are the contact instance's address; with these two they are its key. */
export const SERVICE = 4;
export const ORIGINATOR = 5;

export class RouteIndex {
  readonly #rows: Records;
  readonly #seed: number;
  readonly #hash = new HashIndex((row) => this.isSought(row));
  /** The key that is being looked for. */
  #instance: Uint32Array = new Uint32Array(0);
  #instanceAt = 0;
  #addressHash = 0;
  #service = 0;
  #originator = 0;
  /** Once `find` has looked for it. */
  #hashSought = 0;

  constructor(rows: Records, seed: number) {
    this.#rows = rows;
    this.#seed = seed;
  }

  get bytes(): number {
    return this.#hash.bytes;
  }

  /**
   * Says which key `find`, `isSought` and `writeSought` are about; `seekIn` says the service. `instance` is four words that
   * begin at `at`. They are read here, so that they are on their way from memory while the service is still looked for.
   */
  seek(instance: Uint32Array, at: number, originator: number): void {
    this.#instance = instance;
    this.#instanceAt = at;
    this.#addressHash = this.#hashAddress(instance, at);
    this.#originator = originator;
  }

  seekIn(service: number): void {
    this.#service = service;
  }

  /** The row in the index that has the key, or -1. */
  find(): number {
    this.#hashSought = mix(mix(this.#addressHash, this.#service), this.#originator);
    return this.#hash.find(this.#hashSought);
  }

  /** Writes the key into a row. */
  writeSought(row: number): void {
    const chunk = this.#rows.chunk(row);
    const at = this.#rows.offset(row);
    for (let i = 0; i < 4; i++) chunk[at + i] = this.#instance[this.#instanceAt + i]!;
    chunk[at + SERVICE] = this.#service;
    chunk[at + ORIGINATOR] = this.#originator;
  }

  isSought(row: number): boolean {
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

  /** The row has the key that `find` has looked for and not found. */
  insertSought(row: number): void {
    this.#hash.insert(row, this.#hashSought);
  }

  /** The row, with its key, must not be in the index. */
  insert(row: number): void {
    this.#hash.insert(row, this.#hashOf(row));
  }

  /** The row must be in the index, its key as it was. */
  remove(row: number): void {
    this.#hash.remove(row, this.#hashOf(row));
  }

  #hashOf(row: number): number {
    const chunk = this.#rows.chunk(row);
    const at = this.#rows.offset(row);
    return mix(mix(this.#hashAddress(chunk, at), chunk[at + SERVICE]!), chunk[at + ORIGINATOR]!);
  }

  #hashAddress(words: Uint32Array, at: number): number {
    return mix(mix(mix(mix(this.#seed, words[at]!), words[at + 1]!), words[at + 2]!), words[at + 3]!);
  }
}
