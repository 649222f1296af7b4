// A STAMP session-sender as a pure step: when to probe, whether the path lives, what it measures, and which change of a
// measurement is worth flooding. Knows no socket and no clock; the shell brings replies and fires `senderDeadlineMs`.
import type { StampConfig } from '../config/config.ts';
import { type LinkMeasurement, measure, type Probe } from './measure.ts';

export type SenderConfig = Pick<
  StampConfig,
  'intervalMs' | 'detectMultiplier' | 'windowMs' | 'deadBandPercent' | 'deadBandUs'
>;

export interface SenderState {
  /** `waiting`: never heard since the start, no verdict yet. */
  readonly phase: 'waiting' | 'up' | 'down';
  /** The far host answers, but nobody listens on the port: the path lives, the daemon there does not. */
  readonly refused: boolean;
  readonly nextSequence: number;
  readonly nextSendAtMs: number;
  /** Last sign of life; the start, before there was one. */
  readonly heardAtMs: number;
  /** Probes since the last one that was answered. */
  readonly unanswered: number;
  readonly lastAnswered: number;
  readonly inRow: number;
  /** First answer since nobody answered. */
  readonly answeringSinceMs: number;
  /** Oldest first, at most one window of them. */
  readonly probes: readonly Probe[];
  readonly published?: LinkMeasurement;
}

export type SenderEvent =
  /** `senderDeadlineMs` has come (or is long past). */
  | { readonly type: 'timer'; readonly atMs: number }
  /** Times of RFC 8762: T1, T4 by our clock, T2, T3 by the reflector's, µs. */
  | {
      readonly type: 'reply';
      readonly atMs: number;
      readonly sequence: number;
      readonly t1Us: number;
      readonly t2Us: number;
      readonly t3Us: number;
      readonly t4Us: number;
    }
  /** ICMPv6 port unreachable came back for a probe. */
  | { readonly type: 'refused'; readonly atMs: number };

export type SenderEffect =
  | { readonly type: 'send'; readonly sequence: number }
  | { readonly type: 'path-up' }
  | { readonly type: 'path-down' }
  | { readonly type: 'measured'; readonly measurement: LinkMeasurement }
  | { readonly type: 'reflector-gone' }
  | { readonly type: 'reflector-back' };

export interface SenderStep {
  readonly state: SenderState;
  readonly effects: readonly SenderEffect[];
}

/** Replies in a row that bring a path up. */
const UP_AFTER = 3;
/** Answers that any measurement needs but one of a shorter delay, where the window has room for twice as many. */
const SETTLED_AFTER = 10;
/** Linux sends one ICMPv6 error a second to one host (icmp.ratelimit): faster probing of a dead port looks like silence. */
const REFUSED_INTERVAL_MS = 1_100;
/** A probe older than this is lost, whatever the interval. */
const MIN_LOSS_TIMEOUT_MS = 500;
/** Loss that moved by 1 % of all packets is told even when the delay did not move. */
const LOSS_DEAD_BAND = 333_333;
/** Round trips may exceed the time between our own events by the clock's grain, not by more. */
const CLOCK_SLACK_US = 2_000;

/** Starts a session; the first probe is due at once. `firstSequence` is drawn by the shell, unsigned 32-bit. */
export function startSender(atMs: number, firstSequence: number): SenderState {
  return {
    phase: 'waiting',
    refused: false,
    nextSequence: firstSequence >>> 0,
    nextSendAtMs: atMs,
    heardAtMs: atMs,
    unanswered: 0,
    lastAnswered: -1,
    inRow: 0,
    answeringSinceMs: atMs,
    probes: [],
  };
}

/** When `timer` is due next. */
export function senderDeadlineMs(state: SenderState, config: SenderConfig): number {
  return Math.min(state.nextSendAtMs, silentAtMs(state, config));
}

export function stepSender(state: SenderState, event: SenderEvent, config: SenderConfig): SenderStep {
  switch (event.type) {
    case 'timer':
      return onTimer(state, event.atMs, config);
    case 'reply':
      return onReply(state, event, config);
    case 'refused':
      return onRefused(state, event.atMs);
    default:
      return event satisfies never;
  }
}

/**
 * The path is silent when the detection time passed since the last sign of life AND as many probes went out since: a
 * stall of our own process, in which nothing was sent, is no evidence against the path.
 */
function silentAtMs(state: SenderState, config: SenderConfig): number {
  if (state.phase === 'down' || (state.phase === 'waiting' && state.refused)) return Number.POSITIVE_INFINITY;
  if (state.unanswered < config.detectMultiplier) return Number.POSITIVE_INFINITY;
  return state.heardAtMs + config.detectMultiplier * paceMs(state, config);
}

function paceMs(state: SenderState, config: SenderConfig): number {
  return state.refused && state.phase === 'up' ? Math.max(REFUSED_INTERVAL_MS, config.intervalMs) : config.intervalMs;
}

function onTimer(state: SenderState, atMs: number, config: SenderConfig): SenderStep {
  const effects: SenderEffect[] = [];
  let next = state;
  if (atMs >= silentAtMs(next, config)) {
    effects.push({ type: 'path-down' });
    const { published: _, ...kept } = next;
    next = { ...kept, phase: 'down', refused: false, inRow: 0, probes: [] };
  }
  if (atMs >= next.nextSendAtMs) {
    const sequence = next.nextSequence;
    const pace = paceMs(next, config);
    effects.push({ type: 'send', sequence });
    next = {
      ...next,
      nextSequence: (sequence + 1) >>> 0,
      // Slots missed by a late timer are not made up for: a burst measures our own queue.
      nextSendAtMs: next.nextSendAtMs + pace > atMs ? next.nextSendAtMs + pace : atMs + pace,
      unanswered: next.unanswered + 1,
      probes: [...withinWindow(next.probes, atMs, config), { sequence, sentAtMs: atMs }],
    };
  }
  return { state: next, effects };
}

function onReply(state: SenderState, event: Extract<SenderEvent, { type: 'reply' }>, config: SenderConfig): SenderStep {
  const probe = state.probes.find((candidate) => candidate.sequence === event.sequence);
  // Not ours, answered already, or older than the window: nothing to learn from it.
  if (!probe || probe.roundTripUs !== undefined) return { state, effects: [] };

  const effects: SenderEffect[] = state.refused ? [{ type: 'reflector-back' }] : [];
  // RFC 8762: each difference is of one clock; the reflector's own time is not part of the path.
  const roundTripUs = event.t4Us - event.t1Us - (event.t3Us - event.t2Us);
  const plausible = roundTripUs >= 0 && roundTripUs <= (event.atMs - probe.sentAtMs) * 1e3 + CLOCK_SLACK_US;
  // A reply that was overtaken is a sample, but no news of the path.
  const overtaken = state.lastAnswered >= 0 && (event.sequence - state.lastAnswered) >>> 0 >= 2 ** 31;
  const follows = event.sequence === (state.lastAnswered + 1) >>> 0;
  const next: SenderState = {
    ...state,
    refused: false,
    heardAtMs: event.atMs,
    ...((state.refused || state.phase === 'down') && { answeringSinceMs: event.atMs }),
    ...(!overtaken && {
      unanswered: (state.nextSequence - 1 - event.sequence) >>> 0,
      lastAnswered: event.sequence,
      inRow: follows ? state.inRow + 1 : 1,
    }),
    nextSendAtMs: Math.min(state.nextSendAtMs, event.atMs + config.intervalMs),
    probes: plausible
      ? state.probes.map((held) => (held === probe ? { ...probe, roundTripUs } : held))
      : state.probes.filter((held) => held !== probe),
  };
  if (next.phase === 'up') return publish(next, effects, event.atMs, config);
  if (next.inRow < UP_AFTER) return { state: next, effects };
  // Loss is counted from here on: probes from before the path came up say nothing about it.
  const fresh = next.probes.filter((held) => held.roundTripUs !== undefined || held.sequence > event.sequence);
  return publish({ ...next, phase: 'up', probes: fresh }, [...effects, { type: 'path-up' }], event.atMs, config);
}

/** A refusal proves the way there and back as well as a reply does; only the measurement is missing. */
function onRefused(state: SenderState, atMs: number): SenderStep {
  // What was refused is not lost.
  const probes = state.probes.filter((probe) => probe.roundTripUs !== undefined);
  return {
    state: { ...state, refused: true, heardAtMs: atMs, unanswered: 0, inRow: 0, probes },
    effects: state.refused ? [] : [{ type: 'reflector-gone' }],
  };
}

/**
 * Tells a measurement when it is the first, or left the dead-band around the last one told. A shorter delay is told at
 * once, a longer one when no sample of a whole window was shorter: the first answers of a daemon that starts on a busy
 * machine tell of that machine, and routers that believe them at different moments send packets in circles.
 */
function publish(state: SenderState, effects: SenderEffect[], atMs: number, config: SenderConfig): SenderStep {
  const probes = withinWindow(state.probes, atMs, config);
  const kept: SenderState = { ...state, probes };
  const samples = probes.filter((probe) => probe.roundTripUs !== undefined).length;
  const measurement = measure(probes, atMs - lossTimeoutMs(config));
  if (!measurement) return { state: kept, effects };
  const isWhole = !state.published || atMs - state.answeringSinceMs >= config.windowMs;
  const isShorter = state.published && measurement.delayMinUs < state.published.delayMinUs;
  if (!isShorter && !(isWhole && samples >= samplesNeeded(config))) return { state: kept, effects };
  if (state.published && !leavesDeadBand(state.published, measurement, config)) return { state: kept, effects };
  return { state: { ...kept, published: measurement }, effects: [...effects, { type: 'measured', measurement }] };
}

function leavesDeadBand(told: LinkMeasurement, now: LinkMeasurement, config: SenderConfig): boolean {
  const band = Math.max(config.deadBandUs, (told.delayMinUs * config.deadBandPercent) / 100);
  return Math.abs(now.delayMinUs - told.delayMinUs) > band || Math.abs(now.loss - told.loss) > LOSS_DEAD_BAND;
}

function lossTimeoutMs(config: SenderConfig): number {
  return Math.max(MIN_LOSS_TIMEOUT_MS, config.detectMultiplier * config.intervalMs);
}

function samplesNeeded(config: SenderConfig): number {
  const half = Math.floor(probingWindowMs(config) / config.intervalMs / 2);
  return Math.max(UP_AFTER, Math.min(SETTLED_AFTER, half));
}

/** A window must hold the samples of the first measurement, and a probe until it is known to be lost. */
function probingWindowMs(config: SenderConfig): number {
  return Math.max(config.windowMs, 2 * lossTimeoutMs(config), (SETTLED_AFTER + 1) * config.intervalMs);
}

function withinWindow(probes: readonly Probe[], atMs: number, config: SenderConfig): readonly Probe[] {
  const first = probes.findIndex((probe) => probe.sentAtMs > atMs - probingWindowMs(config));
  return first < 0 ? [] : first === 0 ? probes : probes.slice(first);
}
