// Small UPDATEs that came together, put into one: a peer that says a route a message then costs what looking at a route
// costs, not a message, its objects and a turn of the router each. Only plain ones, as lib/wire writes them, are joined;
// whatever else there is in a frame (faults, link state, markers, unknown fields) is left to `decodeFrame`.
//
// The router takes withdrawals of an UPDATE first, then reachability, then state. Joined, a state comes behind what later
// messages announce; so they must name neither its handle nor its route, and nothing may come before a withdrawal.
import { type UpdateMessage, updateOf } from '../session/message.ts';
import { Cursor, LEN, tagOf, WireFault } from './cursor.ts';
import { JoinedRoutes } from './joined-routes.ts';
import { JoinedStates } from './joined-states.ts';

const UPDATE = tagOf(3, LEN);
const SERVICE = tagOf(1, LEN);
const COMPUTE = tagOf(2, LEN);
/** Larger frames gain nothing. */
const LARGEST_BYTES = 1024;
/** Rows of each family in one message: a fraction of a millisecond of work. */
const MOST_ROWS = 256;

/** Messages that were joined. */
export interface Joined {
  readonly message: UpdateMessage;
  readonly count: number;
  /** Of their frames. */
  readonly bytes: number;
}

export class UpdateJoiner {
  readonly #routes = new JoinedRoutes(MOST_ROWS);
  readonly #states = new JoinedStates(MOST_ROWS);
  #cursor = new Cursor(new Uint8Array(0));
  #count = 0;
  #bytes = 0;
  /** A state was told of a route that was not announced here: what is announced from now on might be that route. */
  #isClosed = false;

  /**
   * Reads the frame `from`..`to - 1` of `buf` and joins it with those before. False: it does not go with them, or is not
   * plain, and nothing has changed; `take` what there is and try again, or decode it.
   */
  add(buf: Uint8Array, from: number, to: number): boolean {
    if (to - from > LARGEST_BYTES) return false;
    if (this.#cursor.buf !== buf) this.#cursor = new Cursor(buf);
    const cursor = this.#cursor;
    cursor.pos = from;
    cursor.end = to;
    try {
      if (this.#read(cursor) && this.#fits()) {
        this.#commit(to - from);
        return true;
      }
    } catch (error) {
      if (!(error instanceof WireFault)) throw error;
    }
    this.#routes.drop();
    this.#states.drop();
    return false;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** What was joined since the last time; undefined: nothing. */
  take(): Joined | undefined {
    if (this.#count === 0) return undefined;
    const service = this.#routes.take();
    const compute = this.#states.take();
    const joined = { message: updateOf(service, compute), count: this.#count, bytes: this.#bytes };
    this.#count = 0;
    this.#bytes = 0;
    this.#isClosed = false;
    return joined;
  }

  #read(cursor: Cursor): boolean {
    const { end } = cursor;
    if (cursor.tag() !== UPDATE || cursor.uint32() !== end - cursor.pos || !cursor.more()) return false;
    let before = 0;
    while (cursor.more()) {
      const tag = cursor.tag();
      const length = cursor.uint32();
      const partEnd = cursor.pos + length;
      if (partEnd > end || tag <= before) return false;
      cursor.end = partEnd;
      if (tag === SERVICE ? !this.#routes.read(cursor) : tag !== COMPUTE || !this.#states.read(cursor)) return false;
      cursor.end = end;
      before = tag;
    }
    return true;
  }

  /** Whether what was read may stand behind what was joined before. */
  #fits(): boolean {
    const routes = this.#routes;
    if (routes.newWithdrawals > 0 && (routes.count > 0 || this.#states.count > 0)) return false;
    if (routes.newRows === 0 || this.#states.count === 0) return true;
    return !this.#isClosed && !routes.isRepeated();
  }

  #commit(bytes: number): void {
    if (!this.#states.areAbout(this.#routes)) this.#isClosed = true;
    this.#routes.commit();
    this.#states.commit();
    this.#count++;
    this.#bytes += bytes;
  }
}
