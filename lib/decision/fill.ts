// FILL: mean-field water-filling. Every ingress hears the same reports, so each may assume that all of them answer
// alike, and takes the step that would be right if they did; N ingresses then do not overshoot N-fold.
// Knows prices and shares; not where they come from, nor whether the result is published.
import { isBusy, type LoadModel, priceAt, rateFor } from './load-model.ts';

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

export interface Filled {
  /** Shares in the order of the sites, summing to 1. */
  readonly shares: readonly number[];
  /** Water level nu: marginal cost that all used sites share, µs. */
  readonly levelUs: number;
}

/** Finds the level nu at which the shares sum to 1; `totalRate` is the rate of all ingresses together. */
export function fill(sites: readonly Site[], totalRate: number): Filled {
  const total = Math.max(totalRate, 1e-3);
  const needed = isQuiet(sites) ? sites.filter((site) => !isDispensable(site, sites, total)) : sites;
  // Two that cost the same to the last bit can do without each other.
  const kept = needed.length > 0 ? needed : sites;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.POSITIVE_INFINITY;
  let alone = kept[0];
  for (const site of kept) {
    const base = site.fixedUs + site.backlogUs;
    // Below what the cheapest costs when idle no level means anything; without traffic every level would do.
    low = Math.min(low, base + priceAt(site.model, 0));
    // At this level the site alone would take everything, so nu is not above it.
    const takesAllUs = base + priceAt(site.model, site.rate + total);
    if (takesAllUs >= high) continue;
    high = takesAllUs;
    alone = site;
  }
  for (let round = 0; round < ROUNDS; round++) {
    const level = (low + high) / 2;
    let sum = 0;
    for (const site of kept) sum += shareAt(site, level, total);
    if (sum < 1) low = level;
    else high = level;
  }
  const shares = sites.map((site) => (kept.includes(site) ? shareAt(site, high, total) : 0));
  // With a hundred workers the price of a small load is that of none, to the last bit: no level tells what it would take.
  if (!shares.some((share) => share >= SMALLEST_SHARE))
    return { shares: sites.map((site) => (site === alone ? 1 : 0)), levelUs: high };
  return { shares: normalised(shares), levelUs: high };
}

/** True when no site would feel a crowd that arrives at once. */
export function isQuiet(sites: readonly Site[]): boolean {
  return sites.every((site) => site.backlogUs === 0 && !isBusy(site.model, site.rate));
}

/** Share at water level `level`: all ingresses alike add or give up the same share of their own traffic. */
function shareAt(site: Site, level: number, total: number): number {
  const wanted = rateFor(site.model, level - site.fixedUs - site.backlogUs);
  return Math.max(0, site.share + (wanted - site.rate) / total);
}

/**
 * True when even idle the site costs more than the level at which the others take everything. Without this an ingress
 * whose traffic is small beside that of others never leaves a site that only it uses: the share it may give up at once
 * is bounded by the load there is. Only where nobody is busy: in a crowd the bound is what keeps all from leaving together.
 */
function isDispensable(site: Site, sites: readonly Site[], total: number): boolean {
  if (site.share === 0) return false;
  const idle = site.fixedUs + priceAt(site.model, 0);
  let taken = 0;
  for (const other of sites) if (other !== site) taken += shareAt(other, idle, total);
  return taken >= 1;
}

/** Drops crumbs and scales to the sum 1; all of it goes to the largest where nothing is left. */
export function normalised(shares: readonly number[]): number[] {
  const kept = shares.map((share) => (share < SMALLEST_SHARE ? 0 : share));
  const sum = kept.reduce((a, b) => a + b, 0);
  if (sum > 0) return kept.map((share) => share / sum);
  const largest = shares.indexOf(Math.max(...shares));
  return shares.map((_, index) => (index === largest ? 1 : 0));
}
