// The one writer: events go in one after the other, each runs to completion, its effects are performed in order. A long
// queue is worked off in slices, so that timers and sockets get their turn.
import type { RouterEffect } from '../../lib/router/effect.ts';
import type { RouterEvent } from '../../lib/router/event.ts';
import { monotonicMs } from './clock.ts';

/** Time that events may take in one turn of the event loop, however many sockets it reads. */
const SLICE_MS = 2;
/** Turns that took less are not worth an end of their own. */
const SLIGHT_MS = 1;
/**
 * A queue of this weight holds the peers back until most of it is worked off: what they send next waits with them, in
 * HTTP/2's windows. About a slice of work: more would only be decoded before its time, in the turn that reads it.
 */
const PRESSURE_AT = 4096;
const RELEASE_AT = PRESSURE_AT / 4;
/** An event weighs as much as this many rows of an UPDATE. */
const EVENT_WEIGHT = 16;

export interface MailboxHooks {
  /** The effects are taken one by one: each is performed before the next is asked for. */
  handle(event: RouterEvent): Iterable<RouterEffect>;
  /** `event` is what the effect answers. */
  perform(effect: RouterEffect, event: RouterEvent): void;
  /** The queue got long; or is short again. */
  pressure?(high: boolean): void;
  /** What a turn led to, once it is over; not called for a turn that crashed. */
  recorded?(event: RouterEvent, effects: readonly RouterEffect[]): void;
  /** The turn is over. */
  performed?(event: RouterEvent): void;
}

export class Mailbox {
  readonly #hooks: MailboxHooks;
  #queue: RouterEvent[] = [];
  #running = false;
  #gathering = false;
  /** Of the slice of this turn of the loop; 0 again at its end, which `#marked` says will be told. */
  #spentMs = 0;
  #marked = false;
  /** One of our own immediates is running. */
  #inImmediate = false;
  #pressed = false;
  /** Of what waits. */
  #weight = 0;
  #releasedAtMs = Number.NEGATIVE_INFINITY;
  /** Longest queue seen, for the metrics. */
  highWater = 0;
  handled = 0;

  constructor(hooks: MailboxHooks) {
    this.#hooks = hooks;
  }

  /** How long ago peers were held back for the last time, ms; 0 while they are. */
  sincePressureMs(): number {
    return this.#pressed ? 0 : monotonicMs() - this.#releasedAtMs;
  }

  /** Takes an event; runs it at once unless one is running already, or this turn of the loop has had its slice. */
  post(event: RouterEvent): void {
    this.#queue.push(event);
    if (this.#queue.length > this.highWater) this.highWater = this.#queue.length;
    this.#weight += weightOf(event);
    if (this.#weight >= PRESSURE_AT && !this.#pressed) {
      this.#pressed = true;
      this.#hooks.pressure?.(true);
    }
    if (!this.#gathering) this.#runUnlessSpent();
  }

  /** Takes all events that `act` posts before the first of them runs, so that many of them are worked off in slices too. */
  gather(act: () => void): void {
    const outermost = !this.#gathering;
    const from = outermost ? monotonicMs() : 0;
    this.#gathering = true;
    act();
    if (!outermost) return;
    this.#gathering = false;
    // What it took to read them is part of the slice; while the queue runs, it is part of the run.
    if (!this.#running) this.#spend(monotonicMs() - from);
    if (this.#queue.length > 0) this.#runUnlessSpent();
  }

  #runUnlessSpent(): void {
    if (!this.#running && this.#spentMs < SLICE_MS) this.#run();
  }

  #run(): void {
    this.#running = true;
    const from = monotonicMs();
    const until = from + SLICE_MS - this.#spentMs;
    let next = 0;
    while (next < this.#queue.length) {
      const event = this.#queue[next++]!;
      this.#weight -= weightOf(event);
      const effects: RouterEffect[] | undefined = this.#hooks.recorded && [];
      for (const effect of this.#hooks.handle(event)) {
        this.#hooks.perform(effect, event);
        effects?.push(effect);
      }
      this.handled++;
      if (effects) this.#hooks.recorded?.(event, effects);
      this.#hooks.performed?.(event);
      if (this.#pressed && this.#weight <= RELEASE_AT) this.#release();
      if (next < this.#queue.length && monotonicMs() > until) {
        this.#queue.splice(0, next);
        this.#inNextTurn(() => {
          this.#spentMs = 0;
          this.#run();
        });
        return;
      }
    }
    this.#queue = [];
    this.#running = false;
    this.#spend(monotonicMs() - from);
  }

  /**
   * Sockets are read one after the other, and each event that comes with them may find the queue empty: without a common
   * account ten busy peers held the loop up for a third of a second, and its timers with it.
   */
  #spend(ms: number): void {
    this.#spentMs += ms;
    if (this.#spentMs < SLIGHT_MS || this.#marked) return;
    this.#marked = true;
    this.#inNextTurn(() => {
      this.#marked = false;
      this.#spentMs = 0;
      if (this.#queue.length > 0) this.#runUnlessSpent();
    });
  }

  /**
   * Once the loop has looked at its timers again. An immediate that input asks for comes before that, in the same turn: it
   * would be a second slice in it.
   */
  #inNextTurn(act: () => void): void {
    const run = () => {
      this.#inImmediate = true;
      act();
      this.#inImmediate = false;
    };
    if (this.#inImmediate) setImmediate(run);
    else setImmediate(() => setImmediate(run));
  }

  #release(): void {
    this.#pressed = false;
    this.#releasedAtMs = monotonicMs();
    this.#hooks.pressure?.(false);
  }
}

/** How much work an event is, in rows. */
function weightOf(event: RouterEvent): number {
  if (event.type !== 'message' || event.message.type !== 'UPDATE') return EVENT_WEIGHT;
  const { service, compute } = event.message;
  return EVENT_WEIGHT + (service?.handle.length ?? 0) + (compute?.handle.length ?? 0);
}
