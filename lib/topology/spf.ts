// (contract; the implementation replaces this line) Shortest paths over the link-state database.
import type { RouterId } from '../model/identity.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';

export interface FirstHop {
  /** Interface and gateway address of our own link. */
  readonly device: string;
  readonly gateway: string;
}

export interface SpfNode {
  readonly router: RouterId;
  /** One-way delay from the root, µs; and back, for round trips over asymmetric links. */
  readonly delayUs: number;
  readonly reverseDelayUs: number;
  /** Routers travelled on the path chosen among equals (lowest router id), root first. */
  readonly path: readonly RouterId[];
  /** Equal-cost first hops, sorted by device. */
  readonly firstHops: readonly FirstHop[];
}

/** Reachable routers only, the root included. Links count only when both ends announce them (RFC 1195 style two-way check). */
export type ComputeSpf = (nodes: ReadonlyMap<RouterId, NodeAdvertisement>, root: RouterId) => ReadonlyMap<RouterId, SpfNode>;
