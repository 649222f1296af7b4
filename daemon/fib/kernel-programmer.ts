// The rtnetlink half of the forwarding plane: performs puts and removals in order, synchronously, and keeps the set of
// what is in force. Decides what counts as success; when to call it is kernel-fib.ts's concern.
import { sameObject } from '../../lib/fib/equality.ts';
import { type FibFailure, type FibKey, type FibRemoval, type FibRoute, fibKey, removalKey } from '../../lib/fib/fib.ts';
import { SLOTS } from '../../lib/fib/held-routes.ts';
import { FibObjectSet } from '../../lib/fib/object-set.ts';
import { orderPuts, splitRemovals } from '../../lib/fib/order.ts';
import type { NetlinkError } from '../../lib/netlink/errors.ts';
import type { Writer } from '../../lib/netlink/writer.ts';
import type { RequestSocket } from '../netlink/request-socket.ts';
import { isNetlinkObject, type KernelContext, type NetlinkObject, writePut, writeRemoval } from './kernel-codec.ts';
import { type PutMode, RouteSender } from './route-sender.ts';

/** A route through a link that is down or has lost its address: worth another try when the link comes back. */
const LINK_TROUBLE = new Set(['ENODEV', 'ENETDOWN', 'EHOSTUNREACH', 'ENETUNREACH']);
/** What is to be removed is not there: somebody, or a link that went down, was faster. */
const GONE = new Set(['ESRCH', 'ENOENT', 'ENODEV', 'EADDRNOTAVAIL']);

const NONE: ReadonlySet<FibKey> = new Set();
const IN_PASSING: PutMode = { lost: NONE, patient: false };

export class KernelProgrammer {
  /** What is in force, as far as this process knows; what nftables holds included. */
  readonly held = new FibObjectSet();
  readonly #requests: RequestSocket;
  readonly #context: KernelContext;
  readonly #routes: RouteSender;
  /** Routes that wait for their link; a subset of what was asked for, disjoint from `held`'s equal objects. */
  readonly #waiting = new Map<FibKey, NetlinkObject>();

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
  }

  /** Puts objects; a failure leaves the key as it was. `lost`: held, but no longer in the kernel. */
  put(objects: readonly NetlinkObject[], lost: ReadonlySet<FibKey> = NONE): FibFailure[] {
    return this.#put(objects, { lost, patient: true });
  }

  /**
   * As `put`, of objects of one kind, `from`..`to` of a list. What the kernel has no memory for at the moment is left to the
   * caller, who asks again: ENOMEM.
   */
  putInPassing(objects: readonly NetlinkObject[], from: number, to: number): FibFailure[] {
    const failures: FibFailure[] = [];
    if (objects[from]?.kind === 'route')
      this.#putRoutes(objects as readonly FibRoute[], from, to, IN_PASSING, failures);
    else this.#putAlike(objects.slice(from, to), IN_PASSING, failures);
    return failures;
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
    if (object.kind === 'route') return this.put([object])[0];
    if (this.#waiting.size > 0) this.#waiting.delete(fibKey(object));
    const refusal = this.held.accept(object);
    if (refusal) return refusal;
    const old = this.held.replaced;
    const error = this.#requests.requestOf(object, old ? this.#writeReplacing : this.#writeFresh);
    if (!error && object.kind !== 'rule') return undefined;
    const failures: FibFailure[] = [];
    this.#settle([object], old ? [old as NetlinkObject] : NOTHING, [error], failures);
    return failures[0];
  }

  #putKind(objects: readonly NetlinkObject[], mode: PutMode, failures: FibFailure[]): void {
    if (objects[0]?.kind === 'route')
      this.#putRoutes(objects as readonly FibRoute[], 0, objects.length, mode, failures);
    else this.#putAlike(objects, mode, failures);
  }

  #putRoutes(routes: readonly FibRoute[], from: number, to: number, mode: PutMode, failures: FibFailure[]): void {
    for (let at = from; at < to; at += SLOTS) {
      const count = Math.min(SLOTS, to - at);
      if (this.#waiting.size > 0) for (let i = at; i < at + count; i++) this.#waiting.delete(fibKey(routes[i]!));
      for (const { objects, olds, outcomes } of this.#routes.put(routes, at, count, mode, failures))
        this.#settle(objects, olds, outcomes, failures);
    }
  }

  /** Removes what netlink holds; unknown keys are done already. */
  remove(removals: readonly FibRemoval[]): { failures: FibFailure[]; removed: number } {
    const failures: FibFailure[] = [];
    if (removals.length === 0) return { failures, removed: 0 };
    if (this.#waiting.size > 0) for (const removal of removals) this.#waiting.delete(removalKey(removal));
    const { before, routes, after } = splitRemovals(removals);
    let removed = this.#removeHeld(before, failures);
    removed += this.removeRoutes(routes, 0, routes.length, failures);
    removed += this.#removeHeld(after, failures);
    return { failures, removed };
  }

  /** As `remove`, of routes, `from`..`to` of a list; returns how many went. */
  removeRoutes(removals: readonly FibRemoval[], from: number, to: number, failures: FibFailure[]): number {
    if (this.#waiting.size > 0) for (let i = from; i < to; i++) this.#waiting.delete(removalKey(removals[i]!));
    let removed = 0;
    for (let at = from; at < to; at += SLOTS)
      removed += this.#removeSome(removals, at, Math.min(SLOTS, to - at), failures);
    return removed;
  }

  /** As many as are looked up at once. What the kernel keeps is held again. */
  #removeSome(removals: readonly FibRemoval[], from: number, most: number, failures: FibFailure[]): number {
    const { count, refused } = this.#routes.remove(removals, from, most);
    if (!refused) return count;
    const { objects, outcomes } = refused;
    let removed = count;
    for (let i = 0; i < outcomes.length; i++) {
      const error = outcomes[i];
      if (!error || GONE.has(error.code)) continue;
      failures.push(failure(objects[i]!, error));
      this.held.put(objects[i]!);
      removed--;
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
    const lost: NetlinkObject[] = [...this.#waiting.values()].filter((object) => uses(object, device));
    for (const object of this.held.values())
      if (isNetlinkObject(object) && uses(object, device) && !this.#waiting.has(fibKey(object))) lost.push(object);
    return this.put(lost);
  }

  /** True while the object waits for its link. */
  isWaiting(key: FibKey): boolean {
    return this.#waiting.has(key);
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
      if (this.#waiting.size > 0) this.#waiting.delete(fibKey(object));
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
    if (fresh.length > 0) this.#settle(fresh, NOTHING, this.#send(fresh, this.#writeFresh, patient), failures);
    if (known.length > 0) {
      const write = (writer: Writer, object: NetlinkObject) =>
        writePut(writer, this.#context, object, lost.has(fibKey(object)));
      this.#settle(known, olds, this.#send(known, lost.size > 0 ? write : this.#writeReplacing, patient), failures);
    }
  }

  #send(objects: readonly NetlinkObject[], write: Write, patient: boolean): readonly (NetlinkError | null)[] {
    if (objects.length === 1 && patient) return [this.#requests.requestOf(objects[0]!, write)];
    return this.#requests.batchRange(objects.length, (writer, i) => write(writer, objects[i]!), patient);
  }

  /** Takes back what the kernel refused. */
  #settle(
    objects: readonly NetlinkObject[],
    olds: readonly NetlinkObject[],
    outcomes: readonly (NetlinkError | null)[],
    failures: FibFailure[],
  ): void {
    const superseded: NetlinkObject[] = [];
    for (let i = 0; i < outcomes.length; i++) {
      const error = outcomes[i];
      const object = objects[i]!;
      if (!error && object.kind !== 'rule') continue;
      const old = olds[i];
      const changed = old !== undefined && !sameObject(old, object);
      // A rule that is there already: rules have no replace.
      if (error && !(error.code === 'EEXIST' && object.kind === 'rule' && old && !changed)) {
        failures.push(failure(object, error));
        if (LINK_TROUBLE.has(error.code) && dependsOnLink(object)) this.#waiting.set(fibKey(object), object);
        if (old) this.held.put(old);
        else this.held.remove(fibKey(object));
      } else if (object.kind === 'rule' && old && changed) superseded.push(old);
    }
    // The new rule is in force before the old one of the same priority goes.
    if (superseded.length > 0) this.#requests.batchOf(superseded, this.#writeRemoval);
  }
}

type Write = (writer: Writer, object: NetlinkObject) => void;

const NOTHING: readonly NetlinkObject[] = [];

function failure(object: NetlinkObject, error: NetlinkError): FibFailure {
  return { key: fibKey(object), code: error.code, text: failureText(object, error) };
}

/** The kernel answers most of these with a bare EINVAL. */
function failureText(object: NetlinkObject, { code, text }: NetlinkError): string {
  if (code === 'EEXIST') return 'somebody else holds this key in the kernel, and it is left alone';
  if (object.kind !== 'local-sid' || !('vrfTable' in object.behaviour)) return text;
  const { action, vrfTable } = object.behaviour;
  return `${action} needs a kernel with VRF, a VRF device for table ${vrfTable} and net.vrf.strict_mode=1 (${text})`;
}

/** A piece of a large change: no order to find in it. */
function areAlike(objects: readonly NetlinkObject[]): boolean {
  const kind = objects[0]?.kind;
  for (const object of objects) if (object.kind !== kind) return false;
  return true;
}

function byKind(ordered: readonly NetlinkObject[]): NetlinkObject[][] {
  const groups: NetlinkObject[][] = [];
  for (const object of ordered) {
    const last = groups.at(-1);
    if (last?.[0]?.kind === object.kind) last.push(object);
    else groups.push([object]);
  }
  return groups;
}

function uses(object: NetlinkObject, device: string): boolean {
  if (object.kind === 'route')
    return object.target.kind === 'gateways' && object.target.hops.some((hop) => hop.device === device);
  return object.kind === 'local-sid' && object.behaviour.action === 'End.X' && object.behaviour.device === device;
}

function dependsOnLink(object: NetlinkObject): boolean {
  return (object.kind === 'route' && object.target.kind === 'gateways') || object.kind === 'local-sid';
}
