// Reports that nobody renewed leave the table. Past its validity a report is stale (steering.ts prefers any other), and past
// `FORGET_VALIDITIES` of it no decision looks at it; soon after it is gone from table and views too. Every router counts
// from its own receipt, so nobody has to be told. One timer for all rows, and a table of a million is gone through in turns.
import { FORGET_VALIDITIES } from '../model/compute-state.ts';
import type { RouterState } from './state.ts';
import { COST_OF_CHANGE, ROWS_PER_TURN } from './sweep.ts';
import { setTimer, viewChanged } from './turn.ts';

export const EXPIRY_TIMER = 'expiry';
/** Between two walks through the table: what expires in between leaves a little late. */
const LEAST_PAUSE_MS = 1000;

export interface Expiry {
  /** The timer is set for this time; Infinity: it is not. */
  timerAtMs: number;
  walkedAtMs: number;
  /** Rows below are done; -1: no walk is under way. */
  next: number;
  /** When the first of the rows that the walk left expires. */
  soonestMs: number;
}

export const NO_EXPIRY: Readonly<Expiry> = {
  timerAtMs: Number.POSITIVE_INFINITY,
  walkedAtMs: Number.NEGATIVE_INFINITY,
  next: -1,
  soonestMs: Number.POSITIVE_INFINITY,
};

/** The row has a new report. */
export function noteExpiry(state: RouterState, row: number): void {
  const { expiry } = state;
  const atMs = expiresAtMs(state, row);
  if (expiry.next >= 0) expiry.soonestMs = Math.min(expiry.soonestMs, atMs);
  else wake(state, atMs);
}

/** The timer fired. */
export function expiryDue(state: RouterState): void {
  const { expiry } = state;
  expiry.timerAtMs = Number.POSITIVE_INFINITY;
  expiry.soonestMs = Number.POSITIVE_INFINITY;
  expiry.next = 0;
  continueExpiry(state);
}

/** Does the next part of a walk that is under way. */
export function continueExpiry(state: RouterState): void {
  const { expiry, table } = state;
  if (expiry.next < 0) return;
  const { states } = table;
  let gone = false;
  for (let budget = ROWS_PER_TURN; expiry.next < table.top && budget > 0; budget--) {
    const row = expiry.next++;
    if (!states.has(row)) continue;
    const atMs = expiresAtMs(state, row);
    if (atMs > state.atMs) {
      expiry.soonestMs = Math.min(expiry.soonestMs, atMs);
      continue;
    }
    states.expire(row);
    gone = true;
    budget -= COST_OF_CHANGE;
  }
  if (gone) viewChanged(state, 'rib');
  if (expiry.next < table.top) return;
  expiry.next = -1;
  expiry.walkedAtMs = state.atMs;
  wake(state, expiry.soonestMs);
}

/** One ms later, so that the age is past the bound by then. */
function expiresAtMs({ table: { states } }: RouterState, row: number): number {
  return states.receivedAtMs(row) + states.validForMs(row) * FORGET_VALIDITIES + 1;
}

function wake(state: RouterState, soonestMs: number): void {
  const { expiry } = state;
  const atMs = Math.max(soonestMs, expiry.walkedAtMs + LEAST_PAUSE_MS);
  if (atMs >= expiry.timerAtMs) return;
  expiry.timerAtMs = atMs;
  setTimer(state, EXPIRY_TIMER, atMs);
}
