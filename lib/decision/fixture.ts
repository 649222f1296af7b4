// Builders of decision inputs for tests: everything has a plain default, so that a test names only what it is about.
import type { ServiceClassConfig } from '../config/config.ts';
import { describeLoad } from '../metric/measure.ts';
import type { ComputeState } from '../model/compute-state.ts';
import { routeKeyText, type ServiceAttributes } from '../model/service-route.ts';
import type { Candidate, Decision, DecisionInput } from './decision.ts';

export const SERVICE = 'fd00:cafe::80';

export function aClass(given: Partial<ServiceClassConfig> = {}): ServiceClassConfig {
  return {
    name: 'default',
    strategy: 'joint',
    maxRoundTripUs: Number.POSITIVE_INFINITY,
    maxTotalTimeUs: Number.POSITIVE_INFINITY,
    minSpareCapacity: 0,
    requiredCapabilities: [],
    regions: [],
    minSecurityLevel: 0,
    maxPriceMicros: Number.POSITIVE_INFINITY,
    maxCarbon: Number.POSITIVE_INFINITY,
    usPerPriceMicro: 0,
    usPerCarbonGram: 0,
    usPerPreference: 0,
    scoreToUs: [1e6, 5e5, 2e5, 1e5, 5e4, 3e4, 2e4, 15e3, 12e3, 11e3, 1e4],
    hysteresisPercent: 10,
    holdMs: 1000,
    explorationPercent: 0.5,
    affinity: 'flow',
    idleTimeoutMs: 60_000,
    clientBits: { ipv4: 32, ipv6: 128 },
    buckets: 1024,
    unbalancedTimeoutMs: 0,
    closingTimeoutMs: 5000,
    ...given,
  };
}

/** State of a site with 4 workers of 10 ms by default: 400 requests per second are all it can do. */
export function aState(given: Partial<ComputeState> = {}): ComputeState {
  const { arrivalRate = 0, inFlight = 0, workers = 4, workTimeUs = 10_000 } = given;
  return {
    ...describeLoad(arrivalRate, inFlight, workers, workTimeUs),
    sequence: 1,
    source: 'measured',
    statistic: 'mean',
    windowMs: 1000,
    measuredAtMs: 1_790_000_000_000,
    validForMs: 10_000,
    ...given,
  };
}

export interface CandidateGiven {
  readonly state?: ComputeState | undefined;
  readonly roundTripUs?: number;
  readonly reachable?: boolean;
  readonly stale?: boolean;
  readonly attributes?: Partial<ServiceAttributes>;
}

/** Candidate number `index` (1..250): originator 10.0.0.index. */
export function aCandidate(index: number, given: CandidateGiven = {}): Candidate {
  const originator = `10.0.0.${index}`;
  const route = {
    service: SERVICE,
    contactInstance: `fd00:5${index}::80`,
    originator,
    attributes: {
      egressSid: `5f00:0:${index}:d6::`,
      sidStructure: { block: 32, node: 16, function: 16, argument: 0 },
      behaviour: 16,
      sitePath: [],
      clusterList: [],
      communities: [],
      onlyToDownstream: '',
      site: `site-${index}`,
      serviceName: 'web',
      instanceName: `web-${index}`,
      classes: [],
      capabilities: [],
      region: 'eu',
      residency: [],
      priceMicros: 0,
      carbon: 0,
      energy: 0,
      securityLevel: 0,
      preference: 0,
      drain: false,
      validForMs: 0,
      ...given.attributes,
    },
  };
  const state = 'state' in given ? given.state : aState();
  return {
    key: routeKeyText(route),
    route,
    stateAgeMs: 0,
    stale: given.stale ?? false,
    ...(state === undefined ? {} : { state }),
    ...(given.reachable === false
      ? {}
      : { distance: { roundTripUs: given.roundTripUs ?? 1000 * index, path: ['10.0.0.254', originator] } }),
  };
}

export function anInput(candidates: readonly Candidate[], given: Partial<DecisionInput> = {}): DecisionInput {
  return { atMs: 100_000, service: SERVICE, class: aClass(), candidates, ...given };
}

/** The input that follows a decision: its incumbent and memory, at a later time, with these candidates. */
export function following(
  decision: Decision,
  candidates: readonly Candidate[],
  given: Partial<DecisionInput> = {},
): DecisionInput {
  return anInput(candidates, { incumbent: decision.incumbent, memory: decision.memory, ...given });
}

/** Weights by number of the candidate. */
export function weightsOf(decision: Decision): Record<string, number> {
  const entries = decision.ranked
    .filter((it) => it.weight > 0)
    .map((it) => [it.attributes.site.slice(5), it.weight] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => Number(a) - Number(b)));
}

/** Verdicts by number of the candidate, in ranked order. */
export function verdictsOf(decision: Decision): string[] {
  return decision.ranked.map((it) => `${it.attributes.site.slice(5)} ${it.verdict}`);
}
