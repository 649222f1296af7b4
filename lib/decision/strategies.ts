// Phases 4 and 5 for each strategy: who gets which share of new flows, given the ranking and the incumbent. `joint`
// splits; the others give everything to the winner, as the schemes do that they are compared with.

import { bandOf } from '../metric/score.ts';
import type { DecisionInput, SplitMemory } from './decision.ts';
import { beats, type Challenge, judge, NO_CHALLENGE } from './hysteresis.ts';
import type { Entry } from './ranking.ts';
import type { Market } from './sites.ts';
import { split } from './split.ts';
import { differs, toWeights, WEIGHT_SUM, type Weights } from './weights.ts';

export interface Outcome {
  readonly weights: Weights;
  readonly best: string;
  /** Shares before rounding, for the memory. */
  readonly share: Readonly<Record<string, number>>;
  readonly challenge: Challenge;
  /** Challengers that wait for the hold time. */
  readonly held: readonly string[];
  readonly calmStep: boolean;
  /** An incumbent that carried flows may not any more. */
  readonly lost: boolean;
}

/** Gives everything to the first of the ranking, unless the incumbent stays; `usable` is ranked and not empty. */
export function winnerTakesAll(input: DecisionInput, usable: readonly Entry[]): Outcome {
  const first = usable[0]!;
  const incumbent = usable.find((entry) => entry.candidate.key === input.incumbent?.best);
  const lost = incumbent === undefined && hadBest(input);
  if (input.incumbent === undefined || incumbent === undefined || incumbent === first) {
    return { ...everything(first, NO_CHALLENGE, []), lost };
  }
  const incumbentUs = incumbent.cost?.total ?? Number.POSITIVE_INFINITY;
  const challengerUs = first.cost?.total ?? 0;
  if (!beats(challengerUs, incumbentUs, input.class)) return everything(incumbent, NO_CHALLENGE, []);
  const score = incumbent.candidate.state?.score;
  const troubled = score !== undefined && bandOf(score) === 'low';
  const challenge = judge({ challengerUs, incumbentUs, troubled }, input.incumbent, input.class, input.atMs);
  return challenge.accepted
    ? everything(first, challenge, [])
    : everything(incumbent, challenge, [first.candidate.key]);
}

function everything(entry: Entry, challenge: Challenge, held: readonly string[]): Outcome {
  const best = entry.candidate.key;
  return { weights: { [best]: WEIGHT_SUM }, best, share: { [best]: 1 }, challenge, held, calmStep: false, lost: false };
}

/** Splits toward equal marginal cost; weights in force stay until one of them would move by more than 1 %. `changed`: `isNews`. */
export function joint(
  input: DecisionInput,
  memory: SplitMemory,
  market: Market,
  changed: boolean,
  usable: readonly Entry[],
): Outcome {
  const { incumbent } = input;
  const keys = market.sites.map((site) => site.key);
  const inForce = incumbent?.weights ?? {};
  const lost = Object.keys(inForce).some((key) => !keys.includes(key));
  const held = incumbent?.challengedSinceMs !== undefined;
  const matured = held && input.atMs - incumbent.challengedSinceMs >= input.class.holdMs;
  const news = lost || matured || changed;
  const result = split(market, input, memory, { news, lost });
  const wanted = toWeights(keys, result.shares);
  const weights = !lost && incumbent?.best && !differs(wanted, inForce) ? inForce : wanted;
  const share: Record<string, number> = {};
  for (const [index, key] of keys.entries()) if (result.shares[index]! > 0) share[key] = result.shares[index]!;
  return {
    weights,
    best: bestOf(weights, usable, input, news),
    share,
    challenge: result.challenge,
    held: result.held,
    calmStep: result.calmStep,
    lost,
  };
}

export function hadBest(input: DecisionInput): boolean {
  return input.incumbent !== undefined && input.incumbent.best !== '';
}

/** First of the ranking that carries flows; the incumbent stays while it carries flows and is not beaten by the margin. */
function bestOf(weights: Weights, usable: readonly Entry[], input: DecisionInput, news: boolean): string {
  const carrying = usable.filter((entry) => (weights[entry.candidate.key] ?? 0) > 0);
  const first = carrying[0]!;
  const incumbent = carrying.find((entry) => entry.candidate.key === input.incumbent?.best);
  if (incumbent === undefined) return first.candidate.key;
  const stays = !news || !beats(first.cost?.total ?? 0, incumbent.cost?.total ?? 0, input.class);
  return (stays ? incumbent : first).candidate.key;
}
