import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type SenderConfig,
  type SenderEffect,
  type SenderEvent,
  type SenderState,
  senderDeadlineMs,
  startSender,
  stepSender,
} from './sender.ts';

const CONFIG: SenderConfig = {
  intervalMs: 50,
  detectMultiplier: 3,
  windowMs: 1_000,
  deadBandPercent: 10,
  deadBandUs: 100,
};

/** What becomes of a probe sent at `atMs`: answered after a round trip, refused after one, or lost. */
type Fate = { readonly roundTripMs: number; readonly refused?: boolean } | 'lost';
type Told = { readonly atMs: number } & SenderEffect;

/** Runs a session against a path for `untilMs`, timers as late as `lateMs` says; the reflector's clock is an hour ahead. */
function run(
  path: (atMs: number, nth: number) => Fate,
  untilMs: number,
  config = CONFIG,
  lateMs: (nth: number) => number = () => 0,
) {
  const state = startSender(0, 0xfffffffe);
  const told: Told[] = [];
  const inFlight: { dueMs: number; event: SenderEvent }[] = [];
  let sent = 0;
  let timers = 0;
  let mostProbes = 0;
  const apply = (event: SenderEvent) => {
    const effects = stepSender(state, event, config);
    mostProbes = Math.max(mostProbes, state.window.length);
    for (const effect of effects) {
      told.push({ atMs: event.atMs, ...effect });
      if (effect.type !== 'send') continue;
      const fate = path(event.atMs, sent++);
      if (fate === 'lost') continue;
      const dueMs = event.atMs + fate.roundTripMs;
      const half = fate.roundTripMs * 500;
      const t1Us = event.atMs * 1e3;
      inFlight.push({
        dueMs,
        event: fate.refused
          ? { type: 'refused', atMs: dueMs }
          : {
              type: 'reply',
              atMs: dueMs,
              sequence: effect.sequence,
              t1Us,
              t2Us: t1Us + half + 3.6e9,
              t3Us: t1Us + half + 3.6e9,
              t4Us: dueMs * 1e3,
            },
      });
    }
  };
  for (let steps = 0; steps < 100_000; steps++) {
    inFlight.sort((a, b) => a.dueMs - b.dueMs);
    const timerMs = senderDeadlineMs(state, config) + lateMs(timers);
    const next = inFlight[0];
    if (Math.min(timerMs, next?.dueMs ?? Number.POSITIVE_INFINITY) > untilMs) return { told, state, mostProbes };
    if (next && next.dueMs <= timerMs) apply(inFlight.shift()!.event);
    else {
      timers++;
      apply({ type: 'timer', atMs: timerMs });
    }
  }
  throw new Error('the session never came to an end: a timer does not move on');
}

const only = (told: readonly Told[], ...types: Told['type'][]) => told.filter((effect) => types.includes(effect.type));
const verdicts = (told: readonly Told[]) =>
  only(told, 'path-up', 'path-down').map((effect) => [effect.type, effect.atMs]);

describe('a STAMP session-sender', () => {
  test('probes every interval, is up after three replies, and after ten tells half the round trip', () => {
    const { told } = run(() => ({ roundTripMs: 8 }), 500);
    expect(only(told, 'send').map((effect) => effect.atMs)).toEqual(Array.from({ length: 11 }, (_, i) => i * 50));
    expect(verdicts(told)).toEqual([['path-up', 108]]);
    expect(only(told, 'measured')).toEqual([
      {
        atMs: 458,
        type: 'measured',
        measurement: { delayMinUs: 4_000, delayAvgUs: 4_000, delayVariationUs: 0, loss: 0 },
      },
    ]);
  });

  test('the sequence wraps at 32 bits without a gap in the replies', () => {
    const { told } = run(() => ({ roundTripMs: 1 }), 200);
    expect(only(told, 'send').map((effect) => (effect.type === 'send' ? effect.sequence : -1))).toEqual([
      0xfffffffe, 0xffffffff, 0, 1, 2,
    ]);
    expect(verdicts(told)).toEqual([['path-up', 101]]);
  });

  test('a path that falls silent is down when the detection time has passed, to the millisecond, and once', () => {
    const { told, state } = run((atMs) => (atMs < 500 ? { roundTripMs: 10 } : 'lost'), 3_000);
    expect(verdicts(told)).toEqual([
      ['path-up', 110],
      ['path-down', 460 + 150],
    ]);
    expect(state.window.length).toBeGreaterThan(0);
  });

  test('a path that comes back is up after three replies in a row and after ten tells its new delay', () => {
    const { told } = run(
      (atMs) => (atMs < 500 ? { roundTripMs: 10 } : atMs < 1_000 ? 'lost' : { roundTripMs: 30 }),
      2_000,
    );
    expect(verdicts(told).at(-1)).toEqual(['path-up', 1_130]);
    expect(only(told, 'measured').at(-1)).toMatchObject({ atMs: 1_480, measurement: { delayMinUs: 15_000, loss: 0 } });
  });

  test('slow first answers of a daemon that comes back, and the refusals before them, say nothing about the link', () => {
    let backMs = 10_900;
    const fate = (atMs: number): Fate => {
      if (atMs < 1_000) return { roundTripMs: 2 };
      if (atMs < 9_000) return { roundTripMs: 2, refused: true };
      return { roundTripMs: atMs < backMs ? 40 : 2 };
    };
    const measured = () => only(run(fate, 20_000, { ...CONFIG, windowMs: 3_000 }).told, 'measured');
    expect(measured()).toHaveLength(1);
    // A window of them does.
    backMs = 14_000;
    expect(measured()).toMatchObject([
      { measurement: { delayMinUs: 1_000, loss: 0 } },
      { measurement: { delayMinUs: 20_000, loss: 0 } },
      { measurement: { delayMinUs: 1_000, loss: 0 } },
    ]);
  });

  test('a window with room for few probes needs half of them answered', () => {
    const slow = { ...CONFIG, intervalMs: 1_000, windowMs: 10_000 };
    const { told } = run((_atMs, nth) => (nth > 5 && nth % 4 === 0 ? 'lost' : { roundTripMs: 4 }), 120_000, slow);
    expect(only(told, 'measured')[0]).toMatchObject({ measurement: { delayMinUs: 2_000 } });
    expect(only(told, 'measured').some((it) => it.type === 'measured' && it.measurement.loss > 0)).toBe(true);
  });

  test('a delay that a few samples say is shorter is told at once', () => {
    const { told } = run((atMs) => ({ roundTripMs: atMs < 2_000 ? 20 : 10 }), 3_000);
    expect(only(told, 'measured').at(-1)).toMatchObject({ atMs: 2_010, measurement: { delayMinUs: 5_000 } });
  });

  test('two replies, a loss, two replies do not bring a path up', () => {
    const { told } = run((_atMs, nth) => (nth % 3 === 2 ? 'lost' : { roundTripMs: 5 }), 3_000);
    expect(only(told, 'path-up')).toEqual([]);
  });

  test('a path that never answers gets its verdict after the detection time', () => {
    expect(verdicts(run(() => 'lost', 1_000).told)).toEqual([['path-down', 150]]);
  });

  test('one lost probe, or two, is not a dead path', () => {
    const { told } = run((_atMs, nth) => (nth > 5 && nth % 5 < 2 ? 'lost' : { roundTripMs: 5 }), 5_000);
    expect(only(told, 'path-down')).toEqual([]);
  });

  test('a stall of our own process is no evidence against the path', () => {
    // The timer after the tenth comes a second late; nothing was sent meanwhile.
    const { told } = run(
      () => ({ roundTripMs: 5 }),
      4_000,
      CONFIG,
      (nth) => (nth === 10 ? 1_000 : 0),
    );
    expect(verdicts(told)).toEqual([['path-up', 105]]);
  });

  test('probes missed in a stall are not sent in a burst', () => {
    const { told } = run(
      () => ({ roundTripMs: 5 }),
      3_000,
      CONFIG,
      (nth) => (nth === 10 ? 1_000 : 0),
    );
    const times = only(told, 'send').map((effect) => effect.atMs);
    expect(Math.min(...times.slice(1).map((at, i) => at - times[i]!))).toBe(50);
  });

  test('a far daemon that died leaves the path up while its host refuses the probes, at a pace that ICMPv6 limits allow', () => {
    const { told } = run(
      (atMs) => (atMs < 1_000 || atMs > 9_000 ? { roundTripMs: 2 } : { roundTripMs: 2, refused: true }),
      12_000,
    );
    expect(verdicts(told)).toEqual([['path-up', 102]]);
    expect(only(told, 'reflector-gone', 'reflector-back').map((effect) => effect.type)).toEqual([
      'reflector-gone',
      'reflector-back',
    ]);
    const probes = only(told, 'send').filter((effect) => effect.atMs > 1_100 && effect.atMs < 9_000);
    expect(probes.length).toBeLessThanOrEqual(8);
    // Back to the fast pace as soon as one reply came.
    expect(only(told, 'send').filter((effect) => effect.atMs > 11_000).length).toBeGreaterThan(15);
  });

  test('what was refused is not lost', () => {
    const { told } = run(
      (atMs) => (atMs < 2_000 ? { roundTripMs: 20 } : { roundTripMs: 2, refused: atMs < 3_000 }),
      4_000,
      { ...CONFIG, windowMs: 5_000 },
    );
    expect(only(told, 'measured')).toMatchObject([
      { measurement: { delayMinUs: 10_000, loss: 0 } },
      { measurement: { delayMinUs: 1_000, loss: 0 } },
    ]);
  });

  test('a host that refused and then falls silent is down after the detection time of the slow pace', () => {
    const { told } = run(
      (atMs) => (atMs < 1_000 ? { roundTripMs: 2 } : atMs < 2_000 ? { roundTripMs: 2, refused: true } : 'lost'),
      9_000,
    );
    const [down] = only(told, 'path-down');
    expect(down!.atMs).toBeGreaterThan(3_300);
    expect(down!.atMs).toBeLessThan(6_000);
  });

  test('a change inside the dead-band is not told; one beyond it is, a fall at once and a rise when the window has passed', () => {
    const rtt = (atMs: number) => (atMs < 2_000 ? 20 : atMs < 4_000 ? 21.5 : atMs < 6_000 ? 40 : 10);
    const { told } = run((atMs) => ({ roundTripMs: rtt(atMs) }), 8_000);
    const measured = only(told, 'measured').map((effect) =>
      effect.type === 'measured' ? [effect.atMs, effect.measurement.delayMinUs] : [],
    );
    expect(measured.map(([, delay]) => delay)).toEqual([10_000, 20_000, 5_000]);
    expect(measured[1]![0]).toBeGreaterThan(4_000 + CONFIG.windowMs - 100);
    expect(measured[1]![0]).toBeLessThan(4_000 + CONFIG.windowMs + 100);
    expect(measured[2]![0]).toBeLessThan(6_100);
  });

  test('the larger of the two dead-bands counts', () => {
    const rtt = (atMs: number) => ({ roundTripMs: atMs < 2_000 ? 0.2 : 0.35 });
    expect(only(run(rtt, 5_000).told, 'measured')).toHaveLength(1);
    expect(only(run(rtt, 5_000, { ...CONFIG, deadBandUs: 50 }).told, 'measured')).toHaveLength(2);
  });

  test('loss is told in units of 0.000003 %, also when the delay stays', () => {
    const { told } = run((atMs, nth) => (atMs > 1_000 && nth % 4 === 0 ? 'lost' : { roundTripMs: 5 }), 6_000);
    const last = only(told, 'measured').at(-1)!;
    expect(last.type === 'measured' && (last.measurement.loss * 0.000003) / 100).toBeCloseTo(0.25, 1);
  });

  test('the reflector is not part of the path: time it holds a packet does not count', () => {
    const state = probing();
    stepSender(state, { type: 'reply', atMs: 9, sequence: 1, t1Us: 0, t2Us: 500, t3Us: 7_500, t4Us: 9_000 }, CONFIG);
    expect(state.window.probes()[0]?.roundTripUs).toBe(2_000);
  });

  test('an answer to nothing, a second answer and an impossible time are not samples', () => {
    const reply = { type: 'reply', atMs: 5, sequence: 1, t1Us: 0, t2Us: 0, t3Us: 0, t4Us: 5_000 } as const;
    const state = probing();
    expect(stepSender(state, { ...reply, sequence: 9 }, CONFIG)).toEqual([]);
    expect(state).toEqual(probing());
    stepSender(state, reply, CONFIG);
    expect(stepSender(state, { ...reply, atMs: 6, t4Us: 6_000 }, CONFIG)).toEqual([]);
    expect(state.heardAtMs).toBe(5);
    expect(state.window.probes()).toEqual([{ sequence: 1, sentAtMs: 0, roundTripUs: 5_000 }]);

    const impossible = probing();
    stepSender(impossible, { ...reply, t4Us: 9e9 }, CONFIG);
    expect(impossible.window.probes()).toEqual([]);
    expect(impossible.heardAtMs).toBe(5);
  });
});

/** A session that has sent its first probe. */
function probing(): SenderState {
  const state = startSender(0, 1);
  stepSender(state, { type: 'timer', atMs: 0 }, CONFIG);
  return state;
}

describe('on any path', () => {
  const fate = fc.oneof(
    { weight: 6, arbitrary: fc.record({ roundTripMs: fc.integer({ min: 1, max: 140 }) }) },
    { weight: 2, arbitrary: fc.constant('lost' as const) },
    { weight: 1, arbitrary: fc.record({ roundTripMs: fc.integer({ min: 1, max: 50 }), refused: fc.constant(true) }) },
  );
  // Stretches of one fate, so that outages happen.
  const paths = fc.array(fc.tuple(fate, fc.integer({ min: 1, max: 12 })), { minLength: 1, maxLength: 20 });

  test('verdicts alternate, measurements come only while up and differ by more than the dead-band, state stays bounded', () => {
    fc.assert(
      fc.property(
        paths,
        fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 9 }),
        (stretches, late) => {
          const fates = stretches.flatMap(([one, times]) => Array<Fate>(times).fill(one));
          const { told, mostProbes } = run(
            (_atMs, nth) => fates[nth % fates.length]!,
            6_000,
            CONFIG,
            (nth) => late[nth % late.length]!,
          );
          let phase = 'waiting';
          let published: number | undefined;
          let publishedLoss = 0;
          for (const effect of told) {
            if (effect.type === 'path-up' || effect.type === 'path-down') {
              expect(effect.type).not.toBe(phase);
              phase = effect.type;
              published = undefined;
            }
            if (effect.type !== 'measured') continue;
            expect(phase).toBe('path-up');
            const { delayMinUs, delayAvgUs, loss } = effect.measurement;
            expect(delayMinUs).toBeLessThanOrEqual(delayAvgUs);
            if (published !== undefined) {
              const moved = Math.abs(delayMinUs - published) > Math.max(100, published / 10);
              expect(moved || Math.abs(loss - publishedLoss) > 333_333).toBe(true);
            }
            published = delayMinUs;
            publishedLoss = loss;
          }
          expect(mostProbes).toBeLessThanOrEqual(CONFIG.windowMs / CONFIG.intervalMs + 1);
        },
      ),
    );
  });

  test('a dead path is never believed longer than the detection time after the last sign of life', () => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 2_000 }), fc.integer({ min: 1, max: 120 }), (deathMs, roundTripMs) => {
        const { told } = run((atMs) => (atMs < deathMs ? { roundTripMs } : 'lost'), deathMs + 1_000);
        const up = only(told, 'path-up').length;
        const down = only(told, 'path-down').at(-1)!;
        const lastReplyMs = Math.max(
          ...only(told, 'send')
            .filter((effect) => effect.atMs < deathMs)
            .map((effect) => effect.atMs + roundTripMs),
        );
        expect(up).toBe(1);
        expect(down.atMs).toBe(lastReplyMs + CONFIG.detectMultiplier * CONFIG.intervalMs);
      }),
    );
  });
});
