// Ways that a class names: four routers, two links between the first two, and a contact instance behind the last.
import { beforeEach, describe, expect, test } from 'vitest';
import { parseConfig } from '../config/parse.ts';
import type { SegmentNexthop } from '../fib/fib.ts';
import { Simulation } from './simulation.fixture.ts';
import { explainService } from './view/services.ts';

const WEB = 'fd00:cafe::80';
const NODES = ['in', 'a', 'b', 'eg'] as const;
type Node = (typeof NODES)[number];
/** Delay in µs; the second link of `in` and `a` is slower. */
const LINKS: readonly (readonly [Node, Node, number])[] = [
  ['in', 'a', 1000],
  ['in', 'a', 3000],
  ['in', 'b', 5000],
  ['a', 'b', 9000],
  ['a', 'eg', 1000],
  ['b', 'eg', 1000],
];
const idOf = (node: Node) => `10.0.0.${NODES.indexOf(node) + 1}`;
/** `a0`, `a1`: the first and the second link to a. */
const linksOf = (node: Node) => {
  const seen = new Map<Node, number>();
  return LINKS.flatMap(([x, y, delayUs], i) => {
    if (x !== node && y !== node) return [];
    const far = x === node ? y : x;
    const number = seen.get(far) ?? 0;
    seen.set(far, number + 1);
    const [local, remote] = x === node ? [1, 2] : [2, 1];
    return [{ name: `${far}${number}`, far, delayUs, local: `fd00:${i}::${local}`, remote: `fd00:${i}::${remote}` }];
  });
};

function configOf(node: Node, sections: string) {
  const links = linksOf(node);
  const peers = links.filter(({ name }) => name.endsWith('0'));
  const parsed = parseConfig(`
name: ${node}
site: site-${node}
router-id: ${idOf(node)}
security: plaintext
services: { web: "${WEB}" }
srv6: { locator: "5f00:0:${NODES.indexOf(node) + 1}::/48" }
links:
${links.map((it) => `  - { name: ${it.name}, neighbour: ${idOf(it.far)}, local-address: "${it.local}", remote-address: "${it.remote}" }`).join('\n')}
peers:
${peers.map((it) => `  - { name: ${it.far}, address: "${it.remote}" }`).join('\n')}
${sections}`);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.config;
}

describe('a class that names its way', () => {
  let simulation: Simulation;

  const run = (paths: string) => {
    const steering = 'steering: { services: [ { service: web, class: voice } ], blackout: 0s }';
    simulation.add(configOf('in', `classes: [ { name: voice, paths: [ ${paths} ] } ]\n${steering}`));
    simulation.add(configOf('a', ''));
    simulation.add(configOf('b', ''));
    const sv = `{ name: sv, service: web, address: "fd00:2::80", sid: "5f00:0:4:80::", metrics: { kind: push }, valid-for: 60s }`;
    simulation.add(configOf('eg', `instances: [ ${sv} ]`));
    for (const node of NODES) simulation.start(node);
    simulation.run(400);
    for (const node of NODES)
      for (const { name, delayUs } of linksOf(node)) {
        const figures = { delayMinUs: delayUs, delayAvgUs: delayUs, delayVariationUs: 0, loss: 0 };
        simulation.post(node, { type: 'link-measured', link: name, ...figures });
      }
    const wallMs = 1_790_000_000_000 + simulation.atMs;
    const report = { wallMs, workers: 4, workTimeUs: 4000, inFlight: 0, arrivalRate: 10 };
    simulation.post('eg', { type: 'instance-report', service: WEB, contactInstance: 'fd00:2::80', report });
    simulation.run(4000);
  };
  /** As imposed: routers by their names, `in/a1` for the End.X of a link. */
  const list = () => {
    const { segments } = simulation.objects('in', 'nexthop')[0] as SegmentNexthop;
    const { lsdb } = simulation.node('in').router.state!;
    return segments.map((segment) => {
      for (const node of lsdb.nodes.values()) {
        if (node.locators.some(({ endSid }) => endSid === segment)) return node.name;
        for (const { name, endXSid } of node.links) if (endXSid === segment) return `${node.name}/${name}`;
      }
      return segment;
    });
  };
  const explained = () => {
    const found = explainService(simulation.node('in').router.state!, WEB);
    if ('refused' in found) throw new Error(found.refused);
    const [{ path, explicit, cost }] = found.view.candidates as [(typeof found.view.candidates)[number]];
    return { path: path.join(' '), explicit, roundTripUs: cost?.roundTripUs };
  };
  const said = () => simulation.node('in').logs.filter((line) => line.includes('explicit path'));
  const hop = (node: Node, link?: string) => `{ node: ${node}${link ? `, link: ${link}` : ''} }`;

  beforeEach(() => {
    simulation = new Simulation();
  });

  test('takes the fastest where it names none to there', () => {
    run(`[ ${hop('b')} ]`);
    expect(list()).toEqual(['a', '5f00:0:4:80::']);
    expect(explained()).toEqual({ path: 'in a eg', explicit: '', roundTripUs: 4000 });
  });

  test('goes over the routers that it names, and counts what that takes', () => {
    run(`[ ${hop('b')}, ${hop('eg')} ]`);
    // The direct link to b is slower than the way over a: it must be named.
    expect(list()).toEqual(['in/b0', '5f00:0:4:80::']);
    expect(explained()).toEqual({ path: 'in b eg', explicit: 'taken', roundTripUs: 6000 + 2000 });
    expect(said()).toEqual([]);
  });

  test('names links by End.X: those that it says, and those that plain routing would go round', () => {
    run(`[ ${hop('a', 'a1')}, ${hop('b')}, { node: ${idOf('eg')} } ]`);
    expect(list()).toEqual(['in/a1', 'a/b0', '5f00:0:4:80::']);
    expect(explained()).toEqual({ path: 'in a b eg', explicit: 'taken', roundTripUs: 13_000 + 2000 });
  });

  test('takes the fastest while its way is broken, says so once, and its own again', () => {
    run(`[ ${hop('b', 'b0')}, ${hop('eg')} ]`);
    simulation.cut('in', 'b');
    simulation.run(3000);
    expect(list()).toEqual(['a', '5f00:0:4:80::']);
    expect(explained()).toMatchObject({ path: 'in a eg', explicit: 'no link b0 from in to b' });
    simulation.run(20_000);
    expect(said()).toHaveLength(1);
    expect(said()[0]).toContain('no link b0 from in to b');
    simulation.restore('in', 'b');
    simulation.run(5000);
    expect(list()).toEqual(['in/b0', '5f00:0:4:80::']);
    expect(said()).toHaveLength(2);
  });

  test.each([
    [`[ ${hop('b')}, { node: nobody }, ${hop('eg')} ]`, 'no router nobody'],
    [`[ ${hop('a', 'a7')}, ${hop('eg')} ]`, 'no link a7 from in to a'],
    [`[ ${hop('eg')} ]`, 'no link from in to eg'],
    [`[ ${hop('a')}, { node: 10.0.0.2 }, ${hop('eg')} ]`, '10.0.0.2 is passed twice'],
  ])('cannot take %s: %s', (paths, fault) => {
    run(paths);
    expect(list()).toEqual(['a', '5f00:0:4:80::']);
    expect(explained()).toMatchObject({ explicit: fault });
    expect(said()).toHaveLength(1);
  });
});

test.each([
  ['[ { node: a }, { node: b }, { node: a } ]', 'classes[0].paths[0][2].node', 'passes a twice'],
  ['[ { node: a }, { node: eg } ], [ { node: b }, { node: eg } ]', 'classes[0].paths[1]', 'is a second path to eg'],
  ['[ ]', 'classes[0].paths[0]', ''],
  ['[ { link: a0 } ]', 'classes[0].paths[0][0].node', ''],
])('a configuration with the paths %s is refused at %s: %s', (paths, path, text) => {
  const config = `
name: in
site: s
router-id: 10.0.0.1
security: plaintext
srv6: { locator: "5f00:0:1::/48" }
classes: [ { name: voice, paths: [ ${paths} ] } ]`;
  const parsed = parseConfig(config);
  if (parsed.ok) throw new Error('taken');
  expect(parsed.errors).toMatchObject([{ path }]);
  expect(parsed.errors[0]!.message).toContain(text);
});
