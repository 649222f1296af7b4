// The rtnetlink half of the forwarding plane: performs puts and removals in order, synchronously but for the routes of large
// changes, and keeps the set of what is in force. Decides what counts as success; when to call it is kernel-fib.ts's concern.
import { type FibFailure, type FibKey, type FibRemoval, type FibRoute, fibKey } from '../../lib/fib/fib.ts';
import { SLOTS } from '../../lib/fib/held-routes.ts';
import { FibObjectSet } from '../../lib/fib/object-set.ts';
import { orderPuts, splitRemovals } from '../../lib/fib/order.ts';
import type { NetlinkError } from '../../lib/netlink/errors.ts';
import type { Writer } from '../../lib/netlink/writer.ts';
import type { RequestSocket } from '../netlink/request-socket.ts';
import { isNetlinkObject, type KernelContext, type NetlinkObject, writePut, writeRemoval } from './kernel-codec.ts';
import { failure, GONE, uses } from './kernel-refusals.ts';
import { KernelSettlement } from './kernel-settlement.ts';
import { areAlike, byKind } from './kinds.ts';
import { RouteLanes } from './route-lanes.ts';
import { type PutMode, RouteSender, type SentRoutes } from './route-sender.ts';

const NONE: ReadonlySet<FibKey> = new Set();
const IN_PASSING: PutMode = { lost: NONE, patient: false };

export class KernelProgrammer {
  /** What is in force, as far as this process knows; what nftables holds included. */
  readonly held = new FibObjectSet();
  readonly #requests: RequestSocket;
  readonly #context: KernelContext;
  readonly #routes: RouteSender;
  /** For large changes, from the first one on. */
  #lanes: RouteLanes | undefined;
  readonly #settlement: KernelSettlement;

  /** One function each, for all objects. */
  readonly #writeFresh: Write;
  readonly #writeReplacing: Write;
  readonly #writeRemoval: Write;

  constructor(requests: RequestSocket, context: KernelContext) {
    this.#requests = requests;
    this.#routes = new RouteSender(requests, context, this.held);
    this.#context = context;
    this.#writeFresh = (writer, object) => writePut(writer, context, object, true);
    this.#writeReplacing = (writer, object) => writePut(writer, context, object, false);
    this.#writeRemoval = (writer, object) => writeRemoval(writer, context, object);
    this.#settlement = new KernelSettlement(this.held, (rules) => requests.batchOf(rules, this.#writeRemoval));
  }

  /** Puts objects; a failure leaves the key as it was. `lost`: held, but no longer in the kernel. */
  put(objects: readonly NetlinkObject[], lost: ReadonlySet<FibKey> = NONE): FibFailure[] {
    this.flush();
    return this.#put(objects, { lost, patient: true });
  }

  /**
   * As `put`, of objects of one kind, `from`..`to` of a list, `SLOTS` at most; routes while the event loop goes on. Tells what was
   * refused, if anything was. What the kernel has no memory for at the moment is left to the caller, who asks again: ENOMEM.
   */
  putInPassing(
    objects: readonly NetlinkObject[],
    from: number,
    to: number,
    onRefused: (failures: FibFailure[]) => void,
  ): void {
    if (from === to) return;
    const routes = objects as readonly FibRoute[];
    const lanes = objects[from]!.kind === 'route' ? this.#startLanes() : undefined;
    if (lanes) {
      lanes.put(routes, from, to - from, onRefused);
      return;
    }
    this.flush();
    const failures: FibFailure[] = [];
    this.#putKind(objects.slice(from, to), IN_PASSING, failures);
    if (failures.length > 0) onRefused(failures);
  }

  /** As `removeRoutes`, of `SLOTS` at most and while the event loop goes on; tells how many went. */
  removeInPassing(
    removals: readonly FibRemoval[],
    from: number,
    to: number,
    onDone: (removed: number, failures: FibFailure[]) => void,
  ): void {
    const failures: FibFailure[] = [];
    const lanes = this.#startLanes();
    if (!lanes) {
      onDone(this.removeRoutes(removals, from, to, failures), failures);
      return;
    }
    lanes.remove(removals, from, to - from, (count, refused) =>
      onDone(refused ? count - this.#settlement.holdAgain(refused, failures) : count, failures),
    );
  }

  /** When more can be put or removed in passing; undefined: now. */
  room(): Promise<void> | undefined {
    return this.#lanes?.room();
  }

  /** Waits, and the event loop with it, until what is held is what the kernel has: a few milliseconds. */
  flush(): void {
    if (this.#lanes?.isBusy) this.#lanes.flush();
  }

  /** Resolves when the kernel has answered to all of it. */
  async idle(): Promise<void> {
    await this.#lanes?.idle();
  }

  #put(objects: readonly NetlinkObject[], mode: PutMode): FibFailure[] {
    const failures: FibFailure[] = [];
    if (areAlike(objects)) this.#putKind(objects, mode, failures);
    // One batch a kind: a batch retries what ran out of memory last, after what may depend on it.
    else for (const group of byKind(orderPuts(objects) as NetlinkObject[])) this.#putKind(group, mode, failures);
    return failures;
  }

  /** As `put`, of one object. */
  putOne(object: NetlinkObject): FibFailure | undefined {
    this.flush();
    this.#settlement.stopWaitingFor(object);
    const refusal = this.held.accept(object);
    if (refusal) return refusal;
    const old = this.held.replaced;
    const error = this.#requests.requestOf(object, old ? this.#writeReplacing : this.#writeFresh);
    if (!error && object.kind !== 'rule') return undefined;
    const failures: FibFailure[] = [];
    const olds = old ? [old as NetlinkObject] : NOTHING;
    this.#settlement.settle({ objects: [object], olds, outcomes: [error], since: NOTHING }, failures);
    return failures[0];
  }

  #putKind(objects: readonly NetlinkObject[], mode: PutMode, failures: FibFailure[]): void {
    if (objects[0]?.kind === 'route')
      this.#putRoutes(objects as readonly FibRoute[], 0, objects.length, mode, failures);
    else this.#putAlike(objects, mode, failures);
  }

  #putRoutes(routes: readonly FibRoute[], from: number, to: number, mode: PutMode, failures: FibFailure[]): void {
    this.#settlement.stopWaiting(routes, from, to);
    for (let at = from; at < to; at += SLOTS)
      for (const sent of this.#routes.put(routes, at, Math.min(SLOTS, to - at), mode, failures))
        this.#settlement.settle(sent, failures);
  }

  /** Removes what netlink holds; unknown keys are done already. */
  remove(removals: readonly FibRemoval[]): { failures: FibFailure[]; removed: number } {
    const failures: FibFailure[] = [];
    if (removals.length === 0) return { failures, removed: 0 };
    this.flush();
    this.#settlement.stopWaiting(removals, 0, removals.length);
    const { before, routes, after } = splitRemovals(removals);
    let removed = this.#removeHeld(before, failures);
    removed += this.removeRoutes(routes, 0, routes.length, failures);
    removed += this.#removeHeld(after, failures);
    return { failures, removed };
  }

  /** Removes all that netlink holds, as the kernel has it by now. */
  removeAll(): void {
    this.flush();
    this.remove([...this.held.keys()]);
  }

  /** As `remove`, of routes, `from`..`to` of a list; returns how many went. */
  removeRoutes(removals: readonly FibRemoval[], from: number, to: number, failures: FibFailure[]): number {
    this.flush();
    this.#settlement.stopWaiting(removals, from, to);
    let removed = 0;
    for (let at = from; at < to; at += SLOTS) {
      const { count, refused } = this.#routes.remove(removals, at, Math.min(SLOTS, to - at));
      removed += refused ? count - this.#settlement.holdAgain(refused, failures) : count;
    }
    return removed;
  }

  /** Keys in order of removal. */
  #removeHeld(keys: readonly FibKey[], failures: FibFailure[]): number {
    const known = keys.map((key) => this.held.get(key)).filter((object) => object !== undefined);
    let removed = 0;
    for (const group of byKind(known.filter(isNetlinkObject))) {
      const allowed: NetlinkObject[] = [];
      for (const object of group) {
        // The kernel would take the routes of a nexthop with it, without a word.
        const refusal = this.held.removalRefusal(fibKey(object));
        if (refusal) failures.push(refusal);
        else allowed.push(object);
      }
      const outcomes = this.#requests.batchOf(allowed, this.#writeRemoval);
      for (const [i, object] of allowed.entries()) {
        const error = outcomes[i];
        if (error && !GONE.has(error.code)) {
          failures.push(failure(object, error));
          continue;
        }
        this.held.remove(fibKey(object));
        removed++;
      }
    }
    return removed;
  }

  /** Puts again what uses `device`: while the link was down the kernel dropped it, or would not take it. */
  restore(device: string): FibFailure[] {
    const lost = this.#settlement.waitingFor(device);
    for (const object of this.held.values())
      if (isNetlinkObject(object) && uses(object, device) && !this.isWaiting(fibKey(object))) lost.push(object);
    return this.put(lost);
  }

  /** True while the object waits for its link. */
  isWaiting(key: FibKey): boolean {
    return this.#settlement.isWaiting(key);
  }

  /**
   * Objects are held before the kernel is asked, so that the second of one key is known to replace the first; what the
   * kernel refuses is as it was.
   */
  #putAlike(objects: readonly NetlinkObject[], { lost, patient }: PutMode, failures: FibFailure[]): void {
    const { held } = this;
    const fresh: NetlinkObject[] = [];
    const known: NetlinkObject[] = [];
    const olds: NetlinkObject[] = [];
    for (const object of objects) {
      this.#settlement.stopWaitingFor(object);
      const refusal = held.accept(object);
      if (refusal) {
        failures.push(refusal);
        continue;
      }
      const old = held.replaced;
      if (old === undefined) fresh.push(object);
      else if (isNetlinkObject(old)) {
        known.push(object);
        olds.push(old);
      }
    }
    if (fresh.length > 0) {
      const outcomes = this.#send(fresh, this.#writeFresh, patient);
      this.#settlement.settle({ objects: fresh, olds: NOTHING, outcomes, since: olds }, failures);
    }
    if (known.length > 0) {
      const write = (writer: Writer, object: NetlinkObject) =>
        writePut(writer, this.#context, object, lost.has(fibKey(object)));
      const outcomes = this.#send(known, lost.size > 0 ? write : this.#writeReplacing, patient);
      this.#settlement.settle({ objects: known, olds, outcomes, since: olds }, failures);
    }
  }

  #startLanes(): RouteLanes | undefined {
    const settle = (sent: SentRoutes, failures: FibFailure[]) => this.#settlement.settle(sent, failures);
    const renewed = (routes: readonly FibRemoval[], from: number, to: number) =>
      this.#settlement.stopWaiting(routes, from, to);
    const [requests, context, held] = [this.#requests, this.#context, this.held];
    this.#lanes ??= RouteLanes.start({ requests, context, held, settle, renewed });
    return this.#lanes;
  }

  #send(objects: readonly NetlinkObject[], write: Write, patient: boolean): readonly (NetlinkError | null)[] {
    if (objects.length === 1 && patient) return [this.#requests.requestOf(objects[0]!, write)];
    return this.#requests.batchRange(objects.length, (writer, i) => write(writer, objects[i]!), patient);
  }
}

type Write = (writer: Writer, object: NetlinkObject) => void;

const NOTHING: (NetlinkObject | undefined)[] = [];
