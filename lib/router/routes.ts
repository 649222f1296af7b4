// Routes and states between peers and the table: what a received UPDATE does, and who is told when a route changes. Rows
// and handles are numbers all the way; texts appear only where a service is steered. Errors follow RFC 7606: a malformed
// row is a withdrawn row, never a lost session.
import type { ComputeState } from '../model/compute-state.ts';
import { routerIdToNumber } from '../model/identity.ts';
import type { ServiceAttributes } from '../model/service-route.ts';
import { putState, STATE_NUMBERS } from '../model/state-row.ts';
import { ADDRESS_WORDS } from '../net/address-words.ts';
import { type Change, LOCAL_SOURCE } from '../rib/route-table.ts';
import type { ComputeUpdate, ServiceUpdate, UpdateMessage } from '../session/message.ts';
import { install } from './link-state.ts';
import { screenRoutes, screenState, takesNode } from './screen.ts';
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
  if (update.compute && families.includes('compute')) takeStates(state, peer, session, update.compute);
  if (!update.linkState || !families.includes('link-state')) return;
  for (const node of update.linkState.nodes)
    if (takesNode(state, peer, session, node)) install(state, node, peer.config.name);
}

function takeRoutes(state: RouterState, peer: Peer, session: EstablishedSession, update: ServiceUpdate): void {
  const { table } = state;
  const { source } = peer;
  for (let i = 0; i < update.withdrawn.length; i++) {
    const handle = update.withdrawn[i]!;
    const row = session.handles.unbind(handle);
    if (row >= 0) withdrawRow(state, source, row, handle);
  }
  const own = routerIdToNumber(state.config.routerId);
  const sets = update.attributeSets.map((set) => (crossedHere(state, set) ? -1 : table.sets.intern(set)));
  // Held while the rows are taken: one row may be all that uses a set, and the next take it away.
  for (const set of sets) if (set >= 0) table.sets.retain(set);
  const { handle: handles, service, contactInstance, originator, attributeSet } = update;
  for (let i = 0; i < handles.length; i++) {
    const handle = handles[i]!;
    const word = i * ADDRESS_WORDS;
    const set = attributeSet[i]! < 0 ? -1 : sets[attributeSet[i]!]!;
    // RFC 4456 section 8: own router id as originator.
    if (set < 0 || originator[i] === own) {
      const row = table.find(service, word, contactInstance, word, originator[i]!);
      const displaced = session.handles.unbind(handle);
      if (displaced >= 0 && displaced !== row) withdrawRow(state, source, displaced, handle);
      if (row >= 0) withdrawRow(state, source, row);
      continue;
    }
    const row = table.intern(service, word, contactInstance, word, originator[i]!);
    const change = table.announce(row, source, set, handle);
    const displaced = session.handles.bind(handle, row);
    if (displaced >= 0) withdrawRow(state, source, displaced, handle);
    rowChanged(state, row, change);
  }
  for (const set of sets) if (set >= 0) table.sets.release(set);
}

/** RFC 4271 9.1.2: own AS in the path. */
function crossedHere(state: RouterState, attributes: ServiceAttributes): boolean {
  return attributes.sitePath.includes(state.config.site);
}

function takeStates(state: RouterState, peer: Peer, session: EstablishedSession, update: ComputeUpdate): void {
  const { table } = state;
  let news = false;
  for (let i = 0; i < update.handle.length; i++) {
    const handle = update.handle[i]!;
    const row = session.handles.resolve(handle);
    if (row < 0 || !table.says(row, peer.source, handle)) continue;
    const said = screenState(state, peer, row, update.state, i * STATE_NUMBERS);
    if (said === undefined) continue;
    const at = said === update.state ? i * STATE_NUMBERS : 0;
    if (table.updateState(row, said, at, peer.source, state.atMs) === 'older') continue;
    news = true;
    stateChanged(state, row);
  }
  if (news) viewChanged(state, 'rib');
}

const scratch = new Float64Array(STATE_NUMBERS);

/** Takes state of a route of our own; the peers hear it if it is newer. */
export function ownState(state: RouterState, row: number, compute: ComputeState): void {
  if (row < 0 || !state.table.isUsed(row)) return;
  putState(scratch, 0, compute);
  if (state.table.updateState(row, scratch, 0, LOCAL_SOURCE, state.atMs) === 'older') return;
  viewChanged(state, 'rib');
  stateChanged(state, row);
}

function stateChanged(state: RouterState, row: number): void {
  const { services } = state.table;
  const service = state.table.service(row);
  if (services.isWatched(service)) serviceChanged(state, services.text(service), 'compute');
}

/** Tells steering that the version in use of a route differs now; peers read it from the table's log. */
export function rowChanged(state: RouterState, row: number, change: Change): void {
  if (change === 'none') return;
  viewChanged(state, 'rib');
  const { services } = state.table;
  const service = state.table.service(row);
  if (services.isWatched(service)) serviceChanged(state, services.text(service), 'service');
}

/** Takes away what `source` says of the row; with a handle, only if it still says it under that one. */
export function withdrawRow(state: RouterState, source: number, row: number, handle = 0): void {
  const { services } = state.table;
  const service = state.table.service(row);
  const watched = services.isWatched(service) ? services.text(service) : undefined;
  const change = state.table.withdraw(row, source, handle);
  if (change === 'none') return;
  if (change === 'removed') state.quarantine.delete(row);
  viewChanged(state, 'rib');
  // DESIGN section 4: withdrawals pass the pacing.
  if (watched !== undefined) serviceChanged(state, watched, 'service', change === 'removed');
}
