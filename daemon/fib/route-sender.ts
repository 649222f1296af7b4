// Routes on their way into the kernel, as many at a time as are looked up at once: held first, so that the second of one
// key is known to replace the first, then asked for. What the kernel refuses is the caller's to take back.
import { CodedError } from '../../lib/errors.ts';
import { type FibFailure, type FibKey, type FibRemoval, type FibRoute, fibKey } from '../../lib/fib/fib.ts';
import { type HeldRoutes, SLOTS, WIDTH } from '../../lib/fib/held-routes.ts';
import type { FibObjectSet } from '../../lib/fib/object-set.ts';
import { Copies } from '../../lib/netlink/copies.ts';
import type { NetlinkError } from '../../lib/netlink/errors.ts';
import type { RouteTemplate } from '../../lib/netlink/rt/route-template.ts';
import { BATCH_MESSAGES, type EncodeAt, LIGHT_BATCH_MESSAGES, type RequestSocket } from '../netlink/request-socket.ts';
import type { KernelContext } from './kernel-codec.ts';
import { RouteMessages } from './route-messages.ts';
import { RouteSort } from './route-sort.ts';

/** Routes of which some were refused, perhaps. */
export interface SentRoutes {
  readonly objects: readonly FibRoute[];
  /** What each replaced; empty where they are new. */
  readonly olds: readonly FibRoute[];
  readonly outcomes: Outcomes;
}

type Outcomes = readonly (NetlinkError | null)[];

export interface PutMode {
  /** Held, but no longer in the kernel. */
  readonly lost: ReadonlySet<FibKey>;
  /** Waits where the kernel has no memory for the moment; otherwise ENOMEM is a failure. */
  readonly patient: boolean;
}

const NONE: readonly FibRoute[] = [];

export class RouteSender {
  readonly #requests: RequestSocket;
  readonly #messages: RouteMessages;
  readonly #held: FibObjectSet;
  readonly #found: HeldRoutes;
  /** Used again and again. */
  readonly #fresh = new RouteSort();
  readonly #known = new RouteSort();
  readonly #olds = new Array<FibRoute>(SLOTS);
  readonly #installs = new Copies();
  readonly #replacements = new Copies();
  readonly #removals = new Copies();

  constructor(requests: RequestSocket, context: KernelContext, held: FibObjectSet) {
    this.#requests = requests;
    this.#messages = new RouteMessages(context);
    this.#held = held;
    this.#found = held.routes;
  }

  /** Puts `count` routes from `from` on; refusals are added. Returns those that the kernel has not simply accepted. */
  put(
    routes: readonly FibRoute[],
    from: number,
    count: number,
    mode: PutMode,
    failures: FibFailure[],
  ): readonly SentRoutes[] {
    const found = this.#found;
    const held = this.#held;
    const fresh = this.#fresh;
    const known = this.#known;
    const olds = this.#olds;
    found.findAll(routes, from, count);
    fresh.reset();
    known.reset();
    for (let slot = 0; slot < count; slot++) {
      const route = routes[from + slot]!;
      const refusal = held.acceptRoute(slot, route);
      if (refusal) {
        failures.push(refusal);
        continue;
      }
      const old = held.replaced;
      if (old) olds[known.count] = old as FibRoute;
      (old ? known : fresh).addTo(route.target, slot, found.tableOf(slot), found.shapeOf(slot));
    }
    const sent: SentRoutes[] = [];
    // Both before either is settled: that looks up others.
    for (const sort of [fresh, known]) {
      const isNew = sort === fresh;
      const objectAt = (i: number) => routes[from + sort.slots[i]!]!;
      const outcomes = sort.count > 0 ? this.#send(sort, objectAt, isNew, mode) : undefined;
      if (outcomes) sent.push({ objects: outcomes.map((_, i) => objectAt(i)), olds: isNew ? NONE : olds, outcomes });
    }
    return sent;
  }

  /**
   * Removes what is held of `count` routes from `from` on. Nothing refers to routes. Returns how many there were, and outcomes
   * if the kernel has not simply accepted all.
   */
  remove(
    removals: readonly FibRemoval[],
    from: number,
    count: number,
  ): { count: number; refused: SentRoutes | undefined } {
    const found = this.#found;
    const held = this.#held;
    const sort = this.#fresh;
    const gone = this.#olds;
    found.findAll(removals, from, count);
    sort.reset();
    for (let slot = 0; slot < count; slot++) {
      const route = held.removeRoute(slot);
      if (!route) continue;
      gone[sort.count] = route;
      sort.add(slot, found.tableOf(slot), found.shapeOf(slot));
    }
    const messages = this.#messages;
    messages.reset();
    const outcomes =
      sort.isUniform && sort.count > 1
        ? this.#removeAlike(messages.templateToRemove(gone[0]!, found.shapeOf(sort.slots[0]!)), sort)
        : this.#requests.batchRange(sort.count, (writer, i) => {
            const slot = sort.slots[i]!;
            messages.remove(writer, gone[i]!, found.sought, found.addressAt(slot), found.shapeOf(slot));
          });
    return { count: sort.count, refused: outcomes && { objects: gone, olds: NONE, outcomes } };
  }

  #send(sort: RouteSort, objectAt: (i: number) => FibRoute, isNew: boolean, mode: PutMode): Outcomes | undefined {
    const { slots, count } = sort;
    const { lost, patient } = mode;
    const found = this.#found;
    const messages = this.#messages;
    messages.reset();
    const template =
      count > 1 && sort.isUniform && lost.size === 0
        ? this.#templateFor(objectAt(0), isNew, found.shapeOf(slots[0]!))
        : undefined;
    if (template) return this.#putAlike(template, sort, isNew, patient);
    const write: EncodeAt = (writer, i) => {
      const slot = slots[i]!;
      const route = objectAt(i);
      const isFresh = isNew || (lost.size > 0 && lost.has(fibKey(route)));
      messages.put(writer, route, isFresh, found.sought, found.addressAt(slot), found.shapeOf(slot));
    };
    if (count === 1 && patient) return [this.#requests.requestOf(0, write)];
    return this.#requests.batchRange(count, write, patient);
  }

  /** Undefined: they cannot be encoded, which each is to be told. */
  #templateFor(route: FibRoute, isNew: boolean, shape: number): RouteTemplate | undefined {
    try {
      return this.#messages.templateFor(route, isNew ? 'install' : 'replace', shape);
    } catch (error) {
      if (error instanceof CodedError) return undefined;
      throw error;
    }
  }

  /** The routes themselves are not looked at again: they lie far apart in memory. */
  #putAlike(template: RouteTemplate, { ids, slots, count }: RouteSort, isNew: boolean, patient: boolean) {
    const copies = isNew ? this.#installs : this.#replacements;
    template.copy(copies, this.#found.sought, WIDTH, slots, count, ids);
    return this.#requests.batchCopies(copies, count, ids ? LIGHT_BATCH_MESSAGES : BATCH_MESSAGES, patient);
  }

  #removeAlike(template: RouteTemplate, { slots, count }: RouteSort) {
    template.copy(this.#removals, this.#found.sought, WIDTH, slots, count);
    return this.#requests.batchCopies(this.#removals, count, LIGHT_BATCH_MESSAGES);
  }
}
