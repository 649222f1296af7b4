// Routes and states between peers and the tables: what a received UPDATE does, what each peer may hear of a route, and
// who is told when one changes. Errors follow RFC 7606: a malformed row is a withdrawn row, never a lost session.
import type { ComputeState } from '../model/compute-state.ts';
import type { Family, PeerName } from '../model/identity.ts';
import type { RouteKey, ServiceAttributes } from '../model/service-route.ts';
import { COMMUNITY, routeKeyText } from '../model/service-route.ts';
import type { Exported } from '../rib/adj-rib-out.ts';
import { bestAttributes, type Change, LOCAL } from '../rib/route-table.ts';
import type { ComputeUpdate, ServiceUpdate, UpdateMessage } from '../session/message.ts';
import { install } from './link-state.ts';
import { screenRoutes, screenStates, takesNode } from './screen.ts';
import type { EstablishedSession, Peer, RouterState } from './state.ts';
import { serviceChanged } from './steering.ts';
import { log, viewChanged } from './turn.ts';

/** Routes one peer may have announced: a bound on memory, far above any table measured so far. */
export const MAX_ROUTES_PER_PEER = 1_000_000;

export function takeUpdate(state: RouterState, peer: Peer, session: EstablishedSession, update: UpdateMessage): void {
  for (const fault of update.faults ?? [])
    log(state, 'warn', 'malformed entry treated as withdrawn', {
      peer: peer.config.name,
      field: fault.field,
      text: fault.text,
    });
  // What was not negotiated is passed over, as an unknown family is (RFC 4760 section 7).
  const { families } = session.negotiated;
  if (update.service && families.includes('service'))
    takeRoutes(state, peer, session, screenRoutes(state, peer, session, update.service));
  if (update.compute && families.includes('compute'))
    takeStates(state, peer, session, screenStates(state, peer, session, update.compute));
  if (!update.linkState || !families.includes('link-state')) return;
  for (const node of update.linkState.nodes)
    if (takesNode(state, peer, session, node)) install(state, node, peer.config.name);
}

function takeRoutes(state: RouterState, peer: Peer, session: EstablishedSession, update: ServiceUpdate): void {
  for (const handle of update.withdrawn) {
    const key = session.handles.resolve(handle);
    if (key === undefined) continue;
    session.handles.unbind(handle);
    withdrawKeys(state, peer.config.name, [key]);
  }
  for (let row = 0; row < update.handle.length; row++) {
    const route: RouteKey = {
      service: update.service[row]!,
      contactInstance: update.contactInstance[row]!,
      originator: update.originator[row]!,
    };
    const key = routeKeyText(route);
    const displaced = session.handles.bind(update.handle[row]!, key);
    if (displaced !== undefined && displaced !== key) withdrawKeys(state, peer.config.name, [displaced]);
    const attributes = update.attributeSets[update.attributeSet[row]!];
    if (attributes === undefined || loops(state, route, attributes)) {
      session.handles.unbind(update.handle[row]!);
      withdrawKeys(state, peer.config.name, [key]);
      continue;
    }
    routesOf(state, key, state.table.announce(peer.config.name, peer.routerIdNumber, route, attributes));
  }
}

/** RFC 4271 9.1.2 (own AS in the path) and RFC 4456 section 8 (own router id as originator). */
function loops(state: RouterState, route: RouteKey, attributes: ServiceAttributes): boolean {
  return attributes.sitePath.includes(state.config.site) || route.originator === state.config.routerId;
}

function takeStates(state: RouterState, peer: Peer, session: EstablishedSession, update: ComputeUpdate): void {
  for (let row = 0; row < update.handle.length; row++) {
    const key = session.handles.resolve(update.handle[row]!);
    if (key !== undefined) stateOf(state, key, update.state[row]!, peer.config.name);
  }
}

/** Takes newer state of a route, from a peer or our own agent, and passes it on to everyone but its sender. */
export function stateOf(state: RouterState, key: string, compute: ComputeState, from: PeerName): void {
  if (state.table.updateState(key, compute, from, state.atMs) !== 'newer') return;
  for (const [name, peer] of state.peers) if (name !== from) peer.session?.out.stateChanged(key);
  viewChanged(state, 'rib');
  serviceChanged(state, state.table.entries.get(key)!.route.service, 'compute');
}

/** Tells peers and steering that the version in use of a route differs now. */
export function routesOf(state: RouterState, key: string, change: Change): void {
  if (change === 'none') return;
  if (change === 'removed') state.quarantine.delete(key);
  for (const peer of state.peers.values()) peer.session?.out.routeChanged(key);
  viewChanged(state, 'rib');
  const service = key.slice(0, key.indexOf(' '));
  // DESIGN section 4: withdrawals pass the pacing.
  serviceChanged(state, service, 'service', change === 'removed');
}

export function withdrawKeys(state: RouterState, from: PeerName, keys: readonly string[]): void {
  for (const key of keys) routesOf(state, key, state.table.withdraw(from, key));
}

/** What `peer` may hear of a route: not its own words, nothing that crossed its site, internal routes only once. */
export function exported(state: RouterState, peer: Peer, key: string): Exported | undefined {
  const entry = state.table.entries.get(key);
  if (entry === undefined || entry.best === peer.config.name) return undefined;
  const attributes = bestAttributes(entry);
  // RFC 9494 4.3: only to peers that know what it means.
  if (attributes.communities.includes(COMMUNITY.llgrStale) && peer.session?.negotiated.remote.longLived === undefined)
    return undefined;
  const remoteSite = peer.remote?.site;
  if (remoteSite !== undefined && attributes.sitePath.includes(remoteSite)) return undefined;
  const internal = remoteSite === state.config.site;
  // RFC 4271 9.2: what came from inside the site is not sent back inside.
  if (internal && entry.best !== LOCAL && state.peers.get(entry.best)?.remote?.site === state.config.site)
    return undefined;
  return {
    route: entry.route,
    attributes: internal ? attributes : prepended(state, attributes),
    state: entry.stateFrom === peer.config.name && entry.state !== undefined ? undefined : entry.state,
  };
}

/** One object per attribute set, so that an UPDATE carries each set once. */
function prepended(state: RouterState, attributes: ServiceAttributes): ServiceAttributes {
  const known = state.prepended.get(attributes);
  if (known !== undefined) return known;
  const made: ServiceAttributes = { ...attributes, sitePath: [state.config.site, ...attributes.sitePath] };
  state.prepended.set(attributes, made);
  return made;
}

/** ROUTE-REFRESH (RFC 2918): sends the family again from scratch. */
export function refreshFor(state: RouterState, peer: Peer, family: Family): void {
  const out = peer.session?.out;
  if (out === undefined) return;
  if (family === 'link-state') for (const router of state.lsdb.nodes.keys()) out.nodeChanged(router);
  else {
    out.forget();
    for (const key of state.table.entries.keys()) out.routeChanged(key);
  }
}
