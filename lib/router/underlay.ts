// The network half of the router: own links and node advertisement, flooding, shortest paths, and routes to the locators
// and prefixes of the domain. Measuring is the agents' business, choosing contact instances is steering's.
import type { RouterConfig } from '../config/config.ts';
import type { FibObject, FibRoute, LocalSid } from '../fib/fib.ts';
import type { PeerName, RouterId } from '../model/identity.ts';
import type { LinkAdvertisement, NodeAdvertisement } from '../model/link-state.ts';
import { FUNCTION_DT6, FUNCTION_END_X } from '../model/sid-functions.ts';
import { addressToBytes, bytesToAddress, parsePrefix } from '../net/address.ts';
import { BEHAVIOUR } from '../segment/behaviours.ts';
import { acted, dueAt } from '../time/debounce.ts';
import { computeSpf } from '../topology/spf.ts';
import { retrySoon, want } from './fib-plan.ts';
import { pathDown } from './sessions.ts';
import type { Link, RouterState } from './state.ts';
import { distancesChanged } from './steering.ts';
import { log, setTimer, viewChanged } from './turn.ts';

const MAIN_TABLE = 254;
/** How long a start waits for STAMP before it announces links by the kernel's word alone. */
const SETTLE_MS = 1000;
const SPF_DEBOUNCE = { minMs: 10, maxMs: 250 };

/**
 * The link may be announced: the kernel says so, STAMP does not object, and both ends have the same map. Without the
 * last, a link that returns is reachable by what its neighbour said before it went, until the neighbour speaks.
 */
export function isUsable(state: RouterState, link: Link): boolean {
  return link.kernelUp === true && (!state.config.stamp.enabled || link.pathUp === true) && link.adjacent;
}

/** The neighbour over `name` sent End-of-RIB of its link state. */
export function adjacencyUp(state: RouterState, name: string): void {
  const link = state.links.get(name);
  if (link === undefined || link.adjacent) return;
  link.adjacent = true;
  originate(state);
}

function adjacencyDown(state: RouterState, link: Link): void {
  link.adjacent = !needsAdjacency(state.config, link.config.name);
}

/** A peer over this link tells us its link state; without one there is nobody to wait for. */
export function needsAdjacency(config: RouterConfig, link: string): boolean {
  return config.peers.some((peer) => peer.link === link && peer.families.includes('link-state'));
}

/** Every link's fate is known, or has had its time: a restarted router must not announce itself without its links. */
export function linksSettled(state: RouterState): boolean {
  if (state.atMs >= state.startedAtMs + SETTLE_MS) return true;
  for (const link of state.links.values()) {
    if (link.kernelUp === undefined) return false;
    if (link.kernelUp && state.config.stamp.enabled && link.pathUp === undefined) return false;
  }
  return true;
}

export function startUnderlay(state: RouterState): void {
  setTimer(state, 'settle', state.startedAtMs + SETTLE_MS);
  want(state, 'local-sids', localSids(state), 'start');
}

export function linkEvent(state: RouterState, name: string, up: boolean): void {
  const link = state.links.get(name);
  if (link === undefined || link.kernelUp === up) return;
  const first = link.kernelUp === undefined;
  link.kernelUp = up;
  if (!first || up) log(state, up ? 'info' : 'warn', up ? 'link up' : 'link down', { link: name });
  // End.X needs its interface; the rest of the local SIDs is the same with or without it.
  want(state, 'local-sids', localSids(state), 'link');
  if (up) retrySoon(state);
  else {
    link.pathUp = undefined;
    adjacencyDown(state, link);
    if (!first) endSessionsOver(state, name, 'link down');
  }
  originate(state);
}

export function pathEvent(state: RouterState, name: string, up: boolean): void {
  const link = state.links.get(name);
  if (link === undefined || link.pathUp === up) return;
  const before = link.pathUp;
  link.pathUp = up;
  if (up || before === true)
    log(state, up ? 'info' : 'warn', up ? 'path up' : 'path down: no answer to test packets', { link: name });
  if (!up && before === true) {
    adjacencyDown(state, link);
    endSessionsOver(state, name, 'path down');
  }
  originate(state);
}

export function linkMeasured(
  state: RouterState,
  name: string,
  measured: { delayMinUs: number; delayAvgUs: number; delayVariationUs: number; loss: number },
): void {
  const link = state.links.get(name);
  if (link === undefined) return;
  link.delayMinUs = measured.delayMinUs;
  link.delayAvgUs = measured.delayAvgUs;
  link.delayVariationUs = measured.delayVariationUs;
  link.loss = measured.loss;
  originate(state);
}

/** Announces this router anew when what it would say differs from what it said. */
export function originate(state: RouterState): void {
  if (!linksSettled(state) || state.stopping) return;
  const { config } = state;
  const content = {
    originator: config.routerId,
    site: config.site,
    name: config.name,
    locators: [
      {
        prefix: config.srv6.locator,
        structure: config.srv6.structure,
        endSid: config.srv6.endSid,
        behaviour: BEHAVIOUR.end,
      },
    ],
    prefixes: config.prefixes,
    links: [...state.links.values()].filter((link) => isUsable(state, link)).map((link) => advertiseLink(state, link)),
    maxSidDepth: config.srv6.maxSidDepth,
  };
  const { sequence: lastSequence = state.wallOriginMs + state.startedAtMs, ...last } = state.ownNode ?? {};
  if (state.ownNode !== undefined && JSON.stringify(last) === JSON.stringify(content)) return;
  publish(state, { ...content, sequence: Math.floor(lastSequence) + 1 });
}

/** Says good-bye: a node without links attracts nothing (IS-IS overload, in effect). */
export function retire(state: RouterState): void {
  if (state.ownNode !== undefined)
    publish(state, { ...state.ownNode, links: [], prefixes: [], sequence: state.ownNode.sequence + 1 });
}

function publish(state: RouterState, node: NodeAdvertisement): void {
  const { originator, site, name, locators, prefixes, links, maxSidDepth, sequence } = node;
  state.ownNode = { originator, site, name, locators, prefixes, links, maxSidDepth, sequence };
  install(state, state.ownNode, undefined);
}

/** Takes a node advertisement from a peer (or ourselves) and floods it on when it is news. */
export function install(state: RouterState, node: NodeAdvertisement, from: PeerName | undefined): void {
  if (from !== undefined && node.originator === state.config.routerId) {
    ownFromElsewhere(state, node);
    return;
  }
  const outcome = state.lsdb.install(node);
  if (outcome.outcome === 'refused') {
    // Equal and older ones are what a flood is made of; the rest is worth a line.
    if (outcome.reason !== 'equal' && outcome.reason !== 'older')
      log(state, 'warn', 'node advertisement refused', { originator: node.originator, reason: outcome.reason });
    return;
  }
  state.nodeReceivedAtMs.set(node.originator, state.atMs);
  for (const [name, peer] of state.peers) if (name !== from) peer.session?.out.nodeChanged(node.originator);
  viewChanged(state, 'link-state');
  if (outcome.topologyChanged || outcome.reachabilityChanged) scheduleSpf(state);
}

/** A node advertisement with our router id that we did not send just now. */
function ownFromElsewhere(state: RouterState, node: NodeAdvertisement): void {
  if (node.name !== state.config.name || node.site !== state.config.site) {
    // Two routers that outdo each other would flood for ever: say it, and let the operator end it.
    if (state.duplicates.size < 16 && !state.duplicates.has(node.name))
      log(state, 'error', 'duplicate router id in the domain', {
        routerId: node.originator,
        name: node.name,
        site: node.site,
      });
    if (state.duplicates.size < 16) state.duplicates.add(node.name);
    return;
  }
  // From an earlier life of ours (ISO 10589 7.3.16.1): outdo it.
  if (state.ownNode !== undefined && node.sequence >= state.ownNode.sequence)
    publish(state, { ...state.ownNode, sequence: node.sequence + 1 });
}

function scheduleSpf(state: RouterState): void {
  if (state.spfPending) return;
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
  for (const router of before.keys()) {
    if (!state.spf.has(router)) log(state, 'warn', 'router unreachable', { router, name: nodeName(state, router) });
  }
  for (const router of state.spf.keys()) {
    if (!before.has(router) && router !== state.config.routerId)
      log(state, 'info', 'router reachable', { router, name: nodeName(state, router) });
  }
  if (state.config.fib.underlay) want(state, 'underlay', underlayRoutes(state), 'spf');
  viewChanged(state, 'paths');
  distancesChanged(state);
}

export function nodeName(state: RouterState, router: RouterId): string {
  return state.lsdb.nodes.get(router)?.name ?? router;
}

function underlayRoutes(state: RouterState): FibObject[] {
  const routes = new Map<string, FibRoute>();
  const own = new Set([state.config.srv6.locator, ...state.config.prefixes]);
  const byDelay = [...state.spf.values()].sort((a, b) => a.delayUs - b.delayUs || (a.router < b.router ? -1 : 1));
  for (const node of byDelay) {
    if (node.router === state.config.routerId || node.firstHops.length === 0) continue;
    const advertisement = state.lsdb.nodes.get(node.router)!;
    for (const prefix of [...advertisement.locators.map((locator) => locator.prefix), ...advertisement.prefixes]) {
      // A prefix that several routers attach belongs to the nearest.
      if (own.has(prefix) || routes.has(prefix)) continue;
      const hops = node.firstHops.map((hop) => ({ gateway: hop.gateway, device: hop.device, weight: 1 }));
      routes.set(prefix, { kind: 'route', prefix, table: MAIN_TABLE, target: { kind: 'gateways', hops } });
    }
  }
  return [...routes.values()];
}

function localSids(state: RouterState): FibObject[] {
  const { config } = state;
  const { block, node, function: functionBits } = config.srv6.structure;
  const length = block + node + functionBits;
  const sid = (address: string, behaviour: LocalSid['behaviour']): LocalSid => ({
    kind: 'local-sid',
    prefix: `${parsePrefix(`${address}/${length}`).address}/${length}`,
    behaviour,
  });
  const locator: FibRoute = {
    kind: 'route',
    prefix: config.srv6.locator,
    table: MAIN_TABLE,
    target: { kind: 'blackhole' },
  };
  return [
    // Unknown functions die here instead of looping (dataplane.md section 0).
    locator,
    sid(config.srv6.endSid, { action: 'End' }),
    sid(functionSid(state, FUNCTION_DT6), { action: 'End.DT6', table: MAIN_TABLE }),
    ...[...state.links.values()]
      .filter((link) => link.kernelUp)
      .map((link) =>
        sid(endXSid(state, link), { action: 'End.X', nexthop: link.config.remoteAddress, device: link.config.name }),
      ),
    ...config.instances.map((instance) => sid(instance.sid, { action: 'End.DX6', nexthop: instance.nexthop })),
  ];
}

function endXSid(state: RouterState, link: Link): string {
  const index = [...state.links.keys()].indexOf(link.config.name);
  return functionSid(state, FUNCTION_END_X + index + 1);
}

/** The SID of a function number in the own locator; the function's bits follow the node's. */
function functionSid(state: RouterState, value: number): string {
  const { block, node, function: functionBits } = state.config.srv6.structure;
  const bytes = addressToBytes(parsePrefix(state.config.srv6.locator).address);
  for (let bit = 0; bit < functionBits; bit++) {
    if (((value >>> (functionBits - 1 - bit)) & 1) === 0) continue;
    const position = block + node + bit;
    bytes[position >> 3]! |= 0x80 >> (position & 7);
  }
  return bytesToAddress(bytes);
}

function advertiseLink(state: RouterState, link: Link): LinkAdvertisement {
  const { config } = link;
  return {
    name: config.name,
    neighbour: config.neighbour,
    localAddress: config.localAddress,
    remoteAddress: config.remoteAddress,
    delayMinUs: link.delayMinUs,
    delayAvgUs: link.delayAvgUs,
    delayVariationUs: link.delayVariationUs,
    loss: link.loss,
    bandwidthBps: config.bandwidthBps,
    adminGroups: config.adminGroups,
    srlg: config.srlg,
    endXSid: endXSid(state, link),
  };
}

function endSessionsOver(state: RouterState, link: string, reason: string): void {
  for (const peer of state.peers.values()) if (peer.config.link === link) pathDown(state, peer, reason);
}
