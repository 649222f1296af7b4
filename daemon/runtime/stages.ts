// Where the time goes between a load report and the kernel: one histogram a stage, in microseconds.
import type { FibResult } from '../../lib/fib/fib.ts';
import type { ComputeState } from '../../lib/model/compute-state.ts';
import type { RouterEvent } from '../../lib/router/event.ts';
import { monotonicMs, wallClockMs } from './clock.ts';
import { Histogram, type Quantiles } from './histogram.ts';

export const STAGES = {
  /** Agent measured -> this router received; clocks of two hosts, so only as good as their synchronisation. */
  'report-to-receive': 'wall clock of the agent to reception here',
  'receive-to-decide': 'reception of the event to the end of the decision',
  'decide-to-netlink': 'decision to the last netlink acknowledgement',
  'netlink-to-affinity': 'netlink acknowledgement to the nft transaction in force',
  'receive-to-kernel': 'reception of the event to the kernel changed, affinity included',
  'report-to-kernel': 'wall clock of the agent to the kernel changed here, affinity included',
} as const;
export type Stage = keyof typeof STAGES;

export class Stages {
  readonly #histograms = new Map<Stage, Histogram>();
  /** Events handled, by type. */
  readonly events = new Map<string, number>();

  observe(event: RouterEvent): void {
    this.events.set(event.type, (this.events.get(event.type) ?? 0) + 1);
    const states = computeStates(event);
    if (states.length === 0) return;
    const wallMs = wallClockMs() - (monotonicMs() - event.atMs);
    for (const state of states) this.#add('report-to-receive', Math.max(0, wallMs - state.measuredAtMs) * 1000);
  }

  /** Only changes that a compute state caused: the path from a load report to the kernel. */
  programmed(cause: string, event: RouterEvent, decidedAtMs: number, result: FibResult): void {
    if (cause !== 'compute' || result.failures.length > 0) return;
    const kernelAtMs = Math.max(result.netlinkDoneAtMs, result.affinityDoneAtMs);
    // The memory FIB changes no kernel.
    if (kernelAtMs === 0) return;
    this.#add('receive-to-decide', (decidedAtMs - event.atMs) * 1000);
    this.#add('decide-to-netlink', Math.max(0, result.netlinkDoneAtMs - decidedAtMs) * 1000);
    this.#add('netlink-to-affinity', Math.max(0, result.affinityDoneAtMs - result.netlinkDoneAtMs) * 1000);
    this.#add('receive-to-kernel', (kernelAtMs - event.atMs) * 1000);
    const wallMs = wallClockMs() - (monotonicMs() - kernelAtMs);
    for (const state of computeStates(event))
      this.#add('report-to-kernel', Math.max(0, wallMs - state.measuredAtMs) * 1000);
  }

  quantiles(): ReadonlyMap<Stage, Quantiles> {
    return new Map([...this.#histograms].map(([stage, histogram]) => [stage, histogram.quantiles()]));
  }

  #add(stage: Stage, us: number): void {
    let histogram = this.#histograms.get(stage);
    if (histogram === undefined) this.#histograms.set(stage, (histogram = new Histogram()));
    histogram.add(us);
  }
}

function computeStates(event: RouterEvent): readonly ComputeState[] {
  return event.type === 'message' && event.message.type === 'UPDATE' ? (event.message.compute?.state ?? []) : [];
}
