// The best that fixed shares can do, found without the code that decides: minimises the mean response over all
// ingresses, with all of them and all loads known. The bound that strategies are measured against.
import {
  type InverseTable,
  inverseTable,
  marginalUs,
  rateAtPrice,
  serviceTimeUs,
} from '../../lib/metric/service-time.ts';

export interface Problem {
  /** Requests per second of each ingress. */
  readonly rates: readonly number[];
  readonly sites: readonly { readonly workers: number; readonly workTimeUs: number }[];
  /** Round trip of each ingress to each site, µs. */
  readonly roundTripUs: readonly (readonly number[])[];
}

/** Mean response in µs of shares x[i][j]. */
export function meanResponseUs(problem: Problem, shares: readonly (readonly number[])[]): number {
  const load = loads(problem, shares);
  const total = problem.rates.reduce((a, b) => a + b, 0);
  let sum = 0;
  for (const [i, rate] of problem.rates.entries()) {
    for (const [j, site] of problem.sites.entries()) {
      const time = serviceTimeUs(load[j]!, site.workers, site.workTimeUs);
      sum += rate * shares[i]![j]! * (problem.roundTripUs[i]![j]! + time);
    }
  }
  return sum / total;
}

/**
 * Mean response at the optimum, µs: each ingress in turn fills up the sites against the load of all others, until the
 * duality gap (how much the mean could still fall) is below `precision` of the mean. Throws when it does not get there.
 */
export function optimumUs(problem: Problem, precision = 0.01): number {
  const total = problem.rates.reduce((a, b) => a + b, 0);
  const tables = problem.sites.map((site) => inverseTable(site.workers));
  const shares = problem.rates.map(() => problem.sites.map(() => 1 / problem.sites.length));
  for (let round = 0; round < 500; round++) {
    const load = loads(problem, shares);
    const mean = meanResponseUs(problem, shares);
    if (dualityGap(problem, shares, load) / total < precision * mean) return mean;
    for (const [i, rate] of problem.rates.entries()) {
      const others = load.map((all, j) => all - rate * shares[i]![j]!);
      shares[i] = bestAnswer(problem, tables, i, others);
      for (const j of load.keys()) load[j] = others[j]! + rate * shares[i]![j]!;
    }
  }
  throw new Error('the static optimum was not found');
}

/** Shares of ingress `i` that cost all requests together least while the others stay: equal prices, by bisection. */
function bestAnswer(problem: Problem, tables: readonly InverseTable[], i: number, others: readonly number[]): number[] {
  const rate = problem.rates[i]!;
  const at = (level: number) =>
    problem.sites.map((site, j) => {
      const wanted = rateAtPrice(tables[j]!, level - problem.roundTripUs[i]![j]!, site.workTimeUs);
      return Math.max(0, wanted - others[j]!) / rate;
    });
  let low = 0;
  let high = 1e9;
  for (let round = 0; round < 50; round++) {
    const level = (low + high) / 2;
    if (sumOf(at(level)) < 1) low = level;
    else high = level;
  }
  const filled = at(high);
  const sum = sumOf(filled);
  return filled.map((share) => share / sum);
}

function dualityGap(problem: Problem, shares: readonly (readonly number[])[], load: readonly number[]): number {
  const price = problem.sites.map((site, j) => marginalUs(load[j]!, site.workers, site.workTimeUs));
  let gap = 0;
  for (const [i, rate] of problem.rates.entries()) {
    const cost = price.map((value, j) => value + problem.roundTripUs[i]![j]!);
    gap += rate * (sumOf(shares[i]!.map((share, j) => share * cost[j]!)) - Math.min(...cost));
  }
  return gap;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

function loads(problem: Problem, shares: readonly (readonly number[])[]): number[] {
  return problem.sites.map((_, j) => problem.rates.reduce((sum, rate, i) => sum + rate * shares[i]![j]!, 0));
}
