// Ways that the operator has named for a class, hop by hop, in place of the fastest. Decides whether one can be taken over the
// link state of now, and which of its hops a list must name by their link (End.X): those that the operator names by one, and
// those between neighbours where plain routing would, or might, take another way. One that cannot be taken is said, and the
// fastest path stands in for it.
import type { ServiceClassConfig } from '../config/config.ts';
import type { PathHopConfig } from '../config/config-paths.ts';
import type { RouterId } from '../model/identity.ts';
import { type Csr, compileCsr, linkCostUs } from '../topology/csr.ts';
import { shortestPathTree } from '../topology/dijkstra.ts';
import { linksFromTo } from './segment-lists.ts';
import type { RouterState } from './state.ts';
import { log } from './turn.ts';

export interface ExplicitPath {
  /** Routers travelled, this one first: one object for one shortest-path run. */
  readonly path: readonly RouterId[];
  readonly roundTripUs: number;
}

export type ExplicitOutcome = ExplicitPath | { readonly fault: string };

/** Kept from one shortest-path run to the next. */
export interface ExplicitPaths {
  /** By run, and by the hops as configured. */
  readonly outcomes: WeakMap<RouterState['spf'], Map<readonly PathHopConfig[], ExplicitOutcome>>;
  /** Links that a list along the path must name, by hop. */
  readonly links: WeakMap<readonly RouterId[], readonly (string | undefined)[]>;
  /** Why a path could not be taken when it was last tried. */
  readonly faults: Map<readonly PathHopConfig[], string>;
}

export function createExplicitPaths(): ExplicitPaths {
  return { outcomes: new WeakMap(), links: new WeakMap(), faults: new Map() };
}

/** What became of the class's path to a router; undefined: it has none. */
export function explicitPathTo(
  state: RouterState,
  { paths = [] }: ServiceClassConfig,
  egress: RouterId,
): ExplicitOutcome | undefined {
  const hops = paths.find((it) => routerOf(state, it.at(-1)!.node) === egress);
  if (hops === undefined) return undefined;
  const { outcomes } = state.explicit;
  let known = outcomes.get(state.spf);
  if (known === undefined) outcomes.set(state.spf, (known = new Map()));
  let outcome = known.get(hops);
  if (outcome === undefined) {
    known.set(hops, (outcome = resolve(state, hops)));
    tell(state, hops, outcome);
  }
  return outcome;
}

function tell(state: RouterState, hops: readonly PathHopConfig[], outcome: ExplicitOutcome): void {
  const { faults } = state.explicit;
  const fault = 'fault' in outcome ? outcome.fault : undefined;
  if (faults.get(hops) === fault) return;
  const to = hops.at(-1)!.node;
  if (fault === undefined) {
    faults.delete(hops);
    log(state, 'info', 'explicit path is taken again', { to });
  } else {
    faults.set(hops, fault);
    log(state, 'warn', 'explicit path cannot be taken, the fastest is', { to, reason: fault });
  }
}

function resolve(state: RouterState, hops: readonly PathHopConfig[]): ExplicitOutcome {
  const { config, lsdb, sids, spf } = state;
  const graph = compileCsr(lsdb.nodes);
  const path = [config.routerId];
  const links: (string | undefined)[] = [];
  let delayUs = 0;
  for (const { node: name, link: wanted } of hops) {
    const from = path.at(-1)!;
    const to = routerOf(state, name);
    if (to === undefined) return { fault: `no router ${name}` };
    if (path.includes(to)) return { fault: `${name} is passed twice` };
    const way = `${lsdb.nameOf(from)} to ${name}`;
    const all = linksFromTo(state, from, to);
    const link = wanted === undefined ? all[0] : all.find((it) => it.name === wanted);
    if (link === undefined)
      return { fault: wanted === undefined ? `no link from ${way}` : `no link ${wanted} from ${way}` };
    const costUs = linkCostUs(link);
    const isNamed =
      wanted !== undefined || all.some((it) => linkCostUs(it) > costUs) || hasOtherWay(graph, from, to, costUs);
    if (isNamed && !sids.of(lsdb.nodes.get(from)!).adjacencies.has(link.name))
      return { fault: `no End.X SID for ${link.name} from ${way}` };
    path.push(to);
    links.push(isNamed ? link.name : undefined);
    delayUs += costUs;
  }
  const back = spf.get(path.at(-1)!);
  if (back === undefined) return { fault: 'no way back' };
  state.explicit.links.set(path, links);
  return { path, roundTripUs: delayUs + back.reverseDelayUs };
}

/** By its name, or its id. */
function routerOf({ lsdb }: RouterState, name: string): RouterId | undefined {
  if (lsdb.nodes.has(name)) return name;
  for (const node of lsdb.nodes.values()) if (node.name === name) return node.originator;
  return undefined;
}

/** Whether a packet that is routed from one neighbour to the other might go over a third. */
function hasOtherWay(graph: Csr, from: RouterId, to: RouterId, costUs: number): boolean {
  const [root, end] = [graph.index.get(from), graph.index.get(to)];
  if (root === undefined || end === undefined) return true;
  const { distance } = shortestPathTree(graph, root);
  if (distance[end]! < costUs) return true;
  for (let edge = graph.offset[end]!; edge < graph.offset[end + 1]!; edge++) {
    const before = graph.target[edge]!;
    if (before !== root && distance[before]! + graph.reverseCost[edge]! <= costUs) return true;
  }
  return false;
}
