// Open-loop demand: requests start at their times whatever became of the earlier ones, as clients in the world do.
import { Agent } from 'node:http';
import { type RequestDeadlines, request } from './http-request.ts';
import type { LoadStats } from './stats.ts';

export interface ShortFlowOptions extends RequestDeadlines {
  readonly target: URL;
  readonly ratePerSecond: number;
  /** `new`: a TCP connection each; `keep`: connections are used again. */
  readonly connections: 'new' | 'keep';
}

const TICK_MS = 2;
/** Requests at once; more are skipped and counted, so that an outage does not eat the client. */
const MAX_AT_ONCE = 4_000;
/** After a stall of this process no more than this much demand is made up for. */
const MAX_CATCH_UP_MS = 100;

export class ShortFlows {
  readonly #options: ShortFlowOptions;
  readonly #stats: LoadStats;
  readonly #agent: Agent;
  #timer: NodeJS.Timeout | undefined;
  #ratePerSecond: number;
  #nextAtMs = performance.now();
  #running = 0;
  skipped = 0;

  constructor(options: ShortFlowOptions, stats: LoadStats) {
    this.#options = options;
    this.#stats = stats;
    this.#ratePerSecond = options.ratePerSecond;
    this.#agent = new Agent({ keepAlive: options.connections === 'keep', maxFreeSockets: MAX_AT_ONCE });
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  set ratePerSecond(rate: number) {
    this.#ratePerSecond = rate;
    this.#nextAtMs = performance.now();
  }

  /** Starts no more; resolves when the running ones have ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    while (this.#running > 0) await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    this.#agent.destroy();
  }

  #tick(): void {
    if (this.#ratePerSecond <= 0) return;
    const nowMs = performance.now();
    this.#nextAtMs = Math.max(this.#nextAtMs, nowMs - MAX_CATCH_UP_MS);
    for (; this.#nextAtMs <= nowMs; this.#nextAtMs += 1e3 / this.#ratePerSecond) {
      if (this.#running >= MAX_AT_ONCE) this.skipped++;
      else void this.#one();
    }
  }

  async #one(): Promise<void> {
    this.#running++;
    const startMs = performance.now();
    const result = await request(this.#options.target, this.#agent, this.#options);
    this.#running--;
    const { kind } = result;
    if (kind === 'answered')
      this.#stats.record({
        kind,
        startMs,
        endMs: performance.now(),
        instance: result.instance,
        newFlow: result.newFlow,
      });
    else if (kind === 'overloaded') this.#stats.record({ kind, startMs, instance: result.instance });
    else if (kind === 'broken') this.#stats.record({ kind, startMs, aliveMs: result.aliveMs, newFlow: result.newFlow });
    else this.#stats.record({ kind, startMs });
  }
}
