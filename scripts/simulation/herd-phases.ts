// What came of a run of the herd simulation, stretch by stretch, as ratios to the static optimum.
import type { Scenario } from './herd-scenario.ts';
import { optimumUs, type Problem } from './optimum.ts';

/** One stretch of a run, as ratios to the static optimum of its own demand and capacity. */
export interface Phase {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly optimumUs: number;
  readonly meanRatio: number;
  readonly p99Us: number;
  /** Sum of |change of share| / 2, per ingress and minute. */
  readonly churn: number;
}

/** What happened in a run, in order of time. */
export interface Course {
  readonly responses: { readonly sentMs: number; readonly us: number; readonly site: number }[];
  /** Changes of the shares of an ingress. */
  readonly moves: { readonly atMs: number; readonly change: number }[];
  /** At the start, and after each change of demand or capacity. */
  readonly problems: { readonly atMs: number; readonly problem: Problem }[];
}

/** The stretches of a scenario, each judged by the optimum of its own demand. */
export function phasesOf(
  { crowdAtMs, lossAtMs, durationMs, ingresses }: Scenario,
  { problems, responses, moves }: Course,
): Phase[] {
  const bounds: readonly (readonly [string, number, number, number])[] = [
    ['calm', crowdAtMs / 3, crowdAtMs, 0],
    ['crowd', crowdAtMs, (crowdAtMs + lossAtMs) / 2, 1],
    ['crowd settled', (crowdAtMs + lossAtMs) / 2, lossAtMs, 1],
    ['loss', lossAtMs, (lossAtMs + durationMs) / 2, 2],
    ['loss settled', (lossAtMs + durationMs) / 2, durationMs, 2],
  ];
  const optima = problems.map(({ problem }) => optimumUs(problem));
  return bounds.map(([name, fromMs, toMs, at]): Phase => {
    const times = responses.filter((it) => it.sentMs >= fromMs && it.sentMs < toMs).map((it) => it.us);
    times.sort((a, b) => a - b);
    const mean = times.reduce((a, b) => a + b, 0) / times.length;
    const change = moves.filter((it) => it.atMs >= fromMs && it.atMs < toMs).reduce((sum, it) => sum + it.change, 0);
    return {
      name,
      fromMs,
      toMs,
      optimumUs: optima[at]!,
      meanRatio: mean / optima[at]!,
      p99Us: times[Math.floor(times.length * 0.99)] ?? 0,
      churn: (change * 60_000) / (toMs - fromMs) / ingresses,
    };
  });
}
