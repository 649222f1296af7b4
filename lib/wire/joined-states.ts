// The `compute` part of UPDATEs that are joined (update-joiner.ts): rows of state that grow by what each message holds.
import { stateNumbers } from '../model/state-buffers.ts';
import { STATE_NUMBERS } from '../model/state-row.ts';
import type { ComputeUpdate } from '../session/message.ts';
import { type Cursor, LEN, tagOf } from './cursor.ts';
import type { JoinedRoutes } from './joined-routes.ts';
import { takeStateColumns } from './state-columns.ts';

const HANDLE = tagOf(1, LEN);

export class JoinedStates {
  readonly #handle: Uint32Array;
  readonly #state: Float64Array;
  count = 0;
  /** Of the message at hand. */
  #newRows = 0;

  constructor(most: number) {
    this.#handle = new Uint32Array(most);
    this.#state = new Float64Array(most * STATE_NUMBERS);
  }

  /** Reads a part whose fields stand in order, each whole and within its range; false: it is another one, or there is no room. */
  read(cursor: Cursor): boolean {
    if (!cursor.more() || cursor.tag() !== HANDLE) return false;
    const rows = cursor.handlesInto(this.#handle, this.count);
    if (rows <= 0) return false;
    this.#newRows = rows;
    const from = this.count * STATE_NUMBERS;
    const to = from + rows * STATE_NUMBERS;
    this.#state.fill(0, from, to);
    return takeStateColumns(cursor, this.#state, from, to);
  }

  /** Whether every state of the message at hand is of the route that the same message announces at the same place. */
  areAbout(routes: JoinedRoutes): boolean {
    if (this.#newRows > routes.newRows) return false;
    for (let i = 0; i < this.#newRows; i++) if (this.#handle[this.count + i] !== routes.newHandle(i)) return false;
    return true;
  }

  /** The message at hand is one of them. */
  commit(): void {
    this.count += this.#newRows;
    this.#newRows = 0;
  }

  /** The message at hand is not. */
  drop(): void {
    this.#newRows = 0;
  }

  take(): ComputeUpdate | undefined {
    const { count } = this;
    if (count === 0) return undefined;
    const state = stateNumbers(count * STATE_NUMBERS);
    state.set(this.#state.subarray(0, count * STATE_NUMBERS));
    this.count = 0;
    return { handle: this.#handle.slice(0, count), state };
  }
}
