import fc from 'fast-check';
import { dijkstra } from 'graphology-shortest-path';
import { describe, expect, test } from 'vitest';
import type { RouterId } from '../model/identity.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import { type LinkSpec, linkOf, nodeOf, routerOf, topologyOf } from './fixture.ts';
import { toGraph } from './graph.ts';
import { computeSpf } from './spf.ts';

const pathTo = (nodes: ReadonlyMap<RouterId, NodeAdvertisement>, from: number, to: number) =>
  computeSpf(nodes, routerOf(from))
    .get(routerOf(to))
    ?.path.map((router) => Number(router.split('.')[3]));

describe('shortest paths', () => {
  test('a lone root reaches itself over no link', () => {
    expect([...computeSpf(topologyOf([], 1), routerOf(1)).values()]).toEqual([
      { router: routerOf(1), delayUs: 0, reverseDelayUs: 0, path: [routerOf(1)], firstHops: [] },
    ]);
  });

  test('a root that the database does not hold reaches nothing', () => {
    expect(computeSpf(topologyOf([[1, 2, 10]]), routerOf(9)).size).toBe(0);
  });

  test('a router that forwards nothing is reached, sends for itself, and is no way to others', () => {
    const nodes = new Map(
      topologyOf([
        [1, 2, 100],
        [2, 3, 100],
        [1, 3, 5_000],
        [2, 4, 100],
      ]),
    );
    const stub = nodes.get(routerOf(2))!;
    nodes.set(routerOf(2), { ...stub, noTransit: true });
    expect(pathTo(nodes, 1, 2)).toEqual([1, 2]);
    expect(pathTo(nodes, 1, 3)).toEqual([1, 3]);
    expect(pathTo(nodes, 1, 4)).toBeUndefined();
    expect(pathTo(nodes, 2, 3)).toEqual([2, 3]);
    expect(pathTo(nodes, 4, 2)).toEqual([4, 2]);
  });

  test('the faster detour wins over the direct link, with the delay of each direction', () => {
    const nodes = topologyOf([
      [1, 3, 500],
      [1, 2, 100, 1_000],
      [2, 3, 200, 2_000],
    ]);
    expect(computeSpf(nodes, routerOf(1)).get(routerOf(3))).toEqual({
      router: routerOf(3),
      delayUs: 300,
      reverseDelayUs: 3_000,
      path: [routerOf(1), routerOf(2), routerOf(3)],
      firstHops: [{ device: 'eth1', gateway: 'fd00:1::2' }],
    });
  });

  test('among equals the path goes by the lowest router id, and all first hops are kept', () => {
    const nodes = topologyOf([
      [1, 3, 100],
      [1, 2, 100],
      [3, 4, 100],
      [2, 4, 100],
    ]);
    expect(pathTo(nodes, 1, 4)).toEqual([1, 2, 4]);
    expect(computeSpf(nodes, routerOf(1)).get(routerOf(4))?.firstHops).toEqual([
      { device: 'eth0', gateway: 'fd00:0::2' },
      { device: 'eth1', gateway: 'fd00:1::2' },
    ]);
  });

  test('router ids order as numbers, not as text', () => {
    // 9 < 10, though "0.0.0.10" < "0.0.0.9".
    const nodes = topologyOf([
      [1, 10, 5],
      [1, 9, 5],
      [10, 11, 5],
      [9, 11, 5],
    ]);
    expect(pathTo(nodes, 1, 11)).toEqual([1, 9, 11]);
  });

  test('parallel links of one cost are two first hops; a slower one is none', () => {
    const nodes = topologyOf([
      [1, 2, 100],
      [1, 2, 100],
      [1, 2, 101],
    ]);
    expect(
      computeSpf(nodes, routerOf(1))
        .get(routerOf(2))
        ?.firstHops.map((hop) => hop.device),
    ).toEqual(['eth0', 'eth1']);
  });

  test('the delay back is that of the same parallel link', () => {
    const nodes = topologyOf([
      [1, 2, 300, 1],
      [1, 2, 100, 7_000],
    ]);
    expect(computeSpf(nodes, routerOf(1)).get(routerOf(2))).toMatchObject({ delayUs: 100, reverseDelayUs: 7_000 });
  });

  test('more than 32 first hops are all kept', () => {
    const nodes = topologyOf(Array.from({ length: 40 }, (_, i): LinkSpec => [1, 2, i === 20 ? 11 : 10]));
    expect(computeSpf(nodes, routerOf(1)).get(routerOf(2))?.firstHops).toHaveLength(39);
  });

  test('a link that only one end announces does not count', () => {
    const nodes = topologyOf([[1, 2, 10]]);
    nodes.set(routerOf(2), nodeOf(2, []));
    expect([...computeSpf(nodes, routerOf(1)).keys()]).toEqual([routerOf(1)]);
  });

  test('a link whose addresses do not mirror does not count', () => {
    const nodes = new Map([
      [routerOf(1), nodeOf(1, [linkOf('eth1', 2, 'fd00::1', 'fd00::2', 10)])],
      [routerOf(2), nodeOf(2, [linkOf('eth1', 1, 'fd00::2', 'fd00::3', 10)])],
    ]);
    expect(computeSpf(nodes, routerOf(1)).has(routerOf(2))).toBe(false);
  });

  test('of two links announced one way and one announced back, one counts', () => {
    const same = (name: string, neighbour: number, delay: number) => linkOf(name, neighbour, '', '', delay);
    const nodes = new Map([
      [routerOf(1), nodeOf(1, [same('eth2', 2, 1), same('eth1', 2, 10)])],
      [routerOf(2), nodeOf(2, [same('eth7', 1, 20)])],
    ]);
    expect(computeSpf(nodes, routerOf(1)).get(routerOf(2))).toMatchObject({ delayUs: 10, reverseDelayUs: 20 });
  });

  test('a link to itself and a link to an unknown router change nothing', () => {
    const nodes = topologyOf([[1, 2, 10]]);
    const one = nodes.get(routerOf(1))!;
    nodes.set(routerOf(1), {
      ...one,
      links: [...one.links, linkOf('lo', 1, '::1', '::1', 0), linkOf('eth9', 77, 'fd00::1', 'fd00::2', 0)],
    });
    expect([...computeSpf(nodes, routerOf(1)).keys()]).toEqual([routerOf(1), routerOf(2)]);
  });

  test.each([
    [0, 1],
    [-5, 2 ** 24 - 1],
    [0.2, 1],
    [1e12, 2 ** 24 - 1],
    [Number.NaN, 2 ** 24 - 1],
  ])('an announced delay of %f costs %i', (delay, cost) => {
    expect(computeSpf(topologyOf([[1, 2, delay]]), routerOf(1)).get(routerOf(2))?.delayUs).toBe(cost);
  });

  test('a chain longer than 71 minutes ends where the distance would wrap', () => {
    const nodes = topologyOf(Array.from({ length: 300 }, (_, i): LinkSpec => [i + 1, i + 2, 2 ** 24 - 1]));
    const reached = computeSpf(nodes, routerOf(1));
    expect(reached.size).toBe(257);
    expect(Math.max(...[...reached.values()].map((node) => node.delayUs))).toBe(256 * (2 ** 24 - 1));
  });
});

const NODES = 14;
const node = fc.integer({ min: 1, max: NODES });
// Few distinct delays, so that ties are common.
const delay = fc.oneof(fc.constantFrom(1, 2, 3), fc.integer({ min: 1, max: 2 ** 24 - 1 }));
const links = fc.array(fc.tuple(node, node, delay, delay), { maxLength: 40 });

describe('shortest paths on random graphs', () => {
  test('agree with graphology on reachability and delay, and every path is a walk of that delay', () => {
    fc.assert(
      fc.property(links, node, (specs, root) => {
        const nodes = topologyOf(specs, NODES);
        const graph = toGraph(nodes);
        for (const edge of graph.edges()) if (graph.source(edge) === graph.target(edge)) graph.dropEdge(edge);
        const oracle = dijkstra.singleSource(graph, routerOf(root), 'costUs');
        const ours = computeSpf(nodes, routerOf(root));
        const cheapest = (from: string, to: string) =>
          Math.min(
            ...graph
              .directedEdges(from, to)
              .filter((e) => graph.source(e) === from)
              .map((e) => graph.getEdgeAttribute(e, 'costUs')),
          );
        const length = (path: readonly string[]) =>
          path.slice(1).reduce((sum, to, i) => sum + cheapest(path[i]!, to), 0);
        expect([...ours.keys()].sort()).toEqual(Object.keys(oracle).sort());
        for (const [router, found] of ours) {
          expect(found.delayUs).toBe(length(oracle[router]!));
          expect(length(found.path)).toBe(found.delayUs);
          expect([found.path[0], found.path.at(-1)]).toEqual([routerOf(root), router]);
        }
      }),
    );
  });

  test('first hops are exactly the root links from which the rest of the way is shortest', () => {
    fc.assert(
      fc.property(links, node, (specs, root) => {
        const nodes = topologyOf(specs, NODES);
        const ours = computeSpf(nodes, routerOf(root));
        const own = nodes.get(routerOf(root))!.links.filter((link) => link.neighbour !== routerOf(root));
        for (const [router, found] of ours) {
          if (router === routerOf(root)) continue;
          const expected = own.filter((link) => {
            const rest = computeSpf(nodes, link.neighbour).get(router);
            return rest !== undefined && link.delayMinUs + rest.delayUs === found.delayUs;
          });
          expect(found.firstHops.map((hop) => hop.device)).toEqual(expected.map((link) => link.name).sort());
        }
      }),
      { numRuns: 40 },
    );
  });

  test('do not depend on the order in which advertisements and links arrived', () => {
    fc.assert(
      fc.property(links, node, (specs, root) => {
        const nodes = topologyOf(specs, NODES);
        const reversed = new Map(
          [...nodes]
            .reverse()
            .map(([router, advertisement]) => [
              router,
              { ...advertisement, links: [...advertisement.links].reverse() },
            ]),
        );
        const byRouter = (found: ReturnType<typeof computeSpf>) =>
          Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
        expect(byRouter(computeSpf(reversed, routerOf(root)))).toEqual(byRouter(computeSpf(nodes, routerOf(root))));
      }),
    );
  });
});
