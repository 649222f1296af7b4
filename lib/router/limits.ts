// How much one peer may announce, and how fast: a warning on the way, and at the limit the session ends with Cease 1
// (RFC 4486; 8 for the pace) until its restart time is over, or what goes beyond is not taken (take-routes.ts).
import { CEASE_SUBCODE } from '../session/message.ts';
import type { ConnectionId } from '../session/peer-contract.ts';
import { ServiceCounts } from '../session/service-counts.ts';
import { spendTokens, takeTokens, tokensAt } from '../time/token-bucket.ts';
import { refuse } from './screen.ts';
import type { EstablishedSession, Peer, RouterState } from './state.ts';
import { log, setTimer } from './turn.ts';

/** What is counted, as logs have it. */
export type Limited = 'service' | 'services' | 'instances-per-service' | 'link-state' | 'updates' | 'bytes';

interface Count {
  readonly of: Limited;
  readonly count: number;
  readonly limit: number;
  readonly isNear: boolean;
  readonly isBeyond: boolean;
  /** What there is too much of. */
  readonly text: string;
}

export function limitTimer(peer: Peer): string {
  return `session/${peer.config.name}/limit`;
}

/** Counts by service, where a limit asks for more than the one on routes does. */
export function serviceCounts({ limits }: Peer['config']): ServiceCounts | undefined {
  const asks = limits.services < limits.service || limits.instancesPerService < limits.service;
  return asks ? new ServiceCounts(limits) : undefined;
}

/** A message of the peer came in, whatever is in it. */
export function spendBytes(
  state: RouterState,
  { config, session }: Peer,
  { connection, bytes = 0 }: { readonly connection: ConnectionId; readonly bytes?: number },
): void {
  const rate = config.limits.bytes;
  if (rate.perSecond > 0 && session?.connection === connection)
    session.bytes = spendTokens(session.bytes, rate, state.atMs, bytes);
}

/** After a message, which is so many UPDATEs or none: what to tell the peer when it is beyond a limit and the session is to end; undefined: go on. */
export function limitExceeded(
  state: RouterState,
  peer: Peer,
  session: EstablishedSession,
  updates: number,
): { readonly subcode: number; readonly text: string } | undefined {
  const { limits } = peer.config;
  for (const it of countsOf(state, peer, session, updates)) {
    warn(state, peer, session, it);
    if (!it.isBeyond || limits.action !== 'close') continue;
    log(state, 'error', 'session ended: limit exceeded', { peer: peer.config.name, family: it.of, limit: it.limit });
    if (limits.restartMs > 0) setTimer(state, limitTimer(peer), state.atMs + limits.restartMs);
    const subcode =
      it.of === 'updates' || it.of === 'bytes' ? CEASE_SUBCODE.outOfResources : CEASE_SUBCODE.maximumPrefixes;
    return { subcode, text: `more than ${it.limit} ${it.text}` };
  }
  return undefined;
}

function countsOf(state: RouterState, peer: Peer, session: EstablishedSession, updates: number): Count[] {
  const { limits } = peer.config;
  const bytes = bytesOf(state, peer, session);
  if (updates === 0) return bytes;
  const plain = (of: Limited, count: number, limit: number, text: string): Count => ({
    ...{ of, count, limit, text },
    isNear: count >= (limit * limits.warnPercent) / 100,
    isBeyond: count > limit,
  });
  const counts = [
    plain('service', session.handles.size + session.held.size, limits.service, 'routes'),
    plain('link-state', state.nodesFrom.get(peer.config.name) ?? 0, limits.linkState, 'routers'),
  ];
  counts.push(...bytes, ...paceOf(state, peer, session, updates));
  const { perService } = session;
  if (perService === undefined) return counts;
  const { near, beyond, services } = perService;
  counts.push(plain('services', services, limits.services, 'services'), {
    of: 'instances-per-service',
    // Of services that have so many.
    count: near,
    limit: limits.instancesPerService,
    isNear: near > 0,
    isBeyond: beyond > 0,
    text: 'contact instances of one service',
  });
  return counts;
}

/** Takes a token for each UPDATE at hand. Where the limit truncates it is only said: an UPDATE left out would be a lie. */
function paceOf(state: RouterState, peer: Peer, session: EstablishedSession, count: number): Count[] {
  const { updates, warnPercent } = peer.config.limits;
  if (updates.perSecond === 0) return [];
  const next = takeTokens(session.updates, updates, state.atMs, count);
  // Of those that are not enough for all of them the first ones take theirs.
  session.updates = next ?? { tokens: tokensAt(session.updates, updates, state.atMs) % 1, atMs: state.atMs };
  const used = updates.burst - tokensAt(session.updates, updates, state.atMs);
  return [
    {
      of: 'updates',
      count: Math.round(used),
      limit: updates.perSecond,
      isNear: used >= (updates.burst * warnPercent) / 100,
      isBeyond: next === undefined,
      text: 'UPDATEs a second',
    },
  ];
}

function bytesOf(state: RouterState, peer: Peer, session: EstablishedSession): Count[] {
  const { bytes, warnPercent } = peer.config.limits;
  if (bytes.perSecond === 0) return [];
  const left = tokensAt(session.bytes, bytes, state.atMs);
  const count = Math.round(bytes.burst - left);
  const isNear = count >= (bytes.burst * warnPercent) / 100;
  return [{ of: 'bytes', count, limit: bytes.perSecond, isNear, isBeyond: left < 0, text: 'bytes a second' }];
}

/** Once on the way up, and again only after it was below. */
function warn(state: RouterState, peer: Peer, { warned }: EstablishedSession, it: Count): void {
  if (!it.isNear) warned.delete(it.of);
  if (!it.isNear || warned.has(it.of)) return;
  warned.add(it.of);
  const { of: family, count, limit } = it;
  log(state, 'warn', 'peer is near its limit', { peer: peer.config.name, family, count, limit });
}

/** A row under this handle would be beyond a limit that truncates; it is counted as refused then. */
export function refusesRow(
  state: RouterState,
  peer: Peer,
  session: EstablishedSession,
  handle: number,
  service: Uint32Array,
  at: number,
): boolean {
  const { limits } = peer.config;
  if (limits.action !== 'truncate') return false;
  const isNew = session.handles.resolve(handle) < 0 && !session.held.has(handle);
  if (isNew && session.handles.size + session.held.size >= limits.service)
    refuse(state, peer, 'limit', { routes: limits.service });
  else if (session.perService?.refuses(handle, service, at) === true)
    refuse(state, peer, 'limit', { services: limits.services, instancesPerService: limits.instancesPerService });
  else return false;
  return true;
}

/** A new router would be one too many where the limit truncates. */
export function refusesRouter(state: RouterState, peer: Peer): boolean {
  const { limits } = peer.config;
  if (limits.action !== 'truncate' || (state.nodesFrom.get(peer.config.name) ?? 0) < limits.linkState) return false;
  refuse(state, peer, 'limit', { routers: limits.linkState });
  return true;
}
