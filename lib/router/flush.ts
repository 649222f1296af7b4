// When peers hear what changed, and how much of it in one turn. The first change leaves in the turn that brought it; what
// comes right behind waits until the shell has read what it has, so that a flood leaves in full UPDATEs and first output
// while input is still coming. A blocked peer waits without a queue: the table's log knows where it stands.
import type { AdjRibOut } from '../rib/adj-rib-out.ts';
import { nodesWithAge } from './ageing.ts';
import { continueExpiry } from './expiry.ts';
import { type ExportGroup, exported } from './export.ts';
import { closePace, newsOf, openPace, opensAtMs } from './pacing.ts';
import { continueReimports } from './reimport.ts';
import type { EstablishedSession, Peer, RouterState } from './state.ts';
import { continueSweeps } from './sweep.ts';
import { setTimer } from './turn.ts';

/** Rows of each family in one UPDATE: large enough to amortise a message, small enough for a slow reader. */
export const ROWS_PER_UPDATE = 500;
/** Bounds of one turn, a few milliseconds each: UPDATEs made, and messages handed to the transport. */
const UPDATES_PER_TURN = 8;
const SENDS_PER_TURN = 200;
/** After this much quiet a change is not held for others to join it. */
const QUIET_MS = 1;
/** Changes are held no longer than this, whether the shell has come to wake us or not. */
const LATE_MS = 5;

/** At the end of every turn: sends now, or asks to be woken when the input at hand is read. */
export function flushAtEndOfTurn(state: RouterState): void {
  const { flush, table } = state;
  const changes = table.routeLog.changes + table.stateLog.changes;
  if (changes !== flush.changes) flush.wanted = true;
  flush.changes = changes;
  if (state.sweeps.length > 0 || state.reimports.length > 0 || state.expiry.next >= 0) arm(state);
  if (!flush.wanted) return;
  if (state.atMs - flush.atMs >= (flush.armed ? LATE_MS : QUIET_MS)) flushNow(state);
  else arm(state);
}

/** The timer `flush` fired: the input that was at hand is read. */
export function flushDue(state: RouterState): void {
  state.flush.armed = false;
  continueSweeps(state);
  continueReimports(state);
  continueExpiry(state);
  flushNow(state);
}

function arm(state: RouterState): void {
  if (state.flush.armed) return;
  state.flush.armed = true;
  setTimer(state, 'flush', state.atMs);
}

export const PACE_TIMER = 'pace';

interface Waiting {
  readonly peer: Peer;
  readonly session: EstablishedSession;
}

function flushNow(state: RouterState): void {
  const { flush, table } = state;
  settleFlush(state);
  flush.wanted = false;
  flush.atMs = state.atMs;
  flush.changes = table.routeLog.changes + table.stateLog.changes;
  let updates = UPDATES_PER_TURN;
  let sends = SENDS_PER_TURN;
  for (const { group, waiting } of level(state)) {
    const served = waiting.length > sends ? waiting.slice(0, sends) : waiting;
    const outs = served.map(({ session }) => session.out);
    const view = { attributes: (row: number) => exported(state, group, row), nodes: nodesWithAge(state) };
    const news = outs[0] === undefined ? [] : newsOf(outs[0], group.pace);
    while (updates > 0 && sends > 0 && outs.length > 0) {
      const more = state.batch.next(outs, view, (_, message, i) => {
        const { peer, session } = served[i]!;
        peer.messagesOut++;
        sends--;
        state.effects.push({ type: 'send', peer: peer.config.name, connection: session.connection, message });
      });
      if (!more) break;
      updates--;
    }
    flush.told.push({ pace: group.pace, news, outs });
    if (updates === 0 || sends <= 0) break;
  }
  flush.settled = false;
}

/** What a flush leaves to be done. None of it is news to peers, so it comes when the UPDATEs are with the transport. */
export function settleFlush(state: RouterState): void {
  const { flush, table } = state;
  if (flush.settled) return;
  flush.settled = true;
  // A backlog goes on being told; the pause begins when it is out.
  for (const { pace, news, outs } of flush.told)
    if (!outs.some((out) => out.hasDue)) closePace(pace, news, flush, state.atMs);
  flush.told.length = 0;
  table.routeLog.trim();
  table.stateLog.trim();
  // The rest waits one turn, so that a whole table never starves timers or overruns the transport.
  if (waitingPeers(state).length > 0) arm(state);
  wakeAtPace(state);
}

/** What waits for its time is told when that comes. */
function wakeAtPace(state: RouterState): void {
  let soonest = Number.POSITIVE_INFINITY;
  for (const { session } of state.peers.values())
    if (session !== undefined && !session.blocked)
      soonest = Math.min(soonest, opensAtMs(session.out, session.group.pace));
  const { flush } = state;
  if (soonest === Number.POSITIVE_INFINITY || (flush.paceAtMs > state.atMs && flush.paceAtMs <= soonest)) return;
  flush.paceAtMs = soonest;
  setTimer(state, PACE_TIMER, soonest);
}

/** The timer of pacing fired. */
export function paceDue(state: RouterState): void {
  state.flush.paceAtMs = 0;
  flushNow(state);
}

function waitingPeers(state: RouterState): Waiting[] {
  const found: Waiting[] = [];
  for (const peer of state.peers.values()) {
    const { session } = peer;
    if (session === undefined || session.blocked || !session.out.hasPending) continue;
    openPace(session.group.pace, state.atMs);
    session.out.closed = session.group.pace.closed;
    if (session.out.hasDue) found.push({ peer, session });
  }
  return found;
}

/** Peers with something to hear, those together that one UPDATE can serve; whoever waited last turn comes first in this. */
function level(state: RouterState): { group: ExportGroup; first: AdjRibOut; waiting: Waiting[] }[] {
  const peers = waitingPeers(state);
  const start = peers.length > 0 ? state.flush.turns++ % peers.length : 0;
  const levels: { group: ExportGroup; first: AdjRibOut; waiting: Waiting[] }[] = [];
  for (let i = 0; i < peers.length; i++) {
    const it = peers[(start + i) % peers.length]!;
    const { group, out } = it.session;
    const found = levels.find((known) => known.group === group && known.first.isLevelWith(out));
    if (found !== undefined) found.waiting.push(it);
    else levels.push({ group, first: out, waiting: [it] });
  }
  return levels;
}
