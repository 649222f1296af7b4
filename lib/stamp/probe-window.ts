// The probes of one window in columns, and what is asked of them at every reply kept up to date: how many were answered,
// the shortest round trip, the loss. A probe is one slot of a ring, found by its sequence number: a router waits for
// twenty of these a second and link, so none may look at all others or leave garbage.
import type { Probe } from './measure.ts';

/** Grows in doublings to what a window of the configured interval holds. */
const FEWEST_SLOTS = 16;
/** In the column of round trips: not answered yet, and not a probe any more. */
const OPEN = -1;
const VOID = -2;

export class ProbeWindow {
  #sentAtMs = new Float64Array(FEWEST_SLOTS);
  #roundTripUs = new Float64Array(FEWEST_SLOTS);
  #mask = FEWEST_SLOTS - 1;
  /** Sequence number of the first slot; those of all others follow, unsigned 32-bit. */
  #oldest = 0;
  #slots = 0;
  #held = 0;
  #answered = 0;
  /** `undefined`: the one that was lowest has left. */
  #lowestUs: number | undefined = Number.POSITIVE_INFINITY;
  #lowestSequence = 0;
  /** Of the oldest slots, so many are old enough to be judged: */
  #judgedSlots = 0;
  #judgedHeld = 0;
  #judgedOpen = 0;

  /** Probes held, answered or not. */
  get length(): number {
    return this.#held;
  }

  get answered(): number {
    return this.#answered;
  }

  /** Of those answered; infinite without any. */
  get lowestUs(): number {
    if (this.#lowestUs === undefined) this.#findLowest();
    return this.#lowestUs!;
  }

  /** Oldest first: a copy. */
  probes(): Probe[] {
    const found: Probe[] = [];
    for (let i = 0; i < this.#slots; i++) {
      const sequence = (this.#oldest + i) >>> 0;
      const roundTripUs = this.#roundTripUs[sequence & this.#mask]!;
      if (roundTripUs === VOID) continue;
      const sentAtMs = this.#sentAtMs[sequence & this.#mask]!;
      found.push(roundTripUs === OPEN ? { sequence, sentAtMs } : { sequence, sentAtMs, roundTripUs });
    }
    return found;
  }

  /** Takes the probe of the next sequence number, sent no earlier than the last. */
  add(sequence: number, sentAtMs: number): void {
    if (this.#slots === 0) this.#oldest = sequence;
    else if (this.#slots > this.#mask) this.#grow();
    const slot = sequence & this.#mask;
    this.#sentAtMs[slot] = sentAtMs;
    this.#roundTripUs[slot] = OPEN;
    this.#slots++;
    this.#held++;
  }

  /** Forgets what was sent at or before `toMs`. */
  expire(toMs: number): void {
    while (this.#slots > 0 && this.#sentAtMs[this.#oldest & this.#mask]! <= toMs) {
      this.discard(this.#oldest);
      if (this.#judgedSlots > 0) this.#judgedSlots--;
      this.#oldest = (this.#oldest + 1) >>> 0;
      this.#slots--;
    }
  }

  clear(): void {
    this.expire(Number.POSITIVE_INFINITY);
  }

  /** When the probe was sent; undefined when it is not held or was answered. */
  openSinceMs(sequence: number): number | undefined {
    if ((sequence - this.#oldest) >>> 0 >= this.#slots) return undefined;
    const slot = sequence & this.#mask;
    return this.#roundTripUs[slot] === OPEN ? this.#sentAtMs[slot]! : undefined;
  }

  /** Of an open probe. */
  answer(sequence: number, roundTripUs: number): void {
    this.#roundTripUs[sequence & this.#mask] = roundTripUs;
    this.#answered++;
    if (this.#isJudged(sequence)) this.#judgedOpen--;
    if (this.#lowestUs === undefined || roundTripUs > this.#lowestUs) return;
    this.#lowestUs = roundTripUs;
    this.#lowestSequence = sequence;
  }

  /** Takes a probe out, answered or not. */
  discard(sequence: number): void {
    const slot = sequence & this.#mask;
    const roundTripUs = this.#roundTripUs[slot]!;
    if (roundTripUs === VOID) return;
    this.#roundTripUs[slot] = VOID;
    this.#held--;
    if (this.#isJudged(sequence)) {
      this.#judgedHeld--;
      if (roundTripUs === OPEN) this.#judgedOpen--;
    }
    if (roundTripUs === OPEN) return;
    this.#answered--;
    if (sequence === this.#lowestSequence) this.#lowestUs = undefined;
  }

  /** Takes out all that were not answered, up to a sequence number or all. */
  discardOpen(last = (this.#oldest + this.#slots - 1) >>> 0): void {
    const slots = Math.min(this.#slots, ((last - this.#oldest) >>> 0) + 1);
    for (let i = 0; i < slots; i++) {
      const sequence = (this.#oldest + i) >>> 0;
      if (this.#roundTripUs[sequence & this.#mask] === OPEN) this.discard(sequence);
    }
  }

  /** The share of probes sent at or before `toMs` that were not answered. `toMs` never goes back. */
  lossTo(toMs: number): number {
    while (this.#judgedSlots < this.#slots) {
      const slot = (this.#oldest + this.#judgedSlots) & this.#mask;
      if (this.#sentAtMs[slot]! > toMs) break;
      const roundTripUs = this.#roundTripUs[slot]!;
      if (roundTripUs !== VOID) this.#judgedHeld++;
      if (roundTripUs === OPEN) this.#judgedOpen++;
      this.#judgedSlots++;
    }
    return this.#judgedOpen / Math.max(1, this.#judgedHeld);
  }

  #isJudged(sequence: number): boolean {
    return (sequence - this.#oldest) >>> 0 < this.#judgedSlots;
  }

  #findLowest(): void {
    let lowestUs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#slots; i++) {
      const sequence = (this.#oldest + i) >>> 0;
      const roundTripUs = this.#roundTripUs[sequence & this.#mask]!;
      // The youngest of equals stays longest.
      if (roundTripUs < 0 || roundTripUs > lowestUs) continue;
      lowestUs = roundTripUs;
      this.#lowestSequence = sequence;
    }
    this.#lowestUs = lowestUs;
  }

  #grow(): void {
    const [sentAtMs, roundTripUs, mask] = [this.#sentAtMs, this.#roundTripUs, this.#mask];
    const room = 2 * (mask + 1);
    this.#sentAtMs = new Float64Array(room);
    this.#roundTripUs = new Float64Array(room);
    this.#mask = room - 1;
    for (let i = 0; i < this.#slots; i++) {
      const sequence = this.#oldest + i;
      this.#sentAtMs[sequence & this.#mask] = sentAtMs[sequence & mask]!;
      this.#roundTripUs[sequence & this.#mask] = roundTripUs[sequence & mask]!;
    }
  }
}
