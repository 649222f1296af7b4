import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test, vi } from 'vitest';
import { wallClockMs } from '../runtime/clock.ts';
import { rehearse } from './in-idle-time.ts';
import { life, rehearsal, script } from './rehearsal.ts';
import { scratchConfig } from './scratch-config.ts';
import { ScratchRouter } from './scratch-router.ts';

const SITES = ['north', 'south'];
const DEADLINE = { timeout: 60_000 };

test('a life takes tables in, passes them on and moves traffic, and leaves nothing behind', () => {
  const router = new ScratchRouter(scratchConfig());
  let most = 0;
  for (const _ of life(router, script(wallClockMs()))) most = Math.max(most, router.routes);
  expect(most).toBeGreaterThan(4000);
  // The hub is told of all of them, the sites of each other's: address, attributes and state of a route take more than 40 bytes.
  expect(router.told('hub')).toBeGreaterThan(most * 40);
  for (const site of SITES) expect(router.told(site)).toBeGreaterThan((most / 2) * 40);
  // Every second report makes the other site the better one.
  expect(router.programmed).toBeGreaterThan(32);
  // Its own contact instance stays.
  expect(router.routes).toBe(1);
});

test('all lives are alike', () => {
  const lines = [...script(wallClockMs())];
  const [first, second] = [1, 2].map(() => {
    const router = new ScratchRouter(scratchConfig());
    for (const _ of life(router, lines));
    return { told: router.told('hub'), programmed: router.programmed };
  });
  expect(second).toEqual(first);
});

test('life follows life, each in as many steps', () => {
  const steps = rehearsal();
  const inLife: number[] = [0];
  while (inLife.length < 4)
    if (steps.next().value === 'life') inLife.push(0);
    else inLife[inLife.length - 1]!++;
  expect(inLife[1]).toBeGreaterThan(200);
  expect(inLife[2]).toBe(inLife[1]);
});

test('it stands back while the router has events, and begins when there are none', async () => {
  let handled = 0;
  let asked = 0;
  let isBusy = true;
  const said = vi.spyOn(ScratchRouter.prototype, 'say');
  const stop = rehearse({
    atStart: true,
    everyMs: 0,
    handled: () => {
      asked++;
      return isBusy ? handled++ : handled;
    },
    done: () => {},
  });
  try {
    await vi.waitUntil(() => asked > 10, DEADLINE);
    expect(said).not.toHaveBeenCalled();
    isBusy = false;
    await vi.waitUntil(() => said.mock.calls.length > 10, DEADLINE);
  } finally {
    stop();
    said.mockRestore();
  }
});

test('nothing of it is kept by who may stop it', async () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const say = ScratchRouter.prototype.say;
  let router: WeakRef<ScratchRouter> | undefined;
  ScratchRouter.prototype.say = function (this: ScratchRouter, ...said) {
    router ??= new WeakRef(this);
    say.apply(this, said);
  };
  const stop = rehearse({ atStart: true, everyMs: 0, handled: () => 0, done: () => {} });
  try {
    await vi.waitUntil(() => router !== undefined, DEADLINE);
  } finally {
    stop();
    ScratchRouter.prototype.say = say;
  }
  await vi.waitUntil(async () => {
    await pause(1);
    collect();
    return router!.deref() === undefined;
  }, DEADLINE);
  // Held until here, as the daemon holds it.
  expect(stop).toBeTypeOf('function');
});
