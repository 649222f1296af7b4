// Two routers under one router id: each hides the other from the domain. Whoever hears of both says so in the log, and in its
// views for as long as both go on. What is done about it is link-state.ts'.
import type { RouterId, SiteId } from '../model/identity.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import type { Peer, RouterState } from './state.ts';
import { log, setTimer, viewChanged } from './turn.ts';

export const DUPLICATES_TIMER = 'duplicates';
/** Two that live outdo each other every ten seconds or so: one that was not heard for this long is gone, or has another name. */
const LIVE_MS = 60_000;
/** Names at a time; a bound against a peer that makes them up. */
const MAX_DUPLICATES = 16;

/** A router that was heard under a router id that another one uses as well. */
export interface Duplicate {
  readonly routerId: RouterId;
  readonly name: string;
  readonly site: SiteId;
  readonly heardAtMs: number;
}

/** Somebody else's advertisement that takes the place of one of another name: this router knows both, and is neither. */
export function noteTwoNames(state: RouterState, node: NodeAdvertisement): void {
  const known = state.lsdb.nodes.get(node.originator);
  if (known === undefined || known.name === node.name || node.sequence < known.sequence) return;
  const isNews = !isNoted(state, known) && !isNoted(state, node);
  hear(state, known, state.nodeReceivedAtMs.get(node.originator) ?? state.startedAtMs);
  if (hear(state, node, state.atMs) && isNews)
    log(state, 'error', 'router id announced under two names', {
      routerId: node.originator,
      names: [known.name, node.name].sort().join(' and '),
    });
}

/** Another router's advertisement under our router id. */
export function noteOwnId(state: RouterState, node: NodeAdvertisement): void {
  const { originator, name, site } = node;
  const isNews = !isNoted(state, node);
  if (hear(state, node, state.atMs) && isNews)
    log(state, 'error', 'duplicate router id in the domain', { routerId: originator, name, site });
}

/** Another router's under our name too; link-state.ts tells it from an earlier life of ours, and says so. */
export function noteClone(state: RouterState, node: NodeAdvertisement): void {
  hear(state, node, state.atMs);
}

/** The timer fired. */
export function duplicatesDue(state: RouterState): void {
  forgetGone(state);
  const heard = [...state.duplicates.values()].map(({ heardAtMs }) => heardAtMs);
  if (heard.length > 0) setTimer(state, DUPLICATES_TIMER, Math.min(...heard) + LIVE_MS);
}

/** Who else lives under the router id of a node in the map; '': nobody. */
export function nodeFault(state: RouterState, { originator, name }: NodeAdvertisement): string {
  // What is noted under our own router id is another's, of whatever name.
  return othersText(state, originator, originator === state.config.routerId ? undefined : name);
}

/** Who else lives under the router id that a peer with a session says is its own; '': nobody. */
export function peerFault(state: RouterState, { remote, session }: Peer): string {
  if (remote === undefined || session === undefined) return '';
  for (const { config, session: theirs, remote: other } of state.peers.values())
    if (theirs && other?.routerId === remote.routerId && other.bootId !== remote.bootId)
      return `router id ${remote.routerId} is also that of peer ${config.name}`;
  return othersText(state, remote.routerId, remote.name);
}

function othersText(state: RouterState, routerId: RouterId, name: string | undefined): string {
  const others = [...state.duplicates.values()]
    .filter((one) => one.routerId === routerId && one.name !== name && isLive(state, one.heardAtMs))
    .map((one) => `${one.name} of ${one.site}`)
    .sort();
  return others.length === 0 ? '' : `router id ${routerId} is also that of ${others.join(', ')}`;
}

/** False: there are too many. */
function hear(state: RouterState, node: NodeAdvertisement, heardAtMs: number): boolean {
  forgetGone(state);
  const isNew = !isNoted(state, node);
  if (!isLive(state, heardAtMs) || (isNew && state.duplicates.size >= MAX_DUPLICATES)) return false;
  const { originator: routerId, name, site } = node;
  state.duplicates.set(keyOf(node), { routerId, name, site, heardAtMs });
  if (!isNew) return true;
  tellViews(state);
  setTimer(state, DUPLICATES_TIMER, state.atMs + LIVE_MS);
  return true;
}

function forgetGone(state: RouterState): void {
  const before = state.duplicates.size;
  for (const [key, { heardAtMs }] of state.duplicates) if (!isLive(state, heardAtMs)) state.duplicates.delete(key);
  if (state.duplicates.size < before) tellViews(state);
}

function tellViews(state: RouterState): void {
  viewChanged(state, 'link-state');
  viewChanged(state, 'peers');
}

/** In the words in which the timer is set: otherwise rounding could have it fire too early for ever. */
function isLive({ atMs }: RouterState, heardAtMs: number): boolean {
  return atMs < heardAtMs + LIVE_MS;
}

function isNoted({ duplicates }: RouterState, node: NodeAdvertisement): boolean {
  return duplicates.has(keyOf(node));
}

function keyOf({ originator, name }: NodeAdvertisement): string {
  return `${originator} ${name}`;
}
