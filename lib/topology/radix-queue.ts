// A monotone radix queue of node indices (Ahuja, Mehlhorn, Orlin, Tarjan 1990): keys never fall below the last one
// taken, which is what Dijkstra guarantees. Decrease-key by unlinking; no allocation after construction.

/** Keys are unsigned 32-bit. Bucket b > 0 holds keys whose highest bit that differs from `last` is b - 1. */
export class RadixQueue {
  readonly #key: Uint32Array;
  readonly #head = new Int32Array(33).fill(-1);
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** -1: not queued. */
  readonly #bucket: Int8Array;
  /** Bit b - 1 is set when bucket b is not empty (b > 0). */
  #filled = 0;
  #last = 0;

  /** `capacity` nodes; `key` is the caller's distance column, read when a node is queued or moved. */
  constructor(capacity: number, key: Uint32Array) {
    this.#key = key;
    this.#next = new Int32Array(capacity);
    this.#previous = new Int32Array(capacity);
    this.#bucket = new Int8Array(capacity).fill(-1);
  }

  /** Queues `node`, or moves it after its key fell. */
  put(node: number): void {
    const bucket = 32 - Math.clz32(this.#key[node]! ^ this.#last);
    const held = this.#bucket[node]!;
    if (held === bucket) return;
    if (held >= 0) this.#unlink(node, held);
    this.#push(node, bucket);
  }

  /** Takes a node with the lowest key; -1 when empty. */
  take(): number {
    if (this.#head[0]! < 0) {
      if (this.#filled === 0) return -1;
      this.#spread(32 - Math.clz32(this.#filled & -this.#filled));
    }
    const node = this.#head[0]!;
    this.#unlink(node, 0);
    return node;
  }

  /** Moves the lowest bucket's nodes nearer: at least its smallest lands in bucket 0. */
  #spread(bucket: number): void {
    const key = this.#key;
    let lowest = 0xffffffff;
    for (let node = this.#head[bucket]!; node >= 0; node = this.#next[node]!) {
      if (key[node]! < lowest) lowest = key[node]!;
    }
    this.#last = lowest;
    let node = this.#head[bucket]!;
    this.#head[bucket] = -1;
    this.#filled &= ~(1 << (bucket - 1));
    while (node >= 0) {
      const following = this.#next[node]!;
      this.#push(node, 32 - Math.clz32(key[node]! ^ lowest));
      node = following;
    }
  }

  #push(node: number, bucket: number): void {
    const head = this.#head[bucket]!;
    this.#next[node] = head;
    this.#previous[node] = -1;
    if (head >= 0) this.#previous[head] = node;
    this.#head[bucket] = node;
    this.#bucket[node] = bucket;
    if (bucket > 0) this.#filled |= 1 << (bucket - 1);
  }

  #unlink(node: number, bucket: number): void {
    const next = this.#next[node]!;
    const previous = this.#previous[node]!;
    if (next >= 0) this.#previous[next] = previous;
    if (previous >= 0) this.#next[previous] = next;
    else {
      this.#head[bucket] = next;
      if (next < 0 && bucket > 0) this.#filled &= ~(1 << (bucket - 1));
    }
    this.#bucket[node] = -1;
  }
}
