// What is true of the own links now: which may be announced, and whether the fate of all is known. Changes nothing.
import type { RouterConfig } from '../config/config.ts';
import type { Link, RouterState } from './state.ts';

/** How long a start waits for STAMP before it announces links by the kernel's word alone. */
export const SETTLE_MS = 1000;
/** The same for a link that an earlier life forwarded over: a neighbour whose daemon is dead answers at its ICMP rate limit. */
export const SETTLE_RETAINED_MS = 4000;

/**
 * The link may be announced: the kernel says so, STAMP does not object, and both ends have the same map. Without the
 * last, a link that returns is reachable by what its neighbour said before it went, until the neighbour speaks.
 */
export function isUsable(state: RouterState, link: Link): boolean {
  return link.kernelUp === true && (!state.config.stamp.enabled || link.pathUp === true) && link.adjacent;
}

/** A peer over this link tells us its link state; without one there is nobody to wait for. */
export function needsAdjacency(config: RouterConfig, link: string): boolean {
  return config.peers.some((peer) => peer.link === link && peer.families.includes('link-state'));
}

/** Every link's fate is known, or has had its time: a restarted router must not announce itself without its links. */
export function linksSettled(state: RouterState): boolean {
  const waitedMs = state.atMs - state.startedAtMs;
  if (waitedMs >= SETTLE_RETAINED_MS) return true;
  for (const link of state.links.values()) {
    if (waitedMs >= (link.retained && link.adjacent ? SETTLE_RETAINED_MS : SETTLE_MS)) continue;
    if (link.kernelUp === undefined) return false;
    if (link.kernelUp && state.config.stamp.enabled && link.pathUp === undefined) return false;
  }
  return true;
}
