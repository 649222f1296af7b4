// A STAMP session-sender as a step from event to effects: when to probe, whether the path lives, what it measures, and
// which change of a measurement is worth flooding. Knows no socket and no clock; the shell brings replies and fires
// `senderDeadlineMs`. Like the router's, a step changes the state: a copy at every probe is what an idle router would do
// all day. The same events have the same effects.
import type { StampConfig } from '../config/config.ts';
import { type LinkMeasurement, lossUnits, measure, oneWayUs } from './measure.ts';
import { ProbeWindow } from './probe-window.ts';

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
  /** At most one window of them. */
  readonly window: ProbeWindow;
  readonly published: LinkMeasurement | undefined;
}

/** The same, as only a step may see it. */
type Changing = { -readonly [Field in keyof SenderState]: SenderState[Field] };

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

const NOTHING: readonly SenderEffect[] = Object.freeze([]);

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
    window: new ProbeWindow(),
    published: undefined,
  };
}

/** When `timer` is due next. */
export function senderDeadlineMs(state: SenderState, config: SenderConfig): number {
  return Math.min(state.nextSendAtMs, silentAtMs(state, config));
}

/** Changes the state and returns what is to be done. */
export function stepSender(state: SenderState, event: SenderEvent, config: SenderConfig): readonly SenderEffect[] {
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

/** Whether `timer` at this moment would take the path for dead. */
export function isSilent(state: SenderState, atMs: number, config: SenderConfig): boolean {
  return atMs >= silentAtMs(state, config);
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

function onTimer(state: Changing, atMs: number, config: SenderConfig): readonly SenderEffect[] {
  const isDead = isSilent(state, atMs, config);
  if (isDead) {
    state.phase = 'down';
    state.refused = false;
    state.inRow = 0;
    state.window.clear();
    state.published = undefined;
  }
  if (atMs < state.nextSendAtMs) return isDead ? [{ type: 'path-down' }] : NOTHING;
  const sequence = state.nextSequence;
  const dueMs = state.nextSendAtMs + paceMs(state, config);
  state.nextSequence = (sequence + 1) >>> 0;
  // Slots missed by a late timer are not made up for: a burst measures our own queue.
  state.nextSendAtMs = dueMs > atMs ? dueMs : atMs + paceMs(state, config);
  state.unanswered++;
  state.window.expire(atMs - probingWindowMs(config));
  state.window.add(sequence, atMs);
  return isDead ? [{ type: 'path-down' }, { type: 'send', sequence }] : [{ type: 'send', sequence }];
}

function onReply(
  state: Changing,
  event: Extract<SenderEvent, { type: 'reply' }>,
  config: SenderConfig,
): readonly SenderEffect[] {
  const { window } = state;
  const { atMs, sequence } = event;
  const sentAtMs = window.openSinceMs(sequence);
  // Not ours, answered already, or older than the window: nothing to learn from it.
  if (sentAtMs === undefined) return NOTHING;

  // RFC 8762: each difference is of one clock; the reflector's own time is not part of the path.
  const roundTripUs = event.t4Us - event.t1Us - (event.t3Us - event.t2Us);
  const isPlausible = roundTripUs >= 0 && roundTripUs <= (atMs - sentAtMs) * 1e3 + CLOCK_SLACK_US;
  if (isPlausible) window.answer(sequence, roundTripUs);
  else window.discard(sequence);

  const wasRefused = state.refused;
  if (wasRefused || state.phase === 'down') state.answeringSinceMs = atMs;
  state.refused = false;
  state.heardAtMs = atMs;
  // A reply that was overtaken is a sample, but no news of the path.
  const isOvertaken = state.lastAnswered >= 0 && (sequence - state.lastAnswered) >>> 0 >= 2 ** 31;
  if (!isOvertaken) {
    state.inRow = sequence === (state.lastAnswered + 1) >>> 0 ? state.inRow + 1 : 1;
    state.unanswered = (state.nextSequence - 1 - sequence) >>> 0;
    state.lastAnswered = sequence;
  }
  state.nextSendAtMs = Math.min(state.nextSendAtMs, atMs + config.intervalMs);

  const comesUp = state.phase !== 'up' && state.inRow >= UP_AFTER;
  if (comesUp) {
    state.phase = 'up';
    // Loss is counted from here on: probes from before the path came up say nothing about it.
    window.discardOpen(sequence);
  }
  const measurement = state.phase === 'up' ? publish(state, atMs, config) : undefined;
  if (!wasRefused && !comesUp && !measurement) return NOTHING;
  const effects: SenderEffect[] = [];
  if (wasRefused) effects.push({ type: 'reflector-back' });
  if (comesUp) effects.push({ type: 'path-up' });
  if (measurement) effects.push({ type: 'measured', measurement });
  return effects;
}

/** A refusal proves the way there and back as well as a reply does; only the measurement is missing. */
function onRefused(state: Changing, atMs: number): readonly SenderEffect[] {
  const isNews = !state.refused;
  // What was refused is not lost.
  state.window.discardOpen();
  state.refused = true;
  state.heardAtMs = atMs;
  state.unanswered = 0;
  state.inRow = 0;
  return isNews ? [{ type: 'reflector-gone' }] : NOTHING;
}

/**
 * Tells a measurement when it is the first, or left the dead-band around the last one told. A shorter delay is told at
 * once, a longer one when no sample of a whole window was shorter: the first answers of a daemon that starts on a busy
 * machine tell of that machine, and routers that believe them at different moments send packets in circles.
 */
function publish(state: Changing, atMs: number, config: SenderConfig): LinkMeasurement | undefined {
  const { window, published } = state;
  window.expire(atMs - probingWindowMs(config));
  if (window.answered === 0) return undefined;
  const judgedToMs = atMs - lossTimeoutMs(config);
  const loss = lossUnits(window.lossTo(judgedToMs));
  const delayMinUs = oneWayUs(window.lowestUs);
  const isWhole = !published || atMs - state.answeringSinceMs >= config.windowMs;
  const isShorter = published && delayMinUs < published.delayMinUs;
  if (!isShorter && !(isWhole && window.answered >= samplesNeeded(config))) return undefined;
  if (published && !leavesDeadBand(published, delayMinUs, loss, config)) return undefined;
  // Only what is told is worth a look at every probe.
  state.published = measure(window.probes(), judgedToMs);
  return state.published;
}

function leavesDeadBand(told: LinkMeasurement, delayMinUs: number, loss: number, config: SenderConfig): boolean {
  const band = Math.max(config.deadBandUs, (told.delayMinUs * config.deadBandPercent) / 100);
  return Math.abs(delayMinUs - told.delayMinUs) > band || Math.abs(loss - told.loss) > LOSS_DEAD_BAND;
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
