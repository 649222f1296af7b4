import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lossUnits, measure, oneWayUs, type Probe } from './measure.ts';
import { ProbeWindow } from './probe-window.ts';

type Move = { readonly move: 'add' | 'answer' | 'discard' | 'discard-open' | 'expire'; readonly by: number };

const moves = fc.array(
  fc.record<Move>({
    move: fc.oneof(
      { weight: 6, arbitrary: fc.constant('add' as const) },
      { weight: 4, arbitrary: fc.constant('answer' as const) },
      { weight: 1, arbitrary: fc.constantFrom('discard', 'discard-open', 'expire') },
    ),
    by: fc.nat({ max: 40 }),
  }),
  { maxLength: 200 },
);

test('whatever happens to probes, also across the end of sequence numbers, the window says what a look at all of them says', () => {
  fc.assert(
    fc.property(moves, fc.nat({ max: 300 }), (story, judgedAfterMs) => {
      const window = new ProbeWindow();
      let probes: Probe[] = [];
      let sequence = 0xffffffff - 20;
      let nowMs = 0;
      for (const { move, by } of story) {
        nowMs += by;
        const open = probes.filter((probe) => probe.roundTripUs === undefined);
        const some = open[by % Math.max(1, open.length)];
        if (move === 'add') {
          window.add(sequence, nowMs);
          probes.push({ sequence, sentAtMs: nowMs });
          sequence = (sequence + 1) >>> 0;
        } else if (move === 'answer' && some) {
          expect(window.openSinceMs(some.sequence)).toBe(some.sentAtMs);
          window.answer(some.sequence, by);
          probes = probes.map((probe) => (probe === some ? { ...probe, roundTripUs: by } : probe));
          expect(window.openSinceMs(some.sequence)).toBeUndefined();
        } else if (move === 'discard' && some) {
          window.discard(some.sequence);
          probes = probes.filter((probe) => probe !== some);
        } else if (move === 'discard-open' && some) {
          window.discardOpen(some.sequence);
          const kept = probes.indexOf(some);
          probes = probes.filter((probe, i) => i > kept || probe.roundTripUs !== undefined);
        } else if (move === 'expire') {
          window.expire(nowMs - 10 * by);
          probes = probes.filter((probe) => probe.sentAtMs > nowMs - 10 * by);
        }
        const answered = probes.filter((probe) => probe.roundTripUs !== undefined);
        const told = measure(probes, nowMs - judgedAfterMs);
        expect(window.probes()).toEqual(probes);
        expect([window.length, window.answered]).toEqual([probes.length, answered.length]);
        // Asked at every step, as loss is: what is counted along must not depend on when one looks.
        const loss = lossUnits(window.lossTo(nowMs - judgedAfterMs));
        if (told) expect([oneWayUs(window.lowestUs), loss]).toEqual([told.delayMinUs, told.loss]);
        else expect(window.lowestUs).toBe(Number.POSITIVE_INFINITY);
      }
      window.discardOpen();
      expect(window.length).toBe(window.answered);
      window.clear();
      expect([window.length, window.answered, window.lossTo(nowMs)]).toEqual([0, 0, 0]);
    }),
  );
});

test('a sequence number outside the window is no probe of it', () => {
  const window = new ProbeWindow();
  expect(window.openSinceMs(0)).toBeUndefined();
  window.add(5, 1);
  expect([4, 5, 6, 5 + 16].map((sequence) => window.openSinceMs(sequence))).toEqual([
    undefined,
    1,
    undefined,
    undefined,
  ]);
});
