// What a receiver asked to hear (session.proto rule 14; RFC 4684 in spirit), asked of one route at a time.

import type { ServiceId } from '../model/identity.ts';
import type { ServiceAttributes } from '../model/service-route.ts';
import { parsePrefix, prefixContains } from '../net/address.ts';
import type { Subscription } from './message.ts';

export const EVERYTHING: Subscription = { services: [], regions: [], classes: [] };

export function isEverything({ services, regions, classes }: Subscription): boolean {
  return services.length + regions.length + classes.length === 0;
}

/** A subscription ready to be asked: single addresses in a set, because an ingress may name thousands. */
export class SubscriptionFilter {
  readonly subscription: Subscription;
  readonly #addresses = new Set<ServiceId>();
  readonly #prefixes: ReturnType<typeof parsePrefix>[] = [];

  constructor(subscription: Subscription) {
    this.subscription = subscription;
    for (const text of subscription.services) {
      const prefix = parsePrefix(text);
      if (prefix.length === (prefix.address.includes(':') ? 128 : 32)) this.#addresses.add(prefix.address);
      else this.#prefixes.push(prefix);
    }
  }

  wants(service: ServiceId, { region, classes }: Pick<ServiceAttributes, 'region' | 'classes'>): boolean {
    const wanted = this.subscription;
    if (wanted.regions.length > 0 && !wanted.regions.includes(region)) return false;
    if (wanted.classes.length > 0 && classes.length > 0 && !classes.some((it) => wanted.classes.includes(it)))
      return false;
    if (wanted.services.length === 0 || this.#addresses.has(service)) return true;
    return this.#prefixes.some((prefix) => prefixContains(prefix, service));
  }
}
