// Many messages at a time on their way to the kernel, sent by a thread of the addon while the event loop prepares the next
// ones and serves others. Keeps their order. Whoever sends by itself on the same socket flushes first; knows no message's meaning.
import { Flag } from '../../lib/netlink/constants.ts';
import type { Copies } from '../../lib/netlink/copies.ts';
import { addPortion, allFailed, Berth, type OnAnswered, outcomesOf } from './berth.ts';
import { type EncodeAt, encodeOrRefuse, newOutcomes, type Outcome } from './outcomes.ts';
import { ANSWER_TIMEOUT_MS, type KernelSocket } from './socket.ts';

/** Berths of a socket, as nlberth.h has them. */
export const BERTHS = 8;
const NOBODY: OnAnswered = () => {};

export interface DispatcherTools {
  readonly socket: KernelSocket;
  readonly takeSequences: (count: number) => number;
  /** A table that is being dumped may be another now. */
  readonly changed: () => void;
}

export class Dispatcher {
  readonly #tools: DispatcherTools;
  readonly #way: Berth[] = [];
  #berths = 0;
  #waiters: (() => void)[] = [];

  /** Undefined: the system has no thread left. */
  static start(tools: DispatcherTools): Dispatcher | undefined {
    const { native, handle } = tools.socket;
    const dispatcher = new Dispatcher(tools);
    return native.dispatch(handle, ANSWER_TIMEOUT_MS, () => dispatcher.#collect()) === 0 ? dispatcher : undefined;
  }

  private constructor(tools: DispatcherTools) {
    this.#tools = tools;
  }

  /** Undefined: there are `BERTHS` already. */
  newBerth(): Berth | undefined {
    return this.#berths < BERTHS ? new Berth(this.#berths++) : undefined;
  }

  /** Something was sent and is not answered. */
  get isBusy(): boolean {
    return this.#way.length > 0;
  }

  /** Sends messages that are made already, `batch` a send; they stay as they are until they are answered. */
  postCopies(berth: Berth, copies: Copies, count: number, batch: number, onAnswered: OnAnswered): void {
    const first = this.#begin(berth, count, onAnswered);
    copies.stamp(first, count, batch);
    for (let at = 0; at < count; at += batch) {
      const end = Math.min(count, at + batch);
      addPortion(berth, end * copies.length * 4, first + at, first + end - 1);
    }
    this.#post(berth, copies.bytes);
  }

  /** Sends what a function encodes by its index below `count`. */
  postRange(berth: Berth, count: number, encode: EncodeAt, batch: number, onAnswered: OnAnswered): void {
    const { writer } = berth;
    const first = this.#begin(berth, count, onAnswered);
    writer.reset();
    for (let at = 0; at < count; at += batch) {
      let last = -1;
      for (let i = at; i < Math.min(count, at + batch); i++) {
        const refusal = encodeOrRefuse(encode, writer, i);
        if (refusal) {
          berth.refused ??= newOutcomes(count);
          berth.refused[i] = refusal;
          continue;
        }
        last = first + i;
        writer.stamp(last, 0);
      }
      if (last < 0) continue;
      writer.stamp(last, Flag.ack);
      addPortion(berth, writer.length, first + at, last);
    }
    this.#post(berth, writer.bytes);
  }

  /** Waits, and the event loop with it, until all is answered and told. */
  flush(): void {
    if (this.#way.length === 0) return;
    const { native, handle } = this.#tools.socket;
    while (this.#way.length > 0) {
      const index = native.answered(handle, 1);
      if (index < 0) this.#lose(-index);
      else this.#tell(index);
    }
    this.#wake();
  }

  /** Until the next time that something is answered; at once where nothing is on its way. */
  progress(): Promise<void> {
    if (this.#way.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #begin(berth: Berth, count: number, onAnswered: OnAnswered): number {
    berth.count = count;
    berth.refused = undefined;
    berth.onAnswered = onAnswered;
    berth.firsts.length = 0;
    return (berth.first = this.#tools.takeSequences(count));
  }

  #post(berth: Berth, bytes: Uint8Array): void {
    if (berth.firsts.length === 0) return tell(berth, berth.refused);
    const { native, handle } = this.#tools.socket;
    this.#tools.changed();
    if (berth.attached !== bytes) {
      const portions = new Uint8Array(berth.portions.buffer);
      const result = native.berth(handle, berth.index, bytes, berth.answers.bytes, portions);
      if (result === 0) berth.attached = bytes;
    }
    const result = native.post(handle, berth.index, berth.firsts.length);
    if (result === 0) this.#way.push(berth);
    else tell(berth, allFailed(berth, -result));
  }

  #collect(): void {
    const { native, handle } = this.#tools.socket;
    for (let index = native.answered(handle, 0); index >= 0; index = native.answered(handle, 0)) this.#tell(index);
    this.#wake();
  }

  #tell(index: number): void {
    const berth = this.#way.shift()!;
    if (berth.index !== index) throw new Error(`berth ${index} was answered before ${berth.index}`);
    // While it was on its way a dump may have begun.
    this.#tools.changed();
    tell(berth, outcomesOf(berth));
  }

  /** The socket is closed. */
  #lose(errno: number): void {
    for (const berth of this.#way.splice(0)) tell(berth, allFailed(berth, errno));
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

/** A berth that is free does not keep the routes that it told of. */
function tell(berth: Berth, outcomes: Outcome[] | undefined): void {
  const { onAnswered } = berth;
  berth.onAnswered = NOBODY;
  onAnswered(outcomes);
}
