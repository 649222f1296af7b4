import { describe, expect, test, vi } from 'vitest';
import { BackgroundLoad } from './background-load.ts';
import { WorkerPool } from './worker-pool.ts';

const DEADLINE = { timeout: 30_000, interval: 5 };

describe('the worker pool', () => {
  test('serves as many at a time as it has workers', async () => {
    const pool = new WorkerPool({ workers: 2, workUs: 20_000, cpuShare: 0, queueLimit: 10 });
    const ended: number[] = [];
    const requests = [0, 1, 2, 3].map((i) => pool.submit()!.finally(() => ended.push(i)));
    expect(pool.inFlight).toBe(4);
    const served = await Promise.all(requests);
    // Those that are served side by side may end in either order.
    expect(ended.slice(0, 2).toSorted()).toEqual([0, 1]);
    expect([served[0]!.queuedMs, served[1]!.queuedMs]).toEqual([0, 0]);
    for (const late of served.slice(2)) expect(late.queuedMs).toBeGreaterThan(15);
    expect(pool.inFlight).toBe(0);
    expect([pool.arrivals, pool.completed]).toEqual([4, 4]);
  });

  test('serves those that wait in order of arrival', async () => {
    const pool = new WorkerPool({ workers: 1, workUs: 5_000, cpuShare: 0, queueLimit: 10 });
    const ended: number[] = [];
    await Promise.all([0, 1, 2, 3].map((i) => pool.submit()!.finally(() => ended.push(i))));
    expect(ended).toEqual([0, 1, 2, 3]);
  });

  test('refuses at once what does not fit in the queue', async () => {
    const pool = new WorkerPool({ workers: 1, workUs: 5_000, cpuShare: 0, queueLimit: 1 });
    const taken = [pool.submit(), pool.submit()];
    expect(pool.submit()).toBeUndefined();
    expect([pool.arrivals, pool.overflowed]).toEqual([3, 1]);
    await Promise.all(taken);
    expect(pool.completed).toBe(2);
  });

  test('counts busy worker time while it passes, and none when idle', async () => {
    const pool = new WorkerPool({ workers: 2, workUs: 30_000, cpuShare: 0, queueLimit: 0 });
    const both = [pool.submit()!, pool.submit()!];
    await vi.waitFor(() => expect(pool.busySeconds).toBeGreaterThan(0.01), DEADLINE);
    const served = await Promise.all(both);
    const busy = pool.busySeconds;
    expect(busy).toBeCloseTo((served[0]!.workedMs + served[1]!.workedMs) / 1e3, 2);
    expect(pool.busySeconds).toBe(busy);
  });

  test('under constant demand serves workers / work time, late timers notwithstanding', async () => {
    const pool = new WorkerPool({ workers: 4, workUs: 5_000, cpuShare: 0, queueLimit: 1_000 });
    const startedMs = performance.now();
    await Promise.all(Array.from({ length: 200 }, () => pool.submit()));
    // 200 / (4 / 5 ms) = 250 ms; a timer that is 1 ms late each time would make it 300.
    const tookMs = performance.now() - startedMs;
    expect(tookMs).toBeGreaterThan(245);
    expect(pool.busySeconds).toBeLessThanOrEqual((tookMs * 4) / 1e3 + 0.001);
  });

  test('burns the share of the work time that it is told to', async () => {
    const burnt = async (cpuShare: number) => {
      const pool = new WorkerPool({ workers: 1, workUs: 20_000, cpuShare, queueLimit: 100 });
      const before = process.cpuUsage();
      await Promise.all(Array.from({ length: 10 }, () => pool.submit()));
      return process.cpuUsage(before).user;
    };
    // On a machine that others keep busy, less of the time is ours: again, then.
    await vi.waitFor(async () => expect(await burnt(0.8)).toBeGreaterThan((await burnt(0)) + 40_000), DEADLINE);
  });
});

test('background load keeps workers busy at its rate until it is set to 0', async () => {
  const pool = new WorkerPool({ workers: 2, workUs: 1_000, cpuShare: 0, queueLimit: 50 });
  const load = new BackgroundLoad(pool);
  load.set(400);
  await vi.waitFor(() => expect(pool.completed).toBeGreaterThan(40), DEADLINE);
  load.set(0);
  expect(load.ratePerSecond).toBe(0);
  await vi.waitFor(() => expect(pool.inFlight).toBe(0), DEADLINE);
  const arrivals = pool.arrivals;
  await vi.waitFor(() => expect(pool.completed).toBe(arrivals - pool.overflowed), DEADLINE);
});
