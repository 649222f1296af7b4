// What the demo must know of a lab, taken from its topology: who asks, who steers, who serves, and which links matter.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { linksOf, parseTopology, routersOf, type Topology } from '../labs/topology.ts';

export interface DemoFacts {
  readonly topology: Topology;
  /** Clients with the ingress they sit behind, in the order of the topology. */
  readonly clients: readonly { readonly client: string; readonly ingress: string }[];
  readonly service: Topology['services'][number];
  readonly cores: readonly string[];
}

/** Reads `topologies/<lab>/topology.json`; throws when it has nothing to demonstrate. */
export function readFacts(root: string, lab: string): DemoFacts {
  const path = join(root, 'topologies', lab, 'topology.json');
  return factsOf(parseTopology(JSON.parse(readFileSync(path, 'utf8')), path));
}

export function factsOf(topology: Topology): DemoFacts {
  const routers = new Map(routersOf(topology).map((router) => [router.name, router]));
  const clients = topology.nodes
    .filter((node) => node.kind === 'client')
    .map(({ name }) => {
      const ingress = linksOf(topology, name).find(({ remote }) => routers.has(remote.node))?.remote.node;
      if (ingress === undefined) throw new Error(`client ${name} has no router`);
      return { client: name, ingress };
    });
  const service = topology.services[0];
  if (service === undefined || clients.length === 0) throw new Error(`${topology.name} has no service or no client`);
  const cores = [...routers.values()].filter((router) => router.role === 'core').map((router) => router.name);
  return { topology, clients, service, cores };
}

/** Links by which a router reaches other routers, named as the lab names them. */
export function uplinksOf({ topology }: DemoFacts, router: string): string[] {
  const routers = new Set(routersOf(topology).map(({ name }) => name));
  return linksOf(topology, router)
    .filter(({ remote }) => routers.has(remote.node))
    .map(({ link }) => link.endpoints.map((end) => end.node).join('--'));
}

/** Name and one-way delay of the link between two routers, µs. */
export function linkBetween(
  { topology }: DemoFacts,
  a: string,
  b: string,
): { readonly name: string; readonly delayUs: number } {
  const found = linksOf(topology, a).find(({ remote }) => remote.node === b);
  if (found === undefined) throw new Error(`no link between ${a} and ${b}`);
  return { name: found.link.endpoints.map((end) => end.node).join('--'), delayUs: found.link.delayUs };
}
