// ROUTE-REFRESH (RFC 2918, RFC 7313): telling a family again when asked, between BEGIN and END where the peer knows them, and
// sweeping what a peer did not tell again.
import type { Family } from '../model/identity.ts';
import { CAPABILITY } from '../session/capabilities.ts';
import type { RouteRefreshMessage } from '../session/message.ts';
import { tellNode } from './link-state.ts';
import type { EstablishedSession, Peer, RouterState } from './state.ts';
import { sweep } from './sweep.ts';
import { sendTo } from './turn.ts';

type Phase = RouteRefreshMessage['phase'];

/** Asks the peer for all its routes of a family again. */
export function requestRefresh(state: RouterState, peer: Peer, family: Family): void {
  if (peer.session?.negotiated.families.includes(family)) say(state, peer, peer.session, family, 'request');
}

export function takeRefresh(state: RouterState, peer: Peer, session: EstablishedSession, refresh: RouteRefreshMessage) {
  const { family, phase } = refresh;
  if (!session.negotiated.families.includes(family)) return;
  if (phase === 'request') return refreshFor(state, peer, session, family);
  // State and link state are replaced by what is newer and never swept.
  if (family !== 'service') return;
  if (phase === 'begin') {
    state.table.sources.markStale(peer.source);
    session.heldBefore = new Map(session.held);
    return;
  }
  // Each telling makes a new entry: one that is still the same was not told again.
  for (const [handle, held] of session.heldBefore ?? []) {
    if (session.held.get(handle) !== held) continue;
    session.held.delete(handle);
    session.perService?.forget(handle);
  }
  session.heldBefore = undefined;
  sweep(state, peer.source, 'all');
}

/** Sends the family again from scratch, under the same handles. Asked twice it starts over: nothing told before counts. */
function refreshFor(state: RouterState, peer: Peer, session: EstablishedSession, family: Family): void {
  const enhanced = session.negotiated.capabilities.includes(CAPABILITY.enhancedRefresh);
  if (enhanced && !session.refreshing.has(family)) say(state, peer, session, family, 'begin');
  if (enhanced) session.refreshing.add(family);
  if (family === 'link-state') for (const node of state.lsdb.nodes.values()) tellNode(state, peer, node);
  else session.out.repeat();
  state.flush.wanted = true;
}

/** Everything is out: END for the families that were being told again. */
export function endRefreshes(state: RouterState): void {
  for (const peer of state.peers.values()) {
    const { session } = peer;
    if (session === undefined || session.refreshing.size === 0 || session.out.hasPending) continue;
    for (const family of session.refreshing) say(state, peer, session, family, 'end');
    session.refreshing.clear();
  }
}

function say(state: RouterState, peer: Peer, session: EstablishedSession, family: Family, phase: Phase): void {
  sendTo(state, peer, session.connection, { type: 'ROUTE-REFRESH', family, phase });
}
