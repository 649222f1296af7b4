// Session-local handles (session.proto rule 6): the sender numbers what it announces, so that state and withdrawals cost a
// few bytes. One allocator and one table a session and direction; they die with it. Keys are compared by identity.
import { invariant } from '../errors.ts';

const MAX_HANDLE = 0x7fff_ffff;

/** Sender's side: which handle a key has. Small handles are used again first, because neighbours cost one byte. */
export class HandleAllocator<K> {
  private readonly handles = new Map<K, number>();
  private readonly free: number[] = [];
  private next = 1;

  get size(): number {
    return this.handles.size;
  }

  /** The key's handle, a new one when it has none. */
  assign(key: K): number {
    const known = this.handles.get(key);
    if (known !== undefined) return known;
    const handle = this.free.pop() ?? this.next++;
    invariant(handle <= MAX_HANDLE, 'a session never has 2^31 routes');
    this.handles.set(key, handle);
    return handle;
  }

  /** `undefined`: the key is not announced. */
  get(key: K): number | undefined {
    return this.handles.get(key);
  }

  /**
   * Forgets the key and returns the handle to be withdrawn; `undefined` when it had none. Call it when the withdrawal is
   * put into an UPDATE, not before: from then on the handle may name another key, in the same UPDATE at the earliest.
   */
  release(key: K): number | undefined {
    const handle = this.handles.get(key);
    if (handle === undefined) return undefined;
    this.handles.delete(key);
    this.free.push(handle);
    return handle;
  }

  keys(): IterableIterator<K> {
    return this.handles.keys();
  }
}

/** Receiver's side: what a handle of the peer means. A map, because a hostile peer may number sparsely. */
export class HandleTable<K> {
  private readonly keys = new Map<number, K>();

  get size(): number {
    return this.keys.size;
  }

  /**
   * Notes an announcement. Returns the key that the handle named before when it is another one: that route is withdrawn
   * by this announcement. `undefined`: the handle was free, or named this very key (implicit withdraw of attributes).
   */
  bind(handle: number, key: K): K | undefined {
    const before = this.keys.get(handle);
    if (before === key) return undefined;
    this.keys.set(handle, key);
    return before;
  }

  /** `undefined`: the peer never announced it; state for it is ignored. */
  resolve(handle: number): K | undefined {
    return this.keys.get(handle);
  }

  /** Forgets the handle and returns what it named. */
  unbind(handle: number): K | undefined {
    const key = this.keys.get(handle);
    this.keys.delete(handle);
    return key;
  }

  entries(): IterableIterator<[number, K]> {
    return this.keys.entries();
  }
}
