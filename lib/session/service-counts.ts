// How many services a peer announces, and how many contact instances of each: kept only where there is a limit on either
// that the limit on routes does not imply. By handle, as routes are counted (HandleTable.size); dies with its session.
import { ADDRESS_WORDS } from '../net/address-words.ts';

export interface PerServiceLimits {
  readonly services: number;
  readonly instancesPerService: number;
  readonly warnPercent: number;
}

export class ServiceCounts {
  readonly #limits: PerServiceLimits;
  readonly #serviceOf = new Map<number, string>();
  readonly #counts = new Map<string, number>();
  readonly #nearAt: number;
  /** Services whose contact instances are near their limit, and beyond it. */
  near = 0;
  beyond = 0;

  constructor(limits: PerServiceLimits) {
    this.#limits = limits;
    this.#nearAt = (limits.instancesPerService * limits.warnPercent) / 100;
  }

  get services(): number {
    return this.#counts.size;
  }

  /** Whether the service under this handle would be one too many, or this contact instance of it. */
  refuses(handle: number, words: Uint32Array, at: number): boolean {
    const service = keyOf(words, at);
    const before = this.#serviceOf.get(handle);
    if (before === service) return false;
    const count = this.#counts.get(service) ?? 0;
    if (count >= this.#limits.instancesPerService) return true;
    const frees = before !== undefined && this.#counts.get(before) === 1 ? 1 : 0;
    return count === 0 && this.#counts.size - frees >= this.#limits.services;
  }

  announce(handle: number, words: Uint32Array, at: number): void {
    const service = keyOf(words, at);
    if (this.#serviceOf.get(handle) === service) return;
    this.forget(handle);
    this.#serviceOf.set(handle, service);
    this.#step(service, 1);
  }

  forget(handle: number): void {
    const service = this.#serviceOf.get(handle);
    if (service === undefined) return;
    this.#serviceOf.delete(handle);
    this.#step(service, -1);
  }

  #step(service: string, by: 1 | -1): void {
    const before = this.#counts.get(service) ?? 0;
    const after = before + by;
    if (after === 0) this.#counts.delete(service);
    else this.#counts.set(service, after);
    this.near += Number(after >= this.#nearAt && after > 0) - Number(before >= this.#nearAt && before > 0);
    const most = this.#limits.instancesPerService;
    this.beyond += Number(after > most) - Number(before > most);
  }
}

function keyOf(words: Uint32Array, at: number): string {
  return words.subarray(at, at + ADDRESS_WORDS).join(' ');
}
