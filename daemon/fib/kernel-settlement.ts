// What becomes of objects once the kernel has answered: they were held before it was asked, and what it refused is taken back.
// Knows which routes wait for their link; decides what counts as success.
import { sameObject } from '../../lib/fib/equality.ts';
import { type FibFailure, type FibKey, type FibRemoval, fibKey, removalKey } from '../../lib/fib/fib.ts';
import type { FibObjectSet } from '../../lib/fib/object-set.ts';
import type { NetlinkObject } from './kernel-codec.ts';
import { failure, GONE, isLinkTrouble, uses } from './kernel-refusals.ts';
import type { Sent } from './kinds.ts';

export class KernelSettlement {
  readonly #held: FibObjectSet;
  readonly #removeRules: (rules: readonly NetlinkObject[]) => void;
  /** Routes that wait for their link; a subset of what was asked for, disjoint from what is held's equal objects. */
  readonly #waiting = new Map<FibKey, NetlinkObject>();

  constructor(held: FibObjectSet, removeRules: (rules: readonly NetlinkObject[]) => void) {
    this.#held = held;
    this.#removeRules = removeRules;
  }

  /** Takes back what the kernel refused. */
  settle({ objects, olds, outcomes, since }: Sent, failures: FibFailure[]): void {
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
        if (isLinkTrouble(object, error)) this.#waiting.set(fibKey(object), object);
        this.#takeBack(object, old, since);
      } else if (object.kind === 'rule' && old && changed) superseded.push(old);
    }
    // The new rule is in force before the old one of the same priority goes.
    if (superseded.length > 0) this.#removeRules(superseded);
  }

  /** What the same change has put since under this key stays, and has replaced what was there before. */
  #takeBack(object: NetlinkObject, old: NetlinkObject | undefined, since: (NetlinkObject | undefined)[]): void {
    const later = this.#held.heldAs(object) === object ? -1 : since.indexOf(object);
    if (later >= 0) since[later] = old;
    else if (old) this.#held.put(old);
    else this.#held.remove(fibKey(object));
  }

  /** What the kernel keeps is held again, unless it was put since. Returns how many. */
  holdAgain({ objects, outcomes }: Sent, failures: FibFailure[]): number {
    let kept = 0;
    for (let i = 0; i < outcomes.length; i++) {
      const error = outcomes[i];
      const object = objects[i]!;
      if (!error || GONE.has(error.code)) continue;
      failures.push(failure(object, error));
      if (!this.#held.heldAs(object)) this.#held.put(object);
      kept++;
    }
    return kept;
  }

  /** True while the object waits for its link. */
  isWaiting(key: FibKey): boolean {
    return this.#waiting.has(key);
  }

  /** What is to be put again when this link is back. */
  waitingFor(device: string): NetlinkObject[] {
    return [...this.#waiting.values()].filter((object) => uses(object, device));
  }

  /** The object is put anew. */
  stopWaitingFor(object: NetlinkObject): void {
    if (this.#waiting.size > 0) this.#waiting.delete(fibKey(object));
  }

  /** Routes that are put or removed anew no longer wait; `from`..`to` of a list. */
  stopWaiting(removals: readonly FibRemoval[], from: number, to: number): void {
    if (this.#waiting.size > 0) for (let i = from; i < to; i++) this.#waiting.delete(removalKey(removals[i]!));
  }
}
