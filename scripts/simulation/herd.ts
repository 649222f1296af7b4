// Many ingresses decide on the same stale reports: the situation that makes herds. Requests, queues and delays are
// simulated; what measures (lib/metric) and what decides (lib/decision) is the product's own code. Same seed, same run.
import type { ServiceClassConfig } from '../../lib/config/config.ts';
import { decide } from '../../lib/decision/decide.ts';
import type { Candidate, Decision, DecisionInput } from '../../lib/decision/decision.ts';
import { sameWeights } from '../../lib/decision/weights.ts';
import { type Agent, observe } from '../../lib/metric/agent.ts';
import type { ComputeState } from '../../lib/model/compute-state.ts';
import type { ServiceRoute } from '../../lib/model/service-route.ts';
import { EventQueue } from './event-queue.ts';
import { type Course, type Phase, phasesOf } from './herd-phases.ts';
import type { Scenario } from './herd-scenario.ts';
import { exponential, type Random, seededRandom } from './random.ts';
import { SimulatedSite } from './site.ts';
import { agentOf, classOf, keyOf, routeOf, SERVICE } from './world.ts';

export interface Result {
  readonly phases: readonly Phase[];
  readonly responses: Course['responses'];
  readonly moves: Course['moves'];
  readonly decisions: number;
  readonly reports: number;
  readonly usPerDecision: number;
}

const SAMPLE_MS = 100;

interface Ingress {
  rate: number;
  readonly roundTripUs: readonly number[];
  readonly received: ({ state: ComputeState; atMs: number } | undefined)[];
  decision?: Decision;
}

/** Runs a scenario; `nowUs` is a clock for the time of decisions (a simulation has none of its own). */
export function simulate(scenario: Scenario, nowUs: () => number = () => 0): Result {
  const random = seededRandom(scenario.seed);
  const sites = scenario.sites.map((workers) => new SimulatedSite(workers, scenario.workTimeUs, random));
  const capacity = (scenario.sites.reduce((a, b) => a + b, 0) * 1e6) / scenario.workTimeUs;
  const ingresses = Array.from(
    { length: scenario.ingresses },
    (): Ingress => ({
      rate: (capacity * scenario.load) / scenario.ingresses,
      roundTripUs: scenario.sites.map(() => 1000 + 39_000 * random()),
      received: scenario.sites.map(() => undefined),
    }),
  );
  const run = new Run(scenario, sites, ingresses, random, nowUs);
  return run.finish();
}

type Event =
  | { readonly atMs: number; readonly type: 'request'; readonly ingress: number }
  | {
      readonly atMs: number;
      readonly type: 'arrival';
      readonly site: number;
      readonly sentMs: number;
      readonly backMs: number;
    }
  | { readonly atMs: number; readonly type: 'sample'; readonly site: number }
  | { readonly atMs: number; readonly type: 'report'; readonly site: number; readonly state: ComputeState }
  | { readonly atMs: number; readonly type: 'crowd' | 'loss' }
  | { readonly atMs: number; readonly type: 'slowness'; readonly site: number; readonly factor: number };

class Run {
  readonly #scenario: Scenario;
  readonly #sites: readonly SimulatedSite[];
  readonly #ingresses: readonly Ingress[];
  readonly #random: Random;
  readonly #nowUs: () => number;
  readonly #queue = new EventQueue<Event>();
  readonly #agents: Agent[];
  readonly #class: ServiceClassConfig;
  readonly #routes: readonly ServiceRoute[];
  #spentUs = 0;
  #decisions = 0;
  #reports = 0;
  readonly #course: Course = { responses: [], moves: [], problems: [] };

  constructor(
    s: Scenario,
    sites: readonly SimulatedSite[],
    ingresses: readonly Ingress[],
    random: Random,
    nowUs: () => number,
  ) {
    this.#scenario = s;
    this.#sites = sites;
    this.#ingresses = ingresses;
    this.#random = random;
    this.#nowUs = nowUs;
    this.#class = classOf(s);
    this.#routes = s.sites.map((_, index) => routeOf(index));
    this.#agents = s.sites.map(() => agentOf(s.reportMs));
    for (const index of ingresses.keys()) {
      this.#decide(0, index);
      this.#queue.push({ atMs: exponential(random, 1000 / ingresses[index]!.rate), type: 'request', ingress: index });
    }
    for (const site of sites.keys()) this.#queue.push({ atMs: SAMPLE_MS * random(), type: 'sample', site });
    this.#queue.push({ atMs: s.crowdAtMs, type: 'crowd' });
    this.#queue.push({ atMs: s.lossAtMs, type: 'loss' });
    if (s.slow !== undefined) {
      const { site, factor, fromMs, toMs } = s.slow;
      this.#queue.push({ atMs: fromMs, type: 'slowness', site, factor });
      this.#queue.push({ atMs: toMs, type: 'slowness', site, factor: 1 });
    }
    this.#note(0);
  }

  finish(): Result {
    for (;;) {
      const event = this.#queue.pop();
      if (event === undefined || event.atMs > this.#scenario.durationMs) break;
      this.#handle(event);
    }
    return {
      phases: phasesOf(this.#scenario, this.#course),
      responses: this.#course.responses,
      moves: this.#course.moves,
      decisions: this.#decisions,
      reports: this.#reports,
      usPerDecision: this.#spentUs / Math.max(1, this.#decisions),
    };
  }

  #handle(event: Event): void {
    switch (event.type) {
      case 'request':
        this.#send(event.atMs, event.ingress);
        return;
      case 'arrival': {
        const leavesMs = this.#sites[event.site]!.serve(event.atMs);
        this.#course.responses.push({
          sentMs: event.sentMs,
          us: 1000 * (leavesMs + event.backMs - event.sentMs),
          site: event.site,
        });
        return;
      }
      case 'sample':
        this.#sample(event.atMs, event.site);
        return;
      case 'report':
        for (const [index, ingress] of this.#ingresses.entries()) {
          ingress.received[event.site] = { state: event.state, atMs: event.atMs };
          this.#decide(event.atMs, index);
        }
        return;
      case 'crowd':
        for (const ingress of this.#ingresses.slice(0, Math.ceil(this.#ingresses.length / 3))) {
          ingress.rate *= this.#scenario.crowd;
        }
        this.#note(event.atMs);
        return;
      case 'loss': {
        const largest = this.#sites.reduce((a, b) => (b.workers > a.workers ? b : a));
        largest.lose(Math.floor(largest.workers / 2));
        this.#note(event.atMs);
        return;
      }
      case 'slowness':
        this.#sites[event.site]!.slowness = event.factor;
        if (event.factor === 1 && this.#scenario.slow?.restarts) this.#sites[event.site]!.restart();
        return;
      default:
        event satisfies never;
    }
  }

  #send(atMs: number, index: number): void {
    const ingress = this.#ingresses[index]!;
    this.#queue.push({ atMs: atMs + exponential(this.#random, 1000 / ingress.rate), type: 'request', ingress: index });
    const site = this.#draw(ingress.decision!.weights);
    if (site < 0) return;
    const oneWayMs = ingress.roundTripUs[site]! / 2000;
    this.#queue.push({ atMs: atMs + oneWayMs, type: 'arrival', site, sentMs: atMs, backMs: oneWayMs });
  }

  #draw(weights: Readonly<Record<string, number>>): number {
    let left = this.#random() * 1000;
    for (const [index, route] of this.#routes.entries()) {
      left -= weights[keyOf(route)] ?? 0;
      if (left < 0) return index;
    }
    return -1;
  }

  #sample(atMs: number, index: number): void {
    const site = this.#sites[index]!;
    const inFlight = site.settle(atMs);
    const { arrivals, completions, busySeconds } = site;
    const { claims } = this.#scenario;
    const workers = Math.max(1, Math.round(site.workers * claims[index % claims.length]!));
    const outcome = observe(this.#agents[index]!, {
      atMs,
      wallMs: atMs,
      workers,
      inFlight,
      arrivals,
      completions,
      busySeconds,
    });
    this.#agents[index] = outcome.agent;
    this.#queue.push({ atMs: atMs + SAMPLE_MS, type: 'sample', site: index });
    if (outcome.report === undefined) return;
    this.#reports++;
    this.#queue.push({ atMs: atMs + this.#scenario.delayMs, type: 'report', site: index, state: outcome.report });
  }

  #decide(atMs: number, index: number): void {
    const ingress = this.#ingresses[index]!;
    const candidates = this.#routes.map((route, site): Candidate => {
      const received = ingress.received[site];
      const distance = { roundTripUs: ingress.roundTripUs[site]!, path: ['10.0.0.1', route.originator] };
      return {
        key: keyOf(route),
        route,
        stateAgeMs: received === undefined ? 0 : atMs - received.atMs,
        stale: false,
        distance,
        ...(received === undefined ? {} : { state: received.state }),
      };
    });
    const last = ingress.decision;
    const memory = last?.memory;
    const input: DecisionInput = {
      atMs,
      service: SERVICE,
      class: this.#class,
      candidates,
      ...(last === undefined ? {} : { incumbent: last.incumbent }),
      ...(memory === undefined
        ? {}
        : {
            memory: this.#scenario.prediction
              ? memory
              : { ...memory, history: [{ atMs: -1e9, weights: last!.weights }] },
          }),
    };
    const start = this.#nowUs();
    const decision = decide(input);
    this.#spentUs += this.#nowUs() - start;
    this.#decisions++;
    ingress.decision = decision;
    if (last === undefined || sameWeights(last.weights, decision.weights)) return;
    let change = 0;
    for (const route of this.#routes) {
      change += Math.abs((decision.weights[keyOf(route)] ?? 0) - (last.weights[keyOf(route)] ?? 0)) / 2000;
    }
    this.#course.moves.push({ atMs, change });
  }

  #note(atMs: number): void {
    this.#course.problems.push({
      atMs,
      problem: {
        rates: this.#ingresses.map((ingress) => ingress.rate),
        sites: this.#sites.map((site) => ({ workers: site.workers, workTimeUs: this.#scenario.workTimeUs })),
        roundTripUs: this.#ingresses.map((ingress) => ingress.roundTripUs),
      },
    });
  }
}
