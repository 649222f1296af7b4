// Which End SIDs with NEXT-CSID the accelerator does for: those that the kernel holds. Follows changes by their objects, and
// what is read or synced as a whole. Without an accelerator it does nothing, and the kernel everything.
import { type ShiftSid, shiftSidOf } from '../../lib/bpf/next-csid-program.ts';
import type { FibKey, FibObject, SidCounters } from '../../lib/fib/fib.ts';
import { fibKey } from '../../lib/fib/fib.ts';
import type { FibObjectSet } from '../../lib/fib/object-set.ts';
import { Accelerator } from './accelerated.ts';
import type { SidAccelerator } from './sid-accelerator.ts';

export class NextCsidPlane {
  readonly #accelerator: Accelerator<SidAccelerator<ShiftSid>>;
  readonly #sids = new Map<FibKey, ShiftSid>();

  constructor(onAcceleratorLost: (error: unknown) => void) {
    this.#accelerator = new Accelerator(onAcceleratorLost);
  }

  /** It is closed with the plane. */
  accelerate(accelerator: SidAccelerator<ShiftSid>): void {
    this.#accelerator.take(accelerator);
  }

  /** An interface has come. */
  linkUsable(device: string): void {
    this.#accelerator.with((accelerator) => accelerator.attach(device));
  }

  /** A change has put these, as far as they are in `held`, and is about to remove those. */
  follow(held: FibObjectSet, puts: readonly FibObject[], removals: readonly FibKey[]): void {
    if (!this.#accelerator.isThere) return;
    let changed = false;
    for (const key of removals) if (this.#sids.delete(key)) changed = true;
    for (const object of puts) {
      if (object.kind !== 'local-sid') continue;
      changed = true;
      this.#take(fibKey(object), held.get(fibKey(object)));
    }
    if (changed) this.#tell();
  }

  /** All that is held now. */
  reset(held: FibObjectSet): void {
    if (!this.#accelerator.isThere) return;
    this.#sids.clear();
    for (const object of held.withoutRoutes()) this.#take(fibKey(object), object);
    this.#tell();
  }

  /** With what never came to the kernel's SIDs. */
  withCounts(counters: readonly SidCounters[]): SidCounters[] {
    const faster = this.#accelerator.with((accelerator) => accelerator.counts());
    return counters.map((it) => {
      const { packets = 0, bytes = 0 } = faster?.get(it.prefix) ?? {};
      return { ...it, packets: it.packets + packets, bytes: it.bytes + bytes };
    });
  }

  close(): void {
    this.#accelerator.close();
  }

  #take(key: FibKey, object: FibObject | undefined): void {
    const sid = object?.kind === 'local-sid' ? shiftSidOf(object) : undefined;
    if (sid) this.#sids.set(key, sid);
    else this.#sids.delete(key);
  }

  #tell(): void {
    this.#accelerator.with((accelerator) => accelerator.program([...this.#sids.values()]));
  }
}
