// Own links: what the kernel and STAMP say of each, and what ends with one. Which may be announced is link-facts.ts',
// announcing itself link-state.ts', measuring the agents' business.
import { planBorder } from './border.ts';
import { retrySoon, want } from './fib-plan.ts';
import { needsAdjacency, SETTLE_MS } from './link-facts.ts';
import { originate } from './link-state.ts';
import { localSids } from './local-sids.ts';
import { pathDown } from './sessions.ts';
import type { Link, RouterState } from './state.ts';
import { log, setTimer } from './turn.ts';

export function startLinks(state: RouterState): void {
  setTimer(state, 'settle', state.startedAtMs + SETTLE_MS);
  want(state, 'local-sids', localSids(state), 'start');
  planBorder(state);
}

export function linkEvent(
  state: RouterState,
  { name, up, mtu }: { readonly name: string; readonly up: boolean; readonly mtu?: number },
): void {
  const link = state.links.get(name);
  if (link === undefined) return;
  const resized = mtu !== undefined && mtu !== link.mtu;
  if (resized) link.mtu = mtu;
  if (resized || link.kernelUp !== up) state.mtuChanged = true;
  if (link.kernelUp !== up) upOrDown(state, link, up);
  if (resized) originate(state);
}

function upOrDown(state: RouterState, link: Link, up: boolean): void {
  const { name } = link.config;
  const first = link.kernelUp === undefined;
  link.kernelUp = up;
  if (!first || up) log(state, up ? 'info' : 'warn', up ? 'link up' : 'link down', { link: name });
  // End.X needs its interface; the rest of the local SIDs is the same with or without it.
  want(state, 'local-sids', localSids(state), 'link');
  if (up) retrySoon(state);
  else {
    // The path's last word stands: STAMP tells of changes only, and may never have noticed a moment without carrier.
    adjacencyDown(state, link);
    if (!first) endSessionsOver(state, name, 'link down');
  }
  originate(state);
}

export function pathEvent(state: RouterState, name: string, up: boolean): void {
  const link = state.links.get(name);
  if (link === undefined || link.pathUp === up) return;
  const before = link.pathUp;
  link.pathUp = up;
  // That no packet passes a link that is down is no news.
  if (up || (before === true && link.kernelUp === true))
    log(state, up ? 'info' : 'warn', up ? 'path up' : 'path down: no answer to test packets', { link: name });
  if (!up && before === true) {
    adjacencyDown(state, link);
    endSessionsOver(state, name, 'path down');
  }
  originate(state);
}

export function linkMeasured(
  state: RouterState,
  name: string,
  measured: { delayMinUs: number; delayAvgUs: number; delayVariationUs: number; loss: number },
): void {
  const link = state.links.get(name);
  if (link === undefined) return;
  link.delayMinUs = measured.delayMinUs;
  link.delayAvgUs = measured.delayAvgUs;
  link.delayVariationUs = measured.delayVariationUs;
  link.loss = measured.loss;
  originate(state);
}

function adjacencyDown(state: RouterState, link: Link): void {
  link.adjacent = !needsAdjacency(state.config, link.config.name);
}

function endSessionsOver(state: RouterState, link: string, reason: string): void {
  for (const peer of state.peers.values()) if (peer.config.link === link) pathDown(state, peer, reason);
}
