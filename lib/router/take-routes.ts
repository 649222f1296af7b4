// Announcements and withdrawals of an UPDATE into the table, row by row. What is announced and not used is kept beside the
// table, so that another policy, or the end of damping, needs no word from the peer (soft reconfiguration).
import { numberToRouterId } from '../model/identity.ts';
import type { ServiceAttributes } from '../model/service-route.ts';
import { ADDRESS_WORDS, wordsToAddress } from '../net/address-words.ts';
import type { ServiceUpdate } from '../session/message.ts';
import { flapKey, flapKeyOfRow, isDamped, noteFlap } from './flaps.ts';
import type { Untaken } from './import.ts';
import { refusesRow } from './limits.ts';
import { rowChanged, withdrawRow } from './row-change.ts';
import { refuse } from './screen.ts';
import type { EstablishedSession, Peer, RouterState } from './state.ts';

/** A route that a peer announced and that is not used at present: Adj-RIB-In before policy, as far as it is not the same. */
export interface HeldRoute {
  readonly service: Uint32Array;
  readonly contactInstance: Uint32Array;
  readonly originator: number;
  readonly attributes: ServiceAttributes;
  readonly why: Untaken;
}

/** What an attribute set comes to: its number in the table, or -1 and why. */
interface Verdict {
  readonly set: number;
  readonly why: Untaken | '';
  /** The set is another one than was said. */
  readonly changed: boolean;
}

const MALFORMED: Verdict = { set: -1, why: '', changed: false };

export function takeRoutes(state: RouterState, peer: Peer, session: EstablishedSession, update: ServiceUpdate): void {
  for (let i = 0; i < update.withdrawn.length; i++) takeWithdrawal(state, peer, session, update.withdrawn[i]!);
  const { table } = state;
  const { imports } = session;
  // Held while the rows are taken: one row may be all that uses a set, and the next take it away.
  const retained: number[] = [];
  const verdictOf = (service: string, raw: ServiceAttributes): Verdict => {
    const used = imports.judge(service, raw);
    if (typeof used === 'string') return { set: -1, why: used, changed: false };
    const set = table.sets.intern(used);
    table.sets.retain(set);
    retained.push(set);
    return { set, why: '', changed: used !== raw };
  };
  const verdicts = imports.looksAtService ? undefined : update.attributeSets.map((raw) => verdictOf('', raw));
  const own = state.routerNumber;
  const { handle: handles, service, originator, attributeSet } = update;
  for (let i = 0; i < handles.length; i++) {
    const index = attributeSet[i]!;
    let verdict = index < 0 ? MALFORMED : verdicts?.[index];
    verdict ??= verdictOf(wordsToAddress(service, i * ADDRESS_WORDS), update.attributeSets[index]!);
    // RFC 4456 section 8: own router id as originator.
    if (verdict.set < 0 || originator[i] === own) takeNot(state, peer, session, update, i, verdict.why);
    else takeRow(state, peer, session, update, i, verdict);
  }
  for (const set of retained) table.sets.release(set);
}

function takeWithdrawal(state: RouterState, peer: Peer, session: EstablishedSession, handle: number): void {
  if (session.held.size > 0) session.held.delete(handle);
  session.perService?.forget(handle);
  const row = session.handles.unbind(handle);
  if (row >= 0) withdrawFlapping(state, peer, row, handle);
}

/** The peer takes away what it said of the row: by a withdrawal, or in any of the ways that come to the same. */
function withdrawFlapping(state: RouterState, peer: Peer, row: number, handle: number): void {
  if (!state.table.says(row, peer.source, handle)) return;
  const key = state.config.protocol.damping.enabled ? flapKeyOfRow(state, row) : 0;
  withdrawRow(state, peer.source, row, handle);
  if (!state.table.isUsed(row)) noteFlap(state, key);
}

/** The row is used with the set. */
function takeRow(
  state: RouterState,
  peer: Peer,
  session: EstablishedSession,
  update: ServiceUpdate,
  i: number,
  verdict: Verdict,
): void {
  const { table } = state;
  const { source } = peer;
  const { service, contactInstance, originator } = update;
  const handle = update.handle[i]!;
  const word = i * ADDRESS_WORDS;
  if (refusesRow(state, peer, session, handle, service, word)) return leaveOut(state, peer, session, handle);
  if (
    state.flaps.size > 0 &&
    isNew(state, session, update, i) &&
    isDamped(state, flapKey(service, contactInstance, word, originator[i]!))
  )
    return takeNot(state, peer, session, update, i, 'damped');
  session.perService?.announce(handle, service, word);
  if (session.held.size > 0) session.held.delete(handle);
  const row = table.intern(service, word, contactInstance, word, originator[i]!);
  const change = table.announce(row, source, verdict.set, handle);
  const displaced = session.handles.bind(handle, row);
  if (displaced >= 0) withdrawFlapping(state, peer, displaced, handle);
  // Remembered, so that another policy starts from what was said.
  if (verdict.changed) (state.raw[source] ??= new Map()).set(row, update.attributeSets[update.attributeSet[i]!]!);
  else state.raw[source]?.delete(row);
  rowChanged(state, row, change);
}

/** The row's handle is free, or names another route. */
function isNew({ table }: RouterState, { handles }: EstablishedSession, update: ServiceUpdate, i: number): boolean {
  const bound = handles.resolve(update.handle[i]!);
  if (bound < 0) return true;
  const word = i * ADDRESS_WORDS;
  return bound !== table.find(update.service, word, update.contactInstance, word, update.originator[i]!);
}

/** Treat-as-withdraw (RFC 7606); what may be used one day is held. */
function takeNot(
  state: RouterState,
  peer: Peer,
  session: EstablishedSession,
  update: ServiceUpdate,
  i: number,
  why: Untaken | '',
): void {
  const { table } = state;
  const handle = update.handle[i]!;
  const word = i * ADDRESS_WORDS;
  const { service, contactInstance } = update;
  const originator = update.originator[i]!;
  const row = table.find(service, word, contactInstance, word, originator);
  const displaced = session.handles.unbind(handle);
  if (displaced >= 0 && displaced !== row) withdrawFlapping(state, peer, displaced, handle);
  // What our own policy takes away has not flapped; the peer cannot know.
  if (row >= 0 && why === 'policy') withdrawRow(state, peer.source, row);
  else if (row >= 0) withdrawFlapping(state, peer, row, 0);
  session.held.delete(handle);
  if (why === 'leak' || why === 'observer')
    refuse(state, peer, why, {
      service: wordsToAddress(service, word),
      originator: numberToRouterId(originator),
    });
  const isKept = why === 'policy' || why === 'damped';
  if (!isKept || refusesRow(state, peer, session, handle, service, word)) return leaveOut(state, peer, session, handle);
  session.perService?.announce(handle, service, word);
  session.held.set(handle, {
    service: service.slice(word, word + ADDRESS_WORDS),
    contactInstance: contactInstance.slice(word, word + ADDRESS_WORDS),
    originator,
    attributes: update.attributeSets[update.attributeSet[i]!]!,
    why,
  });
}

/** Neither used nor held; what the handle named before is withdrawn by it. */
function leaveOut(state: RouterState, peer: Peer, session: EstablishedSession, handle: number): void {
  session.incomplete = true;
  session.perService?.forget(handle);
  session.held.delete(handle);
  const row = session.handles.unbind(handle);
  if (row >= 0) withdrawRow(state, peer.source, row, handle);
}

/** A held route that may be used now is judged anew; no effect when the handle holds none. */
export function retakeHeld(state: RouterState, peer: Peer, session: EstablishedSession, handle: number): void {
  const held = session.held.get(handle);
  if (held === undefined) return;
  session.held.delete(handle);
  const { service, contactInstance, originator, attributes } = held;
  takeRoutes(state, peer, session, onlyRow(handle, service, contactInstance, originator, attributes));
}

/** What a peer said of a row in the table is judged anew; its handle stays, and what is refused now is held. */
export function retakeRow(state: RouterState, peer: Peer, session: EstablishedSession, row: number): boolean {
  const { table } = state;
  const handle = table.handleOf(row, peer.source);
  if (handle === 0 || session.handles.resolve(handle) !== row) return false;
  const said = state.raw[peer.source]?.get(row) ?? table.sets.get(table.setOf(row, peer.source));
  const service = new Uint32Array(ADDRESS_WORDS);
  const contactInstance = new Uint32Array(ADDRESS_WORDS);
  table.services.copyWords(table.service(row), service, 0);
  table.copyInstance(row, contactInstance, 0);
  takeRoutes(state, peer, session, onlyRow(handle, service, contactInstance, table.originator(row), said));
  return true;
}

function onlyRow(
  handle: number,
  service: Uint32Array,
  contactInstance: Uint32Array,
  originator: number,
  attributes: ServiceAttributes,
): ServiceUpdate {
  return {
    attributeSets: [attributes],
    handle: Uint32Array.of(handle),
    service,
    contactInstance,
    originator: Uint32Array.of(originator),
    attributeSet: Int32Array.of(0),
    withdrawn: new Uint32Array(0),
  };
}
