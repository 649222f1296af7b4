// When a service is decided again, and with what: joins routes, states and distances into the decision's input, holds
// storms back, and hands the outcome to the forwarding plan. The choice itself is lib/decision's.
import type { ServiceClassConfig } from '../config/config.ts';
import { decide } from '../decision/decide.ts';
import type { Candidate, Decision, DecisionInput } from '../decision/decision.ts';
import { sameWeights } from '../decision/weights.ts';
import { type ComputeState, FORGET_VALIDITIES } from '../model/compute-state.ts';
import type { Score, ServiceId } from '../model/identity.ts';
import { COMMUNITY, type ServiceAttributes } from '../model/service-route.ts';
import { entriesOf, type RouteEntry } from '../rib/route-entry.ts';
import { LOCAL } from '../rib/route-table.ts';
import { acted, dueAt } from '../time/debounce.ts';
import { explicitPathTo } from './explicit-paths.ts';
import { programService } from './service-plan.ts';
import type { RouterState, Steered } from './state.ts';
import { log, setTimer, viewChanged } from './turn.ts';

/** Top of the band 0..3. */
const LONG_LIVED_SCORE = 3 as Score;

export function decideTimer(key: string): string {
  return `decide/${key}`;
}

/** Something that the decision for `service` depends on changed; a loss is `urgent` and passes the debounce. */
export function serviceChanged(state: RouterState, service: ServiceId, cause: string, urgent = false): void {
  for (const steered of state.classes.get(service) ?? []) schedule(state, steered, cause, urgent);
}

/** Paths changed, which was held back as long as it may be already (underlay.ts): instances may be out of reach now. */
export function distancesChanged(state: RouterState): void {
  for (const steered of state.steered.values()) schedule(state, steered, 'spf', true);
}

/** All services, e.g. once the initial exchange is complete. */
export function decideAll(state: RouterState, cause: string): void {
  for (const steered of state.steered.values()) decideNow(state, steered, cause);
}

export function decideTimerFired(state: RouterState, steered: Steered): void {
  if (steered.timerAtMs > state.atMs) return;
  decideNow(state, steered, steered.timerCause);
}

function schedule(state: RouterState, steered: Steered, cause: string, urgent: boolean): void {
  // While the initial exchange is under way a decision would see half the candidates.
  if (!state.ready) return;
  const atMs = dueAt(steered.debounce, state.atMs);
  if (urgent || atMs <= state.atMs) {
    decideNow(state, steered, cause);
    return;
  }
  steered.timerCause = cause;
  arm(state, steered, Math.min(atMs, steered.timerAtMs));
}

function arm(state: RouterState, steered: Steered, atMs: number): void {
  steered.timerAtMs = atMs;
  if (Number.isFinite(atMs)) setTimer(state, decideTimer(steered.key), atMs);
  else state.effects.push({ type: 'cancel-timer', timer: decideTimer(steered.key) });
}

function decideNow(state: RouterState, steered: Steered, cause: string): void {
  steered.debounce = acted(steered.debounce, state.config.steering.debounce, state.atMs);
  const input = decisionInput(state, steered);
  const before = steered.decision;
  const decision = decide(input);
  steered.decision = decision;
  steered.decisions++;
  if (decision.best !== '') steered.firstAtMs = Math.min(steered.firstAtMs, state.atMs);
  programService(state, steered, cause);
  report(state, steered, before, decision);
  steered.timerCause = 'timer';
  arm(state, steered, Math.min(decision.againAtMs ?? Number.POSITIVE_INFINITY, nextExpiry(state, steered.service)));
}

/** The decision's whole input, as `explain` and replay show it. */
export function decisionInput(state: RouterState, steered: Steered): DecisionInput {
  const decision = incumbentOf(state, steered);
  return {
    atMs: state.atMs,
    service: steered.service,
    class: inBlackout(state, steered),
    candidates: candidates(state, steered),
    ...(decision && { incumbent: decision.incumbent, memory: decision.memory }),
  };
}

/**
 * The decision in force, which a challenger has to beat. Candidates of a start come in one after the other: until the
 * hold time has passed since the first of them there is nothing to protect, and arrival order must not decide.
 */
function incumbentOf(state: RouterState, { decision, firstAtMs, class: { holdMs } }: Steered): Decision | undefined {
  return state.atMs < firstAtMs + holdMs ? undefined : decision;
}

/** gRPC A58's black-out: right after a start metrics are young, so a challenger has to hold out at least until its end. */
function inBlackout(state: RouterState, { class: serviceClass, decision }: Steered): Steered['class'] {
  const sinceMs = decision?.incumbent.challengedSinceMs ?? state.atMs;
  const holdMs = state.startedAtMs + state.config.steering.blackoutMs - sinceMs;
  return holdMs <= serviceClass.holdMs ? serviceClass : { ...serviceClass, holdMs };
}

/** Routes of a service joined with state and distance, sorted by key so that arrival order decides nothing. */
export function candidates(
  state: RouterState,
  { service, class: of }: Pick<Steered, 'service' | 'class'>,
): Candidate[] {
  return entriesOf(state.table, service)
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map((entry) => candidate(state, entry, of));
}

function candidate(state: RouterState, entry: RouteEntry, of: ServiceClassConfig): Candidate {
  const node = state.spf.get(entry.route.originator);
  const own = entry.best === LOCAL;
  const distance = own
    ? { roundTripUs: 0, path: [state.config.routerId] }
    : (explicitDistance(state, of, entry) ??
      (node && { roundTripUs: node.delayUs + node.reverseDelayUs, path: node.path }));
  const { attributes } = entry;
  const ageMs = state.atMs - entry.stateReceivedAtMs;
  const alive = entry.state !== undefined && ageMs <= entry.state.validForMs * FORGET_VALIDITIES;
  return {
    key: entry.key,
    route: { ...entry.route, attributes: state.excluded.has(entry.key) ? { ...attributes, drain: true } : attributes },
    ...(alive && entry.state && { state: asKept(entry.state, attributes) }),
    stateAgeMs: entry.state === undefined ? 0 : ageMs,
    stale: alive && ageMs > entry.state!.validForMs,
    ...(distance && { distance }),
  };
}

/** By the way that the class names; undefined: it names none, or one that cannot be taken. */
function explicitDistance(state: RouterState, of: ServiceClassConfig, { route }: RouteEntry): Candidate['distance'] {
  const found = explicitPathTo(state, of, route.originator);
  return found && 'path' in found ? found : undefined;
}

/** RFC 9494 in spirit: reachability that outlived its restart counts as the low band, however well it was before. */
export function asKept(state: ComputeState, { communities }: ServiceAttributes): ComputeState {
  if (state.score <= LONG_LIVED_SCORE || !communities.includes(COMMUNITY.llgrStale)) return state;
  return { ...state, score: LONG_LIVED_SCORE };
}

/** When the next state of the service turns stale or is forgotten. */
function nextExpiry(state: RouterState, service: ServiceId): number {
  let soonest = Number.POSITIVE_INFINITY;
  const { states } = state.table;
  for (const row of state.table.rowsOf(service)) {
    if (!states.has(row)) continue;
    for (let n = 1; n <= FORGET_VALIDITIES; n++) {
      // One ms later, so that the age is past the bound when the timer fires.
      const atMs = states.receivedAtMs(row) + states.validForMs(row) * n + 1;
      if (atMs > state.atMs) soonest = Math.min(soonest, atMs);
    }
  }
  return soonest;
}

function report(state: RouterState, steered: Steered, before: Decision | undefined, decision: Decision): void {
  if (before !== undefined && before.best === decision.best && sameWeights(before.weights, decision.weights)) return;
  steered.changedAtMs = state.atMs;
  viewChanged(state, 'services');
  const moved = before?.best !== decision.best || instancesOf(before) !== instancesOf(decision);
  const isLost = decision.best === '' && before !== undefined && before.best !== '';
  const text = decision.best === '' ? 'no contact instance is eligible' : 'decision changed';
  log(state, isLost ? 'warn' : moved ? 'info' : 'debug', text, {
    service: steered.service,
    ...(steered.name !== '' && { class: steered.name }),
    change: decision.change,
    weights: decision.ranked
      .filter((ranked) => ranked.weight > 0)
      .map((ranked) => `${ranked.attributes.instanceName}=${ranked.weight}`)
      .join(' '),
  });
}

/** Those that carry flows for their cost; trials come and go. */
function instancesOf(decision: Decision | undefined): string {
  return Object.keys(decision?.incumbent.weights ?? {})
    .sort()
    .join(',');
}
