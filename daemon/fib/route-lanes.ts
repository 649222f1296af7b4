// Routes of a large change on their way into the kernel, a few pieces at a time, while the event loop goes on: the kernel works
// on one piece, the next wait for it. Pieces are answered in the order in which they were sent, and nobody else's change comes
// in between: who makes one flushes first, and meets what is held as the kernel has answered.
import type { FibFailure, FibRemoval, FibRoute } from '../../lib/fib/fib.ts';
import { type HeldRoutes, SLOTS } from '../../lib/fib/held-routes.ts';
import type { FibObjectSet } from '../../lib/fib/object-set.ts';
import type { Dispatcher } from '../netlink/dispatcher.ts';
import type { RequestSocket } from '../netlink/request-socket.ts';
import type { KernelContext } from './kernel-codec.ts';
import { RouteSender, type SentRoutes, type Way } from './route-sender.ts';

/** Two keep the kernel at work; with a third the loop may have been elsewhere for a millisecond. */
const LANES = 3;

export interface LaneTools {
  readonly requests: RequestSocket;
  readonly context: KernelContext;
  readonly held: FibObjectSet;
  /** Takes back what the kernel refused; failures are added. */
  readonly settle: (sent: SentRoutes, failures: FibFailure[]) => void;
  /** These are put or removed anew; all that was to be settled before has been. */
  readonly renewed: (routes: readonly FibRemoval[], from: number, to: number) => void;
}

interface Lane {
  readonly sender: RouteSender;
  readonly way: Way;
  /** Rows of the routes that are on their way. */
  readonly rows: Int32Array;
  count: number;
}

export class RouteLanes {
  readonly #dispatcher: Dispatcher;
  readonly #settle: LaneTools['settle'];
  readonly #renewed: LaneTools['renewed'];
  readonly #found: HeldRoutes;
  readonly #free: Lane[] = [];
  /** Row by row, how many puts of it are on their way: a second one waits, so that what it replaces is known. */
  #onWay = new Uint16Array(4096);
  /** Pieces with removals on their way. */
  #leaving = 0;

  /** Undefined: the system has no thread left. */
  static start(tools: LaneTools): RouteLanes | undefined {
    const dispatcher = tools.requests.dispatcher();
    return dispatcher && new RouteLanes(tools, dispatcher);
  }

  private constructor({ requests, context, held, settle, renewed }: LaneTools, dispatcher: Dispatcher) {
    this.#dispatcher = dispatcher;
    this.#settle = settle;
    this.#renewed = renewed;
    this.#found = held.routes;
    for (let i = 0; i < LANES; i++) {
      const [fresh, known] = [dispatcher.newBerth(), dispatcher.newBerth()];
      if (!fresh || !known) break;
      const way: Way = { dispatcher, berths: [fresh, known] };
      this.#free.push({ sender: new RouteSender(requests, context, held), way, rows: new Int32Array(SLOTS), count: 0 });
    }
  }

  get isBusy(): boolean {
    return this.#dispatcher.isBusy;
  }

  /** Waits, and the event loop with it, until all is answered: a few milliseconds. */
  flush(): void {
    this.#dispatcher.flush();
  }

  /** Undefined: a piece can be sent now. */
  room(): Promise<void> | undefined {
    return this.#free.length > 0 ? undefined : this.#dispatcher.progress();
  }

  /** Resolves when all is answered. */
  async idle(): Promise<void> {
    while (this.#dispatcher.isBusy) await this.#dispatcher.progress();
  }

  /** Puts `count` routes from `from` on, `SLOTS` at most; tells what was refused, once and if anything was. */
  put(routes: readonly FibRoute[], from: number, count: number, onRefused: (failures: FibFailure[]) => void): void {
    // What the kernel keeps is held again, and replaced: to put it anew would be refused.
    if (this.#leaving > 0) this.flush();
    const lane = this.#seek(routes, from, count);
    const failures: FibFailure[] = [];
    const onSent = (sent: SentRoutes) => this.#settle(sent, failures);
    const onDone = () => {
      this.#leave(lane);
      if (failures.length > 0) onRefused(failures);
    };
    const { sender, way, rows } = lane;
    const tellEarly = sender.putAhead(routes, from, count, way, failures, onSent, onDone);
    lane.count = count;
    for (let slot = 0; slot < count; slot++) {
      const row = (rows[slot] = this.#found.rows[slot]!);
      if (row >= 0) this.#mark(row);
    }
    tellEarly();
  }

  /** Removes what is held of `count` routes; tells how many there were, and what the kernel has not simply accepted. */
  remove(
    removals: readonly FibRemoval[],
    from: number,
    count: number,
    onDone: (count: number, refused: SentRoutes | undefined) => void,
  ): void {
    const lane = this.#seek(removals, from, count);
    this.#leaving++;
    lane.sender.removeAhead(count, lane.way, (removed, refused) => {
      this.#leaving--;
      this.#leave(lane);
      onDone(removed, refused);
    });
  }

  /** Looks the routes up, and a lane for them. */
  #seek(routes: readonly FibRemoval[], from: number, count: number): Lane {
    if (this.#free.length === 0) this.flush();
    const found = this.#found;
    found.findAll(routes, from, count);
    for (let slot = 0; slot < count; slot++) {
      const row = found.rows[slot]!;
      if (row < 0 || !this.#onWay[row]) continue;
      this.flush();
      // What was refused was looked up.
      found.findAll(routes, from, count);
      break;
    }
    this.#renewed(routes, from, from + count);
    const lane = this.#free.pop()!;
    lane.count = 0;
    return lane;
  }

  #leave(lane: Lane): void {
    for (let slot = 0; slot < lane.count; slot++) if (lane.rows[slot]! >= 0) this.#onWay[lane.rows[slot]!]!--;
    lane.count = -1;
    this.#free.push(lane);
  }

  #mark(row: number): void {
    if (row >= this.#onWay.length) {
      const more = new Uint16Array(Math.max(row + 1, 2 * this.#onWay.length));
      more.set(this.#onWay);
      this.#onWay = more;
    }
    this.#onWay[row]!++;
  }
}
