// What peers said is judged again without a word from them (soft reconfiguration), some rows a turn: a policy that was read
// again, or damping that ended, must not keep hold timers waiting. What a peer says meanwhile is judged by the new rules.
import { forgive } from './flaps.ts';
import type { EstablishedSession, Peer, RouterState } from './state.ts';
import { COST_OF_CHANGE, ROWS_PER_TURN } from './sweep.ts';
import { retakeHeld, retakeRow } from './take-routes.ts';
import { viewChanged } from './turn.ts';

export interface Reimport {
  readonly peer: Peer;
  /** It is about this session; what the next one brings is judged as it comes. */
  readonly session: EstablishedSession;
  /** Held routes first. What is held anew goes to the end of the map, beyond those that are left. */
  readonly held: Iterator<number>;
  heldLeft: number;
  /** Then the table: rows below are done. Infinity: held routes only. */
  next: number;
}

/** Import policy changed: begins to judge all that the peer said, and does the first part of it. */
export function reimport(state: RouterState, peer: Peer, session: EstablishedSession): void {
  // Whatever was under way went by rules that are no more.
  state.reimports = state.reimports.filter((run) => run.session !== session);
  begin(state, peer, session, 0);
}

/** The timer of damping fired: whatever is held back longer asks for the next. */
export function dampingDue(state: RouterState): void {
  state.dampingAtMs = Number.POSITIVE_INFINITY;
  forgive(state);
  for (const peer of state.peers.values()) {
    const { session } = peer;
    if (session !== undefined && isDamping(session)) begin(state, peer, session, Number.POSITIVE_INFINITY);
  }
}

function isDamping({ held }: EstablishedSession): boolean {
  for (const { why } of held.values()) if (why === 'damped') return true;
  return false;
}

function begin(state: RouterState, peer: Peer, session: EstablishedSession, next: number): void {
  const { held } = session;
  state.reimports.push({ peer, session, held: held.keys(), heldLeft: held.size, next });
  // One after the other, and the rest in later turns: the end of this turn sees that there is one (flush.ts).
  if (state.reimports.length === 1) continueReimports(state);
}

/** Does the next part of what is under way. */
export function continueReimports(state: RouterState): void {
  let budget = ROWS_PER_TURN;
  while (budget > 0) {
    const run = state.reimports[0];
    if (run === undefined) return;
    budget -= part(state, run, budget);
    if (run.peer.session !== run.session || (run.heldLeft === 0 && run.next >= state.table.top)) {
      state.reimports.shift();
      viewChanged(state, 'rib');
      viewChanged(state, 'peers');
    }
  }
}

/** What it cost. */
function part(state: RouterState, run: Reimport, budget: number): number {
  const { peer, session, held } = run;
  let cost = 0;
  if (peer.session !== session) return 1;
  for (; run.heldLeft > 0 && cost < budget; cost += COST_OF_CHANGE) {
    const { done, value } = held.next();
    run.heldLeft = done === true ? 0 : run.heldLeft - 1;
    if (done !== true) retakeHeld(state, peer, session, value);
  }
  for (; run.next < state.table.top && cost < budget; cost++)
    if (retakeRow(state, peer, session, run.next++)) cost += COST_OF_CHANGE;
  return Math.max(1, cost);
}
