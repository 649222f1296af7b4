// Peers of the router: drives each session's FSM, keeps what exists only while it is Established, feeds received UPDATEs
// to the table and opens the peers' Adj-RIB-Out. Graceful restart (RFC 4724) decides what outlives a session.
import type { Family, PeerName } from '../model/identity.ts';
import { FAMILIES, routerIdToNumber } from '../model/identity.ts';
import { AdjRibOut } from '../rib/adj-rib-out.ts';
import { HandleTable } from '../session/handles.ts';
import { CEASE_SUBCODE, type SessionMessage } from '../session/message.ts';
import { heardUpdate, stepPeer } from '../session/peer.ts';
import type { ConnectionId, Negotiated, PeerEffect, PeerEvent } from '../session/peer-contract.ts';
import { fullBucket } from '../time/token-bucket.ts';
import { takeDigest } from './anti-entropy.ts';
import { exportGroup } from './export.ts';
import { limitExceeded, serviceCounts, spendBytes } from './limits.ts';
import { originate, tellNode } from './link-state.ts';
import { sessionConfig } from './own-open.ts';
import { importRules, takeSubscription } from './policies.ts';
import { dialFailed, reached } from './reach.ts';
import { takeRefresh } from './refresh.ts';
import { dropStale, sessionLost, sessionReturned, swept } from './restart.ts';
import { takeUpdate } from './routes.ts';
import { tooManyRefused } from './screen.ts';
import type { EstablishedSession, Peer, RouterState } from './state.ts';
import { log, sendTo, viewChanged } from './turn.ts';

/** Lives of a peer that are remembered so that none of their OPENs is believed again. */
const MAX_FORMER_BOOTS = 16;

export function peerStep(state: RouterState, peer: Peer, event: PeerEvent): void {
  if (event.type === 'message') peer.messagesIn += event.count ?? 1;
  if (event.type === 'message') spendBytes(state, peer, event);
  if (event.type === 'connection-opened') reached(state, peer);
  if (event.type === 'connection-failed') dialFailed(state, peer, event.reason);
  if (event.type === 'message' && event.message.type === 'UPDATE') {
    const heard = heardUpdate(peer.fsm, event.connection, state.atMs);
    if (heard !== undefined) {
      peer.fsm = heard;
      return deliver(state, peer, event.message, event.count);
    }
  }
  const before = peer.fsm.name;
  const { state: fsm, effects } = stepPeer(peer.fsm, event, sessionConfig(state, peer), state.atMs);
  peer.fsm = fsm;
  if (fsm.name !== before) {
    peer.sinceMs = state.atMs;
    viewChanged(state, 'peers');
  }
  for (const effect of effects) peerEffect(state, peer, effect);
}

/** The path below the session is gone (RFC 9384): nothing of what the peer said can be reached through it. */
export function pathDown(state: RouterState, peer: Peer, reason: string): void {
  const established = peer.session !== undefined;
  peerStep(state, peer, { type: 'path-down', reason });
  if (!established) dropStale(state, peer);
}

export function timerName(peer: PeerName, timer: string): string {
  return `session/${peer}/${timer}`;
}

function peerEffect(state: RouterState, peer: Peer, effect: PeerEffect): void {
  const name = peer.config.name;
  switch (effect.type) {
    case 'connect':
      state.effects.push({ type: 'connect', peer: name });
      return;
    case 'send':
      sendTo(state, peer, effect.connection, effect.message);
      return;
    case 'close':
      state.effects.push({ type: 'close', peer: name, connection: effect.connection });
      return;
    case 'set-timer':
      setPeerTimer(state, name, effect);
      return;
    case 'cancel-timer':
      state.effects.push({ type: 'cancel-timer', timer: timerName(name, effect.timer) });
      return;
    case 'up':
      sessionUp(state, peer, effect.connection, effect.negotiated);
      return;
    case 'down':
      sessionDown(state, peer, effect);
      return;
    case 'deliver':
      deliver(state, peer, effect.message);
      return;
    case 'notice':
      if (effect.isError) {
        peer.lastError = effect.text;
        peer.lastErrorAtMs = state.atMs;
      }
      log(state, effect.level, effect.text, { peer: name });
      viewChanged(state, 'peers');
      return;
    default:
      effect satisfies never;
  }
}

function setPeerTimer(state: RouterState, peer: PeerName, effect: Extract<PeerEffect, { type: 'set-timer' }>): void {
  const timer = timerName(peer, effect.timer);
  const atMs = state.atMs + effect.afterMs;
  const jitter = effect.timer === 'connect-retry' || effect.timer === 'idle-hold';
  state.effects.push({ type: 'set-timer', timer, atMs, ...(jitter && { jitter: true }) });
}

function sessionUp(state: RouterState, peer: Peer, connection: ConnectionId, negotiated: Negotiated): void {
  const { remote } = negotiated;
  sessionReturned(state, peer, negotiated);
  peer.toldRefusals.clear();
  state.table.sources.setRouterId(peer.source, routerIdToNumber(remote.routerId));
  state.sourceSites[peer.source] = remote.site;
  peer.refusedInSession = 0;
  if (peer.remote !== undefined && peer.remote.bootId !== remote.bootId)
    peer.formerBootIds = [...peer.formerBootIds, peer.remote.bootId].slice(-MAX_FORMER_BOOTS);
  peer.remote = { routerId: remote.routerId, site: remote.site, name: remote.name, bootId: remote.bootId };
  const session: EstablishedSession = {
    connection,
    negotiated,
    handles: new HandleTable(),
    out: new AdjRibOut(state.table, peer.source, negotiated.families),
    group: exportGroup(state, peer, negotiated, remote.subscription),
    imports: importRules(state, peer, negotiated),
    held: new Map(),
    heldBefore: undefined,
    subscription: remote.subscription,
    refreshing: new Set(),
    warned: new Set(),
    perService: serviceCounts(peer.config),
    updates: fullBucket(peer.config.limits.updates, state.atMs),
    bytes: fullBucket(peer.config.limits.bytes, state.atMs),
    incomplete: false,
    refusedNode: false,
    incurable: new Map(),
    mismatched: new Set(),
    digestAtMs: new Map(),
    blocked: false,
    toldAtMs: state.atMs,
    endOfRib: new Set(),
  };
  peer.session = session;
  state.flush.wanted = true;
  log(state, 'info', 'session established', {
    peer: peer.config.name,
    site: remote.site,
    routerId: remote.routerId,
    families: negotiated.families.join(','),
    holdTimeMs: negotiated.holdTimeMs,
  });
  for (const node of state.lsdb.nodes.values()) tellNode(state, peer, node);
  // Link state has nothing to wait for: it is never swept, and the neighbour's link to us waits for it.
  session.out.endOfRib(state.announced ? FAMILIES : ['link-state']);
}

function sessionDown(state: RouterState, peer: Peer, effect: Extract<PeerEffect, { type: 'down' }>): void {
  const name = peer.config.name;
  const negotiated = peer.session?.negotiated;
  peer.lastImports = peer.session?.imports;
  peer.session?.out.close();
  peer.session = undefined;
  peer.flaps++;
  peer.lastError = effect.reason;
  peer.lastErrorAtMs = state.atMs;
  log(state, 'warn', 'session down', { peer: name, reason: effect.reason });
  viewChanged(state, 'peers');
  if (negotiated !== undefined) sessionLost(state, peer, negotiated, effect.notification, effect.sent);
}

/** `count`: of that many UPDATEs the message is made. */
function deliver(state: RouterState, peer: Peer, message: SessionMessage, count = 1): void {
  const { session } = peer;
  if (session === undefined) return;
  const flooded = message.type === 'UPDATE' ? undefined : limitExceeded(state, peer, session, 0);
  if (flooded !== undefined) return peerStep(state, peer, { type: 'stop', ...flooded });
  switch (message.type) {
    case 'ROUTE-REFRESH':
      return takeRefresh(state, peer, session, message);
    case 'SUBSCRIBE':
      return takeSubscription(state, peer, session, message.subscription);
    case 'DIGEST':
      return takeDigest(state, peer, session, message);
    case 'UPDATE': {
      session.toldAtMs = state.atMs;
      takeUpdate(state, peer, session, message);
      const exceeded = limitExceeded(state, peer, session, count);
      if (exceeded !== undefined) return peerStep(state, peer, { type: 'stop', ...exceeded });
      const notification = tooManyRefused(state, peer);
      if (notification !== undefined)
        return peerStep(state, peer, { type: 'bad-message', connection: session.connection, notification });
      for (const family of message.endOfRib ?? []) endOfRib(state, peer, family);
      return;
    }
    default:
      // OPEN, KEEPALIVE and NOTIFICATION are the session's own (lib/session).
      return;
  }
}

function endOfRib(state: RouterState, peer: Peer, family: Family): void {
  peer.session?.endOfRib.add(family);
  if (family === 'service') swept(state, peer);
  if (family === 'link-state') adjacencyUp(state, peer.config.link);
}

/** The neighbour over `name` told all its link state: both ends have the same map. */
function adjacencyUp(state: RouterState, name: string): void {
  const link = state.links.get(name);
  if (link === undefined || link.adjacent) return;
  link.adjacent = true;
  originate(state);
}

/** Tells all peers to stop (RFC 4486 subcode 2, RFC 9003 text). */
export function stopSessions(state: RouterState, text: string): void {
  for (const peer of state.peers.values())
    peerStep(state, peer, { type: 'stop', subcode: CEASE_SUBCODE.administrativeShutdown, text });
}
