// Loaded into a daemon under test (`--import`): how long its event loop takes from one look at its timers to the next, and
// how much of that its main thread ran. On a machine that is busy with something else only the second is the daemon's own
// doing. On SIGUSR2 writes what was worst since the last time to the file of CFND_BENCH_LOOP, and begins anew.
import { renameSync, writeFileSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';

export interface LoopReport {
  /** Longest time between two looks, ms; the timer that looks is due every millisecond. */
  readonly turnMs: number;
  /** Most processor time of the main thread between two looks, ms. */
  readonly turnCpuMs: number;
  /** Longest garbage collection, ms. */
  readonly gcMs: number;
  /** Turns of more than ten milliseconds of processor time. */
  readonly longTurns: number;
}

const LONG_MS = 10;
const file = process.env.CFND_BENCH_LOOP;

if (file !== undefined) {
  const none = { turnMs: 0, turnCpuMs: 0, gcMs: 0, longTurns: 0 };
  let worst = { ...none };
  let lastMs = performance.now();
  let lastCpuMs = cpuMs();
  const look = () => {
    const now = performance.now();
    const cpu = cpuMs();
    worst.turnMs = Math.max(worst.turnMs, now - lastMs);
    worst.turnCpuMs = Math.max(worst.turnCpuMs, cpu - lastCpuMs);
    if (cpu - lastCpuMs > LONG_MS) worst.longTurns++;
    lastMs = now;
    lastCpuMs = cpu;
  };
  setInterval(look, 1).unref();
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) worst.gcMs = Math.max(worst.gcMs, entry.duration);
  });
  observer.observe({ entryTypes: ['gc'] });
  process.on('SIGUSR2', () => {
    writeFileSync(`${file}.new`, JSON.stringify(worst satisfies LoopReport));
    renameSync(`${file}.new`, file);
    worst = { ...none };
    lastMs = performance.now();
    lastCpuMs = cpuMs();
  });
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
