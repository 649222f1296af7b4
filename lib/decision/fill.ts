// FILL: mean-field water-filling. Every ingress hears the same reports, so each may assume that all of them answer
// alike, and takes the step that would be right if they did; N ingresses then do not overshoot N-fold.
// Knows prices and shares; not where they come from, nor whether the result is published.
import { type LoadModel, priceAt, rateFor } from './load-model.ts';

/** One candidate as the split sees it. Shares are fractions of this ingress's new flows. */
export interface Site {
  readonly key: string;
  /** What a request costs whatever the load: round trip, price, carbon, preference; µs. */
  readonly fixedUs: number;
  /** Wait behind a queue that the rates do not explain, µs. */
  readonly backlogUs: number;
  readonly model: LoadModel;
  /** Arrivals per second as reported. */
  readonly reportedRate: number;
  /** The same with the moves since the report predicted: what arrives now. */
  readonly rate: number;
  readonly share: number;
  /** Its score is in the band that CATS says not to steer to. */
  readonly troubled: boolean;
}

/** Shares below this are not worth a nexthop. */
export const SMALLEST_SHARE = 0.001;
const ROUNDS = 24;
/** Share of our own traffic that a candidate is taken to have at least, so that no load can still be moved away. */
const LEAST_PART = 1e-3;

export interface Filled {
  /** Shares in the order of the sites, summing to 1. */
  readonly shares: readonly number[];
  /** Water level nu: marginal cost that all used sites share, µs. */
  readonly levelUs: number;
}

/** Finds the level nu at which the shares sum to 1; `totalRate` is the rate of all ingresses together. */
export function fill(sites: readonly Site[], totalRate: number): Filled {
  const total = Math.max(totalRate, 1e-3);
  let low = Number.POSITIVE_INFINITY;
  let high = Number.POSITIVE_INFINITY;
  for (const site of sites) {
    const base = site.fixedUs + site.backlogUs;
    low = Math.min(low, base);
    // At this level the site alone would take everything, so nu is not above it.
    high = Math.min(high, base + priceAt(site.model, site.rate + total));
  }
  for (let round = 0; round < ROUNDS; round++) {
    const level = (low + high) / 2;
    let sum = 0;
    for (const site of sites) sum += shareAt(site, level, total);
    if (sum < 1) low = level;
    else high = level;
  }
  return { shares: normalised(sites.map((site) => shareAt(site, high, total))), levelUs: high };
}

/**
 * The share at water level `level`. Growth is absolute: all ingresses add the same share of their own traffic. Decline is
 * relative: those who send most to a site give up most, which is exact however unequally a site is used; an absolute
 * decline would let an ingress whose traffic is small beside the rest never leave.
 */
function shareAt(site: Site, level: number, total: number): number {
  const wanted = rateFor(site.model, level - site.fixedUs - site.backlogUs);
  const now = Math.max(site.rate, LEAST_PART * site.share * total);
  if (wanted >= now) return site.share + (wanted - now) / total;
  return (site.share * wanted) / now;
}

/** Drops crumbs and scales to the sum 1; all of it goes to the largest where nothing is left. */
export function normalised(shares: readonly number[]): number[] {
  const kept = shares.map((share) => (share < SMALLEST_SHARE ? 0 : share));
  const sum = kept.reduce((a, b) => a + b, 0);
  if (sum > 0) return kept.map((share) => share / sum);
  const largest = shares.indexOf(Math.max(...shares));
  return shares.map((_, index) => (index === largest ? 1 : 0));
}
