// The work time of a service, from its busy time and completions: newer ones count more, and what was learnt is not forgotten
// while nothing happens. But it is then remembered and no longer known: who was slow once gets no requests, and would be
// slow for ever. So the next few completions after a pause, or after a restart of the service, outdo all before them.
import type { InstanceSample } from './sample.ts';

/** Work time assumed for a service that has completed nothing yet, µs. */
export const NOMINAL_WORK_TIME_US = 10_000;
/** Work time changes slowly and one request says little about it: older completions fade with this time constant. */
const FADES_MS = 5000;
/** This many completions do not fade, so that an idle or slow service is not forgotten. */
const KEEPS = 30;
/** The last window counts alone when its mean is this many standard errors away (exponential work assumed). */
const JUMP = 4;
/** This many completions tell a work time: a third more or less, where it varies exponentially. */
export const TELLING_COMPLETIONS = 10;
/** Fewer that were done in no time are chance, or failed fast; they are no service that works fast. */
const FEWEST = 5;
/** Without completions for this long, and for as many work times, the work time is a memory. */
const PAUSE = { ms: 30_000, workTimes: 4 };

/** Busy time and completions of the past, fading; their quotient is the work time. */
export interface Work {
  readonly busySeconds: number;
  readonly completions: number;
  /** What was known before the last pause or restart; stands for the completions that are missing to the telling number. */
  readonly rememberedUs?: number;
  /** When a completion was last seen, by the samples' clock; absent: not since the agent began. */
  readonly seenAtMs?: number;
  /** Requests that came since the last completion, and when the last of them did; absent: none. */
  readonly unanswered?: { readonly arrivals: number; readonly atMs: number };
}

export const NO_WORK: Work = { busySeconds: 0, completions: 0 };

/** Mean time that a request occupies a worker; undefined: nothing was ever completed. */
export function knownWorkTimeUs({ busySeconds, completions, rememberedUs }: Work): number | undefined {
  // Completions that took no time at all say nothing of it.
  if (rememberedUs !== undefined && busySeconds <= 0) return rememberedUs;
  if (
    rememberedUs !== undefined &&
    completions < TELLING_COMPLETIONS &&
    !isFarBelow(busySeconds, completions, rememberedUs)
  ) {
    return Math.max(1, (1e6 * busySeconds + (TELLING_COMPLETIONS - completions) * rememberedUs) / TELLING_COMPLETIONS);
  }
  return completions >= 1 && busySeconds > 0 ? Math.max(1, (1e6 * busySeconds) / completions) : undefined;
}

/**
 * So much less than remembered that a few completions tell: a service of few requests would wait long for ten. Their log is
 * compared, as a mean cannot fall by four of its standard errors before there are seventeen.
 */
function isFarBelow(busySeconds: number, completions: number, rememberedUs: number): boolean {
  if (completions < FEWEST) return false;
  return (1e6 * busySeconds) / completions < rememberedUs * Math.exp(-JUMP / Math.sqrt(completions));
}

/**
 * True while enough completions that were seen come together in the work time, and the last is not long ago. As many requests
 * that nothing came of tell as much: who hangs or resets is no better than it is remembered, and not worth another trial yet.
 */
export function isProven(work: Work, atMs: number): boolean {
  const { unanswered } = work;
  if (unanswered && unanswered.arrivals >= TELLING_COMPLETIONS && !isPause(work, atMs - unanswered.atMs)) return true;
  return work.completions >= TELLING_COMPLETIONS && work.seenAtMs !== undefined && !isPause(work, atMs - work.seenAtMs);
}

function isPause(work: Work, ms: number): boolean {
  if (ms < PAUSE.ms) return false;
  return ms >= (PAUSE.workTimes * (knownWorkTimeUs(work) ?? NOMINAL_WORK_TIME_US)) / 1000;
}

/** The first sample of a process: all that the service did since it started. `known` is of the process before, if any. */
export function firstWork(known: Work, sample: InstanceSample): Work {
  const life = { busySeconds: sample.busySeconds, completions: sample.completions };
  const rememberedUs = knownWorkTimeUs(known);
  // A fresh process deserves a fresh trial; until that is over the work time so far describes it better than its first requests.
  if (rememberedUs !== undefined)
    return { ...life, rememberedUs, ...(life.completions > 0 && { seenAtMs: sample.atMs }) };
  // Nobody knows how old the many of a long life are.
  return life.completions <= KEEPS ? life : remembered(life);
}

/** Adds what the interval since `previous` saw; the window of the measurement begins at `start`. */
export function addWork(known: Work, previous: InstanceSample, start: InstanceSample, sample: InstanceSample): Work {
  const work = addCompletions(known, previous, start, sample);
  const unanswered = stillUnanswered(known, previous, sample);
  return unanswered ? { ...work, unanswered } : work;
}

function stillUnanswered(known: Work, previous: InstanceSample, sample: InstanceSample): Work['unanswered'] {
  if (sample.completions > previous.completions) return undefined;
  const arrivals = sample.arrivals - previous.arrivals;
  const before = known.unanswered;
  if (arrivals === 0) return before;
  // After a pause the next trial has begun.
  if (before === undefined || isPause(known, sample.atMs - before.atMs)) return { arrivals, atMs: sample.atMs };
  return { arrivals: before.arrivals + arrivals, atMs: sample.atMs };
}

function addCompletions(known: Work, previous: InstanceSample, start: InstanceSample, sample: InstanceSample): Work {
  const seen = between(previous, sample);
  const seenAtMs = seen.completions > 0 ? sample.atMs : known.seenAtMs;
  const since = seenAtMs === undefined ? {} : { seenAtMs };
  if (known.completions === 0 && known.rememberedUs === undefined) return { ...seen, ...since };
  const window = between(start, sample);
  const windowUs = (1e6 * window.busySeconds) / Math.max(1, window.completions);
  const knownUs = knownWorkTimeUs(known);
  const errorUs = (knownUs ?? 0) / Math.sqrt(Math.max(1, window.completions));
  if (
    knownUs !== undefined &&
    window.completions >= TELLING_COMPLETIONS &&
    Math.abs(windowUs - knownUs) > JUMP * errorUs
  )
    return { ...window, ...since };
  // The pause is what lies before this interval: where samples are rare, each of them may bring completions.
  const rested =
    seen.completions > 0 && known.seenAtMs !== undefined && isPause(known, previous.atMs - known.seenAtMs)
      ? remembered(known)
      : known;
  const { busySeconds, completions, rememberedUs } = rested;
  const faded = Math.exp((previous.atMs - sample.atMs) / FADES_MS);
  const fade = completions > 0 ? Math.max(faded, Math.min(1, KEEPS / completions)) : 1;
  return {
    busySeconds: busySeconds * fade + seen.busySeconds,
    completions: completions * fade + seen.completions,
    ...(rememberedUs !== undefined && { rememberedUs }),
    ...since,
  };
}

/** Begins a trial; one that is under way goes on, or rare requests would never end it. */
function remembered(work: Work): Work {
  const rememberedUs = knownWorkTimeUs(work);
  return rememberedUs === undefined || work.completions < TELLING_COMPLETIONS
    ? work
    : { busySeconds: 0, completions: 0, rememberedUs };
}

function between(from: InstanceSample, to: InstanceSample): Work {
  return { busySeconds: to.busySeconds - from.busySeconds, completions: to.completions - from.completions };
}
