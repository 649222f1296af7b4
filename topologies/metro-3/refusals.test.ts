// metro-3 with the entries of authorisation that `scripts/ca lab` writes: a core dies, comes back, links fail and heal, and
// nobody refuses a row of anybody, because nobody says what it may not.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RouterConfig } from '../../lib/config/config.ts';
import { parseConfig } from '../../lib/config/parse.ts';
import { Simulation } from '../../lib/router/simulation.fixture.ts';
import { pathRows, peerRows } from '../../lib/router/view/peers.ts';
import { renderConfig } from '../../scripts/labs/render-config.ts';
import { linksOf, readTopology, routersOf } from '../../scripts/labs/topology.ts';

const TOPOLOGY = readTopology(join(import.meta.dirname, 'topology.json'));
const ROUTERS = routersOf(TOPOLOGY);
const NAMES = ROUTERS.map((router) => router.name);

/** The simulation has no certificates: what each says it is, is believed, and judged by the same entries. */
const CONFIGS = ROUTERS.map((router): RouterConfig => {
  const parsed = parseConfig(renderConfig(TOPOLOGY, router, '/certs'));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return { ...parsed.config, security: 'plaintext' };
});

test('no router of the lab refuses a row while cores and links come and go', () => {
  expect(CONFIGS.every(({ authorisation }) => authorisation!.length === ROUTERS.length)).toBe(true);
  const simulation = new Simulation({ seed: 7, recorded: false });
  for (const config of CONFIGS) simulation.add(config);
  for (const name of NAMES) simulation.later(simulation.random() * 200, () => simulation.start(name));
  simulation.run(10_000);
  const core = ROUTERS.find((router) => router.role === 'core')!.name;
  simulation.kill(core);
  simulation.run(5000);
  simulation.start(core);
  simulation.run(20_000);
  const neighbour = linksOf(TOPOLOGY, core)
    .map((it) => it.remote.node)
    .find((name) => NAMES.includes(name))!;
  simulation.cut(core, neighbour);
  simulation.run(5000);
  simulation.restore(core, neighbour);
  simulation.run(20_000);
  for (const name of NAMES) {
    const state = simulation.node(name).router.state!;
    expect(
      peerRows(state).flatMap(({ name: peer, refused }) => refused.map((it) => [peer, it])),
      name,
    ).toEqual([]);
    expect(pathRows(state).filter((path) => path.reachable).length, name).toBeGreaterThanOrEqual(NAMES.length - 1);
  }
});
