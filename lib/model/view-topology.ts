// Rows about the domain: routers, their links and SIDs, and the paths and lists that lead to them.
import type { RouterId, SiteId } from './identity.ts';

export interface LinkStateView {
  readonly originator: RouterId;
  readonly name: string;
  readonly site: SiteId;
  readonly self: boolean;
  readonly reachable: boolean;
  /** Which other routers live under this router id; empty: none that this router hears. */
  readonly fault: string;
  readonly sequence: number;
  readonly receivedAtMs: number;
  readonly locators: readonly LocatorView[];
  readonly prefixes: readonly string[];
  readonly links: readonly LinkView[];
}

export interface LocatorView {
  readonly prefix: string;
  readonly endSid: string;
  /** Of `endSid`. */
  readonly behaviour: string;
  /** Of `endSid`, bits: `block/node/function/argument`. */
  readonly structure: string;
  /** Why this router does not use the SID; empty: it does. */
  readonly fault: string;
}

/** One entry of an imposed list. */
export interface SegmentEntryView {
  readonly segment: string;
  /** `full`, `next` (a container), `replace-first` or `replace-packed`. */
  readonly kind: string;
  /** In travel order. */
  readonly holds: readonly HeldSidView[];
}

export interface HeldSidView {
  readonly sid: string;
  /** Name, or router id where unnamed. */
  readonly router: string;
  readonly behaviour: string;
}

export interface LinkView {
  readonly name: string;
  readonly neighbour: RouterId;
  readonly neighbourName: string;
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly delayMinUs: number;
  readonly delayAvgUs: number;
  readonly delayVariationUs: number;
  readonly lossPercent: number;
  readonly bandwidthBps: number;
  readonly endXSid: string;
  /** Its End.X SIDs in other locators. */
  readonly adjacencySids: readonly { readonly sid: string; readonly behaviour: string }[];
  /** Both ends announce it; one-sided links carry nothing. */
  readonly twoWay: boolean;
}

/** Shortest path to a router of the domain. */
export interface PathView {
  readonly router: RouterId;
  readonly name: string;
  readonly site: SiteId;
  readonly reachable: boolean;
  readonly delayUs: number;
  readonly roundTripUs: number;
  /** Names (router ids where unnamed) travelled, own first. */
  readonly path: readonly string[];
  readonly firstHops: readonly { readonly device: string; readonly gateway: string }[];
  /** The list to its End SID as it would be imposed here; empty: there is none. */
  readonly segments: readonly string[];
  readonly entries: readonly SegmentEntryView[];
  /** Octets that the list puts in front of a packet. */
  readonly overheadBytes: number;
  /** `complete`, `shortened`, or why there is no list. */
  readonly plan: string;
}
