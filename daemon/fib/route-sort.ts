// Routes that are sent with one verb, in the order in which they came, and whether one message serves all of them but for
// prefix and nexthop object. Lists are used again and again: a change of a hundred thousand routes goes through three of these.
import type { RouteTarget } from '../../lib/fib/fib.ts';
import { SLOTS } from '../../lib/fib/held-routes.ts';
import { isIpv4Prefix } from '../../lib/net/prefix-words.ts';

/** No nexthop object: none has it. */
const NO_ID = 0;

export class RouteSort {
  /** In which each was looked up; as many as `count` says. */
  readonly slots = new Uint16Array(SLOTS);
  /** Of the nexthop object that each goes to. */
  readonly #ids = new Uint32Array(SLOTS);
  count = 0;
  /** All in one table, of one family, and to nexthop objects or to one and the same place. */
  isUniform = true;
  #table = 0;
  #isIpv4 = false;
  #target: RouteTarget | undefined;
  #id = NO_ID;

  reset(): void {
    this.count = 0;
    this.isUniform = true;
    this.#target = undefined;
    this.#id = NO_ID;
  }

  /** Undefined where they go elsewhere than to nexthop objects. */
  get ids(): Uint32Array | undefined {
    return this.#id === NO_ID ? undefined : this.#ids;
  }

  /** One whose target counts. */
  addTo(target: RouteTarget, slot: number, table: number, shape: number): void {
    if (target !== this.#target) {
      const id = 'id' in target ? target.id : NO_ID;
      if (this.count > 0 && (id === NO_ID || this.#id === NO_ID)) this.isUniform = false;
      this.#target = target;
      this.#id = id;
    }
    this.#ids[this.count] = this.#id;
    this.add(slot, table, shape);
  }

  /** One that is known by its table and prefix. */
  add(slot: number, table: number, shape: number): void {
    const { count } = this;
    if (count === 0) {
      this.#table = table;
      this.#isIpv4 = isIpv4Prefix(shape);
    } else if (table !== this.#table || isIpv4Prefix(shape) !== this.#isIpv4) this.isUniform = false;
    this.slots[count] = slot;
    this.count = count + 1;
  }
}
