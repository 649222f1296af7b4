// How old link state may get (RFC 2328 14, ISO 10589 7.3.16.3): a router says its own node anew before half of that is over,
// and everybody forgets one that is too old, whoever still tells it. The age travels with the node, so that all forget at
// about the same time, and one that comes back by a refresh comes back as old as it was.
import type { RouterId } from '../model/identity.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import type { RouterState } from './state.ts';
import { log, setTimer, viewChanged } from './turn.ts';
import { runSpf } from './underlay.ts';

export const AGE_TIMER = 'node-age';
/** RFC 2328 Appendix B: MaxAge and LSRefreshTime. */
export const MAX_AGE_MS = 3_600_000;
export const REFRESH_MS = 1_800_000;

export function isTooOld({ ageSeconds = 0 }: NodeAdvertisement): boolean {
  return ageSeconds * 1000 >= MAX_AGE_MS;
}

/** Notes when a node that is taken was said by its router, and wakes us when that is too long ago. */
export function noteAge(state: RouterState, { originator, ageSeconds = 0 }: NodeAdvertisement): void {
  const saidAtMs = state.atMs - ageSeconds * 1000;
  state.nodeSaidAtMs.set(originator, saidAtMs);
  if (originator !== state.config.routerId) wake(state, saidAtMs + MAX_AGE_MS);
}

function wake(state: RouterState, atMs: number): void {
  if (atMs >= state.nodeAgeTimerAtMs) return;
  state.nodeAgeTimerAtMs = atMs;
  setTimer(state, AGE_TIMER, atMs);
}

/** The timer fired: forgets what is too old. */
export function ageDue(state: RouterState): void {
  state.nodeAgeTimerAtMs = Number.POSITIVE_INFINITY;
  let forgotten = 0;
  let soonestMs = Number.POSITIVE_INFINITY;
  for (const [router, saidAtMs] of state.nodeSaidAtMs) {
    if (router === state.config.routerId) continue;
    const atMs = saidAtMs + MAX_AGE_MS;
    if (atMs > state.atMs) soonestMs = Math.min(soonestMs, atMs);
    else if (forget(state, router)) forgotten++;
  }
  if (soonestMs < Number.POSITIVE_INFINITY) wake(state, soonestMs);
  if (forgotten === 0) return;
  state.sids.forgetTable();
  state.mtuChanged = true;
  state.addressesChanged = true;
  viewChanged(state, 'link-state');
  if (!state.leaving) runSpf(state);
}

function forget(state: RouterState, router: RouterId): boolean {
  const node = state.lsdb.remove(router);
  const from = state.nodeFrom.get(router);
  if (from !== undefined) state.nodesFrom.set(from, (state.nodesFrom.get(from) ?? 1) - 1);
  for (const known of [state.nodeFrom, state.nodeReceivedAtMs, state.nodeSaidAtMs]) known.delete(router);
  if (node === undefined) return false;
  log(state, 'info', 'router forgotten: it has said nothing for too long', { routerId: router, name: node.name });
  return true;
}

/** What peers are told: nodes as old as they are now. */
export function nodesWithAge(state: RouterState): Pick<ReadonlyMap<RouterId, NodeAdvertisement>, 'get'> {
  return {
    get(router) {
      const node = state.lsdb.nodes.get(router);
      const saidAtMs = state.nodeSaidAtMs.get(router) ?? state.atMs;
      const ageSeconds = router === state.config.routerId ? 0 : Math.floor((state.atMs - saidAtMs) / 1000);
      return node === undefined || ageSeconds === 0 ? node : { ...node, ageSeconds };
    },
  };
}
