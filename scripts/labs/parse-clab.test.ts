// biome-ignore-all lint/suspicious/noTemplateCurlyInString: containerlab substitutes these
import { expect, test } from 'vitest';
import { findLink } from './netns-links.ts';
import { parseLabFile } from './parse-clab.ts';

const HEAD = 'name: lab\ntopology:\n';

function parse(topology: string, environment: Record<string, string> = {}) {
  return parseLabFile(HEAD + topology, '/labs/lab.clab.yml', environment);
}

function faultsOf(topology: string): string[] {
  try {
    parse(topology);
    return [];
  } catch (error) {
    return (error as Error).message.split('\n').map((line) => line.replace('/labs/lab.clab.yml: ', ''));
  }
}

test('a node inherits from group over kind over defaults: maps merge, lists join, scalars replace', () => {
  const lab = parse(`
  defaults: { kind: linux, cmd: from-defaults, env: { A: d, B: d, C: d, D: d }, exec: [one], network-mode: none }
  kinds: { linux: { cmd: from-kind, env: { B: k, C: k, D: k }, exec: [two, one], binds: ["/k:/x", "/k:/y"], image: i } }
  groups: { g: { env: { C: g, D: g }, exec: [three], binds: ["/g:/x:ro"], sysctls: { net.a: 1 } } }
  nodes:
    n: { group: g, env: { D: n }, exec: [four], binds: ["rel/__clabNodeName__:/z"], sysctls: { net.b: 2 } }
`);
  expect(lab.nodes).toEqual([
    {
      name: 'n',
      longName: 'clab-lab-n',
      kind: 'linux',
      group: 'g',
      image: 'i',
      hostname: 'n',
      entrypoint: [],
      cmd: ['from-kind'],
      // Joined from the least specific level on, each line once: containerlab does the same.
      exec: [['one'], ['two'], ['three'], ['four']],
      env: { A: 'd', B: 'k', C: 'g', D: 'n' },
      labels: {},
      sysctls: { 'net.a': '1', 'net.b': '2' },
      binds: [
        { source: '/g', target: '/x', readOnly: true },
        { source: '/k', target: '/y', readOnly: false },
        { source: '/labs/rel/n', target: '/z', readOnly: false },
      ],
      startupDelayS: 0,
    },
  ]);
});

test('kind comes from the group where the node has none, and the group from the defaults', () => {
  const lab = parse(`
  defaults: { group: g }
  groups: { g: { kind: linux, cmd: x } }
  nodes: { n: { network-mode: none } }
`);
  expect(lab.nodes[0]).toMatchObject({ kind: 'linux', group: 'g', cmd: ['x'] });
});

test.each([
  ['', 'clab-lab-n'],
  ['prefix: ""\n', 'n'],
  ['prefix: __lab-name\n', 'lab-n'],
  ['prefix: my\n', 'my-lab-n'],
])('with %j the node is called %s', (prefix, longName) => {
  const text = `${prefix}name: lab\ntopology: { nodes: { n: { kind: linux } } }`;
  expect(parseLabFile(text, '/labs/lab.clab.yml', {}).nodes[0]?.longName).toBe(longName);
});

test('the environment is substituted before anything else', () => {
  const node = ['    kind: linux', '    image: "${IMAGE:=x:1}"', '    cmd: echo $${HOME} ${WORD}'].map(
    (line) => `  ${line}`,
  );
  const lab = parse(['  nodes:', '    n:', ...node].join('\n'), { WORD: 'hello' });
  expect(lab.nodes[0]).toMatchObject({ image: 'x:1', cmd: ['echo', '${HOME}', 'hello'] });
});

test('links may be brief or long, carry a MAC, an MTU and impairments', () => {
  const lab = parse(`
  nodes: { a: { kind: linux }, b: { kind: linux } }
  links:
    - endpoints: ["a:eth1", "b:eth1"]
      vars: { delay: 5ms, loss: 1% }
    - type: veth
      mtu: 1500
      endpoints: [{ node: a, interface: eth2, mac: "02:00:00:00:00:01" }, { node: b, interface: eth2 }]
`);
  expect(lab.links.map(({ name, mtu, quality }) => [name, mtu, quality.delayUs, quality.lossPercent])).toEqual([
    ['a:eth1--b:eth1', 9500, 5000, 1],
    ['a:eth2--b:eth2', 1500, 0, 0],
  ]);
  expect(lab.links[1]?.endpoints[0].mac).toBe('02:00:00:00:00:01');
});

test('a link is found by its name, its nodes in either order, or one of its ends', () => {
  const { links } = parse(`
  nodes: { a: { kind: linux }, b: { kind: linux }, c: { kind: linux } }
  links:
    - endpoints: ["a:eth1", "b:eth1"]
    - endpoints: ["b:eth2", "c:eth1"]
`);
  for (const name of ['b--c', 'c--b', 'b:eth2', 'c:eth1', 'b:eth2--c:eth1'])
    expect(findLink(links, name)).toBe(links[1]);
  expect(() => findLink(links, 'a--c')).toThrow('no link a--c; there are a--b, b--c');
});

test('every fault of a file is reported, each with its place', () => {
  expect(
    faultsOf(`
  colour: red
  nodes:
    a: { kind: linux, colour: red, license: x, exec: "no list" }
    b: { kind: nokia_srlinux }
  links:
    - endpoints: ["a:eth1", "z:eth1"]
    - endpoints: ["a:eth1", "host:eth9"]
    - { type: vxlan, endpoints: ["a:eth2", "b:eth2"] }
    - { endpoints: ["a:eth3", "b:interface-too-long"], vars: { delay: 5 } }
`),
  ).toEqual([
    'topology.colour: unknown key',
    'topology.nodes.a.colour: unknown key',
    'topology.nodes.a.license: cannot be mirrored, needs a vendor image',
    'topology.nodes.a.exec: must be a list of texts',
    'topology.nodes.b.kind: nokia_srlinux cannot be mirrored, only linux is understood',
    'topology.links.0.endpoints.1: no node "z"',
    'topology.links.1.endpoints.0: a:eth1 is used twice',
    'topology.links.1.endpoints.1: a link to host cannot be mirrored',
    'topology.links.2.type: vxlan cannot be mirrored, only veth is understood',
    'topology.links.3.endpoints.1: an interface name has 1..15 characters',
    'topology.links.3.vars.delay: "5" needs a number with a unit (10us, 10ms, 10s)',
  ]);
});

test('valid keys that are not mirrored are warnings, one each', () => {
  const { warnings } = parse(
    '  nodes: { a: { kind: linux, memory: 1G }, b: { kind: linux, memory: 2G, restart-policy: always } }',
  );
  expect(warnings).toEqual([
    'memory: not mirrored, no limit is set',
    'network-mode: there is no management network here, set it to none',
    'restart-policy: not mirrored, an ended command is not started again',
  ]);
});

test('broken YAML is reported with its place', () => {
  expect(faultsOf('  nodes: [')[0]).toMatch(/at line 3, column/);
});

test('a file that is no YAML at all is told in a few lines', () => {
  const faults = faultsOf('# A heading\n```\nword word\n'.repeat(100));
  expect(faults.length).toBeLessThanOrEqual(6);
  expect(faults.at(-1)).toMatch(/^and \d+ more$/);
});
