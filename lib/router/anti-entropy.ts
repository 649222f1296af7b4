// Digests of what was announced, compared from time to time (session.proto rule 13): a change that got lost anywhere between two
// tables shows, and is cured by a refresh. A mismatch that a refresh does not cure is said once, not fought.
import { attributesHash, type Digest, DigestSum, digestOfNodes, sameDigest } from '../rib/digest.ts';
import { CAPABILITY } from '../session/capabilities.ts';
import type { DigestMessage } from '../session/message.ts';
import { exported } from './export.ts';
import { requestRefresh } from './refresh.ts';
import type { EstablishedSession, Peer, RouterState } from './state.ts';
import { log, sendTo, setTimer, viewChanged } from './turn.ts';

export const DIGEST_TIMER = 'digest';
/** A round goes on. */
export const DIGEST_STEP_TIMER = 'digest-step';
/** Beyond this many rows a receiver, who sums them in one turn, would be held up for longer than a hold timer may be late. */
const MAX_ROWS = 250_000;
/** Rows and routers summed in one turn, about a millisecond. */
const SUMMED_PER_TURN = 8192;
/** A table that changed while it was summed is summed anew; one that never rests waits for the next round. */
const MAX_TRIES = 3;
/** What a peer sends faster is not compared: a few bytes of its would cost us a look at the whole table. */
const MIN_APART_MS = 500;
const words = new Uint32Array(4);

/** The sum for one peer, under way. */
export interface DigestRun {
  readonly session: EstablishedSession;
  sum: DigestSum;
  /** Rows below are in it. */
  next: number;
  /** Of the table's log when it began. */
  changes: number;
  tries: number;
}

/** Sets the timer for the next round; with jitter, so that not all routers sum at once. */
export function armDigests(state: RouterState): void {
  const { digestIntervalMs } = state.config.protocol;
  if (digestIntervalMs > 0)
    state.effects.push({ type: 'set-timer', timer: DIGEST_TIMER, atMs: state.atMs + digestIntervalMs, jitter: true });
}

/** Begins to tell every peer that has heard everything what that comes to; a round that is not over goes on instead. */
export function digestsDue(state: RouterState): void {
  armDigests(state);
  const { digests } = state;
  if (digests.waiting.length === 0) digests.waiting = [...state.peers.keys()];
  digestStep(state);
}

/** One peer after the other, and of a large table some rows a turn: with a thousand peers all of it takes seconds. */
export function digestStep(state: RouterState): void {
  const { digests } = state;
  let budget = SUMMED_PER_TURN;
  while (digests.waiting.length > 0 && budget > 0) {
    const peer = state.peers.get(digests.waiting[0]!);
    const { session } = peer ?? {};
    if (peer === undefined || session === undefined || !isTold(state, session)) {
      budget--;
      nextPeer(state);
      continue;
    }
    if (digests.run?.session !== session) {
      digests.run = { session, sum: new DigestSum(), next: 0, changes: state.table.routeLog.changes, tries: 1 };
      budget -= tellNodes(state, peer, session);
    }
    budget -= tellRoutes(state, peer, digests.run, budget);
  }
  if (digests.waiting.length > 0) setTimer(state, DIGEST_STEP_TIMER, state.atMs);
}

function isTold(state: RouterState, session: EstablishedSession): boolean {
  if (session.blocked || session.out.hasPending || !state.announced || state.table.top > MAX_ROWS) return false;
  return session.negotiated.capabilities.includes(CAPABILITY.digest);
}

function nextPeer({ digests }: RouterState): void {
  digests.waiting.shift();
  digests.run = undefined;
}

/** Returns how many routers were summed. */
function tellNodes(state: RouterState, peer: Peer, session: EstablishedSession): number {
  if (!session.negotiated.families.includes('link-state')) return 0;
  const digest = digestOfNodes(state.lsdb.nodes.values());
  sendTo(state, peer, session.connection, { type: 'DIGEST', family: 'link-state', ...digest });
  return state.lsdb.nodes.size;
}

/** Adds at most `budget` rows of what the peer knows of us, and tells it the sum when it is whole. Returns how many. */
function tellRoutes(state: RouterState, peer: Peer, run: DigestRun, budget: number): number {
  const { table } = state;
  const { session } = run;
  if (!session.negotiated.families.includes('service')) {
    nextPeer(state);
    return 0;
  }
  if (run.changes !== table.routeLog.changes) {
    if (run.tries === MAX_TRIES) {
      nextPeer(state);
      return 0;
    }
    Object.assign(run, { sum: new DigestSum(), next: 0, changes: table.routeLog.changes, tries: run.tries + 1 });
  }
  const from = run.next;
  const end = Math.min(table.top, from + Math.max(1, budget));
  for (; run.next < end; run.next++) {
    if (!table.isUsed(run.next) || !session.out.advertised.has(run.next)) continue;
    const attributes = exported(state, session.group, run.next);
    if (attributes !== undefined) addRow(state, run.sum, run.next, run.next + 1, attributesHash(attributes));
  }
  if (run.next >= table.top) {
    sendTo(state, peer, session.connection, { type: 'DIGEST', family: 'service', ...run.sum.value });
    nextPeer(state);
  }
  return run.next - from + 1;
}

/** Compares with what was received; asks for a refresh where it differs. */
export function takeDigest(state: RouterState, peer: Peer, session: EstablishedSession, theirs: DigestMessage): void {
  const { family } = theirs;
  const before = session.digestAtMs.get(family) ?? Number.NEGATIVE_INFINITY;
  if (!session.endOfRib.has(family) || state.table.top > MAX_ROWS || state.atMs - before < MIN_APART_MS) return;
  session.digestAtMs.set(family, state.atMs);
  if (family === 'service' ? session.incomplete : session.refusedNode) return;
  const ours = family === 'service' ? digestOfReceived(state, peer, session) : digestOfNodes(state.lsdb.nodes.values());
  if (sameDigest(ours, theirs)) {
    session.mismatched.delete(family);
    session.incurable.delete(family);
    return;
  }
  // A flood may be under way; what differs twice in a row is not.
  if (family === 'link-state' && !session.mismatched.has(family)) {
    session.mismatched.add(family);
    return;
  }
  // Maps that differ for a reason, because one of us may not have what the other has, get new sums all the time.
  const text = family === 'service' ? `${theirs.count} ${theirs.low} ${theirs.high}` : `${theirs.count} ${ours.count}`;
  peer.mismatches++;
  viewChanged(state, 'peers');
  if (session.incurable.get(family) === text) return;
  session.incurable.set(family, text);
  const facts = { peer: peer.config.name, family, theirs: theirs.count, ours: ours.count };
  log(state, 'warn', 'digest does not match: asking for a refresh', facts);
  requestRefresh(state, peer, family);
}

/** What we know of the peer, used or not. */
function digestOfReceived(state: RouterState, peer: Peer, session: EstablishedSession): Digest {
  const { table } = state;
  const sum = new DigestSum();
  const raw = state.raw[peer.source];
  for (const row of table.rows()) {
    const handle = table.handleOf(row, peer.source);
    if (handle === 0 || session.handles.resolve(handle) !== row) continue;
    const attributes = raw?.get(row) ?? table.sets.get(table.setOf(row, peer.source));
    addRow(state, sum, row, handle, attributesHash(attributes));
  }
  for (const [handle, held] of session.held) {
    sum.word(handle).words(held.service, 0, 4).words(held.contactInstance, 0, 4).word(held.originator);
    sum.word(attributesHash(held.attributes)).add();
  }
  return sum.value;
}

function addRow({ table }: RouterState, sum: DigestSum, row: number, handle: number, hash: number): void {
  sum.word(handle);
  table.services.copyWords(table.service(row), words, 0);
  sum.words(words, 0, 4);
  table.copyInstance(row, words, 0);
  sum.words(words, 0, 4).word(table.originator(row)).word(hash).add();
}
