import { afterEach, expect, test, vi } from 'vitest';
import { rehearse } from './in-idle-time.ts';
import { scratchConfig } from './scratch-config.ts';
import { ScratchRouter } from './scratch-router.ts';
import { StandingRehearsal } from './standing.ts';

const NO_START = { atStart: false, done: () => {} };
const DEADLINE = { timeout: 60_000 };

afterEach(() => {
  vi.restoreAllMocks();
});

test('it goes on passing reports on and moving traffic, past every lifetime, and holds no more than at first', () => {
  // No turn ends here, so that its socket is not there yet.
  const standing = new StandingRehearsal(scratchConfig());
  const thousand = () => {
    const { told, programmed } = standing;
    for (let i = 0; i < 1000; i++) standing.step();
    return { told: standing.told - told, programmed: standing.programmed - programmed };
  };
  const first = thousand();
  expect(first.programmed).toBeGreaterThan(500);
  // Two reports a step, each with a handle and its numbers.
  expect(first.told).toBeGreaterThan(1000 * 2 * 20);
  const { routes } = standing;
  // Its clock runs 5 minutes a thousand steps: link state lives for an hour.
  for (let i = 0; i < 14; i++) thousand();
  const last = thousand();
  expect(last.programmed).toBeGreaterThan(500);
  expect(last.told).toBeGreaterThan(1000 * 2 * 20);
  expect(standing.routes).toBe(routes);
  standing.close();
});

test('over its socket a step is over in another turn, and the next one waits for it', async () => {
  const standing = new StandingRehearsal(scratchConfig());
  const passedOn = async () => {
    const { told } = standing;
    await vi.waitUntil(() => {
      standing.step();
      return standing.told > told;
    }, DEADLINE);
  };
  const isLater = () => {
    const { told } = standing;
    standing.step();
    return standing.told === told;
  };
  try {
    await vi.waitUntil(isLater, DEADLINE);
    const { told } = standing;
    for (let i = 0; i < 100; i++) standing.step();
    expect(standing.told).toBe(told);
    for (let i = 0; i < 20; i++) await passedOn();
  } finally {
    standing.close();
  }
  // Without the socket it goes on as it began.
  await vi.waitUntil(() => !isLater(), DEADLINE);
});

test('a socket that brings nothing is given up', async () => {
  const standing = new StandingRehearsal(scratchConfig());
  const isLater = () => {
    const { told } = standing;
    standing.step();
    return standing.told === told;
  };
  await vi.waitUntil(isLater, DEADLINE);
  // Nothing is heard before the turn ends, as if the loopback device were gone.
  for (let i = 0; i < 1000; i++) standing.step();
  await vi.waitUntil(() => !isLater(), DEADLINE);
  await vi.waitUntil(() => !isLater(), DEADLINE);
  for (let i = 0; i < 10; i++) expect(isLater()).toBe(false);
  standing.close();
});

test('it steps while there is no event, stands back while there are, and ends', async () => {
  const step = vi.spyOn(StandingRehearsal.prototype, 'step');
  const close = vi.spyOn(StandingRehearsal.prototype, 'close');
  let asked = 0;
  let handled = 0;
  let isBusy = true;
  const stop = rehearse({
    ...NO_START,
    everyMs: 1,
    handled: () => {
      asked++;
      return isBusy ? handled++ : handled;
    },
  });
  try {
    await vi.waitUntil(() => asked > 10, DEADLINE);
    expect(step).not.toHaveBeenCalled();
    isBusy = false;
    await vi.waitUntil(() => step.mock.calls.length > 10, DEADLINE);
  } finally {
    stop();
  }
  expect(close).toHaveBeenCalledTimes(1);
  const [steps, questions] = [step.mock.calls.length, asked];
  // Timers of the same length fire in the order in which they were set.
  await new Promise((resolve) => setTimeout(resolve, 1));
  await new Promise((resolve) => setTimeout(resolve, 1));
  expect(step).toHaveBeenCalledTimes(steps);
  expect(asked).toBe(questions);
});

test('it begins after the rehearsal of the start, and not at all unless it is told to', async () => {
  const say = vi.spyOn(ScratchRouter.prototype, 'say');
  const step = vi.spyOn(StandingRehearsal.prototype, 'step');
  const order: string[] = [];
  step.mockImplementation(() => void order.push('step'));
  const stop = rehearse({ atStart: true, everyMs: 1, handled: () => 0, done: () => order.push('done') });
  try {
    await vi.waitUntil(() => order.length > 2, DEADLINE);
  } finally {
    stop();
  }
  expect(order.slice(0, 2)).toEqual(['done', 'step']);
  say.mockClear();
  let asked = 0;
  rehearse({ ...NO_START, everyMs: 0, handled: () => asked++ })();
  expect(asked).toBe(0);
  expect(say).not.toHaveBeenCalled();
});
