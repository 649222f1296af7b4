// The C-SMA (RFC 10053): turns samples and health checks of one contact instance into the compute state that is sent,
// and says when. Sends only what matters: once an interval, and sooner when load jumps or a band is left. Pure: time
// comes in with every call. It does not scrape, and does not know peers or routes.
import type { LocalInstanceConfig } from '../config/config.ts';
import type { ComputeState } from '../model/compute-state.ts';
import { describeLoad, type Measurement, measure } from './measure.ts';
import { quantise } from './quantise.ts';
import { type ReportCause, reportCause } from './report-cause.ts';
import {
  hasReset,
  type InstanceSample,
  type Moment,
  numberFault,
  type PushedReport,
  type Rejection,
  sampleFault,
  timeFault,
} from './sample.ts';
import { asScore, MAX_SCORE, OUT_OF_SERVICE } from './score.ts';
import { NO_WORK, type Work } from './work.ts';

export type { ReportCause } from './report-cause.ts';
export type { InstanceSample, Moment, PushedReport, Rejection, SampleFault } from './sample.ts';

export type AgentConfig = Pick<
  LocalInstanceConfig,
  'metrics' | 'health' | 'reportIntervalMs' | 'validForMs' | 'deadBandPercent'
>;

/** Why the instance is not offered. */
export type UnhealthyReason = 'no-sample' | 'sample-aged' | 'check-failed' | 'no-check';

export interface AgentOutcome {
  readonly agent: Agent;
  /** Send this now. */
  readonly report?: ComputeState;
  readonly cause?: ReportCause;
  /** Only when it changed: announce or withdraw the route. */
  readonly health?: { readonly healthy: boolean; readonly reason: UnhealthyReason | ''; readonly detail: string };
  readonly rejected?: Rejection;
  /** Call `due` at this monotonic time at the latest. */
  readonly dueAtMs: number;
}

/** Plain data, owned by the caller, replaced by every call. */
export interface Agent {
  readonly config: AgentConfig;
  readonly healthy: boolean;
  readonly reason: UnhealthyReason | '';
  /** Result of the checks so far; absent: none yet. `run`: successive results that contradict `up`. */
  readonly checks: { readonly up?: boolean; readonly run: number; readonly detail: string };
  readonly samples: readonly InstanceSample[];
  readonly work: Work;
  /** Newest measurement, sent or not. */
  readonly measurement?: Measurement;
  readonly goodAtMs?: number;
  /** The measurement is good until this long after `goodAtMs`. */
  readonly goodForMs: number;
  /** Last report sent. */
  readonly reported?: ComputeState;
  readonly reportedAtMs: number;
  /** Of the next report. Starts from the wall clock, so it survives a restart unless that clock was set back. */
  readonly sequence: number;
}

/** An agent that has seen nothing: unhealthy until a check passed and a sample was good. */
export function createAgent(config: AgentConfig, now: Moment): Agent {
  const unchecked = config.health.kind === 'none';
  return {
    config,
    healthy: false,
    reason: unchecked ? 'no-sample' : 'no-check',
    checks: { ...(unchecked ? { up: true } : {}), run: 0, detail: '' },
    samples: [],
    work: NO_WORK,
    goodForMs: 0,
    reportedAtMs: Number.MIN_SAFE_INTEGER,
    sequence: Math.max(1, Math.floor(now.wallMs)),
  };
}

/** Takes a scraped sample. */
export function observe(agent: Agent, sample: InstanceSample): AgentOutcome {
  const { validForMs, reportIntervalMs } = agent.config;
  const previous = agent.samples.at(-1);
  const rejected = sampleFault(sample, previous, validForMs);
  if (rejected !== undefined) return { ...settle(agent, sample), rejected };
  const reset = previous !== undefined && hasReset(sample, previous);
  const before = reset ? [] : agent.samples;
  // After a reset the work time so far still describes the service better than the first few requests do.
  const measured = measure(before, agent.work, sample, Math.min(1000, reportIntervalMs), validForMs);
  const next: Agent = { ...agent, ...measured, goodAtMs: sample.atMs, goodForMs: validForMs / 3 };
  const outcome = settle(next, sample);
  if (!reset) return outcome;
  return { ...outcome, rejected: { reason: 'counter-reset', detail: 'totals fell: the service restarted' } };
}

/** Takes a ready-made report: queue numbers where it has workers, work time and arrival rate, else a bare score. */
export function push(agent: Agent, report: PushedReport): AgentOutcome {
  const rejected = pushFault(report, agent.config.validForMs);
  if (rejected !== undefined) return { ...settle(agent, report), rejected };
  const { atMs, wallMs, ...given } = report;
  const { workers = 0, workTimeUs = 0, arrivalRate, inFlight = 0 } = given;
  const load =
    workers > 0 && workTimeUs > 0 && arrivalRate !== undefined
      ? describeLoad(arrivalRate, inFlight, workers, workTimeUs)
      : {
          score: asScore(given.score ?? 0),
          serviceTimeUs: 0,
          spareCapacity: 0,
          inFlight,
          arrivalRate: arrivalRate ?? 0,
        };
  const score = given.score ?? load.score;
  const measurement: Measurement = {
    workers,
    workTimeUs,
    computeScore: score,
    serviceScore: score,
    source: 'estimation',
    statistic: 'cur',
    windowMs: 0,
    measuredAtMs: wallMs,
    validForMs: agent.config.validForMs,
    ...load,
    ...given,
  };
  const next: Agent = { ...agent, measurement, goodAtMs: atMs, goodForMs: measurement.validForMs };
  return settle(next, report);
}

/** Takes one result of the health check. The first decides at once; later ones count up to `rise` or `fall`. */
export function health(agent: Agent, check: Moment & { readonly ok: boolean; readonly reason: string }): AgentOutcome {
  const { up, run } = agent.checks;
  const needed = check.ok ? agent.config.health.rise : agent.config.health.fall;
  const against = up === check.ok ? 0 : run + 1;
  const turned = up === undefined || against >= needed;
  const checks = { up: turned ? check.ok : up, run: turned ? 0 : against, detail: check.reason };
  return settle({ ...agent, checks }, check, false);
}

/** The clock passed `dueAtMs`: what was measured may have aged. */
export function due(agent: Agent, now: Moment): AgentOutcome {
  return settle(agent, now, false);
}

/** Brings health and report in line with what is known at `now`; `fresh`: a measurement may just have been made. */
function settle(agent: Agent, now: Moment, fresh = true): AgentOutcome {
  const reason = whyUnhealthy(agent, now.atMs);
  const healthy = reason === '';
  const turned = healthy !== agent.healthy;
  const settled: Agent = { ...agent, healthy, reason };
  const agesAtMs = healthy ? agent.goodAtMs! + agent.goodForMs : now.atMs + agent.config.validForMs / 3;
  const change = turned ? { health: { healthy, reason, detail: agent.checks.detail } } : {};
  const cause = causeAt(settled, now.atMs, turned, fresh);
  const mayTellAtMs = agent.reportedAtMs + agent.config.reportIntervalMs;
  const waits = healthy && isUntold(settled) && now.atMs < mayTellAtMs;
  if (cause === undefined)
    return { agent: settled, ...change, dueAtMs: waits ? Math.min(mayTellAtMs, agesAtMs) : agesAtMs };
  const report = { ...quantise(gated(settled.measurement!, healthy)), sequence: agent.sequence };
  const sent: Agent = { ...settled, reported: report, reportedAtMs: now.atMs, sequence: agent.sequence + 1 };
  return { agent: sent, report, cause, ...change, dueAtMs: agesAtMs };
}

/** A push came too soon after the last report. A scrape that does is followed by the next; after a push there may be none. */
function isUntold({ config, reported, goodAtMs = 0, reportedAtMs }: Agent): boolean {
  return config.metrics.kind === 'push' && reported !== undefined && goodAtMs > reportedAtMs;
}

function causeAt(agent: Agent, atMs: number, turned: boolean, fresh: boolean): ReportCause | undefined {
  if (agent.measurement === undefined) return undefined;
  if (turned) return agent.reported === undefined ? 'first' : 'health';
  if (!agent.healthy || !((fresh && agent.goodAtMs === atMs) || isUntold(agent))) return undefined;
  if (agent.reported === undefined) return 'first';
  const { reportIntervalMs, validForMs, deadBandPercent } = agent.config;
  const deadBand = deadBandPercent === undefined ? undefined : { percent: deadBandPercent, repeatMs: validForMs / 3 };
  return reportCause(agent.measurement, agent.reported, atMs - agent.reportedAtMs, reportIntervalMs, deadBand);
}

function whyUnhealthy(agent: Agent, atMs: number): UnhealthyReason | '' {
  if (agent.checks.up === undefined) return 'no-check';
  if (!agent.checks.up) return 'check-failed';
  if (agent.goodAtMs === undefined) return 'no-sample';
  return atMs - agent.goodAtMs >= agent.goodForMs ? 'sample-aged' : '';
}

/** Gating (draft-ietf-cats-metric-definition): an unhealthy instance has the lowest score and nothing to spare. */
function gated(measurement: Measurement, healthy: boolean): Measurement {
  if (healthy) return measurement;
  return { ...measurement, score: OUT_OF_SERVICE, serviceScore: OUT_OF_SERVICE, spareCapacity: 0 };
}

/** Why a ready-made report is not used; undefined: it is. */
export function pushFault(report: PushedReport, validForMs: number): Rejection | undefined {
  for (const [name, value] of Object.entries(report)) {
    if (typeof value !== 'number' || name === 'atMs' || name === 'wallMs') continue;
    const fault = numberFault(name, value);
    if (fault !== undefined) return fault;
  }
  for (const name of ['score', 'computeScore', 'serviceScore'] as const) {
    const score = report[name];
    if (score === undefined || (Number.isInteger(score) && score <= MAX_SCORE)) continue;
    return { reason: 'out-of-range', detail: `${name} is ${score}, not an integer 0..10` };
  }
  const { workers = 0, workTimeUs = 0, arrivalRate } = report;
  if (report.score === undefined && !(workers > 0 && workTimeUs > 0 && arrivalRate !== undefined)) {
    return { reason: 'incomplete', detail: 'neither score nor workers, workTimeUs and arrivalRate' };
  }
  return timeFault(report, validForMs);
}
