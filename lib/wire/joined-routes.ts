// The `service` part of UPDATEs that are joined (update-joiner.ts): columns that grow by what each message holds.
import type { ServiceAttributes } from '../model/service-route.ts';
import { ADDRESS_BYTES, ADDRESS_WORDS } from '../net/address-words.ts';
import type { ServiceUpdate } from '../session/message.ts';
import { copyAddresses } from './address-column.ts';
import { type Cursor, LEN, tagOf } from './cursor.ts';
import { FaultLog } from './fault-log.ts';
import { takeSet } from './service-update.ts';

const SET = tagOf(1, LEN);
const HANDLE = tagOf(2, LEN);
const SERVICE = tagOf(3, LEN);
const INSTANCE = tagOf(4, LEN);
const ORIGINATOR = tagOf(5, LEN);
const SET_INDEX = tagOf(6, LEN);
const WITHDRAWN = tagOf(7, LEN);
/** Bits of the filter, by the top bits of a hash. */
const FILTER_SHIFT = 16;
const FILTER_WORDS = 1 << (32 - FILTER_SHIFT - 5);

export class JoinedRoutes {
  readonly #handle: Uint32Array;
  readonly #service: Uint32Array;
  readonly #instance: Uint32Array;
  readonly #originator: Uint32Array;
  readonly #set: Int32Array;
  readonly #withdrawn: Uint32Array;
  /** The first `#setEnd` of them; those from `#setCount` on are of the message at hand. */
  readonly #sets: ServiceAttributes[] = [];
  /** Where the sets of the message at hand stand in `#sets`. */
  readonly #places: Uint16Array;
  #placeCount = 0;
  /** Handles and keys of the rows, hashed to a bit each: what is not in it has not been announced. */
  readonly #seen = new Uint32Array(FILTER_WORDS);
  #setCount = 0;
  #setEnd = 0;
  #withdrawals = 0;
  count = 0;
  /** Of the message at hand. */
  newRows = 0;
  newWithdrawals = 0;

  constructor(most: number) {
    this.#handle = new Uint32Array(most);
    this.#service = new Uint32Array(most * ADDRESS_WORDS);
    this.#instance = new Uint32Array(most * ADDRESS_WORDS);
    this.#originator = new Uint32Array(most);
    this.#set = new Int32Array(most);
    this.#withdrawn = new Uint32Array(most);
    this.#places = new Uint16Array(most);
  }

  /** Reads a part whose fields stand in order, each whole and without fault; false: it is another one, or there is no room. */
  read(cursor: Cursor): boolean {
    let tag = 0;
    for (tag = cursor.tag(); tag === SET; tag = cursor.tag()) if (!this.#takeSet(cursor)) return false;
    if (tag === HANDLE) {
      if (!this.#takeRows(cursor)) return false;
      if (!cursor.more()) return true;
      tag = cursor.tag();
    }
    if (tag !== WITHDRAWN) return false;
    this.newWithdrawals = cursor.handlesInto(this.#withdrawn, this.#withdrawals);
    return this.newWithdrawals > 0 && !cursor.more();
  }

  /** Handle of the `i`-th row of the message at hand. */
  newHandle(i: number): number {
    return this.#handle[this.count + i]!;
  }

  /** Whether a row of the message at hand has a handle or a key of one before; now and then it only seems so. */
  isRepeated(): boolean {
    for (let row = this.count; row < this.count + this.newRows; row++)
      if (this.#isSeen(handleHash(this.#handle[row]!)) || this.#isSeen(this.#keyHash(row))) return true;
    return false;
  }

  /** The message at hand is one of them. */
  commit(): void {
    for (let row = this.count; row < this.count + this.newRows; row++) {
      this.#see(handleHash(this.#handle[row]!));
      this.#see(this.#keyHash(row));
    }
    this.count += this.newRows;
    this.#withdrawals += this.newWithdrawals;
    this.#setCount = this.#setEnd;
    this.drop();
  }

  /** The message at hand is not. */
  drop(): void {
    this.#setEnd = this.#setCount;
    this.#placeCount = 0;
    this.newRows = 0;
    this.newWithdrawals = 0;
  }

  take(): ServiceUpdate | undefined {
    const { count } = this;
    if (count === 0 && this.#withdrawals === 0) return undefined;
    const update: ServiceUpdate = {
      attributeSets: this.#sets.slice(0, this.#setCount),
      handle: this.#handle.slice(0, count),
      service: this.#service.slice(0, count * ADDRESS_WORDS),
      contactInstance: this.#instance.slice(0, count * ADDRESS_WORDS),
      originator: this.#originator.slice(0, count),
      attributeSet: this.#set.slice(0, count),
      withdrawn: this.#withdrawn.slice(0, this.#withdrawals),
    };
    this.count = 0;
    this.#withdrawals = 0;
    this.#setCount = 0;
    this.drop();
    // Nobody is kept alive for what he once said.
    this.#sets.length = 0;
    if (count > 0) this.#seen.fill(0);
    return update;
  }

  #takeSet(cursor: Cursor): boolean {
    if (this.#placeCount >= this.#places.length || this.#setEnd >= this.#places.length) return false;
    const set = takeSet(cursor, 0, new FaultLog());
    if (set === undefined) return false;
    // A peer says its few sets again and again, and equal bytes are the same object.
    if (this.#setEnd === 0 || set !== this.#sets[this.#setEnd - 1]) this.#sets[this.#setEnd++] = set;
    this.#places[this.#placeCount++] = this.#setEnd - 1;
    return true;
  }

  #takeRows(cursor: Cursor): boolean {
    const first = this.count;
    const rows = cursor.handlesInto(this.#handle, first);
    if (rows <= 0) return false;
    this.newRows = rows;
    if (cursor.tag() !== SERVICE || !takeAddresses(cursor, this.#service, first, rows)) return false;
    if (cursor.tag() !== INSTANCE || !takeAddresses(cursor, this.#instance, first, rows)) return false;
    return cursor.tag() === ORIGINATOR && this.#takeOriginators(cursor, rows) && this.#takeIndexes(cursor, rows);
  }

  #takeOriginators(cursor: Cursor, rows: number): boolean {
    const length = cursor.uint32();
    if (length !== rows * 4 && length !== 4) return false;
    let originator = 0;
    for (let i = 0; i < rows; i++) {
      if (i < length / 4) originator = cursor.fixed32();
      // RFC 6286: 0 names nobody.
      if (originator === 0) return false;
      this.#originator[this.count + i] = originator;
    }
    return true;
  }

  /** Absent, and the last column then: all rows have the first set. */
  #takeIndexes(cursor: Cursor, rows: number): boolean {
    const places = this.#places;
    const placeCount = this.#placeCount;
    const { pos, end } = cursor;
    let given = 0;
    if (cursor.more() && cursor.tag() === SET_INDEX) {
      const length = cursor.uint32();
      const to = cursor.pos + length;
      if (to > end) return false;
      cursor.end = to;
      for (; cursor.more() && given < rows; given++) {
        const index = cursor.uint32();
        if (index >= placeCount) return false;
        this.#set[this.count + given] = places[index]!;
      }
      if (cursor.more()) return false;
      cursor.end = end;
    } else cursor.pos = pos;
    if (given === rows) return true;
    if (given > 1 || placeCount === 0) return false;
    const place = given === 1 ? this.#set[this.count]! : places[0]!;
    this.#set.fill(place, this.count, this.count + rows);
    return true;
  }

  #isSeen(hash: number): boolean {
    const bit = hash >>> FILTER_SHIFT;
    return (this.#seen[bit >>> 5]! & (1 << (bit & 31))) !== 0;
  }

  #see(hash: number): void {
    const bit = hash >>> FILTER_SHIFT;
    this.#seen[bit >>> 5]! |= 1 << (bit & 31);
  }

  /** Quick, not strong: two that collide are merely not joined. */
  #keyHash(row: number): number {
    let hash = this.#originator[row]!;
    for (let i = row * ADDRESS_WORDS; i < (row + 1) * ADDRESS_WORDS; i++) {
      hash = Math.imul(hash ^ this.#service[i]!, 0x9e3779b1);
      hash = Math.imul(hash ^ (hash >>> 15) ^ this.#instance[i]!, 0x85ebca6b);
    }
    return hash ^ (hash << 13);
  }
}

const handleHash = (handle: number): number => Math.imul(handle, 0x9e3779b1);

function takeAddresses(cursor: Cursor, words: Uint32Array, first: number, rows: number): boolean {
  const { from, length } = cursor.span();
  if (length !== rows * ADDRESS_BYTES && length !== ADDRESS_BYTES) return false;
  copyAddresses(cursor.view, from, length, words, first * ADDRESS_WORDS, rows * ADDRESS_WORDS);
  return true;
}
