// Flows that live as long as the run: one TCP connection each, a small request on it at every interval. What breaks one
// is opened again after a pause and counted; a change of the contact instance on one connection is counted too.
import { Agent } from 'node:http';
import type { Socket } from 'node:net';
import { type RequestDeadlines, request } from './http-request.ts';
import type { LoadStats } from './stats.ts';

export interface LongFlowOptions extends RequestDeadlines {
  readonly target: URL;
  readonly count: number;
  readonly intervalMs: number;
}

export interface LongFlowSummary {
  readonly count: number;
  /** Flows per contact instance now. */
  readonly instances: Readonly<Record<string, number>>;
  /** Still on the connection with which they began. */
  readonly unbroken: number;
  /** Longest time between two answers on one flow, ms. */
  readonly longestPauseMs: number;
}

const REOPEN_MS = 200;
/** Answered without a worker, so that living flows are no load. */
const PATH = '/instance';

interface LongFlow {
  readonly agent: Agent;
  timer: NodeJS.Timeout | undefined;
  socket: Socket | undefined;
  instance: string;
  breaks: number;
  answeredMs: number;
}

export class LongFlows {
  readonly #options: LongFlowOptions;
  readonly #stats: LoadStats;
  readonly #url: URL;
  readonly #flows: LongFlow[];
  #longestPauseMs = 0;
  #stopped = false;

  constructor(options: LongFlowOptions, stats: LoadStats) {
    this.#options = options;
    this.#stats = stats;
    this.#url = new URL(PATH, options.target);
    this.#flows = Array.from({ length: options.count }, (_, i) => {
      const flow: LongFlow = {
        agent: new Agent({ keepAlive: true, maxSockets: 1 }),
        timer: undefined,
        socket: undefined,
        instance: '',
        breaks: 0,
        answeredMs: 0,
      };
      // Spread over one interval, so that they do not answer in step.
      flow.timer = setTimeout(() => void this.#turn(flow), (i * options.intervalMs) / options.count);
      return flow;
    });
  }

  get summary(): LongFlowSummary {
    const instances: Record<string, number> = {};
    for (const { instance } of this.#flows) if (instance) instances[instance] = (instances[instance] ?? 0) + 1;
    return {
      count: this.#flows.length,
      instances,
      unbroken: this.#flows.filter((flow) => flow.breaks === 0 && flow.instance !== '').length,
      longestPauseMs: Math.round(this.#longestPauseMs * 1e3) / 1e3,
    };
  }

  stop(): void {
    this.#stopped = true;
    for (const flow of this.#flows) {
      clearTimeout(flow.timer);
      flow.agent.destroy();
    }
  }

  async #turn(flow: LongFlow): Promise<void> {
    const startMs = performance.now();
    const result = await request(this.#url, flow.agent, this.#options);
    if (this.#stopped) return;
    const nowMs = performance.now();
    const again = (waitMs: number) => {
      flow.timer = setTimeout(() => void this.#turn(flow), Math.max(0, waitMs));
    };
    if (result.kind === 'failed' || result.kind === 'broken') {
      // Only a flow that once lived can break; before, a connection did not come about.
      if (flow.socket) this.#stats.record({ kind: 'broken', startMs, aliveMs: flow.answeredMs, newFlow: false });
      else this.#stats.record({ kind: 'failed', startMs });
      if (flow.socket) flow.breaks++;
      flow.socket = undefined;
      return again(REOPEN_MS);
    }
    // The server closed it between two requests, and the agent opened another: a broken flow all the same.
    if (flow.socket && flow.socket !== result.socket) {
      flow.breaks++;
      this.#stats.record({ kind: 'broken', startMs, aliveMs: flow.answeredMs, newFlow: false });
    }
    const sameFlow = flow.socket === result.socket;
    if (sameFlow) this.#longestPauseMs = Math.max(this.#longestPauseMs, nowMs - flow.answeredMs);
    if (sameFlow && flow.instance !== result.instance) this.#stats.record({ kind: 'moved', startMs });
    this.#stats.record({ kind: 'answered', startMs, endMs: nowMs, instance: result.instance, newFlow: !sameFlow });
    flow.socket = result.socket;
    flow.instance = result.instance;
    flow.answeredMs = nowMs;
    again(this.#options.intervalMs - (nowMs - startMs));
  }
}
