// Routes on their way into the kernel, as many at a time as are looked up at once: held first, so that the second of one
// key is known to replace the first, then asked for. What the kernel refuses is the caller's to take back.
import { type FibFailure, type FibKey, type FibRemoval, type FibRoute, fibKey } from '../../lib/fib/fib.ts';
import { type HeldRoutes, SLOTS } from '../../lib/fib/held-routes.ts';
import type { FibObjectSet } from '../../lib/fib/object-set.ts';
import { isIpv4Prefix } from '../../lib/net/prefix-words.ts';
import type { NetlinkError } from '../../lib/netlink/errors.ts';
import type { RouteTemplate } from '../../lib/netlink/rt/route-template.ts';
import type { EncodeAt, RequestSocket } from '../netlink/request-socket.ts';
import type { KernelContext } from './kernel-codec.ts';
import { RouteMessages } from './route-messages.ts';

/** Valid until the next call: as many as there are outcomes, the lists of routes may be longer. */
export interface SentRoutes {
  readonly objects: readonly FibRoute[];
  /** What each replaced; empty where they are new. */
  readonly olds: readonly FibRoute[];
  readonly outcomes: readonly (NetlinkError | null)[];
}

export interface PutMode {
  /** Held, but no longer in the kernel. */
  readonly lost: ReadonlySet<FibKey>;
  /** Waits where the kernel has no memory for the moment; otherwise ENOMEM is a failure. */
  readonly patient: boolean;
}

/** Routes that are sent alike, and the slots in which they were looked up. */
interface Sort {
  readonly routes: FibRoute[];
  readonly slots: Uint16Array;
  count: number;
  /** All of them to one place, and of one family. */
  isUniform: boolean;
}

const NONE: readonly FibRoute[] = [];

export class RouteSender {
  readonly #requests: RequestSocket;
  readonly #messages: RouteMessages;
  readonly #held: FibObjectSet;
  readonly #found: HeldRoutes;
  /** Used again and again. */
  readonly #sorted = { fresh: newSort(), known: newSort(), olds: new Array<FibRoute>(SLOTS) };

  constructor(requests: RequestSocket, context: KernelContext, held: FibObjectSet) {
    this.#requests = requests;
    this.#messages = new RouteMessages(context);
    this.#held = held;
    this.#found = held.routes;
  }

  /** Puts `count` routes from `from` on; refusals are added. `lost`: held, but no longer in the kernel. */
  put(
    routes: readonly FibRoute[],
    from: number,
    count: number,
    { lost, patient }: PutMode,
    failures: FibFailure[],
  ): readonly SentRoutes[] {
    this.#found.findAll(routes, from, count);
    const { fresh, known, olds } = this.#sorted;
    fresh.count = known.count = 0;
    for (let slot = 0; slot < count; slot++) {
      const route = routes[from + slot]!;
      const refusal = this.#held.acceptRoute(slot, route);
      if (refusal) {
        failures.push(refusal);
        continue;
      }
      const old = this.#held.replaced;
      if (old) olds[known.count] = old as FibRoute;
      this.#add(old ? known : fresh, route, slot);
    }
    // Both before either is settled: that looks up others.
    const added = this.#send(fresh, true, lost, patient);
    const replaced = this.#send(known, false, lost, patient);
    return [
      { objects: fresh.routes, olds: NONE, outcomes: added },
      { objects: known.routes, olds, outcomes: replaced },
    ];
  }

  /** Removes what is held of as many as are looked up at once, from `from` on. Nothing refers to routes. */
  remove(removals: readonly FibRemoval[], from: number): SentRoutes {
    const found = this.#found;
    const count = Math.min(SLOTS, removals.length - from);
    found.findRemovals(removals, from, count);
    const gone = this.#sorted.fresh;
    gone.count = 0;
    for (let slot = 0; slot < count; slot++) {
      const route = this.#held.removeRoute(slot);
      if (route) this.#add(gone, route, slot);
    }
    const messages = this.#messages;
    messages.reset();
    if (gone.isUniform && gone.count > 1) {
      const template = messages.templateToRemove(gone.routes[0]!, found.shapeOf(gone.slots[0]!));
      return { objects: gone.routes, olds: NONE, outcomes: this.#sendCopies(template, gone.slots, gone.count) };
    }
    const outcomes = this.#requests.batchRange(gone.count, (writer, i) => {
      const slot = gone.slots[i]!;
      messages.remove(writer, gone.routes[i]!, found.sought, found.addressAt(slot), found.shapeOf(slot));
    });
    return { objects: gone.routes, olds: NONE, outcomes };
  }

  #send(
    { routes, slots, count, isUniform }: Sort,
    isNew: boolean,
    lost: ReadonlySet<FibKey>,
    patient: boolean,
  ): SentRoutes['outcomes'] {
    if (count === 0) return [];
    const found = this.#found;
    const messages = this.#messages;
    messages.reset();
    const verb = isNew ? 'install' : 'replace';
    const template =
      isUniform && count > 1 && lost.size === 0
        ? messages.templateFor(routes[0]!, verb, found.shapeOf(slots[0]!))
        : undefined;
    if (template) return this.#sendCopies(template, slots, count, patient);
    const write: EncodeAt = (writer, i) => {
      const slot = slots[i]!;
      const route = routes[i]!;
      const isFresh = isNew || (lost.size > 0 && lost.has(fibKey(route)));
      messages.put(writer, route, isFresh, found.sought, found.addressAt(slot), found.shapeOf(slot));
    };
    return count === 1 ? [this.#requests.requestOf(0, write)] : this.#requests.batchRange(count, write, patient);
  }

  /** The routes themselves are not looked at again: they lie far apart in memory. */
  #sendCopies(template: RouteTemplate, slots: Uint16Array, count: number, patient = true): SentRoutes['outcomes'] {
    const found = this.#found;
    const write: EncodeAt = (writer, i) => {
      const slot = slots[i]!;
      template.write(writer, found.sought, found.addressAt(slot), found.shapeOf(slot));
    };
    return this.#requests.batchRange(count, write, patient);
  }

  #add(sort: Sort, route: FibRoute, slot: number): void {
    const { routes, slots, count } = sort;
    if (count === 0) sort.isUniform = true;
    else if (sort.isUniform) sort.isUniform = isAlike(routes[0]!, route) && this.#isOneFamily(slots[0]!, slot);
    routes[count] = route;
    slots[count] = slot;
    sort.count++;
  }

  #isOneFamily(one: number, other: number): boolean {
    return isIpv4Prefix(this.#found.shapeOf(one)) === isIpv4Prefix(this.#found.shapeOf(other));
  }
}

/** In one table, and to one nexthop object. */
function isAlike(one: FibRoute, other: FibRoute): boolean {
  if (one.table !== other.table) return false;
  const [target, to] = [one.target, other.target];
  return target === to || ('id' in target && 'id' in to && target.id === to.id);
}

function newSort(): Sort {
  return { routes: new Array<FibRoute>(SLOTS), slots: new Uint16Array(SLOTS), count: 0, isUniform: true };
}
