import { expect, test } from 'vitest';
import { linkOf, nodeOf, routerOf, topologyOf } from './fixture.ts';
import { toGraph } from './graph.ts';

test('the graph shows every announced link and marks those that SPF refuses', () => {
  const nodes = topologyOf([
    [1, 2, 10],
    [2, 3, 20, 25],
  ]);
  nodes.set(routerOf(3), nodeOf(3, [...nodes.get(routerOf(3))!.links, linkOf('eth9', 4, 'fd00::1', 'fd00::2', 5)]));
  const graph = toGraph(nodes);
  expect(graph.nodes().sort()).toEqual([1, 2, 3, 4].map(routerOf));
  expect(graph.getNodeAttributes(routerOf(4))).toEqual({ name: '', site: '', announced: false });
  expect(graph.getEdgeAttributes(`${routerOf(3)} eth1`)).toMatchObject({ costUs: 25, twoWay: true });
  expect(graph.getEdgeAttributes(`${routerOf(3)} eth9`)).toMatchObject({ costUs: 5, twoWay: false });
  expect(graph.size).toBe(5);
});

test('two links of one name do not throw', () => {
  const twice = nodeOf(1, [linkOf('eth1', 2, 'fd00::1', 'fd00::2', 5), linkOf('eth1', 2, 'fd00::3', 'fd00::4', 6)]);
  expect(toGraph(new Map([[routerOf(1), twice]])).size).toBe(1);
});
