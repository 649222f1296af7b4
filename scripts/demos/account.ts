// The account of a run: phases as the document has them, from what the generators counted and the scenario recorded. Pure.
import type { LoadSummary } from '../loadgen/loadgen.ts';
import type { DemoPhase } from './document.ts';
import type { PhaseRecord } from './scenario.ts';

/** One row a phase, the clients' counts together; without load every count is 0. */
export function accountOf(records: readonly PhaseRecord[], summaries: ReadonlyMap<string, LoadSummary>): DemoPhase[] {
  return records.map((record) => {
    const counted = [...summaries.values()].flatMap(({ phases }) => phases.filter(({ name }) => name === record.name));
    const total = (pick: (phase: (typeof counted)[number]) => number) => counted.reduce((n, one) => n + pick(one), 0);
    return {
      name: record.name,
      requests: sumOf(counted.map((one) => one.requests)),
      newFlows: sumOf(counted.map((one) => one.newFlows)),
      brokenFlows: total((one) => one.brokenFlows),
      lostPackets: total((one) => one.udp?.lost ?? 0),
      resumedAfterMs: resumedAfter(counted),
      startedAtMs: record.startedAtMs,
      durationMs: record.endedAtMs - record.startedAtMs,
      failedFlows: total((one) => one.failedFlows),
      movedFlows: total((one) => one.movedFlows),
      sentPackets: total((one) => one.udp?.sent ?? 0),
      streamGapMs: Math.max(0, ...counted.map((one) => one.udp?.longestGapMs ?? 0)),
      responseMs: slowest(counted.map((one) => one.responseMs)),
      weights: Object.fromEntries(
        Object.entries(record.weights).map(([ingress, weights]) => [ingress, { ...weights }]),
      ),
    };
  });
}

/** Of the client that waited longest; null when one of them still failed at the end of the phase. */
function resumedAfter(
  counted: readonly { readonly outageFromMs: number | null; readonly resumedAfterMs: number | null }[],
): number | null {
  const outages = counted.filter(({ outageFromMs }) => outageFromMs !== null).map((one) => one.resumedAfterMs);
  if (outages.includes(null)) return null;
  return Math.max(0, ...outages.map((ms) => ms ?? 0));
}

/** Percentiles of two clients cannot be merged: those of the worse one, with all samples counted. */
function slowest(percentiles: readonly { readonly p50: number; readonly p99: number; readonly n: number }[]) {
  const worst = percentiles.toSorted((a, b) => b.p99 - a.p99)[0];
  return { p50: worst?.p50 ?? 0, p99: worst?.p99 ?? 0, n: percentiles.reduce((n, one) => n + one.n, 0) };
}

function sumOf(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const count of counts) for (const [name, n] of Object.entries(count)) sum[name] = (sum[name] ?? 0) + n;
  return sum;
}
