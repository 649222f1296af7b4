import { type AddressInfo, createServer, Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { monotonicMs } from './clock.ts';
import { Timers } from './timers.ts';

const opened: Timers[] = [];

afterEach(() => {
  for (const timers of opened.splice(0)) timers.cancelAll();
});

/** What was late has fired by then: it comes after the input of its turn. */
const settled = async () => {
  for (let i = 0; i < 2; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** Timers that answer with the name and the time at which it fired. */
function timersThat(fired: (timer: string, atMs: number) => void): Timers {
  const timers = new Timers((timer) => fired(timer, monotonicMs()));
  opened.push(timers);
  return timers;
}

test('a timer never fires before its time, also while the loop is busy', async () => {
  // An idle loop wakes late enough by itself; a busy one looks at its timers at any moment.
  let busy = true;
  const spin = () => void (busy && setImmediate(spin));
  spin();
  const early: number[] = [];
  await new Promise<void>((resolve) => {
    const due = new Map<string, number>();
    const timers = timersThat((timer, atMs) => {
      if (atMs < due.get(timer)!) early.push(due.get(timer)! - atMs);
      due.delete(timer);
      if (due.size === 0) resolve();
    });
    const now = monotonicMs();
    for (let i = 0; i < 400; i++) {
      due.set(`t${i}`, now + 2 + i * 0.137);
      timers.set(`t${i}`, now + 2 + i * 0.137);
    }
  });
  busy = false;
  expect(early).toEqual([]);
});

test('a name has one timer: the newest', async () => {
  const fired: string[] = [];
  await new Promise<void>((resolve) => {
    const timers = timersThat((timer) => {
      fired.push(timer);
      if (timer === 'last') resolve();
    });
    timers.set('again', monotonicMs() + 1);
    timers.set('again', monotonicMs() + 3);
    timers.set('gone', monotonicMs() + 1);
    timers.cancel('gone');
    timers.set('last', monotonicMs() + 6);
  });
  await settled();
  // On a busy machine one that is late may come after one that is not.
  expect(fired.toSorted()).toEqual(['again', 'last']);
});

test('a timer that is put off and then brought forward fires once, at the last time said', async () => {
  const fired: string[] = [];
  await new Promise<void>((resolve) => {
    const timers = timersThat((timer) => {
      fired.push(timer);
      if (timer === 'last') resolve();
    });
    const now = monotonicMs();
    timers.set('moved', now + 2);
    timers.set('moved', now + 60_000);
    timers.set('moved', now + 4);
    timers.set('gone', now + 1);
    timers.set('gone', now + 60_000);
    timers.set('last', now + 8);
  });
  await settled();
  expect(fired.toSorted()).toEqual(['last', 'moved']);
});

test('jitter shortens the wait', async () => {
  const setAtMs = monotonicMs();
  const firedAtMs = await new Promise<number>((resolve) => {
    timersThat((_, atMs) => resolve(atMs)).set('retry', setAtMs + 60_000, 1 / 4000);
  });
  expect(firedAtMs - setAtMs).toBeGreaterThanOrEqual(15);
  expect(firedAtMs - setAtMs).toBeLessThan(30_000);
});

test('a timer that is late comes after what lies unread: a peer is alive whose KEEPALIVE is', async () => {
  const order: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const timers = timersThat((timer) => {
      order.push(timer);
      if (timer === 'hold') resolve();
    });
    const server = createServer((socket) => {
      server.close();
      far.end('x');
      // The loop stands still beyond the hold time while the far end's bytes arrive.
      timers.set('hold', monotonicMs() + 30);
      socket.on('data', () => {
        order.push('read');
        timers.cancel('hold');
        resolve();
      });
      const until = monotonicMs() + 100;
      while (monotonicMs() < until);
    });
    const far = new Socket();
    far.on('error', reject);
    server.listen(0, '127.0.0.1', () => far.connect((server.address() as AddressInfo).port, '127.0.0.1'));
  });
  expect(order).toEqual(['read']);
});
