// Who says routes: peers by small numbers that never change. Restarts of a peer are counted in an epoch that every path
// carries, so that all its routes turn stale at once and by one addition (RFC 4724 4.2), however many they are.
import { invariant } from '../errors.ts';
import type { PeerName } from '../model/identity.ts';

const EPOCHS = 0x1_0000;

interface Source {
  readonly name: PeerName;
  routerId: number;
  /** Of what is said now; older paths are stale. 16 bits that wrap: a sweep leaves none of the epoch before. */
  epoch: number;
  routes: number;
}

export class Sources {
  readonly #known: Source[] = [];
  readonly #numbers = new Map<PeerName, number>();

  constructor() {
    this.number('');
  }

  /** The peer's number, a new one when it has none; 0 is this router itself. */
  number(name: PeerName): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const number = this.#known.length;
    invariant(number < EPOCHS, 'at most 65,535 peers in the life of a daemon');
    this.#known.push({ name, routerId: 0, epoch: 0, routes: 0 });
    this.#numbers.set(name, number);
    return number;
  }

  name(number: number): PeerName {
    return this.#known[number]!.name;
  }

  /** Routes it says, stale ones included. */
  count(number: number): number {
    return this.#known[number]!.routes;
  }

  /** Router id as a number, of the last OPEN; outlives the session, so that stale routes keep their tie-break. */
  setRouterId(number: number, routerId: number): void {
    this.#known[number]!.routerId = routerId;
  }

  /** What was said so far is stale: in use as before, and swept unless said again. Returns the epoch that begins. */
  markStale(number: number): number {
    const source = this.#known[number]!;
    source.epoch = (source.epoch + 1) % EPOCHS;
    return source.epoch;
  }

  epoch(number: number): number {
    return this.#known[number]!.epoch;
  }

  /** Source and epoch in one word, as a path carries them. */
  stamp(number: number): number {
    return ((this.#known[number]!.epoch << 16) | number) >>> 0;
  }

  isStale(stamp: number): boolean {
    return stamp >>> 16 !== this.#known[stamp & 0xffff]!.epoch;
  }

  /** Whether a path of this stamp was said before `epoch` of its source began. */
  isBefore(stamp: number, epoch: number): boolean {
    const now = this.#known[stamp & 0xffff]!.epoch;
    return ((now - (stamp >>> 16)) & 0xffff) > ((now - epoch) & 0xffff);
  }

  precedes(a: number, b: number): boolean {
    const [first, second] = [this.#known[a]!, this.#known[b]!];
    if (first.routerId !== second.routerId) return first.routerId < second.routerId;
    // Names stand in for addresses.
    return first.name < second.name;
  }

  counted(number: number, by: 1 | -1): void {
    this.#known[number]!.routes += by;
  }
}
