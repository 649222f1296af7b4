// What of a received UPDATE is taken at all: rows that their origin may not announce, words that were said before, numbers
// that nobody should believe. A refused row is a withdrawn row (RFC 7606), counted by (peer, reason) and said once a session.

import { numberToRouterId } from '../model/identity.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import type { ServiceAttributes } from '../model/service-route.ts';
import { stateAt, statesToRows } from '../model/state-row.ts';
import { ADDRESS_WORDS, wordsToAddress } from '../net/address-words.ts';
import { keyAt } from '../rib/route-entry.ts';
import { REFUSALS, type Refusal } from '../security/authorise.ts';
import { isFromTheFuture, nextQuarantine, nodeFault, quarantined, stateRowFault } from '../security/plausibility.ts';
import { NOTIFICATION, type NotificationMessage, type ServiceUpdate } from '../session/message.ts';
import type { EstablishedSession, Peer, RouterState } from './state.ts';
import { log, viewChanged, wallMs } from './turn.ts';

/** Why rows are refused beyond what authorisation says. */
const OTHER_REFUSALS = {
  replayed: 'a sequence went back: a replay, or a peer that forgot',
  'future-sequence': 'a sequence is ahead of the clock',
  'link-delay': 'a link delay beyond 24 bits (RFC 8570)',
  leak: 'it went down or sideways before: only downstream may hear it (RFC 9234)',
  observer: 'an observer announces nothing',
  limit: 'beyond what the peer may announce',
} as const;
type Reason = Refusal | keyof typeof OTHER_REFUSALS;
const WORDS: Readonly<Record<Reason, string>> = { ...REFUSALS, ...OTHER_REFUSALS };

/** Subcode of UPDATE errors, an own number: too much of what a peer says is refused. */
const REFUSED_ROWS = 13;

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
  const { site, peerRole } = session.negotiated.remote;
  const speaker = { site, reflects: peerRole === 'hub' };
  const sets = update.attributeSets.map((set) => authorisation.judgeSet(set, speaker));
  const attributeSet = update.attributeSet.map((index, row) => {
    const set: ServiceAttributes | undefined = update.attributeSets[index];
    if (set === undefined) return NO_SET;
    const service = wordsToAddress(update.service, row * ADDRESS_WORDS);
    const originator = numberToRouterId(update.originator[row]!);
    const reason = sets[index] ?? authorisation.judgeRoute(service, originator, set);
    if (reason === undefined) return index;
    refuse(state, peer, reason, { service, originator, site: set.site });
    return NO_SET;
  });
  return { ...update, attributeSet };
}

/**
 * What is taken of the report that begins at `at`, about a route of the peer's: the same array, or one whose first row
 * stands in for it, or nothing. Without authorisation a believable report costs a few comparisons.
 */
export function screenState(
  state: RouterState,
  peer: Peer,
  row: number,
  values: Float64Array,
  at: number,
): Float64Array | undefined {
  const { table, authorisation } = state;
  const { plausibility } = state.config;
  if (authorisation !== undefined) {
    const { site } = table.sets.get(table.setOf(row, peer.source));
    const reason = authorisation.judgeState(numberToRouterId(table.originator(row)), site);
    if (reason !== undefined) return refuse(state, peer, reason, factsOf(state, row, values[at]!));
  }
  if (plausibility === undefined) return values;
  const { states } = table;
  const sequence = values[at]!;
  // Streams keep their order: the same peer can only go back on purpose, or after losing its memory.
  if (sequence < states.sequence(row) && states.from(row) === peer.source)
    return refuse(state, peer, 'replayed', factsOf(state, row, sequence));
  const nowMs = wallMs(state, state.atMs);
  if (isCertified(state) && isFromTheFuture(sequence, plausibility.clockSkewMs, nowMs))
    return refuse(state, peer, 'future-sequence', factsOf(state, row, sequence));
  const fault = stateRowFault(values, at, plausibility, nowMs);
  const before = state.quarantine.get(row);
  if (fault === '' && before === undefined) return values;
  const after = nextQuarantine(before, fault, plausibility.releaseAfter, state.atMs);
  if (after === undefined) state.quarantine.delete(row);
  else state.quarantine.set(row, after);
  if ((before === undefined) !== (after === undefined))
    tellQuarantine(state, peer, factsOf(state, row, sequence), fault);
  return after === undefined ? values : statesToRows([quarantined(stateAt(values, at), nowMs)]);
}

function factsOf(state: RouterState, row: number, sequence: number): Facts {
  const { service, originator } = keyAt(state.table, row).route;
  return { service, originator, sequence };
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
  const about = { originator: node.originator, site: node.site, sequence: node.sequence };
  const { plausibility, routerId } = state.config;
  // Our own, come back, may come from anybody: link-state.ts decides what it means. But it is to be outdone, and whoever
  // could choose by what would have us speak under sequences that nobody else believes.
  const own = node.originator === routerId;
  const reason = own ? undefined : state.authorisation?.judgeNode(node, { site: session.negotiated.remote.site });
  if (reason !== undefined) return refuse(state, peer, reason, about) ?? false;
  if (plausibility === undefined) return true;
  if (isCertified(state) && isFromTheFuture(node.sequence, plausibility.clockSkewMs, wallMs(state, state.atMs)))
    return refuse(state, peer, 'future-sequence', about) ?? false;
  if (own) return true;
  if (nodeFault(node) !== '') return refuse(state, peer, 'link-delay', about) ?? false;
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

/** What a peer is told whose rows were refused more often than a mistake explains; undefined: go on. */
export function tooManyRefused(state: RouterState, peer: Peer): NotificationMessage | undefined {
  const limit = state.config.plausibility?.maxRefusedRows ?? 0;
  if (limit === 0 || peer.refusedInSession <= limit) return undefined;
  const why = WORDS[peer.lastRefusal as Reason];
  const text = `more than ${limit} rows refused, the last one: ${peer.lastRefusal}: ${why}`;
  return { type: 'NOTIFICATION', code: NOTIFICATION.update, subcode: REFUSED_ROWS, data: '', text };
}

type Facts = Readonly<Record<string, string | number>>;

/** Counts what is not taken of a peer, and says each reason once a session. */
export function refuse(state: RouterState, peer: Peer, reason: Reason, about: Facts): undefined {
  const count = peer.refusals.get(reason) ?? 0;
  peer.refusals.set(reason, count + 1);
  // An honest neighbour may be unaware of what it may not pass on.
  if (reason !== 'relay') peer.refusedInSession++;
  peer.lastRefusal = reason;
  if (peer.toldRefusals.has(reason)) return;
  peer.toldRefusals.add(reason);
  log(state, 'warn', 'refused, treated as withdrawn', {
    peer: peer.config.name,
    reason,
    why: WORDS[reason],
    ...about,
  });
  viewChanged(state, 'peers');
}
