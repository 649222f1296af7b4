// Gives every candidate its word: why it carries flows, or the first thing that kept it from it.
import type { DecisionInput, EligibilityReason, RankedCandidate } from './decision.ts';
import type { Exploration } from './exploration.ts';
import { beats } from './hysteresis.ts';
import { type Entry, separatingStep } from './ranking.ts';
import type { Market } from './sites.ts';
import { marginalNow } from './split.ts';
import type { Outcome } from './strategies.ts';

/** Orders the ranked entries for the record, the chosen best first, and words each of them. */
export function pronounce(
  input: DecisionInput,
  entries: readonly Entry[],
  outcome: Outcome,
  exploration: Exploration,
  market: Market,
  lastResort: EligibilityReason | undefined,
): RankedCandidate[] {
  const best = entries.find((entry) => entry.candidate.key === outcome.best);
  const ordered = best === undefined ? entries : [best, ...entries.filter((entry) => entry !== best)];
  return ordered.map((entry, index) => {
    const { candidate, cost } = entry;
    return {
      key: candidate.key,
      attributes: candidate.route.attributes,
      weight: exploration.weights[candidate.key] ?? 0,
      verdict: exploration.keys.includes(candidate.key)
        ? 'exploring'
        : verdictOf(input, entry, ordered[index - 1], best, outcome, market, lastResort),
      ...(lastResort !== undefined && entry.usable ? { lastResort } : {}),
      ...(cost === undefined ? {} : { cost }),
      path: candidate.distance?.path ?? [],
    };
  });
}

function verdictOf(
  input: DecisionInput,
  entry: Entry,
  above: Entry | undefined,
  best: Entry | undefined,
  outcome: Outcome,
  market: Market,
  lastResort: EligibilityReason | undefined,
): string {
  const { key } = entry.candidate;
  if (entry === best) return lastResort === undefined ? 'best' : 'last-resort';
  if ((outcome.weights[key] ?? 0) > 0) return 'shared';
  if (!entry.usable) return entry.reason ?? 'unreachable';
  if (outcome.held.includes(key)) return 'held';
  if (best === undefined || above === undefined) return 'cost';
  // It ranks before something that carries flows: the incumbent's margin, or the price of its own flows, kept it out.
  const before = (entry.cost?.total ?? 0) < (best.cost?.total ?? 0);
  if (!before) return separatingStep(above, entry);
  if (input.class.strategy !== 'joint') return 'margin';
  const site = market.sites.find((candidate) => candidate.key === key)!;
  const carrying = market.sites.filter((other) => (outcome.weights[other.key] ?? 0) > 0);
  const dearest = Math.max(...carrying.map(marginalNow));
  return marginalNow(site) < dearest && !beats(marginalNow(site), dearest, input.class) ? 'margin' : 'marginal-cost';
}
