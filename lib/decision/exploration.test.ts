import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServiceClassConfig } from '../config/config.ts';
import { asScore } from '../metric/score.ts';
import type { ComputeState } from '../model/compute-state.ts';
import { decide } from './decide.ts';
import type { Decision } from './decision.ts';
import {
  aCandidate,
  aClass,
  anInput,
  aState,
  type CandidateGiven,
  following,
  verdictsOf,
  weightsOf,
} from './fixture.ts';
import { sameWeights } from './weights.ts';

const EXPLORES = aClass();

/** An idle instance that took 100 ms when it last completed something. */
const remembered = (given: Partial<ComputeState> = {}) =>
  aState({ workTimeUs: 100_000, source: 'estimation', ...given });

/** The nearest was slow once; the one in use is 20 ms away and takes 10. */
const near = (given: CandidateGiven = {}) => aCandidate(1, { state: remembered(), ...given });
const used = (given: Partial<ComputeState> = {}) =>
  aCandidate(2, { roundTripUs: 20_000, state: aState({ arrivalRate: 50, ...given }) });

const explored = (candidate: ReturnType<typeof aCandidate>, given: Partial<ServiceClassConfig> = {}) =>
  decide(anInput([candidate, used()], { class: aClass(given) }));

describe('an instance that only a memory of slow work keeps out', () => {
  it.each<[number, number]>([
    [0.5, 5],
    [0.1, 1],
    [0.01, 1],
    [1, 10],
    [10, 100],
  ])('is tried with %d %% of new flows, and the verdict says so', (explorationPercent, parts) => {
    const decision = explored(near(), { explorationPercent });
    expect(weightsOf(decision)).toEqual({ 1: parts, 2: 1000 - parts });
    expect(verdictsOf(decision)).toEqual(['2 best', '1 exploring']);
    expect(decision.memory.exploring).toEqual([near().key]);
  });

  it('is not part of what a challenger has to beat, nor of what the prediction counts on', () => {
    const decision = explored(near());
    const without = explored(near(), { explorationPercent: 0 });
    expect(decision.incumbent).toEqual(without.incumbent);
    expect({ ...decision.memory, exploring: [] }).toEqual(without.memory);
  });

  it.each<[string, CandidateGiven, Partial<ServiceClassConfig>]>([
    ['exploration is off', {}, { explorationPercent: 0 }],
    ['running flows would move with the weights', {}, { affinity: 'none' }],
    ['it is measured to be slow', { state: remembered({ source: 'measured' }) }, {}],
    ['it is draining, or left out here', { attributes: { drain: true } }, {}],
    ['it is out of reach', { reachable: false }, {}],
    ['its report is stale', { stale: true }, {}],
    ['it has no report', { state: undefined }, {}],
    ['it is out of service, or in quarantine', { state: remembered({ score: asScore(0) }) }, {}],
    ['its router is long gone', { attributes: { communities: ['llgr-stale'] } }, {}],
    ['a bound of the class keeps it out', {}, { maxTotalTimeUs: 90_000 }],
    ['it is too far away, however fast it were', { roundTripUs: 20_000 }, {}],
    ['it is better by less than the margin, even if it were as fast', { roundTripUs: 18_000 }, {}],
    ['it costs too much, however fast it were', { attributes: { priceMicros: 20 } }, { usPerPriceMicro: 1000 }],
    ['all that it says is a score', { state: remembered({ workers: 0, workTimeUs: 0, serviceTimeUs: 100_000 }) }, {}],
    ['its numbers were pushed, and are what somebody says', { state: remembered({ windowMs: 0 }) }, {}],
    ['enough requests are on their way there', { state: remembered({ inFlight: 10 }) }, {}],
    ['only the distance counts', { roundTripUs: 30_000 }, { strategy: 'nearest' }],
  ])('gets none where %s', (_, given, wanted) => {
    const decision = explored(near(given), wanted);
    expect(weightsOf(decision)).toEqual({ 2: 1000 });
    expect(decision.memory.exploring).toEqual([]);
  });

  it('gets none where nothing good is left: what is used then is no measure', () => {
    const low = { attributes: { communities: ['llgr-stale' as const] } };
    const far = aCandidate(2, { ...low, roundTripUs: 20_000 });
    const decision = decide(anInput([near(low), far], { class: EXPLORES }));
    expect(weightsOf(decision)).toEqual({ 2: 1000 });
  });

  it('is tried where the work time is assumed, because nothing was ever completed', () => {
    const fresh = near({ state: remembered({ source: 'nominal', workTimeUs: 50_000 }) });
    expect(weightsOf(explored(fresh))).toEqual({ 1: 5, 2: 995 });
  });

  it.each(['least-loaded', 'edge-metadata'] as const)('is tried by %s too', (strategy) => {
    const busy = used({ arrivalRate: 370, inFlight: 20 });
    const decision = decide(anInput([near({ roundTripUs: 20_000 }), busy], { class: aClass({ strategy }) }));
    expect(weightsOf(decision)).toEqual({ 1: 5, 2: 995 });
  });

  it('gets none where it is as fast as the one in use by what it remembers: the hold is all that it waits for', () => {
    const fast = (sequence: number) => near({ roundTripUs: 10_000, state: remembered({ workTimeUs: 9000, sequence }) });
    const first = decide(anInput([used()]));
    const held = decide(following(first, [fast(1), used()], { atMs: 101_000 }));
    expect([weightsOf(held), verdictsOf(held)]).toEqual([{ 2: 1000 }, ['2 best', '1 held']]);
  });

  it('comes in by its next reports, margin and hold, as anybody would', () => {
    const first = explored(near({ roundTripUs: 10_000 }));
    const fast = near({ roundTripUs: 10_000, state: aState({ arrivalRate: 1, sequence: 2 }) });
    const at = (decision: Decision, atMs: number, ...given: Parameters<typeof used>) =>
      decide(following(decision, [fast, used(...given)], { class: EXPLORES, atMs }));
    const held = at(first, 101_000);
    expect([weightsOf(held), verdictsOf(held), held.change]).toEqual([{ 2: 1000 }, ['2 best', '1 held'], 'held']);
    const late = at(held, 102_000, { sequence: 2 });
    expect(weightsOf(late)[1]).toBeGreaterThan(500);
    expect(late.change).toBe('margin');
  });

  it('takes all when the one in use is lost, although there is no news of itself', () => {
    const first = explored(near());
    const stale = aCandidate(2, { roundTripUs: 20_000, stale: true, state: aState({ arrivalRate: 50 }) });
    const next = decide(following(first, [near(), stale], { class: EXPLORES, atMs: 101_000 }));
    expect([weightsOf(next), next.memory.exploring, next.change]).toEqual([{ 1: 1000 }, [], 'lost']);
  });

  it('is left alone for as long as it is measured to be slow still', () => {
    const first = explored(near());
    const slow = near({ state: remembered({ source: 'measured', sequence: 2 }) });
    const next = decide(following(first, [slow, used()], { class: EXPLORES, atMs: 101_000 }));
    expect([weightsOf(next), next.change]).toEqual([{ 2: 1000 }, 'exploration']);
    const later = decide(
      following(next, [near({ state: remembered({ sequence: 3 }) }), used()], { class: EXPLORES, atMs: 140_000 }),
    );
    expect([weightsOf(later), later.change]).toEqual([{ 1: 5, 2: 995 }, 'exploration']);
  });
});

describe('several that are worth a try', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, index) => aCandidate(10 + index, { roundTripUs: 1000, state: remembered() }));

  it('share what there is, and no more', () => {
    const decision = decide(anInput([...many(2), used()], { class: EXPLORES }));
    expect(weightsOf(decision)).toEqual({ 2: 996, 10: 2, 11: 2 });
  });

  it('take turns where there is not a part for each', () => {
    const all = many(7);
    const first = decide(anInput([...all, used()], { class: EXPLORES }));
    expect(weightsOf(first)).toEqual({ 2: 995, 10: 1, 11: 1, 12: 1, 13: 1, 14: 1 });
    const known = { ...all[0]!, state: remembered({ source: 'measured', sequence: 2 }) };
    const next = decide(following(first, [known, ...all.slice(1), used()], { class: EXPLORES, atMs: 101_000 }));
    expect(weightsOf(next)).toEqual({ 2: 995, 11: 1, 12: 1, 13: 1, 14: 1, 15: 1 });
  });

  it('take from the largest weight', () => {
    const one = (index: number, workers: number) =>
      aCandidate(index, { roundTripUs: 20_000, state: aState({ workers, arrivalRate: 75 * workers }) });
    const decision = decide(anInput([...many(1), one(2, 4), one(3, 8)], { class: EXPLORES }));
    const { weights } = decision.incumbent;
    expect(weights[one(3, 8).key]).toBeGreaterThan(weights[one(2, 4).key]!);
    expect(decision.weights).toEqual({
      ...weights,
      [one(3, 8).key]: weights[one(3, 8).key]! - 5,
      [many(1)[0]!.key]: 5,
    });
  });

  it('leave the largest weight at least half of itself', () => {
    const wanted = aClass({ explorationPercent: 10 });
    const members = Array.from({ length: 20 }, (_, index) =>
      aCandidate(100 + index, { roundTripUs: 20_000, state: aState({ arrivalRate: 300 }) }),
    );
    const decision = decide(anInput([...many(1), ...members], { class: wanted }));
    expect(Object.values(decision.incumbent.weights)).toEqual(members.map(() => 50));
    expect(weightsOf(decision)[10]).toBe(25);
  });
});

describe('trials and noise', () => {
  /** How often the weights change over 200 reports in which `of` the sequence is the load of the one in use. */
  const changes = (of: (sequence: number) => Partial<ComputeState>, roundTripUs: number) => {
    let decision = decide(anInput([near({ roundTripUs }), used()], { class: EXPLORES }));
    let changed = 0;
    for (let sequence = 2; sequence < 200; sequence++) {
      const now = [near({ roundTripUs, state: remembered({ sequence }) }), used({ sequence, ...of(sequence) })];
      const next = decide(following(decision, now, { class: EXPLORES, atMs: 100_000 + 1000 * sequence }));
      if (!sameWeights(next.weights, decision.weights)) changed++;
      decision = next;
    }
    return { changed, decision };
  };

  it('reports of a load that swings do not end a trial, and do not program anything', () => {
    const { changed, decision } = changes((n) => ({ arrivalRate: 50 + 40 * Math.sin(n) }), 1000);
    expect([changed, weightsOf(decision)]).toEqual([0, { 1: 5, 2: 995 }]);
  });

  it('one at the edge of being worth it begins once', () => {
    // Idle the one in use costs 30 ms, at most 36: hoped for are 27.5, the margin wants 27 at first.
    const { changed, decision } = changes((n) => ({ arrivalRate: 150 + 140 * Math.sin(n) }), 17_500);
    expect([changed, decision.memory.exploring.length]).toEqual([1, 1]);
  });

  it('requests that a trial brings do not end it before they are done', () => {
    let decision = explored(near());
    for (const [sequence, inFlight] of [2, 7, 9, 0].entries()) {
      const now = near({ state: remembered({ sequence: sequence + 2, inFlight }) });
      decision = decide(following(decision, [now, used()], { class: EXPLORES, atMs: 101_000 + sequence }));
      expect([inFlight, decision.memory.exploring.length]).toEqual([inFlight, 1]);
    }
    const full = near({ state: remembered({ sequence: 9, inFlight: 10 }) });
    decision = decide(following(decision, [full, used()], { class: EXPLORES, atMs: 105_000 }));
    expect(decision.memory.exploring).toEqual([]);
    const half = near({ state: remembered({ sequence: 10, inFlight: 7 }) });
    decision = decide(following(decision, [half, used()], { class: EXPLORES, atMs: 106_000 }));
    expect(decision.memory.exploring).toEqual([]);
  });
});

it('without news the trials stay as they are, although the shares that were just moved predict other prices', () => {
  const state = fc.record({
    arrivalRate: fc.integer({ min: 0, max: 390 }),
    workTimeUs: fc.constantFrom(10_000, 12_000, 40_000),
    source: fc.constantFrom('estimation' as const, 'measured' as const),
  });
  const candidates = fc
    .array(fc.record({ roundTripUs: fc.integer({ min: 0, max: 30_000 }), state }), { minLength: 2, maxLength: 6 })
    .map((all) => all.map((it, index) => ({ ...it, index: index + 1 })));
  const made = (given: { index: number; roundTripUs: number; state: Partial<ComputeState> }[], sequence: number) =>
    given.map((it) => aCandidate(it.index, { ...it, state: aState({ ...it.state, sequence }) }));
  fc.assert(
    fc.property(candidates, candidates, (before, now) => {
      const first = decide(anInput(made(before, 1)));
      const next = decide(following(first, made(now, 2), { atMs: 101_000 }));
      const again = decide(following(next, made(now, 2), { atMs: 101_100 }));
      expect(again.weights).toEqual(next.weights);
    }),
    { numRuns: 1000 },
  );
});

it('whatever the input: exploration adds at most its share, and changes nothing that the decision builds on', () => {
  const state = fc.record({
    arrivalRate: fc.double({ min: 0, max: 400, noNaN: true }),
    inFlight: fc.integer({ min: 0, max: 30 }),
    workTimeUs: fc.integer({ min: 1000, max: 200_000 }),
    source: fc.constantFrom('nominal' as const, 'estimation' as const, 'measured' as const),
    sequence: fc.integer({ min: 1, max: 9 }),
  });
  const candidate = fc
    .record({ index: fc.integer({ min: 1, max: 250 }), roundTripUs: fc.integer({ min: 0, max: 100_000 }), state })
    .map(({ index, roundTripUs, state: given }) => aCandidate(index, { roundTripUs, state: aState(given) }));
  const candidates = fc.uniqueArray(candidate, { selector: (it) => it.key, maxLength: 12 });
  const strategy = fc.constantFrom('joint', 'nearest', 'least-loaded', 'edge-metadata' as const);
  let trials = 0;
  fc.assert(
    fc.property(candidates, candidates, strategy, fc.integer({ min: 1, max: 100 }), (before, now, name, parts) => {
      const run = (explorationPercent: number) => {
        const given = { class: aClass({ strategy: name, explorationPercent }) };
        const first = decide(anInput(before, given));
        return [first, decide(following(first, now, { ...given, atMs: 101_000 }))] as const;
      };
      const without = run(0);
      for (const [index, decision] of run(parts / 10).entries()) {
        const plain = without[index]!;
        expect(decision.incumbent).toEqual(plain.incumbent);
        expect(plain.weights).toEqual(plain.incumbent.weights);
        expect(decision.best).toBe(plain.best);
        expect({ ...decision.memory, exploring: [] }).toEqual(plain.memory);
        const tried = decision.ranked.filter((it) => it.verdict === 'exploring');
        trials += tried.length;
        expect(tried.map((it) => it.key).sort()).toEqual(decision.memory.exploring);
        expect(tried.reduce((sum, it) => sum + it.weight, 0)).toBeLessThanOrEqual(parts);
        for (const it of tried) expect(plain.weights[it.key] ?? 0).toBe(0);
        for (const key in plain.weights) expect(decision.weights[key]).toBeGreaterThanOrEqual(plain.weights[key]! / 2);
        const sum = Object.values(decision.weights).reduce((a, b) => a + b, 0);
        expect(sum).toBe(decision.best === '' ? 0 : 1000);
      }
    }),
    { numRuns: 500 },
  );
  expect(trials).toBeGreaterThan(50);
});
