// Birth and death of a router. A start reads what the kernel holds, hears the full set from its peers, and only then
// programs and speaks for itself (RFC 4724 section 4.1): an earlier life's forwarding goes on untouched until then.
import { FAMILIES } from '../model/identity.ts';
import { CAPABILITY } from '../session/capabilities.ts';
import { armDigests } from './anti-entropy.ts';
import { tellLocators } from './egress-sids.ts';
import { startSync } from './fib-plan.ts';
import { advertiseInstances, drainAll, instancesSettled } from './instances.ts';
import { linksSettled } from './link-facts.ts';
import { originate, retire } from './link-state.ts';
import { startLinks } from './links.ts';
import { peerStep, stopSessions } from './sessions.ts';
import { forgetRetained } from './slots.ts';
import type { EstablishedSession, RouterState } from './state.ts';
import { decideAll } from './steering.ts';
import { log, setTimer } from './turn.ts';
import { runSpf } from './underlay.ts';

export const READY_TIMER = 'ready';
/** RFC 4724 4.1 "Selection_Deferral_Timer": a peer that never comes back must not hold up the others for longer. */
export const READY_DEADLINE_MS = 5000;
/** A peer that said something this recently is not done telling its table: a large one takes longer than the deadline. */
const TELLING_MS = 1000;
/** Not even they are waited for longer, nor beyond the time that peers keep what we said before. */
const LAST_DEADLINE_MS = 60_000;
/** Time for ingresses to send new flows elsewhere, and for handshakes under way to end. */
const DRAIN_GRACE_MS = 300;
/** Time for peers to move traffic away before the objects go. */
const STOP_GRACE_MS = 300;

export function begin(state: RouterState, retained: number): void {
  log(state, 'info', 'router started', {
    name: state.config.name,
    site: state.config.site,
    routerId: state.config.routerId,
    retainedObjects: retained,
  });
  tellLocators(state);
  startLinks(state);
  for (const peer of state.peers.values()) peerStep(state, peer, { type: 'start' });
  setTimer(state, READY_TIMER, state.startedAtMs + READY_DEADLINE_MS);
  if (state.config.fib.verifyIntervalMs > 0)
    setTimer(state, 'fib-verify', state.atMs + state.config.fib.verifyIntervalMs);
  // Nothing of an earlier life forwards: there is nothing to protect by waiting.
  if (retained === 0) startSync(state);
  checkReady(state);
}

/** Opens the gate once everyone who can speak has spoken; the timer `ready` opens it for the rest. */
export function checkReady(state: RouterState): void {
  if (state.ready || state.stopping) return;
  if (linksSettled(state) && instancesSettled(state) && peersComplete(state)) open(state, false);
}

/**
 * The timer of the deadline fired; who is still telling is waited for. Nothing else asks how long somebody has been silent:
 * of this timer the shell sees to it that what peers have said by then is read, and of a busy turn nobody does.
 */
export function readyDue(state: RouterState): void {
  if (state.ready || state.stopping) return;
  const untilMs = waitsUntilMs(state);
  if (untilMs > state.atMs) setTimer(state, READY_TIMER, untilMs);
  else open(state, true);
}

function open(state: RouterState, overdue: boolean): void {
  state.ready = true;
  log(state, 'info', 'initial exchange complete', {
    afterMs: Math.round(state.atMs - state.startedAtMs),
    overdue,
    routes: state.table.size,
    nodes: state.lsdb.nodes.size,
  });
  // A debounced SPF would come after the sync, which takes away every route that is not wanted yet.
  if (state.spfPending) runSpf(state);
  decideAll(state, 'start');
  startSync(state);
  announce(state);
}

/** An End-of-RIB that comes too early takes from every peer the routes that have still to be told. */
function waitsUntilMs({ startedAtMs, peers, config }: RouterState): number {
  const longestMs = Math.max(READY_DEADLINE_MS, Math.min(LAST_DEADLINE_MS, config.protocol.restartTimeMs));
  let untilMs = startedAtMs + READY_DEADLINE_MS;
  for (const { session } of peers.values())
    if (session !== undefined && !isComplete(session)) untilMs = Math.max(untilMs, session.toldAtMs + TELLING_MS);
  return Math.min(untilMs, startedAtMs + longestMs);
}

function isComplete({ negotiated, endOfRib }: EstablishedSession): boolean {
  return negotiated.families.every((family) => endOfRib.has(family));
}

/** The gate is open and what is wanted is in force: from now on this router speaks for itself. */
export function isAnnouncing(state: RouterState): boolean {
  return state.ready && state.fib.phase === 'synced';
}

/** Own instances and links first, then the End-of-RIB that takes away what an earlier life announced and this one does not. */
export function announce(state: RouterState): void {
  advertiseInstances(state);
  originate(state);
  if (!isAnnouncing(state) || state.announced) return;
  state.announced = true;
  armDigests(state);
  forgetRetained(state);
  for (const peer of state.peers.values()) peer.session?.out.endOfRib(FAMILIES);
  state.flush.wanted = true;
}

/** Every peer over a usable link has sent its set, is itself starting, or shares nothing with us. */
function peersComplete(state: RouterState): boolean {
  for (const peer of state.peers.values()) {
    const link = state.links.get(peer.config.link);
    if (link !== undefined && (link.kernelUp === false || link.pathUp === false)) continue;
    if (peer.session === undefined) return false;
    if (peer.session.negotiated.remote.capabilities.includes(CAPABILITY.restarting)) continue;
    if (!isComplete(peer.session)) return false;
  }
  return true;
}

/** Leaves in order: drained, then out of everyone's paths, then farewell, then gone. */
export function stop(state: RouterState, text: string): void {
  if (state.stopping) return;
  log(state, 'info', 'stopping', { text });
  state.stopping = true;
  if (!drainAll(state)) return leave(state);
  setTimer(state, 'leave', state.atMs + DRAIN_GRACE_MS);
}

/** Withdraws everything, while forwarding goes on for what is still on its way. */
export function leave(state: RouterState): void {
  state.leaving = true;
  retire(state);
  advertiseInstances(state);
  setTimer(state, 'stop', state.atMs + STOP_GRACE_MS);
}

export function stopNow(state: RouterState): void {
  stopSessions(state, 'daemon stopped');
  state.effects.push({ type: 'stopped' });
}
