// Where the time goes between a load report and the kernel, and how late the one writer makes others: one histogram a
// stage, in microseconds.
import type { FibResult } from '../../lib/fib/fib.ts';
import type { PeerName } from '../../lib/model/identity.ts';
import { STATE, STATE_NUMBERS } from '../../lib/model/state-row.ts';
import type { RouterEvent } from '../../lib/router/event.ts';
import type { ConnectionId } from '../../lib/session/peer-contract.ts';
import { monotonicMs, wallClockMs } from './clock.ts';
import { Histogram, type Quantiles } from './histogram.ts';

export const STAGES = {
  /** Agent measured -> this router received; clocks of two hosts, so only as good as their synchronisation. */
  'report-to-receive': 'wall clock of the agent to reception here',
  'receive-to-decide': 'reception of the event to the end of the decision',
  'decide-to-request': 'decision to the first request to the kernel',
  'request-to-ack': 'first request to the last netlink acknowledgement',
  'decide-to-netlink': 'decision to the last netlink acknowledgement',
  'netlink-to-affinity': 'netlink acknowledgement to the nft transaction in force',
  'receive-to-kernel': 'reception of the event to the kernel changed, affinity included',
  'report-to-kernel': 'wall clock of the agent to the kernel changed here, affinity included',
  'kernel-to-read-back': 'kernel changed to an object of the change read back, for some changes of any cause',
  'read-back': 'a scan: all of ours read back from the kernel, compared and put right',
  'session-timer': 'a KEEPALIVE or hold timer: from its time to its turn',
} as const;
export type Stage = keyof typeof STAGES;

const SAMPLES_PER_UPDATE = 8;
/** A look takes some 50 us, of every change it would be a load. */
const READ_BACK_EVERY_MS = 50;

export class Stages {
  readonly #histograms = new Map<Stage, Histogram>();
  #nextReadBackAtMs = 0;
  /** Over which connection a peer has sent its whole table of states: what it brings from then on is news. */
  readonly #newsOver = new Map<PeerName, ConnectionId>();
  /** Events handled, by type. */
  readonly events = new Map<string, number>();

  observe(event: RouterEvent): void {
    this.events.set(event.type, (this.events.get(event.type) ?? 0) + 1);
    const measured = this.reportTimes(event);
    this.#follow(event);
    if (measured.length === 0) return;
    const wallMs = wallClockMs() - (monotonicMs() - event.atMs);
    for (const atMs of measured) this.#add('report-to-receive', Math.max(0, wallMs - atMs) * 1000);
  }

  /**
   * Only changes that a compute state caused: the path from a load report, received at `receivedAtMs`, to the kernel.
   * `reports` are taken from the event when it is decided upon: its numbers are another message's by now.
   */
  programmed(
    cause: string,
    receivedAtMs: number,
    reports: readonly number[],
    decidedAtMs: number,
    result: FibResult,
  ): void {
    if (cause !== 'compute' || result.failures.length > 0) return;
    const kernelAtMs = Math.max(result.netlinkDoneAtMs, result.affinityDoneAtMs);
    // The memory FIB changes no kernel.
    if (kernelAtMs === 0) return;
    this.#add('receive-to-decide', (decidedAtMs - receivedAtMs) * 1000);
    if (result.requestedAtMs !== undefined) {
      this.#add('decide-to-request', Math.max(0, result.requestedAtMs - decidedAtMs) * 1000);
      this.#add('request-to-ack', Math.max(0, result.netlinkDoneAtMs - result.requestedAtMs) * 1000);
    }
    this.#add('decide-to-netlink', Math.max(0, result.netlinkDoneAtMs - decidedAtMs) * 1000);
    this.#add('netlink-to-affinity', Math.max(0, result.affinityDoneAtMs - result.netlinkDoneAtMs) * 1000);
    this.#add('receive-to-kernel', (kernelAtMs - receivedAtMs) * 1000);
    const wallMs = wallClockMs() - (monotonicMs() - kernelAtMs);
    for (const atMs of reports) this.#add('report-to-kernel', Math.max(0, wallMs - atMs) * 1000);
  }

  /** Whether an object of this change is to be read back now: of one change in a while. */
  wantsReadBack(nowMs: number, { failures, netlinkDoneAtMs }: FibResult): boolean {
    if (failures.length > 0 || netlinkDoneAtMs === 0 || nowMs < this.#nextReadBackAtMs) return false;
    this.#nextReadBackAtMs = nowMs + READ_BACK_EVERY_MS;
    return true;
  }

  /** What a change has made was found in the kernel. */
  readBack({ netlinkDoneAtMs, affinityDoneAtMs }: FibResult, atMs: number): void {
    this.#add('kernel-to-read-back', Math.max(0, atMs - Math.max(netlinkDoneAtMs, affinityDoneAtMs)) * 1000);
  }

  /** A timer fired `lateMs` after its time; those that keep sessions alive are counted. */
  timerFired(timer: string, lateMs: number): void {
    if (timer.endsWith('/keepalive') || timer.endsWith('/hold')) this.#add('session-timer', lateMs * 1000);
  }

  /** A periodic scan took this long. */
  scanned(ms: number): void {
    this.#add('read-back', ms * 1000);
  }

  quantiles(): ReadonlyMap<Stage, Quantiles> {
    return new Map([...this.#histograms].map(([stage, histogram]) => [stage, histogram.quantiles()]));
  }

  #add(stage: Stage, us: number): void {
    let histogram = this.#histograms.get(stage);
    if (histogram === undefined) this.#histograms.set(stage, (histogram = new Histogram()));
    histogram.add(us);
  }

  /**
   * When the first reports of an UPDATE were measured; a full one would cost more to count than to take in. None of a table,
   * or of a route that is new: those states are as old as they happen to be.
   */
  reportTimes(event: RouterEvent): readonly number[] {
    if (event.type !== 'message' || event.message.type !== 'UPDATE' || !event.message.compute) return NONE;
    if (event.message.service !== undefined || this.#newsOver.get(event.peer) !== event.connection) return NONE;
    const { handle, state } = event.message.compute;
    const times: number[] = [];
    for (let row = 0; row < handle.length && row < SAMPLES_PER_UPDATE; row++)
      times.push(state[row * STATE_NUMBERS + STATE.measuredAtMs]!);
    return times;
  }

  /** Knows where a table has ended, and where another one is on its way because somebody asked for it. */
  #follow(event: RouterEvent): void {
    if (event.type !== 'message') return;
    const { peer, connection, message } = event;
    const isOver =
      message.type === 'UPDATE'
        ? message.endOfRib?.includes('compute')
        : message.type === 'ROUTE-REFRESH' && message.family === 'compute' && message.phase === 'end';
    if (isOver) this.#newsOver.set(peer, connection);
    else if (message.type === 'ROUTE-REFRESH' && message.family === 'compute' && message.phase === 'begin')
      this.#newsOver.delete(peer);
  }
}

const NONE: readonly number[] = [];
