// Routes on their way into the kernel, as many at a time as are looked up at once: held first, so that the second of one
// key is known to replace the first, then asked for. What the kernel refuses is the caller's to take back.
import { CodedError } from '../../lib/errors.ts';
import { type FibFailure, type FibKey, type FibRemoval, type FibRoute, fibKey } from '../../lib/fib/fib.ts';
import { type HeldRoutes, SLOTS, WIDTH } from '../../lib/fib/held-routes.ts';
import type { FibObjectSet } from '../../lib/fib/object-set.ts';
import { Copies } from '../../lib/netlink/copies.ts';
import type { RouteTemplate } from '../../lib/netlink/rt/route-template.ts';
import type { Berth, OnAnswered } from '../netlink/berth.ts';
import type { Dispatcher } from '../netlink/dispatcher.ts';
import { BATCH_MESSAGES, type EncodeAt, LIGHT_BATCH_MESSAGES, type RequestSocket } from '../netlink/request-socket.ts';
import type { KernelContext } from './kernel-codec.ts';
import type { Sent } from './kinds.ts';
import { RouteMessages } from './route-messages.ts';
import { RouteSort } from './route-sort.ts';

/** Routes of which some were refused, perhaps. */
export type SentRoutes = Sent<FibRoute>;

type Outcomes = SentRoutes['outcomes'];

export interface PutMode {
  /** Held, but no longer in the kernel. */
  readonly lost: ReadonlySet<FibKey>;
  /** Waits where the kernel has no memory for the moment; otherwise ENOMEM is a failure. */
  readonly patient: boolean;
}

/** How a parcel gets to the kernel. */
export interface Way {
  readonly dispatcher: Dispatcher;
  /** Of new ones, and of those that replace. */
  readonly berths: readonly [Berth, Berth];
}

/** Messages that are made already, or are to be made. */
type Parcel = { readonly copies: Copies; readonly batch: number } | { readonly write: EncodeAt };

const NONE: (FibRoute | undefined)[] = [];
const NONE_LOST: ReadonlySet<FibKey> = new Set();

export class RouteSender {
  readonly #requests: RequestSocket;
  readonly #messages: RouteMessages;
  readonly #held: FibObjectSet;
  readonly #found: HeldRoutes;
  /** Used again and again. */
  readonly #fresh = new RouteSort();
  readonly #known = new RouteSort();
  readonly #olds = new Array<FibRoute | undefined>(SLOTS);
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
    this.#found.findAll(routes, from, count);
    this.#hold(routes, from, count, failures);
    const sent: SentRoutes[] = [];
    // Both before either is settled: that looks up others.
    for (const sort of [this.#fresh, this.#known]) {
      const isNew = sort === this.#fresh;
      const objectAt = (i: number) => routes[from + sort.slots[i]!]!;
      const outcomes = sort.count > 0 ? this.#send(sort, objectAt, isNew, mode) : undefined;
      if (outcomes) sent.push(this.#sent(objectAt, isNew, outcomes));
    }
    return sent;
  }

  /**
   * As `put`, of routes that were looked up just now, while the event loop goes on; this sender is not used again until all
   * is answered. `onSent` is told as `put` tells; `onDone` once all is answered. What needs no answer of the kernel is told by
   * what is returned, to be called once nobody needs the look-up any more: telling looks up others.
   */
  putAhead(
    routes: readonly FibRoute[],
    from: number,
    count: number,
    { dispatcher, berths }: Way,
    failures: FibFailure[],
    onSent: (sent: SentRoutes) => void,
    onDone: () => void,
  ): () => void {
    this.#hold(routes, from, count, failures);
    let left = 2;
    let early: (() => void)[] | undefined = [];
    for (const [which, sort] of [this.#fresh, this.#known].entries()) {
      const isNew = sort === this.#fresh;
      const objectAt = (i: number) => routes[from + sort.slots[i]!]!;
      const tell = (outcomes: Outcomes | undefined) => {
        if (outcomes) onSent(this.#sent(objectAt, isNew, outcomes));
        if (--left === 0) onDone();
      };
      const onAnswered: OnAnswered = (outcomes) => {
        if (early) early.push(() => tell(outcomes));
        else tell(outcomes);
      };
      if (sort.count === 0) onAnswered(undefined);
      else post(dispatcher, berths[which]!, this.#parcel(sort, objectAt, isNew, NONE_LOST), sort.count, onAnswered);
    }
    return () => {
      const known = early ?? [];
      early = undefined;
      for (const tell of known) tell();
    };
  }

  /** Holds what may be, and sorts it into new ones and those that replace. */
  #hold(routes: readonly FibRoute[], from: number, count: number, failures: FibFailure[]): void {
    const found = this.#found;
    const held = this.#held;
    const fresh = this.#fresh;
    const known = this.#known;
    const olds = this.#olds;
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
    olds.fill(undefined, known.count);
  }

  #sent(objectAt: (i: number) => FibRoute, isNew: boolean, outcomes: Outcomes): SentRoutes {
    const since = this.#olds;
    return { objects: outcomes.map((_, i) => objectAt(i)), olds: isNew ? NONE : since, outcomes, since };
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
    this.#found.findAll(removals, from, count);
    const parcel = this.#forget(count);
    const removed = this.#fresh.count;
    const outcomes =
      'copies' in parcel
        ? this.#requests.batchCopies(parcel.copies, removed, parcel.batch)
        : this.#requests.batchRange(removed, parcel.write);
    return { count: removed, refused: outcomes && this.#gone(outcomes) };
  }

  /** As `remove`, of routes that were looked up just now, while the event loop goes on, as `putAhead`. */
  removeAhead(
    count: number,
    { dispatcher, berths }: Way,
    onDone: (count: number, refused: SentRoutes | undefined) => void,
  ): void {
    const parcel = this.#forget(count);
    const removed = this.#fresh.count;
    if (removed === 0) onDone(0, undefined);
    else post(dispatcher, berths[0], parcel, removed, (outcomes) => onDone(removed, outcomes && this.#gone(outcomes)));
  }

  #gone(outcomes: Outcomes): SentRoutes {
    return { objects: this.#olds as FibRoute[], olds: NONE, outcomes, since: NONE };
  }

  /** Forgets what is held of the routes that were looked up; what removes it. */
  #forget(count: number): Parcel {
    const found = this.#found;
    const held = this.#held;
    const sort = this.#fresh;
    const gone = this.#olds;
    sort.reset();
    for (let slot = 0; slot < count; slot++) {
      const route = held.removeRoute(slot);
      if (!route) continue;
      gone[sort.count] = route;
      sort.add(slot, found.tableOf(slot), found.shapeOf(slot));
    }
    const messages = this.#messages;
    messages.reset();
    if (sort.isUniform && sort.count > 1) {
      const template = messages.templateToRemove(gone[0]!, found.shapeOf(sort.slots[0]!));
      template.copy(this.#removals, found.sought, WIDTH, sort.slots, sort.count);
      return { copies: this.#removals, batch: LIGHT_BATCH_MESSAGES };
    }
    const write: EncodeAt = (writer, i) => {
      const slot = sort.slots[i]!;
      messages.remove(writer, gone[i]!, found.sought, found.addressAt(slot), found.shapeOf(slot));
    };
    return { write };
  }

  #send(sort: RouteSort, objectAt: (i: number) => FibRoute, isNew: boolean, mode: PutMode): Outcomes | undefined {
    const { count } = sort;
    const { lost, patient } = mode;
    const parcel = this.#parcel(sort, objectAt, isNew, lost);
    if ('copies' in parcel) return this.#requests.batchCopies(parcel.copies, count, parcel.batch, patient);
    if (count === 1 && patient) return [this.#requests.requestOf(0, parcel.write)];
    return this.#requests.batchRange(count, parcel.write, patient);
  }

  #parcel(sort: RouteSort, objectAt: (i: number) => FibRoute, isNew: boolean, lost: ReadonlySet<FibKey>): Parcel {
    const { slots, count } = sort;
    const found = this.#found;
    const messages = this.#messages;
    messages.reset();
    const template =
      count > 1 && sort.isUniform && lost.size === 0
        ? this.#templateFor(objectAt(0), isNew, found.shapeOf(slots[0]!))
        : undefined;
    if (template) return this.#copies(template, sort, isNew);
    const write: EncodeAt = (writer, i) => {
      const slot = slots[i]!;
      const route = objectAt(i);
      const isFresh = isNew || (lost.size > 0 && lost.has(fibKey(route)));
      messages.put(writer, route, isFresh, found.sought, found.addressAt(slot), found.shapeOf(slot));
    };
    return { write };
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
  #copies(template: RouteTemplate, { ids, slots, count }: RouteSort, isNew: boolean): Parcel {
    const copies = isNew ? this.#installs : this.#replacements;
    template.copy(copies, this.#found.sought, WIDTH, slots, count, ids);
    return { copies, batch: ids ? LIGHT_BATCH_MESSAGES : BATCH_MESSAGES };
  }
}

function post(dispatcher: Dispatcher, berth: Berth, parcel: Parcel, count: number, onAnswered: OnAnswered): void {
  if ('copies' in parcel) dispatcher.postCopies(berth, parcel.copies, count, parcel.batch, onAnswered);
  else dispatcher.postRange(berth, count, parcel.write, BATCH_MESSAGES, onAnswered);
}
