// The decision in its phases (DESIGN section 5): candidates, cost, ranking, split, hysteresis, exploration. Pure and total: every
// input has an outcome, the same input the same one, and every candidate leaves with its reason. It never sees the
// graph, programs nothing, and keeps nothing: what it must remember goes out with the decision and comes back in.
import { assess, type Pool, poolOf } from './candidates.ts';
import type { Decision, DecisionInput, Incumbent, SplitMemory } from './decision.ts';
import { explore } from './exploration.ts';
import { NO_CHALLENGE } from './hysteresis.ts';
import { EMPTY_MEMORY, isNews, learn } from './memory.ts';
import { price, withCosts } from './pricing.ts';
import { type Entry, rank } from './ranking.ts';
import { remember } from './share-history.ts';
import { type Market, market, NO_MARKET } from './sites.ts';
import { hadBest, joint, type Outcome, winnerTakesAll } from './strategies.ts';
import { pronounce } from './verdict.ts';
import { sameWeights } from './weights.ts';

/** Decides where new flows of one service go. */
export function decide(given: DecisionInput): Decision {
  const input = inOrder(given);
  const before = input.memory ?? EMPTY_MEMORY;
  // 1. candidates
  const assessed = assess(input.candidates, input.class);
  const pool = poolOf(assessed, input.class);
  // 2. cost
  const highest = Math.max(...pool.candidates.map((candidate) => candidate.route.attributes.preference));
  const priced = pool.candidates.map((candidate) => price(candidate, highest, input, before));
  const view = input.class.strategy === 'joint' ? market(priced, before, input.atMs) : NO_MARKET;
  // 3. ranking
  const entries = rank(withCosts(assessed, priced, view, input, highest, before));
  const usable = entries.filter((entry) => entry.usable);
  // 4. split and 5. hysteresis
  const news = isNews(priced, before);
  const outcome = choose(input, before, view, news, usable, pool);
  // 6. exploration
  const exploration =
    pool.lastResort === undefined
      ? explore(input, before, { outcome, priced, market: view, usable, news })
      : { keys: [], weights: outcome.weights };
  const incumbent = nextIncumbent(input, outcome);
  const changed = incumbent.weights !== input.incumbent?.weights;
  const learned = learn(priced, before, input.atMs);
  const memory: SplitMemory = {
    ...learned,
    share: outcome.share,
    history: changed ? remember(before.history, input.atMs, outcome.weights) : before.history,
    calmStepAtMs: outcome.calmStep ? input.atMs : before.calmStepAtMs,
    exploring: exploration.keys,
  };
  return {
    service: input.service,
    atMs: input.atMs,
    ranked: pronounce(input, entries, outcome, exploration, view, pool.lastResort),
    best: outcome.best,
    weights: exploration.weights,
    change: wordFor(input, outcome, isSame(before.exploring, exploration.keys)),
    incumbent,
    memory,
    ...(outcome.challenge.sinceMs === undefined ? {} : { againAtMs: outcome.challenge.sinceMs + input.class.holdMs }),
  };
}

/** Sums of fractions depend on their order; arrival order must not decide even by that. */
function inOrder(input: DecisionInput): DecisionInput {
  const { candidates } = input;
  if (candidates.every((candidate, index) => index === 0 || candidates[index - 1]!.key < candidate.key)) return input;
  return { ...input, candidates: [...candidates].sort((a, b) => (a.key < b.key ? -1 : 1)) };
}

function choose(
  input: DecisionInput,
  before: SplitMemory,
  view: Market,
  news: boolean,
  usable: readonly Entry[],
  pool: Pool,
): Outcome {
  if (usable.length === 0)
    return {
      weights: {},
      best: '',
      share: {},
      challenge: NO_CHALLENGE,
      held: [],
      calmStep: false,
      lost: hadBest(input),
    };
  // Without any state there is nothing to split by: the nearest, as the ranking has it.
  if (input.class.strategy !== 'joint' || pool.lastResort === 'no-state') return winnerTakesAll(input, usable);
  return joint(input, before, view, news, usable);
}

function nextIncumbent(input: DecisionInput, outcome: Outcome): Incumbent {
  const { incumbent } = input;
  const same = incumbent !== undefined && sameWeights(incumbent.weights, outcome.weights);
  return {
    weights: same ? incumbent.weights : outcome.weights,
    best: outcome.best,
    sinceMs: same && incumbent.best === outcome.best ? incumbent.sinceMs : input.atMs,
    ...(outcome.challenge.sinceMs === undefined ? {} : { challengedSinceMs: outcome.challenge.sinceMs }),
  };
}

/** Why the outcome equals or differs from the incumbent. */
function wordFor(input: DecisionInput, outcome: Outcome, exploresAlike: boolean): string {
  const { incumbent } = input;
  if (incumbent === undefined || incumbent.best === '') return outcome.best === '' ? 'unchanged' : 'first';
  if (outcome.lost) return 'lost';
  if (sameWeights(incumbent.weights, outcome.weights) && incumbent.best === outcome.best) {
    if (outcome.challenge.sinceMs !== undefined) return 'held';
    return exploresAlike ? 'unchanged' : 'exploration';
  }
  const isNew = Object.keys(outcome.weights).some((key) => incumbent.weights[key] === undefined);
  return isNew ? 'margin' : 'rebalanced';
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((key, index) => key === b[index]);
}
