import { stat } from 'node:fs';
import { expect, test, vi } from 'vitest';
import type { RouterEvent } from '../../lib/router/event.ts';
import { Mailbox } from './mailbox.ts';

const DEADLINE = { timeout: 20_000 };

function timer(name: string): RouterEvent {
  return { atMs: 0, type: 'timer', timer: name };
}

function nameOf(event: RouterEvent): string {
  return event.type === 'timer' ? event.timer : event.type;
}

test('an event posted while another runs is handled after its effects, in order', async () => {
  const seen: string[] = [];
  const mailbox: Mailbox = new Mailbox({
    handle: (event) => {
      seen.push(`handle ${nameOf(event)}`);
      return nameOf(event) === 'a' ? [{ type: 'cancel-timer', timer: 'x' }] : [];
    },
    perform: () => {
      mailbox.post(timer('b'));
      seen.push('performed');
    },
  });
  mailbox.post(timer('a'));
  // On a busy machine the first may have used up the slice of this turn of the loop.
  await vi.waitUntil(() => mailbox.handled === 2, DEADLINE);
  expect(seen).toEqual(['handle a', 'performed', 'handle b']);
});

test('an effect is performed before the next one is worked out, and all of them are recorded together', () => {
  const seen: string[] = [];
  const mailbox: Mailbox = new Mailbox({
    *handle() {
      yield { type: 'cancel-timer', timer: 'kernel' };
      seen.push('worked out the rest');
      yield { type: 'cancel-timer', timer: 'peer' };
    },
    perform: (effect) => seen.push(effect.type === 'cancel-timer' ? effect.timer : effect.type),
    recorded: (_, effects) => seen.push(`recorded ${effects.length}`),
  });
  mailbox.post(timer('a'));
  expect(seen).toEqual(['kernel', 'worked out the rest', 'peer', 'recorded 2']);
});

test('a long queue gives timers their turn, presses once, and loses nothing', async () => {
  let handled = 0;
  let turns = 0;
  const pressure: boolean[] = [];
  const mailbox: Mailbox = new Mailbox({
    handle: (event) => {
      handled++;
      if (nameOf(event) === 'flood') for (let i = 0; i < 5000; i++) mailbox.post(timer('drop'));
      const until = performance.now() + 0.01;
      while (performance.now() < until);
      return [];
    },
    perform: () => {},
    pressure: (high) => pressure.push(high),
  });
  const ticker = setInterval(() => turns++, 0);
  mailbox.post(timer('flood'));
  expect(handled).toBeLessThan(5001);
  await vi.waitFor(() => expect(handled).toBe(5001), DEADLINE);
  clearInterval(ticker);
  expect(turns).toBeGreaterThan(1);
  await vi.waitFor(() => expect(pressure).toEqual([true, false]), DEADLINE);
});

test('what is gathered runs in order once all of it is there, in slices', async () => {
  const seen: string[] = [];
  let turns = 0;
  const mailbox: Mailbox = new Mailbox({
    handle: (event) => {
      seen.push(nameOf(event));
      const until = performance.now() + 0.02;
      while (performance.now() < until);
      return [];
    },
    perform: () => {},
  });
  const names = Array.from({ length: 1000 }, (_, i) => `${i}`);
  mailbox.gather(() => {
    for (const name of names) mailbox.gather(() => mailbox.post(timer(name)));
    expect(seen.length).toBe(0);
  });
  const ticker = setInterval(() => turns++, 0);
  await vi.waitFor(() => expect(seen).toEqual(names), DEADLINE);
  clearInterval(ticker);
  expect(turns).toBeGreaterThan(0);
});

test('a few large UPDATEs press as much as many small events', async () => {
  const pressure: boolean[] = [];
  const handle = new Uint32Array(5000);
  const update = { type: 'UPDATE', compute: { handle, state: new Float64Array(0) } } as const;
  const mailbox: Mailbox = new Mailbox({
    handle: (event) => {
      if (nameOf(event) === 'flood')
        for (let i = 0; i < 4; i++)
          mailbox.post({ atMs: 0, type: 'message', peer: 'p', connection: 1, message: update });
      return [];
    },
    perform: () => {},
    pressure: (high) => pressure.push(high),
  });
  mailbox.post(timer('flood'));
  await vi.waitFor(() => expect(pressure).toEqual([true, false]), DEADLINE);
});

test('events that find the queue empty one after the other share the slice of one turn of the loop', async () => {
  let handled = 0;
  let ticks = 0;
  const mailbox: Mailbox = new Mailbox({
    handle: () => {
      handled++;
      const until = performance.now() + 2;
      while (performance.now() < until);
      return [];
    },
    perform: () => {},
  });
  const ticker = setInterval(() => ticks++, 0);
  // As a loop does that reads twenty sockets before it looks at its timers.
  for (let i = 0; i < 20; i++) mailbox.post(timer('one'));
  expect(handled).toBeLessThan(5);
  await vi.waitFor(() => expect(handled).toBe(20), DEADLINE);
  clearInterval(ticker);
  expect(ticks).toBeGreaterThan(2);
});

test('timers are looked at between the slice that input began and the next', async () => {
  const attempt = async () => {
    let handled = 0;
    const mailbox: Mailbox = new Mailbox({
      handle: () => {
        handled++;
        const until = performance.now() + 1;
        while (performance.now() < until);
        return [];
      },
      perform: () => {},
    });
    const { promise, resolve } = Promise.withResolvers<{ slice: number; atTimer: number }>();
    // A callback of the loop's poll phase, as those of sockets are.
    stat('/', () => {
      setTimeout(() => resolve({ slice, atTimer: handled }), 1);
      mailbox.gather(() => {
        for (let i = 0; i < 30; i++) mailbox.post(timer('one'));
      });
      const slice = handled;
    });
    const seen = await promise;
    await vi.waitFor(() => expect(handled).toBe(30), DEADLINE);
    return seen;
  };
  // On a busy machine posting alone may have used up the slice: again, then.
  const { slice, atTimer } = await vi.waitUntil(async () => {
    const seen = await attempt();
    return seen.slice > 0 && seen;
  }, DEADLINE);
  expect(slice).toBeLessThan(30);
  expect(atTimer).toBe(slice);
});

test('what reading takes is part of the slice', async () => {
  let handled = 0;
  const mailbox: Mailbox = new Mailbox({
    handle: () => {
      handled++;
      return [];
    },
    perform: () => {},
  });
  const read = () =>
    mailbox.gather(() => {
      const until = performance.now() + 4;
      while (performance.now() < until);
      mailbox.post(timer('one'));
    });
  read();
  read();
  expect(handled).toBe(0);
  await vi.waitFor(() => expect(handled).toBe(2), DEADLINE);
});
