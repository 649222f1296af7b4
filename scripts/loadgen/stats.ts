// What the load generator counts: per phase for tables, per 100 ms for the timeline. Phases are marked while it runs;
// a flow belongs to the phase in which it started, a failure to the phase that may have caused it.

/** Outcome of one request; times are monotonic ms. */
export type Outcome =
  /** `newFlow`: the first answer on its TCP connection. */
  | {
      readonly kind: 'answered';
      readonly startMs: number;
      readonly endMs: number;
      readonly instance: string;
      readonly newFlow: boolean;
    }
  /** The instance refused for want of capacity (503). */
  | { readonly kind: 'overloaded'; readonly startMs: number; readonly instance: string }
  /** No TCP connection came about. */
  | { readonly kind: 'failed'; readonly startMs: number }
  /** An established flow was reset or went silent; `aliveMs` is its last sign of life. */
  | { readonly kind: 'broken'; readonly startMs: number; readonly aliveMs: number; readonly newFlow: boolean }
  /** A flow was answered by another contact instance than before: affinity was lost. */
  | { readonly kind: 'moved'; readonly startMs: number };

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly n: number;
}

export interface PhaseSummary {
  readonly name: string;
  /** Wall clock, ms since 1970. */
  readonly startedAtMs: number;
  readonly durationMs: number;
  /** Answered requests, and flows (TCP connections) opened, per contact instance. */
  readonly requests: Readonly<Record<string, number>>;
  readonly newFlows: Readonly<Record<string, number>>;
  /** Start of the first and last flow of this phase that reached the instance, ms after the phase began. */
  readonly firstFlowMs: Readonly<Record<string, number>>;
  readonly lastFlowMs: Readonly<Record<string, number>>;
  readonly overloaded: number;
  readonly failedFlows: number;
  readonly brokenFlows: number;
  readonly movedFlows: number;
  readonly responseMs: Percentiles;
  /** First new connection that failed, ms after the phase began; null: none did. */
  readonly outageFromMs: number | null;
  /** From there to the first new connection after which all succeeded; null: no outage, or it did not end. */
  readonly resumedAfterMs: number | null;
}

export interface TimelineBucket {
  /** Ms since the start of the run. */
  readonly atMs: number;
  readonly requests: Readonly<Record<string, number>>;
  readonly newFlows: Readonly<Record<string, number>>;
  readonly failed: number;
  readonly broken: number;
  readonly overloaded: number;
  readonly responseP50Ms: number | null;
  readonly responseMaxMs: number | null;
}

export interface LoadTotals {
  readonly requests: Readonly<Record<string, number>>;
  readonly failed: number;
  readonly broken: number;
  readonly overloaded: number;
}

export const BUCKET_MS = 100;
/** A mark is made before the cut it announces: a flow alive this shortly before it was killed by what came after. */
const CAUSE_GRACE_MS = 100;
/** Two hours of timeline; later buckets are not kept. */
const MAX_BUCKETS = 72_000;
/** Attempts remembered a phase to find its outage; later ones count, but are not looked at. */
const MAX_ATTEMPTS = 1_000_000;

interface Tally {
  readonly requests: Record<string, number>;
  readonly newFlows: Record<string, number>;
  readonly responsesMs: number[];
  failed: number;
  broken: number;
  overloaded: number;
}

interface Phase extends Tally {
  readonly name: string;
  readonly startMs: number;
  readonly firstFlowMs: Record<string, number>;
  readonly lastFlowMs: Record<string, number>;
  readonly attempts: { readonly startMs: number; readonly ok: boolean }[];
  moved: number;
}

export class LoadStats {
  readonly #startMs: number;
  readonly #wallOriginMs: number;
  readonly #phases: Phase[];
  readonly #buckets: Tally[] = [];
  readonly #totals = { requests: {} as Record<string, number>, failed: 0, broken: 0, overloaded: 0 };

  /** `wallOriginMs + monotonic ms` is the wall clock. */
  constructor(startMs: number, wallOriginMs: number, phase: string) {
    this.#startMs = startMs;
    this.#wallOriginMs = wallOriginMs;
    this.#phases = [newPhase(phase, startMs)];
  }

  get phase(): string {
    return this.#phases.at(-1)!.name;
  }

  /** Counts since the start of the run. */
  get totals(): LoadTotals {
    return { ...this.#totals, requests: { ...this.#totals.requests } };
  }

  mark(name: string, atMs: number): void {
    this.#phases.push(newPhase(name, atMs));
  }

  /** Index of the phase that an event at this time belongs to. */
  phaseAt(atMs: number): number {
    const later = this.#phases.findIndex((phase) => phase.startMs > atMs);
    return later < 0 ? this.#phases.length - 1 : Math.max(0, later - 1);
  }

  /** Index of the phase to charge for the loss of something last alive at this time. */
  phaseOfLoss(aliveMs: number): number {
    return this.phaseAt(aliveMs + CAUSE_GRACE_MS);
  }

  record(outcome: Outcome): void {
    const aliveMs = outcome.kind === 'broken' ? outcome.aliveMs : outcome.startMs;
    const lost = outcome.kind === 'broken' || outcome.kind === 'failed';
    const phase = this.#phases[lost ? this.phaseOfLoss(aliveMs) : this.phaseAt(outcome.startMs)]!;
    const bucket = this.#bucketAt(outcome.startMs);
    if (outcome.kind === 'moved') {
      phase.moved++;
      return;
    }
    // An outage is about new connections: what an old one does says nothing of whether a client gets through now.
    const attempt = !('newFlow' in outcome) || outcome.newFlow;
    if (attempt && phase.attempts.length < MAX_ATTEMPTS) phase.attempts.push({ startMs: outcome.startMs, ok: !lost });
    for (const tally of [phase, bucket]) if (tally) count(tally, outcome);
    if (outcome.kind === 'answered') add(this.#totals.requests, outcome.instance, 1);
    else this.#totals[outcome.kind]++;
    if (outcome.kind !== 'answered' || !outcome.newFlow) return;
    const afterMs = outcome.startMs - phase.startMs;
    phase.firstFlowMs[outcome.instance] = Math.min(
      phase.firstFlowMs[outcome.instance] ?? Number.POSITIVE_INFINITY,
      afterMs,
    );
    phase.lastFlowMs[outcome.instance] = Math.max(phase.lastFlowMs[outcome.instance] ?? 0, afterMs);
  }

  summary(endMs: number): PhaseSummary[] {
    return this.#phases.map((phase, i) => ({
      name: phase.name,
      startedAtMs: Math.round(this.#wallOriginMs + phase.startMs),
      durationMs: round((this.#phases[i + 1]?.startMs ?? endMs) - phase.startMs),
      requests: phase.requests,
      newFlows: phase.newFlows,
      firstFlowMs: mapValues(phase.firstFlowMs, round),
      lastFlowMs: mapValues(phase.lastFlowMs, round),
      overloaded: phase.overloaded,
      failedFlows: phase.failed,
      brokenFlows: phase.broken,
      movedFlows: phase.moved,
      responseMs: percentiles(phase.responsesMs),
      ...outage(phase),
    }));
  }

  timeline(): TimelineBucket[] {
    return Array.from(this.#buckets, (bucket, i) => this.#show(bucket ?? newTally(), i));
  }

  /** The bucket before last of the timeline, and so on: sums of the last whole second, for the live lines. */
  lastSecond(nowMs: number): Omit<TimelineBucket, 'atMs'> {
    const end = Math.floor((nowMs - this.#startMs) / BUCKET_MS);
    const sum = newTally();
    for (const bucket of this.#buckets.slice(Math.max(0, end - 1_000 / BUCKET_MS), end)) {
      if (!bucket) continue;
      for (const [name, n] of Object.entries(bucket.requests)) add(sum.requests, name, n);
      for (const [name, n] of Object.entries(bucket.newFlows)) add(sum.newFlows, name, n);
      sum.responsesMs.push(...bucket.responsesMs);
      sum.failed += bucket.failed;
      sum.broken += bucket.broken;
      sum.overloaded += bucket.overloaded;
    }
    const { atMs: _, ...shown } = this.#show(sum, 0);
    return shown;
  }

  #bucketAt(startMs: number): Tally | undefined {
    const index = Math.max(0, Math.floor((startMs - this.#startMs) / BUCKET_MS));
    if (index >= MAX_BUCKETS) return undefined;
    this.#buckets[index] ??= newTally();
    return this.#buckets[index];
  }

  #show(tally: Tally, index: number): TimelineBucket {
    const { p50, n } = percentiles(tally.responsesMs);
    return {
      atMs: index * BUCKET_MS,
      requests: tally.requests,
      newFlows: tally.newFlows,
      failed: tally.failed,
      broken: tally.broken,
      overloaded: tally.overloaded,
      responseP50Ms: n > 0 ? p50 : null,
      responseMaxMs: n > 0 ? round(tally.responsesMs.reduce((most, ms) => Math.max(most, ms), 0)) : null,
    };
  }
}

function count(tally: Tally, outcome: Exclude<Outcome, { kind: 'moved' }>): void {
  switch (outcome.kind) {
    case 'answered':
      add(tally.requests, outcome.instance, 1);
      if (outcome.newFlow) add(tally.newFlows, outcome.instance, 1);
      tally.responsesMs.push(outcome.endMs - outcome.startMs);
      return;
    case 'overloaded':
      tally.overloaded++;
      return;
    case 'failed':
      tally.failed++;
      return;
    case 'broken':
      tally.broken++;
      return;
    default:
      outcome satisfies never;
  }
}

/** From the first attempt that failed to the first one after the last that failed; one attempt's gap is the grain. */
function outage(phase: Phase): Pick<PhaseSummary, 'outageFromMs' | 'resumedAfterMs'> {
  const attempts = phase.attempts.sort((a, b) => a.startMs - b.startMs);
  const first = attempts.find((attempt) => !attempt.ok);
  if (!first) return { outageFromMs: null, resumedAfterMs: null };
  const resumed = attempts[attempts.findLastIndex((attempt) => !attempt.ok) + 1];
  return {
    // A failure charged to this phase may have started just before it.
    outageFromMs: round(Math.max(0, first.startMs - phase.startMs)),
    resumedAfterMs: resumed ? round(resumed.startMs - first.startMs) : null,
  };
}

/** Nearest-rank percentiles, ms; zeroes of nothing. */
export function percentiles(valuesMs: readonly number[]): Percentiles {
  const sorted = Float64Array.from(valuesMs).sort();
  const at = (p: number) => round(sorted[Math.max(0, Math.ceil((sorted.length * p) / 100) - 1)] ?? 0);
  return { p50: at(50), p99: at(99), n: sorted.length };
}

function newPhase(name: string, startMs: number): Phase {
  return { ...newTally(), name, startMs, firstFlowMs: {}, lastFlowMs: {}, attempts: [], moved: 0 };
}

function newTally(): Tally {
  return { requests: {}, newFlows: {}, responsesMs: [], failed: 0, broken: 0, overloaded: 0 };
}

function add(counts: Record<string, number>, name: string, n: number): void {
  counts[name] = (counts[name] ?? 0) + n;
}

function mapValues(record: Readonly<Record<string, number>>, map: (value: number) => number): Record<string, number> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

function round(ms: number): number {
  return Math.round(ms * 1e3) / 1e3;
}
