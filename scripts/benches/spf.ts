// Shortest paths: ours on sparse rows against graphology, on the same graphs and sources, distances checked. Rows D1 of
// the speed targets, and the whole `computeSpf` (two-way check, names, first hops) as the router calls it.
import { dijkstra } from 'graphology-shortest-path';
import type { RouterId } from '../../lib/model/identity.ts';
import type { NodeAdvertisement } from '../../lib/model/link-state.ts';
import { compileCsr } from '../../lib/topology/csr.ts';
import { shortestPathTree } from '../../lib/topology/dijkstra.ts';
import { type LinkSpec, routerOf, topologyOf } from '../../lib/topology/fixture.ts';
import { toGraph } from '../../lib/topology/graph.ts';
import { computeSpf } from '../../lib/topology/spf.ts';
import { type Bench, comparison, interleave, machine, median, type Row } from './report.ts';

/** Target D1: at least 10 times as fast at 100 nodes, 18 times at 1,000. */
const CASES = [
  { id: '100', side: 10, sources: 200, target: 1 / 10, wholeTarget: 1 },
  { id: '1k', side: 32, sources: 30, target: 1 / 18, wholeTarget: 1 },
] as const;

export const bench: Bench = {
  summary: 'single-source shortest paths against graphology, 100 and 1,000 nodes',
  ids: CASES.flatMap(({ id }) => Object.values(idsOf(id))),
  async run({ rounds, progress, isWanted }) {
    const rows: Row[] = [];
    for (const { id, side, sources, target, wholeTarget } of CASES) {
      const { tree, whole: fromScratch } = idsOf(id);
      if (!isWanted(tree) && !isWanted(fromScratch)) continue;
      const nodes = grid(side);
      const roots = Array.from({ length: sources }, (_, i) => routerOf(1 + ((i * 7_919) % (side * side))));
      const csr = compileCsr(nodes);
      const graph = toGraph(nodes);
      check(nodes, roots[0]!);
      const ours = () => perRoot(roots, (root) => shortestPathTree(csr, csr.index.get(root)!));
      const whole = () => perRoot(roots, (root) => computeSpf(nodes, root));
      const peer = () => perRoot(roots, (root) => dijkstra.singleSource(graph, root, 'costUs'));
      for (const warm of [ours, whole, peer]) warm();
      const unit = 'us';
      const method = `grid of ${side * side}, random delays, median of ${sources} sources a round; both sides reuse their graph`;
      progress(`spf ${id}`);
      if (isWanted(tree))
        rows.push(
          comparison(
            {
              id: tree,
              what: `SPF tree, first hops, ${side * side} nodes`,
              unit,
              peerName: 'graphology',
              better: 'lower',
              target,
              method,
            },
            await interleave(rounds, ours, peer),
          ),
        );
      if (isWanted(fromScratch))
        rows.push(
          comparison(
            {
              id: fromScratch,
              what: `computeSpf from advertisements, ${side * side} nodes`,
              unit,
              peerName: 'graphology, graph given',
              better: 'lower',
              target: wholeTarget,
              method: `as D1.${id}, but ours starts from the link-state database each time and names every path`,
            },
            await interleave(rounds, whole, peer),
          ),
        );
    }
    return { bench: 'spf', machine: machine(), rows };
  },
};

function idsOf(id: string) {
  return { tree: `D1.${id}`, whole: `D1.${id}.whole` } as const;
}

/** Median time of one root, µs. */
function perRoot(roots: readonly RouterId[], run: (root: RouterId) => unknown): number {
  return median(
    roots.map((root) => {
      const started = performance.now();
      run(root);
      return (performance.now() - started) * 1e3;
    }),
  );
}

/** A figure for a wrong answer is worth nothing. */
function check(nodes: ReadonlyMap<RouterId, NodeAdvertisement>, root: RouterId): void {
  const graph = toGraph(nodes);
  const cost = (from: RouterId, to: RouterId) =>
    graph.getEdgeAttribute(graph.directedEdges(from, to).find((edge) => graph.source(edge) === from)!, 'costUs');
  const theirs = dijkstra.singleSource(graph, root, 'costUs');
  for (const [router, found] of computeSpf(nodes, root)) {
    const length = theirs[router]!.slice(1).reduce((sum, to, i) => sum + cost(theirs[router]![i]!, to), 0);
    if (length !== found.delayUs)
      throw new Error(`distances differ at ${router}: ${found.delayUs}, graphology ${length}`);
  }
}

/** A square grid with delays of 100..9,999 µs from a fixed generator. */
function grid(side: number): Map<RouterId, NodeAdvertisement> {
  let seed = 12_345;
  const delay = () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return 100 + ((seed >>> 8) % 9_900);
  };
  const links: LinkSpec[] = [];
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const node = 1 + row * side + column;
      if (column + 1 < side) links.push([node, node + 1, delay(), delay()]);
      if (row + 1 < side) links.push([node, node + side, delay(), delay()]);
    }
  }
  return topologyOf(links);
}
