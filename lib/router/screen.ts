// What of a received UPDATE is taken at all: rows that their origin may not announce, words that were said before, numbers
// that nobody should believe. A refused row is a withdrawn row (RFC 7606), counted by (peer, reason) and said once a session.

import type { ComputeState } from '../model/compute-state.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import type { ServiceAttributes } from '../model/service-route.ts';
import { REFUSALS, type Refusal } from '../security/authorise.ts';
import { isFromTheFuture, nextQuarantine, nodeFault, quarantined, stateFault } from '../security/plausibility.ts';
import type { ComputeUpdate, ServiceUpdate } from '../session/message.ts';
import type { EstablishedSession, Peer, RouterState } from './state.ts';
import { log, viewChanged, wallMs } from './turn.ts';

/** Why rows are refused beyond what authorisation says. */
const OTHER_REFUSALS = {
  replayed: 'a sequence went back: a replay, or a peer that forgot',
  'future-sequence': 'a sequence is ahead of the clock',
  'link-delay': 'a link delay beyond 24 bits (RFC 8570)',
} as const;
type Reason = Refusal | keyof typeof OTHER_REFUSALS;

/** Malformed set: treat as withdrawn. */
const NO_SET = -1;

/** The rows, those that are refused as withdrawals. */
export function screenRoutes(
  state: RouterState,
  peer: Peer,
  session: EstablishedSession,
  update: ServiceUpdate,
): ServiceUpdate {
  const { authorisation } = state;
  if (authorisation === undefined) return update;
  const speaker = { site: session.negotiated.remote.site };
  const sets = update.attributeSets.map((set) => authorisation.judgeSet(set, speaker));
  const attributeSet = update.attributeSet.map((index, row) => {
    const set: ServiceAttributes | undefined = update.attributeSets[index];
    if (set === undefined) return NO_SET;
    const [service, originator] = [update.service[row]!, update.originator[row]!];
    const reason = sets[index] ?? authorisation.judgeRoute(service, originator, set);
    if (reason === undefined) return index;
    refuse(state, peer, reason, { service, originator, site: set.site });
    return NO_SET;
  });
  return { ...update, attributeSet };
}

/** The rows that are taken; asked when the routes of the same UPDATE are, because a state follows its route. */
export function screenStates(
  state: RouterState,
  peer: Peer,
  session: EstablishedSession,
  update: ComputeUpdate,
): ComputeUpdate {
  if (state.authorisation === undefined && state.config.plausibility === undefined) return update;
  const handle: number[] = [];
  const taken: ComputeState[] = [];
  for (let row = 0; row < update.handle.length; row++) {
    const key = session.handles.resolve(update.handle[row]!);
    const said = key === undefined ? undefined : screenState(state, peer, key, update.state[row]!);
    if (said === undefined) continue;
    handle.push(update.handle[row]!);
    taken.push(said);
  }
  return { handle, state: taken };
}

/** What is taken of one report: itself, its stand-in, or nothing. */
function screenState(state: RouterState, peer: Peer, key: string, said: ComputeState): ComputeState | undefined {
  const entry = state.table.entries.get(key);
  const attributes = entry?.sources.get(peer.config.name)?.attributes;
  // Only who announces a route to us may tell its state: a handle bound to somebody else's would be a way in.
  if (entry === undefined || attributes === undefined) return undefined;
  const { originator } = entry.route;
  const about = { service: entry.route.service, originator, sequence: said.sequence };
  const reason = state.authorisation?.judgeState(originator, attributes.site);
  if (reason !== undefined) return refuse(state, peer, reason, about);
  const { plausibility } = state.config;
  if (plausibility === undefined) return said;
  // Streams keep their order: the same peer can only go back on purpose, or after losing its memory.
  if (entry.stateFrom === peer.config.name && entry.state !== undefined && said.sequence < entry.state.sequence)
    return refuse(state, peer, 'replayed', about);
  const nowMs = wallMs(state, state.atMs);
  if (isCertified(state) && isFromTheFuture(said.sequence, plausibility.clockSkewMs, nowMs))
    return refuse(state, peer, 'future-sequence', about);
  const before = state.quarantine.get(key);
  const fault = stateFault(said, plausibility, nowMs);
  const after = nextQuarantine(before, fault, plausibility.releaseAfter, state.atMs);
  if (after === undefined) state.quarantine.delete(key);
  else state.quarantine.set(key, after);
  if ((before === undefined) !== (after === undefined)) tellQuarantine(state, peer, about, fault);
  return after === undefined ? said : quarantined(said, nowMs);
}

function tellQuarantine(state: RouterState, peer: Peer, about: Facts, fault: string): void {
  const fields = { peer: peer.config.name, ...about };
  if (fault === '') log(state, 'info', 'quarantine ended: reports are believable again', fields);
  else log(state, 'warn', 'report in quarantine: a number is not believable', { ...fields, number: fault });
  viewChanged(state, 'rib');
}

export function takesNode(
  state: RouterState,
  peer: Peer,
  session: EstablishedSession,
  node: NodeAdvertisement,
): boolean {
  // Our own, come back: link-state.ts decides what it means.
  if (node.originator === state.config.routerId) return true;
  const about = { originator: node.originator, site: node.site, sequence: node.sequence };
  const reason = state.authorisation?.judgeNode(node, { site: session.negotiated.remote.site });
  if (reason !== undefined) return refuse(state, peer, reason, about) ?? false;
  const { plausibility } = state.config;
  if (plausibility === undefined) return true;
  if (nodeFault(node) !== '') return refuse(state, peer, 'link-delay', about) ?? false;
  if (isCertified(state) && isFromTheFuture(node.sequence, plausibility.clockSkewMs, wallMs(state, state.atMs)))
    return refuse(state, peer, 'future-sequence', about) ?? false;
  const known = state.lsdb.nodes.get(node.originator);
  const goesBack = known !== undefined && node.sequence < known.sequence;
  if (goesBack && state.nodeFrom.get(node.originator) === peer.config.name)
    return refuse(state, peer, 'replayed', about) ?? false;
  return true;
}

/** Mutual TLS needs a clock that is about right: only there is ours a measure of others. */
function isCertified(state: RouterState): boolean {
  return state.config.security === 'mutual-tls';
}

type Facts = Readonly<Record<string, string | number>>;

function refuse(state: RouterState, peer: Peer, reason: Reason, about: Facts): undefined {
  const count = peer.refusals.get(reason) ?? 0;
  peer.refusals.set(reason, count + 1);
  if (peer.toldRefusals.has(reason)) return;
  peer.toldRefusals.add(reason);
  log(state, 'warn', 'refused, treated as withdrawn', {
    peer: peer.config.name,
    reason,
    why: { ...REFUSALS, ...OTHER_REFUSALS }[reason],
    ...about,
  });
  viewChanged(state, 'peers');
}
