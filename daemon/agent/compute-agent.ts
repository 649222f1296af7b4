// The C-SMA's shell: scrapes and checks each contact instance at its interval and posts what it saw, raw. What a sample
// is worth, when an instance is healthy and what is sent is decided in lib/metric, so that replay covers it.
import type { LocalInstanceConfig, MetricsSourceConfig } from '../../lib/config/config.ts';
import type { InstanceSample } from '../../lib/metric/agent.ts';
import { parsePrometheus, pick } from '../../lib/metric/prometheus.ts';
import type { RouterEventBody } from '../../lib/router/event.ts';
import { monotonicMs, wallClockMs } from '../runtime/clock.ts';
import { crash } from '../runtime/crash.ts';
import { checkHealth } from './health-check.ts';
import { HttpGetter } from './http-get.ts';

export type ComputeEvent = Extract<
  RouterEventBody,
  { type: 'instance-sample' | 'instance-sample-failed' | 'instance-health' }
>;

export interface ComputeAgentOptions {
  readonly instances: readonly LocalInstanceConfig[];
  readonly post: (event: ComputeEvent) => void;
}

export interface ComputeAgent {
  start(): void;
  stop(): void;
}

/** A page larger than this is damage or an attack. */
const MAX_SCRAPE_BYTES = 1 << 20;

type PrometheusSource = Extract<MetricsSourceConfig, { kind: 'prometheus' }>;

export function createComputeAgent({ instances, post }: ComputeAgentOptions): ComputeAgent {
  const loops: Loop[] = [];
  const getters: HttpGetter[] = [];
  let stopped = false;
  // What was under way at the stop ends as a failure; nobody wants to hear that an instance died of our hanging up.
  const tell = (event: ComputeEvent) => {
    if (!stopped) post(event);
  };
  return {
    start() {
      for (const instance of instances) {
        const { service, contactInstance, metrics, health } = instance;
        if (metrics.kind === 'prometheus') {
          const http = new HttpGetter();
          getters.push(http);
          loops.push(
            new Loop(metrics.intervalMs, async () => {
              const seen = await scrape(metrics, http);
              if (typeof seen === 'string')
                tell({ type: 'instance-sample-failed', service, contactInstance, reason: seen });
              else tell({ type: 'instance-sample', service, contactInstance, sample: seen });
            }),
          );
        }
        if (health.kind === 'none') continue;
        const http = new HttpGetter();
        getters.push(http);
        loops.push(
          new Loop(health.intervalMs, async () => {
            tell({ type: 'instance-health', service, contactInstance, ...(await checkHealth(health, http)) });
          }),
        );
      }
    },
    stop() {
      stopped = true;
      for (const loop of loops.splice(0)) loop.stop();
      for (const getter of getters.splice(0)) getter.close();
    },
  };
}

/** A sample, or why there is none. */
async function scrape(source: PrometheusSource, http: HttpGetter): Promise<InstanceSample | string> {
  const outcome = await http.get(source.url, { timeoutMs: source.timeoutMs, maxBytes: MAX_SCRAPE_BYTES });
  if (!outcome.ok) return outcome.reason;
  if (outcome.status !== 200) return `status ${outcome.status}`;
  const { names } = source;
  const page = parsePrometheus(outcome.body, new Set(Object.values(names)));
  const values: Partial<Record<keyof typeof names, number>> = {};
  for (const quantity of Object.keys(names) as (keyof typeof names)[]) {
    const picked = pick(page, names[quantity]);
    if ('fault' in picked) return picked.fault;
    values[quantity] = picked.value;
  }
  const measuredAtMs = Math.max(...page.samples.map((sample) => sample.timestampMs ?? 0));
  return {
    atMs: monotonicMs(),
    wallMs: wallClockMs(),
    ...(values as Record<keyof typeof names, number>),
    ...(measuredAtMs > 0 && { measuredAtMs }),
  };
}

/** Runs a task at an interval, never twice at a time: a slow answer skips beats, it does not pile up. */
class Loop {
  readonly #task: () => Promise<void>;
  readonly #intervalMs: number;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(intervalMs: number, task: () => Promise<void>) {
    this.#task = task;
    this.#intervalMs = intervalMs;
    // Instances of one daemon are asked at different moments.
    this.#timer = setTimeout(() => this.#run(), Math.random() * Math.min(intervalMs, 100));
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #run(): void {
    const started = monotonicMs();
    this.#task().then(() => {
      if (this.#stopped) return;
      const beats = Math.floor((monotonicMs() - started) / this.#intervalMs) + 1;
      this.#timer = setTimeout(() => this.#run(), Math.max(0, started + beats * this.#intervalMs - monotonicMs()));
    }, crash);
  }
}
