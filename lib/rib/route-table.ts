// Adj-RIB-In and Loc-RIB of the `service` and `compute` families in one table: per route key the attributes each peer
// sent, the one version in use, and the newest compute state. It refuses to know sessions, handles and policy.
import type { ComputeState } from '../model/compute-state.ts';
import type { PeerName, ServiceId } from '../model/identity.ts';
import { COMMUNITY, type RouteKey, routeKeyText, type ServiceAttributes } from '../model/service-route.ts';

/** The source of routes that this router originates. */
export const LOCAL: PeerName = '';

export interface RouteSource {
  readonly attributes: ServiceAttributes;
  /** The session is gone and graceful restart keeps the route for now (RFC 4724). */
  readonly stale: boolean;
  /** Router id of the peer as a number: the last but one step of the choice. */
  readonly peerRouterId: number;
}

export interface RouteEntry {
  readonly key: string;
  readonly route: RouteKey;
  readonly sources: Map<PeerName, RouteSource>;
  /** Source in use; always a key of `sources`. */
  best: PeerName;
  state: ComputeState | undefined;
  /** Our own clock, so that a skewed agent cannot live for ever. */
  stateReceivedAtMs: number;
  stateFrom: PeerName;
}

export type Change = 'none' | 'added' | 'changed' | 'removed';

export class RouteTable {
  /** Content of each attribute set in use, so that a repeated announcement is no change. */
  readonly #texts = new WeakMap<ServiceAttributes, string>();
  readonly entries = new Map<string, RouteEntry>();
  readonly byService = new Map<ServiceId, Map<string, RouteEntry>>();

  /** Inserts or replaces what `from` says of the route. `changed` means: the version in use differs now. */
  announce(from: PeerName, peerRouterId: number, route: RouteKey, attributes: ServiceAttributes): Change {
    const key = routeKeyText(route);
    const present = this.entries.get(key);
    if (present === undefined) {
      const entry: RouteEntry = {
        key,
        route: { service: route.service, contactInstance: route.contactInstance, originator: route.originator },
        sources: new Map([[from, { attributes, stale: false, peerRouterId }]]),
        best: from,
        state: undefined,
        stateReceivedAtMs: 0,
        stateFrom: from,
      };
      this.entries.set(key, entry);
      const siblings = this.byService.get(route.service) ?? new Map<string, RouteEntry>();
      this.byService.set(route.service, siblings.set(key, entry));
      return 'added';
    }
    const before = bestAttributes(present);
    const said = present.sources.get(from)?.attributes;
    const kept = said !== undefined && this.#text(said) === this.#text(attributes) ? said : attributes;
    present.sources.set(from, { attributes: kept, stale: false, peerRouterId });
    present.best = chooseSource(present);
    return before === bestAttributes(present) ? 'none' : 'changed';
  }

  #text(attributes: ServiceAttributes): string {
    let text = this.#texts.get(attributes);
    if (text === undefined) this.#texts.set(attributes, (text = JSON.stringify(attributes)));
    return text;
  }

  withdraw(from: PeerName, key: string): Change {
    const entry = this.entries.get(key);
    if (!entry?.sources.has(from)) return 'none';
    const before = bestAttributes(entry);
    entry.sources.delete(from);
    if (entry.sources.size === 0) {
      this.entries.delete(key);
      const siblings = this.byService.get(entry.route.service)!;
      siblings.delete(key);
      if (siblings.size === 0) this.byService.delete(entry.route.service);
      return 'removed';
    }
    entry.best = chooseSource(entry);
    return before === bestAttributes(entry) ? 'none' : 'changed';
  }

  /** Last writer wins by sequence, whoever delivers it; state without a route is refused: reachability comes first. */
  updateState(key: string, state: ComputeState, from: PeerName, atMs: number): 'newer' | 'older' | 'unknown-route' {
    const entry = this.entries.get(key);
    if (entry === undefined) return 'unknown-route';
    if (entry.state !== undefined && entry.state.sequence >= state.sequence) return 'older';
    entry.state = state;
    entry.stateReceivedAtMs = atMs;
    entry.stateFrom = from;
    return 'newer';
  }

  /** Keys of all routes that `from` announced. */
  keysFrom(from: PeerName): string[] {
    const keys: string[] = [];
    for (const entry of this.entries.values()) if (entry.sources.has(from)) keys.push(entry.key);
    return keys;
  }

  /** Marks the peer's routes stale (RFC 4724 4.2): in use as before, swept unless announced again. Returns how many. */
  markStale(from: PeerName): number {
    const keys = this.keysFrom(from);
    for (const key of keys) {
      const { sources } = this.entries.get(key)!;
      sources.set(from, { ...sources.get(from)!, stale: true });
    }
    return keys.length;
  }

  /** Keys of the peer's routes that were not announced again. */
  staleKeys(from: PeerName): string[] {
    return this.keysFrom(from).filter((key) => this.entries.get(key)!.sources.get(from)!.stale);
  }
}

export function bestAttributes(entry: RouteEntry): ServiceAttributes {
  return entry.sources.get(entry.best)!.attributes;
}

/**
 * Which of several versions of one route is used: each step headed by its clause, ending in identifiers. Staleness is no
 * step (RFC 4724 4.2 keeps stale routes in use as they are): two neighbours of a restarting peer that each preferred the
 * other's fresh copy of the same stale route would take it from each other for ever.
 */
function chooseSource(entry: RouteEntry): PeerName {
  let bestName: PeerName | undefined;
  let best: RouteSource | undefined;
  for (const [name, source] of entry.sources) {
    if (best === undefined || precedes(name, source, bestName!, best)) {
      bestName = name;
      best = source;
    }
  }
  return bestName!;
}

function isLongLived({ attributes }: RouteSource): boolean {
  return attributes.communities.includes(COMMUNITY.llgrStale);
}

function precedes(name: PeerName, a: RouteSource, otherName: PeerName, b: RouteSource): boolean {
  // RFC 9494 4.3: long-lived stale routes are the least preferred.
  const stale = isLongLived(a) ? 1 : 0;
  if (stale !== (isLongLived(b) ? 1 : 0)) return stale === 0;
  // RFC 4271 9.1.2.2 (a): the shortest path; a local route has none.
  if (a.attributes.sitePath.length !== b.attributes.sitePath.length)
    return a.attributes.sitePath.length < b.attributes.sitePath.length;
  // RFC 4456 section 9: the shorter CLUSTER_LIST.
  if (a.attributes.clusterList.length !== b.attributes.clusterList.length)
    return a.attributes.clusterList.length < b.attributes.clusterList.length;
  // RFC 4271 9.1.2.2 (f): the lowest BGP identifier.
  if (a.peerRouterId !== b.peerRouterId) return a.peerRouterId < b.peerRouterId;
  // RFC 4271 9.1.2.2 (g): the lowest peer; names stand in for addresses.
  return name < otherName;
}
