// The configuration of the simulated domain: routes, service class and agents with everything plain that is not the subject.
import type { ServiceClassConfig, Strategy } from '../../lib/config/config.ts';
import { type Agent, createAgent, health } from '../../lib/metric/agent.ts';
import type { ServiceRoute } from '../../lib/model/service-route.ts';

export const SERVICE = 'fd00:cafe::80';

export function keyOf(route: ServiceRoute): string {
  return route.contactInstance;
}

export function routeOf(index: number): ServiceRoute {
  return {
    service: SERVICE,
    contactInstance: `fd00:1::${(index + 1).toString(16)}`,
    originator: `10.0.1.${index + 1}`,
    attributes: {
      egressSid: `5f00:0:${(index + 1).toString(16)}::`,
      sidStructure: { block: 32, node: 16, function: 16, argument: 0 },
      behaviour: 16,
      sitePath: [],
      clusterList: [],
      communities: [],
      onlyToDownstream: '',
      site: `site-${index + 1}`,
      serviceName: 'web',
      instanceName: `web-${index + 1}`,
      classes: [],
      capabilities: [],
      region: '',
      residency: [],
      priceMicros: 0,
      carbon: 0,
      energy: 0,
      securityLevel: 0,
      preference: 0,
      drain: false,
      validForMs: 0,
    },
  };
}

export function classOf(scenario: {
  readonly strategy: Strategy;
  readonly hysteresisPercent: number;
  readonly explorationPercent: number;
}): ServiceClassConfig {
  return {
    name: 'simulated',
    strategy: scenario.strategy,
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
    scoreToUs: [],
    hysteresisPercent: scenario.hysteresisPercent,
    holdMs: 1000,
    explorationPercent: scenario.explorationPercent,
    affinity: 'flow',
    idleTimeoutMs: 0,
    clientBits: { ipv4: 32, ipv6: 128 },
    buckets: 1024,
    unbalancedTimeoutMs: 0,
    closingTimeoutMs: 0,
  };
}

export function agentOf(reportMs: number): Agent {
  const now = { atMs: 0, wallMs: 0 };
  const created = createAgent(
    {
      metrics: { kind: 'push' },
      health: { kind: 'none', url: '', intervalMs: 1000, timeoutMs: 1000, rise: 1, fall: 1 },
      reportIntervalMs: reportMs,
      validForMs: 60_000,
    },
    now,
  );
  return health(created, { ...now, ok: true, reason: '' }).agent;
}
