// The router: one event in, the effects it asks for out (RFC 10053 C-SMA, C-NMA, C-PS; RFC 4271 section 8 and 9 in
// spirit). One writer, run to completion; the same events give the same effects, byte for byte.
import { invariant } from '../errors.ts';
import { AGE_TIMER, ageDue } from './ageing.ts';
import { DIGEST_STEP_TIMER, DIGEST_TIMER, digestStep, digestsDue } from './anti-entropy.ts';
import { peerCommand } from './commands.ts';
import { createState } from './create-state.ts';
import { DRAINS_TIMER, drainsDue } from './drains.ts';
import { DUPLICATES_TIMER, duplicatesDue } from './duplicates.ts';
import type { RouterEffect } from './effect.ts';
import type { RouterEvent } from './event.ts';
import { EXPIRY_TIMER, expiryDue } from './expiry.ts';
import { fibDone, flushFib, noteDrift, retryFailed } from './fib-plan.ts';
import { DAMPING_TIMER } from './flaps.ts';
import { flushAtEndOfTurn, flushDue, PACE_TIMER, paceDue, settleFlush } from './flush.ts';
import { advertiseInstances, agentDue, agentTimer, drainMeasured, instanceEvent } from './instances.ts';
import { limitTimer } from './limits.ts';
import { linksSettled, SETTLE_RETAINED_MS } from './link-facts.ts';
import { CONTEST_TIMER, contestDue, originate, REFRESH_TIMER, refreshDue } from './link-state.ts';
import { linkEvent, linkMeasured, pathEvent } from './links.ts';
import { takePolicies } from './policies.ts';
import { endRefreshes } from './refresh.ts';
import { dampingDue } from './reimport.ts';
import { REPORT_TIMER } from './report-rate.ts';
import { restartTimer, retentionExpired } from './restart.ts';
import { reportsDue } from './routes.ts';
import { planServiceMtu } from './service-mtu.ts';
import { sweep, sweepTimer } from './service-plan.ts';
import { peerStep, timerName } from './sessions.ts';
import { announce, begin, checkReady, leave, READY_TIMER, readyDue, stop, stopNow } from './start.ts';
import type { Peer, RouterState } from './state.ts';
import { decideTimer, decideTimerFired } from './steering.ts';
import { log, setTimer, viewChanged, wallMs } from './turn.ts';
import { runSpf } from './underlay.ts';

/** What the names of all timers of a peer begin with. */
const SESSION_SCOPE = 'session/';

export interface Router {
  /** Undefined before the event `start`. Readers look, they do not touch. */
  state: RouterState | undefined;
}

export function createRouter(): Router {
  return { state: undefined };
}

/** Takes one event and returns what the world is to do, in order. The first event is `start`. */
export function handle(router: Router, event: RouterEvent): readonly RouterEffect[] {
  return [...turn(router, event)];
}

/**
 * As `handle`, one effect at a time: what the kernel is to do comes out before the rest of the turn is worked out, so that
 * traffic does not wait for what peers are told, and that before what is noted about it. The caller takes all of them, and
 * nothing else looks at the state between.
 */
export function* turn(router: Router, event: RouterEvent): Generator<RouterEffect, void, undefined> {
  const state = take(router, event);
  planServiceMtu(state);
  flushFib(state);
  yield* taken(state, RANK.kernel);
  flushAtEndOfTurn(state);
  yield* taken(state, RANK.peers);
  settleFlush(state);
  endRefreshes(state);
  const effects = inOrder(state.effects);
  state.effects = [];
  yield* effects;
}

function take(router: Router, event: RouterEvent): RouterState {
  if (event.type === 'start') {
    invariant(router.state === undefined, 'a router starts once');
    router.state = createState(event);
    begin(router.state, event.retained.length);
    return router.state;
  }
  invariant(router.state !== undefined, 'the first event is start');
  const state = router.state;
  // Two adapters may read the clock in one order and post in another; time does not run backwards here.
  state.atMs = Math.max(state.atMs, event.atMs);
  dispatch(state, event);
  checkReady(state);
  return state;
}

/** In which order the effects of a turn are performed. */
const RANK = { kernel: 0, peers: 1, timers: 2, people: 3 } as const;
const NO_EFFECTS: readonly RouterEffect[] = [];

/** Takes the effects of a rank out of those there are. */
function taken(state: RouterState, rank: number): readonly RouterEffect[] {
  const { effects } = state;
  if (!effects.some((effect) => rankOf(effect) === rank)) return NO_EFFECTS;
  state.effects = effects.filter((effect) => rankOf(effect) !== rank);
  return effects.filter((effect) => rankOf(effect) === rank);
}

/**
 * The kernel first, peers second, timers third, people last: nobody's traffic waits for a log line, and a frame leaves
 * when the turn ends, so what need not come before it does not. Stable within each group.
 */
function inOrder(effects: readonly RouterEffect[]): readonly RouterEffect[] {
  let before = 0;
  let sorted = true;
  for (const effect of effects) {
    const rank = rankOf(effect);
    if (rank < before) sorted = false;
    before = rank;
  }
  if (sorted) return effects;
  const groups: RouterEffect[][] = [[], [], [], []];
  for (const effect of effects) groups[rankOf(effect)]!.push(effect);
  return groups.flat();
}

function rankOf({ type }: RouterEffect): number {
  switch (type) {
    case 'fib-apply':
    case 'fib-sync':
    case 'fib-verify':
      return RANK.kernel;
    case 'set-timer':
    case 'cancel-timer':
      return RANK.timers;
    case 'log':
    case 'view-changed':
      return RANK.people;
    default:
      return RANK.peers;
  }
}

function dispatch(state: RouterState, event: Exclude<RouterEvent, { type: 'start' }>): void {
  switch (event.type) {
    case 'stop':
      return stop(state, event.text);
    case 'timer':
      return timer(state, event.timer);
    case 'clock':
      log(state, 'warn', 'wall clock stepped', { byMs: Math.round(event.wallMs - wallMs(state, event.atMs)) });
      state.wallOriginMs = event.wallMs - event.atMs;
      return;
    case 'connection-opened':
    case 'connection-failed':
    case 'connection-closed':
    case 'message':
    case 'bad-message': {
      const peer = state.peers.get(event.peer);
      if (peer !== undefined) peerStep(state, peer, event);
      return;
    }
    case 'connection-blocked':
    case 'connection-drained': {
      const session = state.peers.get(event.peer)?.session;
      if (session?.connection === event.connection) session.blocked = event.type === 'connection-blocked';
      state.flush.wanted ||= event.type === 'connection-drained';
      return;
    }
    case 'link':
      return linkEvent(state, event);
    case 'access-mtu':
      state.accessMtu = event.mtu;
      state.mtuChanged = true;
      return;
    case 'path-up':
    case 'path-down':
      return pathEvent(state, event.link, event.type === 'path-up');
    case 'link-measured':
      return linkMeasured(state, event.link, event);
    case 'instance-sample':
    case 'instance-sample-failed':
    case 'instance-health':
    case 'instance-report':
    case 'drain':
      return instanceEvent(state, event);
    case 'drains-measured':
      return drainMeasured(state, event);
    case 'fib-done':
      return fibAnswered(state, event);
    case 'fib-drift':
      noteDrift(state, event.drift);
      return viewChanged(state, 'fib');
    case 'peer-command': {
      const peer = state.peers.get(event.peer);
      return peer && peerCommand(state, peer, event.command, event.text);
    }
    case 'policies':
      return takePolicies(state, event);
    default:
      event satisfies never;
  }
}

function fibAnswered(state: RouterState, { what, request, result }: Extract<RouterEvent, { type: 'fib-done' }>): void {
  const failed = state.fib.failed.size;
  fibDone(state, what, request, result);
  if (what === 'sync') announce(state);
  else advertiseInstances(state);
  // A locator whose End the kernel refuses is not announced.
  if (state.fib.failed.size !== failed) originate(state);
}

function timer(state: RouterState, name: string): void {
  switch (name) {
    case 'settle':
      if (!linksSettled(state)) setTimer(state, name, state.startedAtMs + SETTLE_RETAINED_MS);
      return originate(state);
    // Whether the gate opens is asked at the end of every turn.
    case READY_TIMER:
      return readyDue(state);
    case 'flush':
      return flushDue(state);
    case 'spf':
      return state.spfPending ? runSpf(state) : undefined;
    case 'fib-retry':
      return retryFailed(state);
    case 'fib-verify':
      if (state.fib.phase === 'synced') state.effects.push({ type: 'fib-verify' });
      return setTimer(state, name, state.atMs + state.config.fib.verifyIntervalMs);
    case PACE_TIMER:
      return paceDue(state);
    case REPORT_TIMER:
      return reportsDue(state);
    case DIGEST_TIMER:
      return digestsDue(state);
    case DIGEST_STEP_TIMER:
      return digestStep(state);
    case DAMPING_TIMER:
      return dampingDue(state);
    case EXPIRY_TIMER:
      return expiryDue(state);
    case DRAINS_TIMER:
      return drainsDue(state);
    case REFRESH_TIMER:
      return refreshDue(state);
    case CONTEST_TIMER:
      return contestDue(state);
    case DUPLICATES_TIMER:
      return duplicatesDue(state);
    case AGE_TIMER:
      return ageDue(state);
    case 'leave':
      return leave(state);
    case 'stop':
      return stopNow(state);
    default:
      return scopedTimer(state, name);
  }
}

/** Timers of one peer, service or instance, `scope/owner`; one whose owner is gone is a visible no-op. */
function scopedTimer(state: RouterState, name: string): void {
  const slash = name.indexOf('/');
  const scope = name.slice(0, slash + 1);
  const owner = name.slice(slash + 1);
  const steered = state.steered.get(owner);
  const instance = state.instances.get(owner);
  const peer = scope === SESSION_SCOPE ? state.peers.get(owner.slice(0, owner.lastIndexOf('/'))) : undefined;
  if (peer !== undefined && peerTimer(state, peer, name)) return;
  if (steered !== undefined && name === decideTimer(owner)) return decideTimerFired(state, steered);
  if (steered !== undefined && name === sweepTimer(owner)) return sweep(state, steered);
  if (instance !== undefined && name === agentTimer(instance)) return agentDue(state, instance);
  log(state, 'debug', 'timer without owner', { timer: name });
}

function peerTimer(state: RouterState, peer: Peer, name: string): boolean {
  if (name === restartTimer(peer)) {
    retentionExpired(state, peer);
    return true;
  }
  if (name === limitTimer(peer)) {
    peerStep(state, peer, { type: 'start' });
    return true;
  }
  for (const timerOf of ['connect-retry', 'hold', 'keepalive', 'idle-hold'] as const) {
    if (name !== timerName(peer.config.name, timerOf)) continue;
    peerStep(state, peer, { type: 'timer', timer: timerOf });
    return true;
  }
  return false;
}
