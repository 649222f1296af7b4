// A bound on how fast one site may change the load of one service here: reports beyond it are merged, the newest counts, and
// it is taken when there is a token. An instance that reports no faster than once a second is never asked; a fall to a lower
// band of the score passes.
import { STATE, STATE_NUMBERS } from '../model/state-row.ts';
import { type Bucket, fullBucket, takeToken, tokenAtMs } from '../time/token-bucket.ts';
import type { Peer, RouterState } from './state.ts';
import { setTimer } from './turn.ts';

export const REPORT_TIMER = 'report-rate';
/** Reports of one instance at least this far apart are the normal pace. */
const NORMAL_MS = 900;
/** Buckets kept at most; the one that was not used for longest goes, and is full again if it is ever asked for. */
export const MAX_BUCKETS = 16_384;

/** The newest report of a row that waits for a token. */
export interface HeldReport {
  readonly source: number;
  readonly handle: number;
  readonly values: Float64Array;
}

/** True when the report that begins at `at` is held back. */
export function isHeldBack(
  state: RouterState,
  peer: Peer,
  row: number,
  handle: number,
  values: Float64Array,
  at: number,
): boolean {
  const { states } = state.table;
  if (!states.has(row) || state.atMs - states.receivedAtMs(row) >= NORMAL_MS) return false;
  // Through another hub: no news, and no token.
  if (values[at]! <= states.sequence(row)) return false;
  const falls = bandOf(values[at + STATE.score]!) < bandOf(states.score(row));
  if (falls || takeOne(state, row)) {
    state.heldReports.delete(row);
    return false;
  }
  const waiting = state.heldReports.get(row);
  if (waiting !== undefined && waiting.values[STATE.sequence]! >= values[at]!) return true;
  state.heldReports.set(row, { source: peer.source, handle, values: values.slice(at, at + STATE_NUMBERS) });
  return true;
}

/** The reports that may be taken now; the rest waits for its token. */
export function releasedReports(state: RouterState): readonly (readonly [row: number, report: HeldReport])[] {
  const released: [number, HeldReport][] = [];
  state.reportsAtMs = Number.POSITIVE_INFINITY;
  for (const [row, report] of state.heldReports) {
    // The row may be another route's by now.
    const gone = !state.table.says(row, report.source, report.handle);
    if (!gone && !takeOne(state, row)) continue;
    state.heldReports.delete(row);
    if (!gone) released.push([row, report]);
  }
  return released;
}

function takeOne(state: RouterState, row: number): boolean {
  const { table, reportBuckets: buckets } = state;
  const config = state.config.protocol.reportRate;
  const key = `${table.service(row)} ${table.bestAttributes(row).site}`;
  const bucket: Bucket = buckets.get(key) ?? fullBucket(config, state.atMs);
  const next = takeToken(bucket, config, state.atMs);
  if (next === undefined) {
    wake(state, tokenAtMs(bucket, config, state.atMs));
    return false;
  }
  // The one used last stands last.
  buckets.delete(key);
  buckets.set(key, next);
  if (buckets.size > MAX_BUCKETS) buckets.delete(buckets.keys().next().value!);
  return true;
}

function wake(state: RouterState, atMs: number): void {
  if (atMs >= state.reportsAtMs) return;
  state.reportsAtMs = atMs;
  setTimer(state, REPORT_TIMER, atMs);
}

const bandOf = (score: number): number => (score >= 8 ? 2 : score >= 4 ? 1 : 0);
