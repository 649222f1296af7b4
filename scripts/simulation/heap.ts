// Binary heap of numbers, least first: departure times and server free times of the simulated sites.

export class Heap {
  readonly #items: number[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** Least number; infinite when empty. */
  get least(): number {
    return this.#items[0] ?? Number.POSITIVE_INFINITY;
  }

  push(value: number): void {
    const items = this.#items;
    let at = items.length;
    items.push(value);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent]! <= value) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = value;
  }

  /** Removes the least number and puts `value` in. */
  replaceLeast(value: number): void {
    this.#sink(value);
  }

  pop(): number {
    const items = this.#items;
    const least = items[0]!;
    const last = items.pop()!;
    if (items.length > 0) this.#sink(last);
    return least;
  }

  #sink(value: number): void {
    const items = this.#items;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1]! < items[child]!) child++;
      if (items[child]! >= value) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = value;
  }
}
