// Clocks that differ: tolerated, because ages are counted from receipt by our own clock, and said, because whoever reads the
// reports' times will wonder. Only news are looked at: what a session begins with may be old for good reasons.
import { numberToRouterId } from '../model/identity.ts';
import type { RouterState } from './state.ts';
import { log, wallMs } from './turn.ts';

/** Originators told of; a bound against a peer that makes them up. */
const MAX_SKEWED = 4096;

/**
 * A report of a row that had one before was measured at `measuredAtMs`, by its agent's clock; before the table takes it.
 * One that is late for once (a site that was cut off, a hub in between) has nothing to do with clocks: two in a row have.
 */
export function noteSkew(state: RouterState, row: number, sequence: number, measuredAtMs: number): void {
  const skewMs = measuredAtMs - wallMs(state, state.atMs);
  const { clockSkewMs } = state.config.protocol;
  const beyond = Math.abs(skewMs) > clockSkewMs;
  if (!beyond && state.skewed.size === 0) return;
  const { table, skewed } = state;
  // Told again, after a refresh or by another hub: as old as it is.
  if (table.states.isOld(row, sequence)) return;
  const originator = table.originator(row);
  if (beyond === skewed.has(originator) || (beyond && skewed.size >= MAX_SKEWED)) return;
  const beforeMs = table.states.measuredAtMs(row) - wallMs(state, table.states.receivedAtMs(row));
  if (beyond && (Math.abs(beforeMs) <= clockSkewMs || beforeMs > 0 !== skewMs > 0)) return;
  if (beyond) skewed.add(originator);
  else skewed.delete(originator);
  const text = beyond ? 'clock of a router differs from ours' : 'clock of a router agrees with ours again';
  const facts = { originator: numberToRouterId(originator), skewMs: Math.round(skewMs), toleratedMs: clockSkewMs };
  log(state, beyond ? 'warn' : 'info', text, facts);
}
