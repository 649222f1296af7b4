// Every subset of metro-3 is cut off from the rest for a minute and healed: both sides serve what they can reach meanwhile,
// and afterwards every router's RIB is the one that a cold start of the whole ends with.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RouterConfig } from '../../lib/config/config.ts';
import { parseConfig } from '../../lib/config/parse.ts';
import { Simulation } from '../../lib/router/simulation.fixture.ts';
import { linkStateRows, pathRows } from '../../lib/router/view/peers.ts';
import { ribRows } from '../../lib/router/view/services.ts';
import { renderConfig } from '../../scripts/labs/render-config.ts';
import { linksOf, readTopology, routersOf } from '../../scripts/labs/topology.ts';

const TOPOLOGY = readTopology(join(import.meta.dirname, 'topology.json'));
const ROUTERS = routersOf(TOPOLOGY);
const NAMES = ROUTERS.map((router) => router.name);
const FABRIC = [...new Set(NAMES.flatMap((name) => linksOf(TOPOLOGY, name).map((it) => [name, it.remote.node])))]
  .filter(([a, b]) => NAMES.includes(b!) && a! < b!)
  .map(([a, b]) => [a!, b!] as const);
const PARTITION_MS = 60_000;

/** As rendered for the lab, but load is pushed by the simulation: there is no host to be scraped. */
const CONFIGS: readonly RouterConfig[] = ROUTERS.map((router) => {
  const parsed = parseConfig(renderConfig(TOPOLOGY, router));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  const health = { kind: 'none', url: '', intervalMs: 0, timeoutMs: 0, rise: 0, fall: 0 } as const;
  const instances = parsed.config.instances.map((it) => ({ ...it, metrics: { kind: 'push' } as const, health }));
  return { ...parsed.config, instances };
});

function coldStart(seed: number): Simulation {
  const simulation = new Simulation({ seed, recorded: false });
  for (const config of CONFIGS) simulation.add(config);
  // Not all at once: the order in which routers come up must not show later.
  for (const { name } of CONFIGS) simulation.later(simulation.random() * 200, () => simulation.start(name));
  simulation.later(500, () => report(simulation));
  simulation.run(10_000);
  return simulation;
}

/** Every instance reports an equal load once a second, for ever. */
function report(simulation: Simulation): void {
  for (const config of CONFIGS) {
    for (const { service, contactInstance } of config.instances) {
      const wallMs = 1_790_000_000_000 + simulation.atMs;
      const load = { wallMs, workers: 4, workTimeUs: 4000, inFlight: 0, arrivalRate: 10 };
      simulation.post(config.name, { type: 'instance-report', service, contactInstance, report: load });
    }
  }
  simulation.later(1000, () => report(simulation));
}

/** What each router knows, but for numbers that count time. */
function digests(simulation: Simulation): Record<string, string> {
  return Object.fromEntries(
    NAMES.map((name) => {
      const state = simulation.node(name).router.state!;
      const routes = ribRows(state).map(({ state: load, weight: _, verdict: __, costUs: ___, ...row }) => {
        const { sequence: _s, receivedAtMs: _r, ...numbers } = load!;
        return { ...row, numbers };
      });
      const nodes = linkStateRows(state).map(({ sequence: _, receivedAtMs: __, ...row }) => row);
      return [name, JSON.stringify({ routes, nodes, paths: pathRows(state) })];
    }),
  );
}

/** Sites to which the router sends new flows of the service. */
function carrying(simulation: Simulation, name: string, service: string): string[] {
  const decision = simulation.node(name).router.state!.steered.get(service)?.decision;
  return (decision?.ranked ?? []).filter((it) => it.weight > 0).map((it) => it.attributes.site);
}

function componentOf(name: string, inside: ReadonlySet<string>): Set<string> {
  const found = new Set([name]);
  for (const at of found) {
    for (const [a, b] of FABRIC) {
      const other = a === at ? b : b === at ? a : undefined;
      if (other !== undefined && inside.has(other) === inside.has(at)) found.add(other);
    }
  }
  return found;
}

const cold = digests(coldStart(1));

test('the order of a cold start does not show', () => {
  expect(digests(coldStart(2))).toEqual(cold);
});

/** One side of each way to cut the routers in two: the last router is always on the other. */
const SIDES = Array.from({ length: 2 ** (NAMES.length - 1) - 1 }, (_, i) =>
  NAMES.filter((_, bit) => ((i + 1) >> bit) & 1),
);

test('any subset cut off for a minute: both sides serve what they can reach, and the heal leaves the RIBs of a cold start', () => {
  expect(SIDES).toHaveLength(63);
  for (const [seed, chosen] of SIDES.entries()) {
    const inside = new Set(chosen);
    const simulation = coldStart(seed);
    const crossing = FABRIC.filter(([a, b]) => inside.has(a) !== inside.has(b));
    for (const [a, b] of crossing) simulation.cut(a, b);
    simulation.run(PARTITION_MS);
    for (const config of CONFIGS) {
      const component = componentOf(config.name, inside);
      for (const { service } of config.steering.services) {
        const reachable = CONFIGS.filter(
          (it) => component.has(it.name) && it.instances.some((instance) => instance.service === service),
        );
        const sites = reachable.map((it) => it.site);
        const served = carrying(simulation, config.name, service);
        expect(served.length > 0, `${config.name} serves ${service}, ${chosen} cut off`).toBe(sites.length > 0);
        expect(sites, `${chosen} cut off`).toEqual(expect.arrayContaining(served));
      }
    }
    for (const [a, b] of crossing) simulation.restore(a, b);
    simulation.run(15_000);
    expect(digests(simulation), `${chosen} was cut off`).toEqual(cold);
  }
}, 120_000);
