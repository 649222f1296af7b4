// When a daemon rehearses: after its start, in slices so short that nobody waits for them, and then now and again if it is
// told to; only while its own router has nothing to do.
import type { RouterConfig } from '../../lib/config/config.ts';
import { monotonicMs } from '../runtime/clock.ts';
import { rehearsal } from './rehearsal.ts';
import { scratchConfig } from './scratch-config.ts';
import { StandingRehearsal } from './standing.ts';

/** A first table of 100,000 routes took 0.61 s of processor time without, 0.38 after 4 lives, 0.33 after 8, 0.29 after 14. */
const LIVES = 10;
const SLICE_MS = 2;
/** How long the router must have had no event. */
const QUIET_MS = 10;

export interface IdleTime {
  readonly atStart: boolean;
  /** 0: not again after the start. */
  readonly everyMs: number;
  /** Events that the daemon's router has taken so far. */
  handled(): number;
  /** The start's has ended. */
  done(tookMs: number): void;
}

/** Rehearses until the function that it returns is called. */
export function rehearse({ atStart, everyMs, handled, done }: IdleTime): () => void {
  let stop: () => void = () => {};
  // Read here, where a daemon that starts reads its own: it takes longer than a turn should.
  const config = everyMs > 0 ? scratchConfig() : undefined;
  const goOn = (): void => {
    if (config) stop = keepRehearsing(config, everyMs, handled);
  };
  if (!atStart) goOn();
  else
    stop = rehearseLives(handled, (tookMs) => {
      done(tookMs);
      goOn();
    });
  return () => stop();
}

function rehearseLives(handled: () => number, done: (tookMs: number) => void): () => void {
  const fromMs = monotonicMs();
  let steps: ReturnType<typeof rehearsal> | undefined = rehearsal();
  let lives = 0;
  let seen = handled();
  const slice = (): void => {
    if (steps === undefined) return;
    if (handled() !== seen) {
      seen = handled();
      setTimeout(slice, QUIET_MS).unref();
      return;
    }
    const until = monotonicMs() + SLICE_MS;
    while (lives < LIVES && monotonicMs() < until) if (steps.next().value === 'life') lives++;
    if (lives < LIVES) {
      setImmediate(slice);
      return;
    }
    steps = undefined;
    done(monotonicMs() - fromMs);
  };
  setImmediate(slice);
  // This function is kept for as long as the daemon lives; the scratch router and its tables are not to be.
  return () => {
    steps = undefined;
  };
}

/** A router that had an event since the last time has its code in the caches as it is. */
function keepRehearsing(config: RouterConfig, everyMs: number, handled: () => number): () => void {
  let standing: StandingRehearsal | undefined;
  let seen = handled();
  const timer = setInterval(() => {
    const now = handled();
    if (now !== seen) seen = now;
    else if (standing === undefined) standing = new StandingRehearsal(config);
    else standing.step();
  }, everyMs).unref();
  return () => {
    clearInterval(timer);
    standing?.close();
  };
}
