// Everything that happened on one time axis: the accounts of the load generators, each with its own clock origin, the
// phases, and the decisions. Pure; the chart draws it and the verdict reads it.
import type { LoadSummary } from '../loadgen/loadgen.ts';
import type { PhaseRecord } from './scenario.ts';

/** A decision that moved weights. */
export interface DecisionMark {
  readonly ingress: string;
  /** Wall clock, ms since 1970. */
  readonly atMs: number;
  readonly change: string;
  readonly weights: Readonly<Record<string, number>>;
}

export interface TimelinePoint {
  /** Start of the bucket, ms since the origin of the timeline. */
  readonly atMs: number;
  readonly newFlows: Readonly<Record<string, number>>;
  readonly failed: number;
  readonly broken: number;
  readonly lostPackets: number;
  /** Median response time of requests that started in it; null: none did. */
  readonly responseMs: number | null;
}

export interface IngressTimeline {
  readonly client: string;
  readonly ingress: string;
  readonly points: readonly TimelinePoint[];
  /** `atMs` since the origin. */
  readonly decisions: readonly DecisionMark[];
}

export interface Timeline {
  /** Wall clock of 0, ms since 1970. */
  readonly originMs: number;
  readonly lengthMs: number;
  readonly bucketMs: number;
  /** All contact instances in the order of their names, which gives them their colours. */
  readonly instances: readonly string[];
  readonly phases: readonly {
    readonly name: string;
    readonly what: string;
    readonly fromMs: number;
    readonly toMs: number;
  }[];
  readonly ingresses: readonly IngressTimeline[];
}

export interface TimelineInput {
  readonly phases: readonly PhaseRecord[];
  readonly clients: readonly { readonly client: string; readonly ingress: string }[];
  readonly summaries: ReadonlyMap<string, LoadSummary>;
  readonly decisions: readonly DecisionMark[];
  /** All contact instances, whether or not they served. */
  readonly instances: readonly string[];
  /** A multiple of the generators' bucket. */
  readonly bucketMs: number;
}

export function buildTimeline({ phases, clients, summaries, decisions, instances, bucketMs }: TimelineInput): Timeline {
  const originMs = phases[0]?.startedAtMs ?? 0;
  const lengthMs = (phases.at(-1)?.endedAtMs ?? originMs) - originMs;
  return {
    originMs,
    lengthMs,
    bucketMs,
    instances: instances.toSorted(),
    phases: phases.map(({ name, what, startedAtMs, endedAtMs }, i) => ({
      name,
      what,
      fromMs: startedAtMs - originMs,
      toMs: (phases[i + 1]?.startedAtMs ?? endedAtMs) - originMs,
    })),
    ingresses: clients.map(({ client, ingress }) => ({
      client,
      ingress,
      points: pointsOf(summaries.get(client), originMs, lengthMs, bucketMs),
      decisions: decisions
        .filter((mark) => mark.ingress === ingress)
        .map((mark) => ({ ...mark, atMs: mark.atMs - originMs })),
    })),
  };
}

interface Sum {
  readonly newFlows: Record<string, number>;
  failed: number;
  broken: number;
  lostPackets: number;
  readonly medians: number[];
}

/** Sums the generator's buckets into ours; what lies outside the timeline (the first moments, the last answers) is left out. */
function pointsOf(
  summary: LoadSummary | undefined,
  originMs: number,
  lengthMs: number,
  bucketMs: number,
): TimelinePoint[] {
  if (summary === undefined) return [];
  const sums = Array.from(
    { length: Math.ceil(lengthMs / bucketMs) },
    (): Sum => ({ newFlows: {}, failed: 0, broken: 0, lostPackets: 0, medians: [] }),
  );
  const lost = summary.udpLostOverTime ?? [];
  const buckets = Math.max(summary.timeline.length, lost.length);
  for (let i = 0; i < buckets; i++) {
    const sum = sums[Math.floor((summary.startedAtMs + i * summary.bucketMs - originMs) / bucketMs)];
    if (sum === undefined) continue;
    sum.lostPackets += lost[i] ?? 0;
    const bucket = summary.timeline[i];
    if (bucket === undefined) continue;
    for (const [name, n] of Object.entries(bucket.newFlows)) sum.newFlows[name] = (sum.newFlows[name] ?? 0) + n;
    sum.failed += bucket.failed;
    sum.broken += bucket.broken;
    if (bucket.responseP50Ms !== null) sum.medians.push(bucket.responseP50Ms);
  }
  return sums.map(({ medians, ...rest }, i) => ({ atMs: i * bucketMs, ...rest, responseMs: middle(medians) }));
}

function middle(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? null;
}
