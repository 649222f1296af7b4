// Bench `fib`: what an event loop waits for while the forwarding plane works.
import { closeSync, openSync, readSync } from 'node:fs';
import { absolute, percentile, type Row } from './report.ts';

/** DESIGN section 12: no turn longer than this. */
const LOOP_TARGET_MS = 10;

export function loopId(what: string): string {
  return `fib.loop.${what}`;
}

/**
 * Longest time, ms, between two calls of a timer of 1 ms while `work` went on, whatever it was spent on (the processor, or
 * waiting in a system call), less what this thread waited for others to leave the processor.
 */
export async function longestGap(work: () => Promise<unknown>): Promise<number> {
  // The main thread's: time on the processor, time spent waiting for one, both ns.
  const account = openSync('/proc/thread-self/schedstat', 'r');
  const text = Buffer.alloc(128);
  const now = () => {
    const waited = Number(text.toString('latin1', 0, readSync(account, text, 0, text.length, 0)).split(' ')[1]);
    return performance.now() - waited / 1e6;
  };
  let last = now();
  let longest = 0;
  const look = () => {
    const at = now();
    longest = Math.max(longest, at - last);
    last = at;
  };
  const timer = setInterval(look, 1);
  await work();
  look();
  clearInterval(timer);
  closeSync(account);
  return longest;
}

export function loopRows(gaps: ReadonlyMap<string, readonly number[]>): Row[] {
  return [...gaps].map(([what, values]) =>
    absolute({
      id: loopId(what),
      what: `event loop held up during ${what.replace('.', ' ')} of 100,000 routes`,
      unit: 'ms',
      ours: percentile(values, 50),
      better: 'lower',
      target: LOOP_TARGET_MS,
      method: `longest time between two calls of a timer of 1 ms in each of ${values.length} runs, blocking waits included, waiting for the processor not; median (longest of all: ${Math.max(...values).toFixed(1)} ms)`,
    }),
  );
}
