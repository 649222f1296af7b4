// Paths through the domain: shortest paths over the link state, held back while it storms, and routes to the locators and
// prefixes they lead to. Choosing contact instances is steering's.
import { type FibObject, type FibRoute, fibRoute, MAIN_TABLE, type RouteTarget } from '../fib/fib.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import { BEHAVIOUR } from '../segment/behaviours.ts';
import { acted, dueAt } from '../time/debounce.ts';
import { computeSpf } from '../topology/spf.ts';
import { planBorder } from './border.ts';
import { want } from './fib-plan.ts';
import type { RouterState } from './state.ts';
import { distancesChanged } from './steering.ts';
import { log, setTimer, viewChanged } from './turn.ts';

const SPF_DEBOUNCE = { minMs: 10, maxMs: 250 };

/** Paths are computed again: at once after a quiet time, later while changes keep coming. */
export function scheduleSpf(state: RouterState): void {
  // Without links of its own nothing is reachable: what still comes is forwarded as before.
  if (state.spfPending || state.leaving) return;
  const atMs = dueAt(state.spfDebounce, state.atMs);
  if (atMs <= state.atMs) runSpf(state);
  else {
    state.spfPending = true;
    setTimer(state, 'spf', atMs);
  }
}

export function runSpf(state: RouterState): void {
  state.spfPending = false;
  state.spfDebounce = acted(state.spfDebounce, SPF_DEBOUNCE, state.atMs);
  const before = state.spf;
  state.spf = computeSpf(state.lsdb.nodes, state.config.routerId);
  // Whose links count for the MTU depends on who is reached.
  state.mtuChanged = true;
  for (const router of before.keys()) {
    if (!state.spf.has(router))
      log(state, 'warn', 'router unreachable', { routerId: router, name: state.lsdb.nameOf(router) });
  }
  for (const router of state.spf.keys()) {
    if (!before.has(router) && router !== state.config.routerId)
      log(state, 'info', 'router reachable', { routerId: router, name: state.lsdb.nameOf(router) });
  }
  if (state.config.fib.underlay) want(state, 'underlay', underlayRoutes(state), 'spf');
  planBorder(state);
  viewChanged(state, 'paths');
  distancesChanged(state);
}

function underlayRoutes(state: RouterState): FibObject[] {
  const routes = new Map<string, FibRoute>();
  const { srv6, prefixes } = state.config;
  const own = new Set([srv6.locator, ...srv6.locators.map(({ prefix }) => prefix), ...prefixes]);
  const byDelay = [...state.spf.values()].sort((a, b) => a.delayUs - b.delayUs || (a.router < b.router ? -1 : 1));
  for (const node of byDelay) {
    if (node.router === state.config.routerId || node.firstHops.length === 0) continue;
    const advertisement = state.lsdb.nodes.get(node.router)!;
    for (const prefix of [...advertisement.locators.map((locator) => locator.prefix), ...advertisement.prefixes]) {
      // A prefix that several routers attach belongs to the nearest.
      if (own.has(prefix) || routes.has(prefix)) continue;
      const hops = node.firstHops.map((hop) => ({ gateway: hop.gateway, device: hop.device, weight: 1 }));
      const target = tunnelTo(advertisement, prefix) ?? { kind: 'gateways', hops };
      routes.set(prefix, fibRoute(prefix, MAIN_TABLE, target));
    }
  }
  return [...routes.values()];
}

/**
 * IPv4 prefixes are reached through a tunnel to the router that attaches them: the domain in between need not route IPv4.
 * Undefined: hop by hop, for IPv6 and where the router ends no tunnels of IPv4.
 */
function tunnelTo({ decapSids }: NodeAdvertisement, prefix: string): RouteTarget | undefined {
  if (prefix.includes(':')) return undefined;
  const found = decapSids?.find(({ behaviour }) => behaviour === BEHAVIOUR.endDt4 || behaviour === BEHAVIOUR.endDt46);
  return found && { kind: 'encap', segments: [found.sid] };
}
