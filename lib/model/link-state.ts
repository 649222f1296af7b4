// What a router tells the domain about itself: one advertisement a router, replaced whole by a higher sequence.
// Units are those of RFC 8570, so that BGP-LS can carry the same numbers.
import type { RouterId, SiteId } from './identity.ts';
import type { SidStructure } from './service-route.ts';

export interface LocatorAdvertisement {
  /** Canonical prefix, e.g. `5f00:0:11::/48`. */
  readonly prefix: string;
  readonly structure: SidStructure;
  /** The router's End SID in this locator, which `structure` divides: steers through this node. */
  readonly endSid: string;
  /** Behaviour code point of `endSid` (1 = End). */
  readonly behaviour: number;
}

/** A SID that ends a tunnel at this router and forwards the inner packet by its main table. */
export interface DecapSid {
  readonly sid: string;
  /** Code point: End.DT6 (18) for IPv6, End.DT4 (19) for IPv4 inside, End.DT46 (20) for both. */
  readonly behaviour: number;
}

export interface LinkAdvertisement {
  /** Interface name; tells parallel links apart. */
  readonly name: string;
  readonly neighbour: RouterId;
  readonly localAddress: string;
  readonly remoteAddress: string;
  /** One-way delay, µs (RFC 8570 4.1, 4.2), half the measured round trip. */
  readonly delayMinUs: number;
  readonly delayAvgUs: number;
  /** RFC 8570 4.3. */
  readonly delayVariationUs: number;
  /** Units of 0.000003 % (RFC 8570 4.4). */
  readonly loss: number;
  readonly bandwidthBps: number;
  /** Bytes of a packet that the link carries; absent: not said. */
  readonly mtu?: number;
  readonly adminGroups: number;
  readonly srlg: readonly number[];
  /** End.X SID of this adjacency in the first locator (behaviour 5); empty when there is none. */
  readonly endXSid: string;
  /** Its End.X SIDs in other locators; absent: none. */
  readonly adjacencySids?: readonly SidAdvertisement[];
}

/** A SID with what a headend must know to pack it. */
export interface SidAdvertisement {
  readonly sid: string;
  readonly structure: SidStructure;
  /** Behaviour code point. */
  readonly behaviour: number;
}

export interface NodeAdvertisement {
  readonly originator: RouterId;
  readonly site: SiteId;
  /** Name for people. */
  readonly name: string;
  /** < 2^53; survives restarts by starting from the wall clock. */
  readonly sequence: number;
  readonly locators: readonly LocatorAdvertisement[];
  /** Prefixes attached to this router (client networks, service hosts), canonical. */
  readonly prefixes: readonly string[];
  readonly links: readonly LinkAdvertisement[];
  /** At most one a family; absent: none. How prefixes of a family that the domain does not route are reached. */
  readonly decapSids?: readonly DecapSid[];
  /** Most SIDs that it can impose as headend (RFC 8491). */
  readonly maxSidDepth: number;
  /** Most Segments Left that it can process as endpoint (RFC 9352 4.1); absent: any. */
  readonly maxSegmentsLeft?: number;
  /** How old it was when it was heard, seconds; absent: fresh. */
  readonly ageSeconds?: number;
  /** Paths may end here and do not pass; absent: they may. */
  readonly noTransit?: boolean;
}
