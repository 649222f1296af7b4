// An indexed 4-ary heap of node indices, nearest first: the queue of Dijkstra. Decrease-key in place, no allocation
// after construction. Measured against a radix queue on this use: up to some thousand nodes the flat heap is faster.

/** Holds each node at most once; order among equal keys is arbitrary. */
export class NodeQueue {
  readonly #key: Uint32Array;
  readonly #heap: Int32Array;
  /** Place of a node in the heap; -1: never queued. */
  readonly #place: Int32Array;
  #size = 0;

  /** `capacity` nodes; `key` is the caller's distance column, read whenever a node is queued, moved or passed. */
  constructor(capacity: number, key: Uint32Array) {
    this.#key = key;
    this.#heap = new Int32Array(capacity);
    this.#place = new Int32Array(capacity).fill(-1);
  }

  /** Queues `node`, or moves it up after its key fell. A node that was taken must not come back. */
  put(node: number): void {
    const key = this.#key;
    const heap = this.#heap;
    const place = this.#place;
    const own = key[node]!;
    let at = place[node]!;
    if (at < 0) at = this.#size++;
    while (at > 0) {
      const above = (at - 1) >> 2;
      const other = heap[above]!;
      if (key[other]! <= own) break;
      heap[at] = other;
      place[other] = at;
      at = above;
    }
    heap[at] = node;
    place[node] = at;
  }

  /** Takes a node with the lowest key; -1 when empty. */
  take(): number {
    if (this.#size === 0) return -1;
    const key = this.#key;
    const heap = this.#heap;
    const place = this.#place;
    const taken = heap[0]!;
    const size = --this.#size;
    if (size === 0) return taken;
    // The last one sinks from the top.
    const node = heap[size]!;
    const own = key[node]!;
    let at = 0;
    for (let first = 1; first < size; first = 4 * at + 1) {
      let best = first;
      let lowest = key[heap[first]!]!;
      const end = Math.min(first + 4, size);
      for (let child = first + 1; child < end; child++) {
        const other = key[heap[child]!]!;
        if (other < lowest) {
          lowest = other;
          best = child;
        }
      }
      if (lowest >= own) break;
      const other = heap[best]!;
      heap[at] = other;
      place[other] = at;
      at = best;
    }
    heap[at] = node;
    place[node] = at;
    return taken;
  }
}
