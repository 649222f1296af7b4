import { expect, test } from 'vitest';
import { parseConfig } from '../config/parse.ts';
import { Simulation } from './simulation.fixture.ts';

test('a link without carrier for a moment, which no test packet noticed, is used again', () => {
  const simulation = new Simulation();
  for (const [name, id, far] of [
    ['in', 1, 2],
    ['eg', 2, 1],
  ] as const) {
    const parsed = parseConfig(`
name: ${name}
site: site-${name}
router-id: 10.0.0.${id}
security: plaintext
srv6: { locator: "5f00:0:${id}::/48" }
links: [ { name: eth0, neighbour: 10.0.0.${far}, local-address: "fd00::${id}", remote-address: "fd00::${far}" } ]
peers: [ { name: far, address: "fd00::${far}" } ]`);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
    simulation.add(parsed.config);
  }
  for (const name of ['in', 'eg']) simulation.start(name);
  simulation.run(3000);
  const announced = () => simulation.node('in').router.state!.ownNode!.links.map((link) => link.name);
  expect(announced()).toEqual(['eth0']);
  for (const name of ['in', 'eg']) simulation.post(name, { type: 'link', name: 'eth0', up: false });
  simulation.run(100);
  expect(announced()).toEqual([]);
  // STAMP tells of changes only: nothing of a silence shorter than what it takes for one.
  for (const name of ['in', 'eg']) simulation.post(name, { type: 'link', name: 'eth0', up: true });
  simulation.run(10_000);
  expect(announced()).toEqual(['eth0']);
});
