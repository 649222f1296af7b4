// Own links: what the kernel and STAMP say of each, when one may be announced, and what ends with it. Announcing itself is
// link-state.ts', measuring is the agents' business.
import type { RouterConfig } from '../config/config.ts';
import { retrySoon, want } from './fib-plan.ts';
import { originate } from './link-state.ts';
import { localSids } from './local-sids.ts';
import { pathDown } from './sessions.ts';
import type { Link, RouterState } from './state.ts';
import { log, setTimer } from './turn.ts';

/** How long a start waits for STAMP before it announces links by the kernel's word alone. */
const SETTLE_MS = 1000;

/**
 * The link may be announced: the kernel says so, STAMP does not object, and both ends have the same map. Without the
 * last, a link that returns is reachable by what its neighbour said before it went, until the neighbour speaks.
 */
export function isUsable(state: RouterState, link: Link): boolean {
  return link.kernelUp === true && (!state.config.stamp.enabled || link.pathUp === true) && link.adjacent;
}

/** The neighbour over `name` sent End-of-RIB of its link state. */
export function adjacencyUp(state: RouterState, name: string): void {
  const link = state.links.get(name);
  if (link === undefined || link.adjacent) return;
  link.adjacent = true;
  originate(state);
}

function adjacencyDown(state: RouterState, link: Link): void {
  link.adjacent = !needsAdjacency(state.config, link.config.name);
}

/** A peer over this link tells us its link state; without one there is nobody to wait for. */
export function needsAdjacency(config: RouterConfig, link: string): boolean {
  return config.peers.some((peer) => peer.link === link && peer.families.includes('link-state'));
}

/** Every link's fate is known, or has had its time: a restarted router must not announce itself without its links. */
export function linksSettled(state: RouterState): boolean {
  if (state.atMs >= state.startedAtMs + SETTLE_MS) return true;
  for (const link of state.links.values()) {
    if (link.kernelUp === undefined) return false;
    if (link.kernelUp && state.config.stamp.enabled && link.pathUp === undefined) return false;
  }
  return true;
}

export function startLinks(state: RouterState): void {
  setTimer(state, 'settle', state.startedAtMs + SETTLE_MS);
  want(state, 'local-sids', localSids(state), 'start');
}

export function linkEvent(state: RouterState, name: string, up: boolean): void {
  const link = state.links.get(name);
  if (link === undefined || link.kernelUp === up) return;
  const first = link.kernelUp === undefined;
  link.kernelUp = up;
  if (!first || up) log(state, up ? 'info' : 'warn', up ? 'link up' : 'link down', { link: name });
  // End.X needs its interface; the rest of the local SIDs is the same with or without it.
  want(state, 'local-sids', localSids(state), 'link');
  if (up) retrySoon(state);
  else {
    link.pathUp = undefined;
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
  if (up || before === true)
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

function endSessionsOver(state: RouterState, link: string, reason: string): void {
  for (const peer of state.peers.values()) if (peer.config.link === link) pathDown(state, peer, reason);
}
