// How much one peer may announce: a warning on the way, and at the limit the session ends with Cease 1 (RFC 4486) until its
// restart time is over, or what goes beyond is not taken (take-routes.ts).
import type { Family } from '../model/identity.ts';
import { CEASE_SUBCODE } from '../session/message.ts';
import { refuse } from './screen.ts';
import type { EstablishedSession, Peer, RouterState } from './state.ts';
import { log, setTimer } from './turn.ts';

export function limitTimer(peer: Peer): string {
  return `session/${peer.config.name}/limit`;
}

/** After an UPDATE: what to tell the peer when it is beyond a limit and the session is to end; undefined: go on. */
export function limitExceeded(
  state: RouterState,
  peer: Peer,
  session: EstablishedSession,
): { readonly subcode: number; readonly text: string } | undefined {
  const { limits } = peer.config;
  const counts: readonly (readonly [Family, number, number, string])[] = [
    ['service', session.handles.size + session.held.size, limits.service, 'routes'],
    ['link-state', state.nodesFrom.get(peer.config.name) ?? 0, limits.linkState, 'routers'],
  ];
  for (const [family, count, limit, what] of counts) {
    warn(state, peer, session, family, count, limit);
    if (count <= limit || limits.action !== 'close') continue;
    log(state, 'error', 'session ended: limit exceeded', { peer: peer.config.name, family, limit });
    if (limits.restartMs > 0) setTimer(state, limitTimer(peer), state.atMs + limits.restartMs);
    return { subcode: CEASE_SUBCODE.maximumPrefixes, text: `more than ${limit} ${what}` };
  }
  return undefined;
}

/** Once on the way up, and again only after it was below. */
function warn(
  state: RouterState,
  peer: Peer,
  session: EstablishedSession,
  family: Family,
  count: number,
  limit: number,
): void {
  const near = count >= (limit * peer.config.limits.warnPercent) / 100;
  if (!near) session.warned.delete(family);
  if (!near || session.warned.has(family)) return;
  session.warned.add(family);
  log(state, 'warn', 'peer is near its limit', { peer: peer.config.name, family, count, limit });
}

/** A new router would be one too many where the limit truncates. */
export function refusesRouter(state: RouterState, peer: Peer): boolean {
  const { limits } = peer.config;
  if (limits.action !== 'truncate' || (state.nodesFrom.get(peer.config.name) ?? 0) < limits.linkState) return false;
  refuse(state, peer, 'limit', { routers: limits.linkState });
  return true;
}
