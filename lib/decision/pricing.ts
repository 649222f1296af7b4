// Phase 2 applied: every candidate that can be reached gets its fixed part, its load model and its cost at the load
// predicted now, the ineligible ones too, so that `explain` can show what was given up. Compares nothing.
import { asCostUs } from '../metric/score.ts';
import type { Assessed } from './candidates.ts';
import { bestIndex, type CostParts, type EdgeIndex, edgeIndex, NO_INDEX, TOTALS } from './cost.ts';
import type { Candidate, DecisionInput, SplitMemory } from './decision.ts';
import { loadModel, timeAt } from './load-model.ts';
import { learnedFactor } from './memory.ts';
import type { Entry } from './ranking.ts';
import { backlogOf, fixedCost, type Market, type Priced } from './sites.ts';

/** `highest`: the highest preference among those that may be used. */
export function price(candidate: Candidate, highest: number, input: DecisionInput, before: SplitMemory): Priced {
  const fixed = fixedCost(candidate, input.class, highest);
  const factor = learnedFactor(candidate, before);
  return {
    candidate,
    fixed,
    fixedUs: fixed.roundTripUs + fixed.priceUs + fixed.carbonUs + fixed.preferenceUs,
    factor,
    model: loadModel(candidate.state, factor, input.class.scoreToUs),
  };
}

interface Parts {
  readonly entry: Assessed;
  readonly usable: boolean;
  readonly parts?: CostParts;
  readonly index?: EdgeIndex;
}

/** All candidates with their costs, in the order of `assessed`; those that cannot be reached have none. */
export function withCosts(
  assessed: readonly Assessed[],
  priced: readonly Priced[],
  view: Market,
  input: DecisionInput,
  highest: number,
  before: SplitMemory,
): Entry[] {
  const { strategy } = input.class;
  const comparesEdges = strategy === 'edge-metadata';
  const places = new Map(priced.map((entry, place) => [entry.candidate, place]));
  const known = assessed.map((entry): Parts => {
    const { candidate } = entry;
    const place = places.get(candidate);
    const usable = place !== undefined;
    if (candidate.distance === undefined) return { entry, usable };
    const { fixed, model } = usable ? priced[place]! : price(candidate, highest, input, before);
    // Only the joint strategy predicts what its own moves did since the report; the others would chase themselves.
    const predicted = strategy === 'joint' && usable ? view.sites[place]!.rate : undefined;
    const rate = predicted ?? candidate.state?.arrivalRate ?? 0;
    const parts = { ...fixed, serviceTimeUs: timeAt(model, rate) + backlogOf(candidate, model) };
    return { entry, usable, parts, index: comparesEdges ? edgeIndex(parts, candidate) : NO_INDEX };
  });
  const best = comparesEdges
    ? bestIndex(known.flatMap(({ usable, index }) => (usable && index !== undefined ? [index] : [])))
    : NO_INDEX;
  return known.map(({ entry: { candidate, reason }, usable, parts, index }): Entry => {
    const because = reason === undefined ? {} : { reason };
    if (parts === undefined || index === undefined) return { candidate, usable, ...because };
    const total = asCostUs(TOTALS[strategy](parts, index, best));
    return { candidate, usable, ...because, cost: { total, ...parts } };
  });
}
