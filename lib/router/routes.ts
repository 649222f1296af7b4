// Routes and states between peers and the table: what a received UPDATE does, and who is told when a route changes. Rows
// and handles are numbers all the way; texts appear only where a service is steered. Errors follow RFC 7606: a malformed
// row is a withdrawn row, never a lost session.
import type { ComputeState } from '../model/compute-state.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import { putState, STATE, STATE_NUMBERS } from '../model/state-row.ts';
import { LOCAL_SOURCE } from '../rib/route-table.ts';
import type { ComputeUpdate, UpdateMessage } from '../session/message.ts';
import { noteExpiry } from './expiry.ts';
import { refusesRouter } from './limits.ts';
import { install } from './link-state.ts';
import { isHeldBack, releasedReports } from './report-rate.ts';
import { refuse, screenRoutes, screenState, takesNode } from './screen.ts';
import { noteSkew } from './skew.ts';
import type { EstablishedSession, Peer, RouterState } from './state.ts';
import { serviceChanged } from './steering.ts';
import { takeRoutes } from './take-routes.ts';
import { log, viewChanged } from './turn.ts';

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
    if (isWelcome(state, peer, node) && takesNode(state, peer, session, node)) install(state, node, peer.config.name);
    else session.refusedNode = true;
}

/** An observer tells nothing, and a limit may truncate; what is known already is no more than before. */
function isWelcome(state: RouterState, peer: Peer, node: NodeAdvertisement): boolean {
  if (peer.session?.negotiated.remote.peerRole === 'observer')
    return refuse(state, peer, 'observer', { originator: node.originator }) ?? false;
  return state.lsdb.nodes.has(node.originator) || !refusesRouter(state, peer);
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
    if (isHeldBack(state, peer, row, handle, said, at)) continue;
    if (table.states.has(row)) noteSkew(state, row, said[at + STATE.sequence]!, said[at + STATE.measuredAtMs]!);
    if (table.updateState(row, said, at, peer.source, state.atMs) === 'older') continue;
    news = true;
    stateChanged(state, row);
  }
  if (news) viewChanged(state, 'rib');
}

/** The timer of the report rate fired. */
export function reportsDue(state: RouterState): void {
  for (const [row, { values, source }] of releasedReports(state)) {
    if (state.table.updateState(row, values, 0, source, state.atMs) === 'older') continue;
    viewChanged(state, 'rib');
    stateChanged(state, row);
  }
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
  noteExpiry(state, row);
  const { services } = state.table;
  const service = state.table.service(row);
  if (services.isWatched(service)) serviceChanged(state, services.text(service), 'compute');
}
