// When a daemon has come to rest: what it does for its start alone, as compiling its code by use, is not to be part of what is
// measured of its life.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const REST_MS = 250;
const AT_REST_MS = 30_000;
const AT_REST_SHARE = 0.25;

/**
 * A daemon has done what it does at its start, ours its rehearsal, when it uses no more than a quarter of a processor:
 * what ours may be told to do at times (rehearse-every) takes half of that. The same for all of them.
 */
export async function atRest(pid: number): Promise<void> {
  let before = cpuSeconds(pid);
  for (let waited = 0; waited < AT_REST_MS; waited += REST_MS) {
    await pause(REST_MS);
    const now = cpuSeconds(pid);
    if (now > 0 && now - before < (REST_MS / 1000) * AT_REST_SHARE) return;
    before = now;
  }
  throw new Error(`the daemon does not come to rest within ${AT_REST_MS} ms`);
}

/** Of all its threads, kernel time in its context included. */
export function cpuSeconds(pid: number): number {
  let ns = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      // The thread ended meanwhile.
    }
  }
  return ns / 1e9;
}
