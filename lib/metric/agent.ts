// The C-SMA (RFC 10053 3.4): turns samples and health checks of one contact instance into the compute state that is sent,
// and says when. Pure: time comes in with every call. It does not scrape, and does not know peers or routes.
import type { LocalInstanceConfig } from '../config/config.ts';
import type { ComputeState } from '../model/compute-state.ts';

export type AgentConfig = Pick<LocalInstanceConfig, 'metrics' | 'health' | 'reportIntervalMs' | 'validForMs'>;

/** Both clocks at one moment: monotonic for intervals, ms since 1970 for what goes on the wire. */
export interface Moment {
  readonly atMs: number;
  readonly wallMs: number;
}

/** What one scrape saw. `arrivals`, `completions` and `busySeconds` are totals since the service started. */
export interface InstanceSample extends Moment {
  readonly workers: number;
  readonly inFlight: number;
  readonly arrivals: number;
  readonly completions: number;
  readonly busySeconds: number;
  /** The source's own clock, where it says; ms since 1970. */
  readonly measuredAtMs?: number;
}

/** A ready-made report from outside; what is absent is unknown, and a bare score is enough. */
export type PushedReport = Moment & Partial<Omit<ComputeState, 'sequence'>>;

/** Why a report goes out now. */
export type ReportCause = 'first' | 'interval' | 'in-flight' | 'rate' | 'band' | 'health';

/** Why a sample or pushed report was not used; verbatim in logs and `show metrics`. */
export type SampleFault =
  | 'not-a-number'
  | 'negative'
  | 'sentinel'
  | 'stale'
  | 'skewed'
  | 'no-workers'
  | 'counter-reset'
  | 'out-of-range';

/** Why the instance is not offered. */
export type UnhealthyReason = 'no-sample' | 'sample-aged' | 'check-failed' | 'no-check';

export interface AgentOutcome {
  readonly agent: Agent;
  /** Send this now. */
  readonly report?: ComputeState;
  readonly cause?: ReportCause;
  /** Only when it changed: announce or withdraw the route. */
  readonly health?: { readonly healthy: boolean; readonly reason: UnhealthyReason | ''; readonly detail: string };
  readonly rejected?: { readonly reason: SampleFault; readonly detail: string };
  /** Call `due` at this monotonic time at the latest. */
  readonly dueAtMs: number;
}

/** Plain data, owned by the caller, replaced by every call. */
export interface Agent {
  readonly config: AgentConfig;
  readonly healthy: boolean;
  readonly reason: UnhealthyReason | '';
  /** Last report sent. */
  readonly reported?: ComputeState;
}

export function createAgent(_config: AgentConfig, _now: Moment): Agent {
  throw new Error('lib/metric is being written');
}
export function observe(_agent: Agent, _sample: InstanceSample): AgentOutcome {
  throw new Error('lib/metric is being written');
}
export function push(_agent: Agent, _report: PushedReport): AgentOutcome {
  throw new Error('lib/metric is being written');
}
export function health(
  _agent: Agent,
  _check: Moment & { readonly ok: boolean; readonly reason: string },
): AgentOutcome {
  throw new Error('lib/metric is being written');
}
/** The clock passed `dueAtMs`: ages out, repeats a report. */
export function due(_agent: Agent, _now: Moment): AgentOutcome {
  throw new Error('lib/metric is being written');
}
