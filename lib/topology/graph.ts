// The topology as a graphology graph: what views, files and generators work on, and the oracle of the tests. Shows
// every announced link, also those that SPF refuses; the only importer of graphology. Never on the forwarding path.
import graphology from 'graphology';
import type { RouterId, SiteId } from '../model/identity.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import { compileCsr, linkCostUs } from './csr.ts';

export interface GraphNode {
  readonly name: string;
  readonly site: SiteId;
  /** False: somebody names it as a neighbour, but its own advertisement is missing. */
  readonly announced: boolean;
}

export interface GraphLink {
  readonly name: string;
  /** What SPF adds for it, µs. */
  readonly costUs: number;
  readonly delayAvgUs: number;
  readonly delayVariationUs: number;
  readonly loss: number;
  readonly bandwidthBps: number;
  /** Passed the two-way check, so SPF uses it. */
  readonly twoWay: boolean;
}

export type TopologyGraph = graphology.MultiDirectedGraph<GraphNode, GraphLink>;

/** Builds a directed multigraph: one node a router id, one edge an announced link, keyed `originator interface`. */
export function toGraph(nodes: ReadonlyMap<RouterId, NodeAdvertisement>): TopologyGraph {
  const graph: TopologyGraph = new graphology.MultiDirectedGraph({ allowSelfLoops: true });
  const counted = new Set(compileCsr(nodes).link);
  for (const node of nodes.values()) {
    graph.addNode(node.originator, { name: node.name, site: node.site, announced: true });
  }
  for (const node of nodes.values()) {
    for (const link of node.links) {
      if (!graph.hasNode(link.neighbour)) graph.addNode(link.neighbour, { name: '', site: '', announced: false });
      // Two links of one name are the announcer's fault; the view keeps the last instead of throwing.
      const key = `${node.originator} ${link.name}`;
      if (graph.hasEdge(key)) graph.dropEdge(key);
      graph.addDirectedEdgeWithKey(key, node.originator, link.neighbour, {
        name: link.name,
        costUs: linkCostUs(link),
        delayAvgUs: link.delayAvgUs,
        delayVariationUs: link.delayVariationUs,
        loss: link.loss,
        bandwidthBps: link.bandwidthBps,
        twoWay: counted.has(link),
      });
    }
  }
  return graph;
}
