// The link-state database: the newest advertisement of every router, whole. It decides which of two advertisements of
// one router wins and what a new one changed; it does not know who sent it, whether it is our own, or what SPF does.
import type { RouterId } from '../model/identity.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';

export interface LsdbLimits {
  /** Routers held; one more is refused, never another one evicted: eviction would let one peer erase the domain. */
  readonly maxNodes: number;
  /** Links one router may announce. */
  readonly maxLinksPerNode: number;
  /** Prefixes and locators, together, one router may announce. */
  readonly maxPrefixesPerNode: number;
}

export const DEFAULT_LSDB_LIMITS: LsdbLimits = { maxNodes: 10_000, maxLinksPerNode: 1_024, maxPrefixesPerNode: 4_096 };

export type InstallOutcome =
  | {
      readonly outcome: 'installed';
      /** Absent: the router was unknown. */
      readonly previous?: NodeAdvertisement;
      /** Links or metrics differ: paths must be computed again. */
      readonly topologyChanged: boolean;
      /** Prefixes, locators or depth differ: routes must be computed again even on the same paths. */
      readonly reachabilityChanged: boolean;
    }
  | {
      readonly outcome: 'refused';
      readonly reason: 'equal' | 'older' | 'full' | 'too-many-links' | 'too-many-prefixes';
    };

export class Lsdb {
  readonly #limits: LsdbLimits;
  readonly #nodes = new Map<RouterId, NodeAdvertisement>();

  constructor(limits: LsdbLimits = DEFAULT_LSDB_LIMITS) {
    this.#limits = limits;
  }

  /** Live view for `computeSpf` and the planners; changes with the next `install` or `remove`. */
  get nodes(): ReadonlyMap<RouterId, NodeAdvertisement> {
    return this.#nodes;
  }

  /** A router's name for people; its id while nothing is known of it. */
  nameOf(router: RouterId): string {
    return this.#nodes.get(router)?.name ?? router;
  }

  /** Last writer wins by sequence, as OSPF's and IS-IS's sequence numbers do; an equal one is a duplicate of the flood. */
  install(node: NodeAdvertisement): InstallOutcome {
    const previous = this.#nodes.get(node.originator);
    if (previous && node.sequence === previous.sequence) return { outcome: 'refused', reason: 'equal' };
    if (previous && node.sequence < previous.sequence) return { outcome: 'refused', reason: 'older' };
    if (!previous && this.#nodes.size >= this.#limits.maxNodes) return { outcome: 'refused', reason: 'full' };
    if (node.links.length > this.#limits.maxLinksPerNode) return { outcome: 'refused', reason: 'too-many-links' };
    if (node.prefixes.length + node.locators.length > this.#limits.maxPrefixesPerNode) {
      return { outcome: 'refused', reason: 'too-many-prefixes' };
    }
    this.#nodes.set(node.originator, node);
    if (!previous) return { outcome: 'installed', topologyChanged: true, reachabilityChanged: true };
    return {
      outcome: 'installed',
      previous,
      topologyChanged: previous.noTransit !== node.noTransit || !sameShape(previous.links, node.links),
      reachabilityChanged:
        previous.maxSidDepth !== node.maxSidDepth ||
        previous.maxSegmentsLeft !== node.maxSegmentsLeft ||
        previous.site !== node.site ||
        !sameShape(previous.prefixes, node.prefixes) ||
        !sameShape(previous.locators, node.locators) ||
        !sameShape(previous.decapSids, node.decapSids),
    };
  }

  /** Forgets a router; returns what was held. The caller decides when (expiry, or its last peer withdrew it). */
  remove(originator: RouterId): NodeAdvertisement | undefined {
    const previous = this.#nodes.get(originator);
    this.#nodes.delete(originator);
    return previous;
  }
}

/**
 * Order matters on purpose: an originator lists its links in one order, so a different order is rare and costs only
 * one SPF too many.
 */
function sameShape(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => sameShape((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]));
}
