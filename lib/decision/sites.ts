// Prepares the split: joins reports with what this ingress did since, corrects advertised capacity by what was observed,
// and prices the fixed part. Decides nothing.

import type { ServiceClassConfig } from '../config/config.ts';
import { bandOf } from '../metric/score.ts';
import { backlogUs } from '../metric/service-time.ts';
import type { CostParts } from './cost.ts';
import type { Candidate, SplitMemory } from './decision.ts';
import type { Site } from './fill.ts';
import type { LoadModel } from './load-model.ts';
import { lostRate } from './memory.ts';
import { meanShare } from './share-history.ts';

/** Wait behind a queue that the rates do not explain, µs; a bare score says nothing of queues. */
export function backlogOf(candidate: Candidate, model: LoadModel): number {
  const { state } = candidate;
  if (state === undefined || model.kind === 'score') return 0;
  return backlogUs(state.inFlight, state.arrivalRate, model.workers, model.workTimeUs);
}

export type FixedParts = Omit<CostParts, 'serviceTimeUs'>;

/** Fixed part of the cost, µs; preference counts as the distance from the most preferred, so no cost is negative. */
export function fixedCost(candidate: Candidate, wanted: ServiceClassConfig, highestPreference: number): FixedParts {
  const attributes = candidate.route.attributes;
  return {
    roundTripUs: candidate.distance?.roundTripUs ?? 0,
    priceUs: attributes.priceMicros * wanted.usPerPriceMicro,
    carbonUs: attributes.carbon * wanted.usPerCarbonGram,
    preferenceUs: Math.max(0, highestPreference - attributes.preference) * wanted.usPerPreference,
  };
}

export interface Market {
  readonly sites: readonly Site[];
  /** Arrivals per second of all ingresses together. */
  readonly totalRate: number;
}

/** What the strategies look at that send everything to one. */
export const NO_MARKET: Market = { sites: [], totalRate: 0 };

/** One candidate with what the earlier phases know of it. */
export interface Priced {
  readonly candidate: Candidate;
  readonly fixed: FixedParts;
  readonly fixedUs: number;
  /** Learned correction of the capacity, already in `model`. */
  readonly factor: number;
  readonly model: LoadModel;
}

/**
 * Joins reports with moves since: every ingress hears the same reports, so all are taken to have moved the same share of
 * their traffic as this one did between the time that the report describes and now.
 */
export function market(pool: readonly Priced[], memory: SplitMemory, atMs: number): Market {
  const reported = pool.reduce((sum, { candidate }) => sum + (candidate.state?.arrivalRate ?? 0), 0);
  const inPool = new Set(pool.map(({ candidate }) => candidate.key));
  const totalRate = reported + lostRate(memory, inPool, atMs);
  const shares = sharesNow(pool, memory, reported);
  const sites = pool.map(({ candidate, fixedUs, model }, index): Site => {
    const share = shares[index]!;
    const rate = candidate.state?.arrivalRate ?? 0;
    const toMs = atMs - candidate.stateAgeMs - (candidate.distance?.roundTripUs ?? 0) / 2000;
    const fromMs = toMs - (candidate.state?.windowMs ?? 0);
    const then = meanShare(memory.history, candidate.key, fromMs, toMs, reported > 0 ? rate / reported : share);
    return {
      key: candidate.key,
      fixedUs,
      backlogUs: backlogOf(candidate, model),
      model,
      reportedRate: rate,
      rate: Math.max(0, rate + totalRate * (share - then)),
      share,
      troubled: candidate.state !== undefined && bandOf(candidate.state.score) === 'low',
    };
  });
  return { sites, totalRate };
}

/** Shares in force, scaled to those that are left; at the start those of everybody, then equal ones. */
function sharesNow(pool: readonly Priced[], memory: SplitMemory, reported: number): number[] {
  const kept = pool.map(({ candidate }) => memory.share[candidate.key] ?? 0);
  const sum = kept.reduce((a, b) => a + b, 0);
  if (sum > 0) return kept.map((share) => share / sum);
  return pool.map(({ candidate }) => (reported > 0 ? (candidate.state?.arrivalRate ?? 0) / reported : 1 / pool.length));
}
