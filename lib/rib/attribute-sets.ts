// Attribute sets, each content once: a route holds a number, and equal announcements hold the same one. Sets are counted
// by the paths that use them and forgotten with the last.
import type { ServiceAttributes } from '../model/service-route.ts';

export class AttributeSets {
  readonly #sets: (ServiceAttributes | undefined)[] = [];
  readonly #texts: string[] = [];
  readonly #uses: number[] = [];
  readonly #free: number[] = [];
  readonly #byText = new Map<string, number>();
  /** Objects seen lately; right only while `#sets` still says so. The codec gives equal bytes the same object. */
  #byObject = new WeakMap<ServiceAttributes, number>();

  /** Contents in use. */
  get size(): number {
    return this.#byText.size;
  }

  /** Number of the content. Unless a path `retain`s it, the caller gives it back with `settle`. */
  intern(set: ServiceAttributes): number {
    const seen = this.#byObject.get(set);
    if (seen !== undefined && this.#sets[seen] === set) return seen;
    const text = JSON.stringify(set);
    let number = this.#byText.get(text);
    if (number === undefined) {
      number = this.#free.pop() ?? this.#sets.length;
      this.#sets[number] = set;
      this.#texts[number] = text;
      this.#uses[number] = 0;
      this.#byText.set(text, number);
    }
    this.#byObject.set(this.#sets[number]!, number);
    return number;
  }

  /** The set in use; the object stays the same as long as the number does. */
  get(number: number): ServiceAttributes {
    return this.#sets[number]!;
  }

  retain(number: number): void {
    this.#uses[number]!++;
  }

  release(number: number): void {
    this.#uses[number]!--;
    this.settle(number);
  }

  /** Forgets the set if nobody uses it. */
  settle(number: number): void {
    if (this.#uses[number]! > 0 || this.#sets[number] === undefined) return;
    this.#byText.delete(this.#texts[number]!);
    this.#sets[number] = undefined;
    this.#texts[number] = '';
    this.#free.push(number);
  }
}
