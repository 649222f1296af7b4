// Waiting without sleeping blindly: asks again and again until something is true, and says what was last seen when it does
// not become true. One signal ends every wait of the demo.
import { setTimeout as sleep } from 'node:timers/promises';

/** The demo cannot go on; the message is for the person who watches, one line. */
export class DemoError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DemoError';
  }
}

export interface PollOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly everyMs?: number;
}

/** What a probe saw: done, with a value, or not yet, and why. */
export type Seen<T> = { readonly done: true; readonly value: T } | { readonly done: false; readonly why: string };

/** Resolves with the probe's value; rejects with DemoError, and with the signal's reason when that ends it. */
export async function until<T>(what: string, probe: () => Promise<Seen<T>>, options: PollOptions): Promise<T> {
  const deadline = performance.now() + options.timeoutMs;
  for (;;) {
    options.signal.throwIfAborted();
    const seen = await probe();
    if (seen.done) return seen.value;
    if (performance.now() > deadline)
      throw new DemoError(`${what}: not within ${(options.timeoutMs / 1000).toFixed(0)} s (${seen.why})`);
    await pause(options.everyMs ?? 100, options.signal);
  }
}

/** A stretch of time that is shown, not waited out: phases have a duration. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal });
}

export function done<T>(value: T): Seen<T> {
  return { done: true, value };
}

export function notYet(why: string): Seen<never> {
  return { done: false, why };
}
