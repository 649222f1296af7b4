// Clocks that differ: tolerated, because ages are counted from receipt by our own clock, and said, because whoever reads the
// reports' times will wonder. Only news are looked at: what a session begins with may be old for good reasons.
import { numberToRouterId } from '../model/identity.ts';
import type { RouterState } from './state.ts';
import { log, wallMs } from './turn.ts';

/** Originators told of; a bound against a peer that makes them up. */
const MAX_SKEWED = 4096;

/** A report of a row that had one before was measured at `measuredAtMs`, by its agent's clock. */
export function noteSkew(state: RouterState, row: number, measuredAtMs: number): void {
  const skewMs = measuredAtMs - wallMs(state, state.atMs);
  const { clockSkewMs } = state.config.protocol;
  const beyond = Math.abs(skewMs) > clockSkewMs;
  if (!beyond && state.skewed.size === 0) return;
  const originator = state.table.originator(row);
  if (beyond === state.skewed.has(originator) || (beyond && state.skewed.size >= MAX_SKEWED)) return;
  if (beyond) state.skewed.add(originator);
  else state.skewed.delete(originator);
  const text = beyond ? 'clock of a router differs from ours' : 'clock of a router agrees with ours again';
  const facts = { originator: numberToRouterId(originator), skewMs: Math.round(skewMs), toleratedMs: clockSkewMs };
  log(state, beyond ? 'warn' : 'info', text, facts);
}
