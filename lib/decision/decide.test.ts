import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asScore } from '../metric/score.ts';
import type { ServiceAttributes } from '../model/service-route.ts';
import { isEligible } from './candidates.ts';
import { decide } from './decide.ts';
import type { Candidate, Decision } from './decision.ts';
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

const bare = (score: number, given: Partial<ReturnType<typeof aState>> = {}) =>
  aState({ workers: 0, workTimeUs: 0, serviceTimeUs: 0, score: asScore(score), ...given });

describe('eligibility', () => {
  it.each<[string, CandidateGiven, Parameters<typeof aClass>[0]]>([
    ['unreachable', { reachable: false }, {}],
    ['draining', { attributes: { drain: true } }, {}],
    ['capability-missing', {}, { requiredCapabilities: ['accelerator:h100'] }],
    ['region-excluded', { attributes: { region: 'us' } }, { regions: ['eu'] }],
    ['security-level', { attributes: { securityLevel: 0 } }, { minSecurityLevel: 1 }],
    ['price-bound', { attributes: { priceMicros: 11 } }, { maxPriceMicros: 10 }],
    ['carbon-bound', { attributes: { carbon: 11 } }, { maxCarbon: 10 }],
    ['round-trip-bound', { roundTripUs: 5001 }, { maxRoundTripUs: 5000 }],
    ['no-state', { state: undefined }, {}],
    ['stale-state', { stale: true }, {}],
    ['long-lived-stale', { attributes: { communities: ['llgr-stale'] } }, {}],
    ['score-low', { state: bare(3) }, {}],
    ['score-low', { state: aState({ score: asScore(0) }) }, {}],
    ['capacity-bound', { state: aState({ arrivalRate: 390 }) }, { minSpareCapacity: 10 }],
    ['total-time-bound', { roundTripUs: 5000 }, { maxTotalTimeUs: 14_000 }],
  ])('%s keeps a candidate out even if it is the nearest', (reason, given, constraint) => {
    const good: Partial<ServiceAttributes> = { capabilities: ['accelerator:h100'], securityLevel: 3 };
    const near = aCandidate(1, { roundTripUs: 100, ...given });
    const decision = decide(anInput([near, aCandidate(2, { attributes: good })], { class: aClass(constraint) }));
    expect(verdictsOf(decision)).toEqual(['2 best', `1 ${reason}`]);
    expect(weightsOf(decision)).toEqual({ 2: 1000 });
    expect(decision.ranked.filter(isEligible).map((it) => it.verdict)).toEqual(['best']);
  });

  it.each<[string, CandidateGiven]>([
    ['no-state', { state: undefined }],
    ['stale-state', { stale: true }],
    ['long-lived-stale', { attributes: { communities: ['llgr-stale'] } }],
    ['score-low', { state: bare(2) }],
  ])('%s is overlooked when nothing better is left, and the verdict says so', (reason, given) => {
    const decision = decide(anInput([aCandidate(2, given), aCandidate(1, given)]));
    expect(decision.ranked[0]).toMatchObject({ verdict: 'last-resort', lastResort: reason });
    expect(decision.best).toBe(aCandidate(1).key);
    expect(decision.ranked.filter(isEligible)).toEqual([]);
  });

  it.each<[string, CandidateGiven, Parameters<typeof aClass>[0]]>([
    ['draining', { attributes: { drain: true } }, {}],
    ['out of service', { state: aState({ score: asScore(0) }) }, {}],
    ['a stale state beyond a bound', { stale: true, attributes: { priceMicros: 9 } }, { maxPriceMicros: 5 }],
    ['a stale state without capacity', { stale: true, state: aState({ arrivalRate: 390 }) }, { minSpareCapacity: 10 }],
  ])('%s is never overlooked: nothing is chosen, and everyone is listed with a reason', (_, given, constraint) => {
    const decision = decide(anInput([aCandidate(1, given)], { class: aClass(constraint) }));
    expect(decision).toMatchObject({ best: '', weights: {}, change: 'unchanged' });
    expect(decision.ranked).toHaveLength(1);
    expect(decision.ranked[0]?.weight).toBe(0);
  });

  it('has an outcome for no candidates at all', () => {
    expect(decide(anInput([]))).toMatchObject({ best: '', weights: {}, ranked: [] });
  });
});

describe('joint strategy', () => {
  it('gives everything to the nearest site while load is low', () => {
    const decision = decide(
      anInput([1, 2, 3].map((index) => aCandidate(index, { state: aState({ arrivalRate: 5 }) }))),
    );
    expect(weightsOf(decision)).toEqual({ 1: 1000 });
    expect(verdictsOf(decision)).toEqual(['1 best', '2 cost', '3 cost']);
    expect(decision.change).toBe('first');
  });

  it('prefers a distant idle site to a near one whose queue costs more than the distance', () => {
    const near = aCandidate(1, { state: aState({ arrivalRate: 380, inFlight: 40 }) });
    const decision = decide(anInput([near, aCandidate(2, { roundTripUs: 20_000 })]));
    expect(weightsOf(decision)[2]).toBeGreaterThan(200);
    expect(decision.best).toBe(aCandidate(2).key);
  });

  it('counts price, carbon and preference by their exchange rates', () => {
    const exchange = aClass({ usPerPriceMicro: 100, usPerCarbonGram: 50, usPerPreference: 2000 });
    const attributes = { priceMicros: 10, carbon: 20, preference: 0 };
    const dear = aCandidate(1, { attributes });
    const decision = decide(anInput([dear, aCandidate(2, { attributes: { preference: 1 } })], { class: exchange }));
    const cost = decision.ranked.find((it) => it.key === dear.key)?.cost;
    expect(cost).toMatchObject({ roundTripUs: 1000, priceUs: 1000, carbonUs: 1000, preferenceUs: 2000 });
    expect(cost?.total).toBeCloseTo(1000 + 10_000 + 1000 + 1000 + 2000, 3);
    expect(decision.best).toBe(aCandidate(2).key);
  });

  it('converts bare scores by the table of the class', () => {
    const decision = decide(anInput([aCandidate(1, { state: bare(5) }), aCandidate(2, { state: bare(9) })]));
    expect(decision.best).toBe(aCandidate(2).key);
    expect(decision.ranked[0]?.cost?.serviceTimeUs).toBe(11_000);
  });

  it('follows a load jump at the site in use with the next report', () => {
    const calm = [1, 2, 3].map((index) => aCandidate(index, { state: aState({ arrivalRate: index === 1 ? 100 : 0 }) }));
    const first = decide(anInput(calm));
    const jump = aState({ arrivalRate: 390, inFlight: 60, sequence: 2 });
    const busy = [{ ...calm[0]!, state: jump }, ...calm.slice(1)];
    const next = decide(following(first, busy, { atMs: 101_000 }));
    expect(weightsOf(first)).toEqual({ 1: 1000 });
    expect(next.weights[calm[0]!.key] ?? 0).toBeLessThan(700);
    expect(next.change).toBe('margin');
  });

  it('replaces a lost incumbent at once, by the best that is left', () => {
    const all = [1, 2, 3].map((index) => aCandidate(index));
    const first = decide(anInput(all));
    const next = decide(following(first, all.slice(1), { atMs: 100_010 }));
    expect(next.change).toBe('lost');
    expect(weightsOf(next)).toEqual({ 2: 1000 });
  });

  it('moves away from a draining site at once', () => {
    const all = [1, 2].map((index) => aCandidate(index));
    const drained = [aCandidate(1, { attributes: { drain: true } }), all[1]!];
    const next = decide(following(decide(anInput(all)), drained));
    expect(weightsOf(next)).toEqual({ 2: 1000 });
    expect(verdictsOf(next)).toEqual(['2 best', '1 draining']);
  });

  it('leaves a site that only it uses although others are busier elsewhere', () => {
    // Ours is a small part of the traffic: 5 of 105 requests per second.
    const near = (us: number) => aCandidate(1, { roundTripUs: us, state: aState({ arrivalRate: 5, sequence: us }) });
    const other = aCandidate(2, { roundTripUs: 10_000, state: aState({ arrivalRate: 100 }) });
    const first = decide(anInput([near(1000), other]));
    expect(weightsOf(first)).toEqual({ 1: 1000 });
    const held = decide(following(first, [near(40_000), other], { atMs: 105_000 }));
    expect(weightsOf(held)).toEqual({ 2: 1000 });
  });
});

describe('hysteresis', () => {
  const at = (us: number, sequence: number) => [
    aCandidate(1, { roundTripUs: us, state: aState({ sequence }) }),
    aCandidate(2, { roundTripUs: 5000, state: aState({ sequence }) }),
  ];

  it('keeps the incumbent against a challenger within the margin, and says so', () => {
    const first = decide(anInput(at(4000, 1)));
    const next = decide(following(first, at(6000, 2), { atMs: 200_000 }));
    expect(next.change).toBe('unchanged');
    expect(verdictsOf(next)).toEqual(['1 best', '2 margin']);
    expect(next.incumbent.weights).toBe(first.incumbent.weights);
  });

  it('holds a challenger beyond the margin for the hold time, then lets it in', () => {
    const first = decide(anInput(at(4000, 1)));
    const held = decide(following(first, at(9000, 2), { atMs: 200_000 }));
    expect(held.change).toBe('held');
    expect(verdictsOf(held)).toEqual(['1 best', '2 held']);
    expect(held.againAtMs).toBe(201_000);
    const early = decide(following(held, at(9000, 3), { atMs: 200_999 }));
    expect(early.change).toBe('held');
    // Nothing new is reported: the time alone lets it in.
    const late = decide(following(early, at(9000, 3), { atMs: 201_000 }));
    expect(late.change).toBe('margin');
    expect(weightsOf(late)).toEqual({ 2: 1000 });
    expect(late.againAtMs).toBeUndefined();
  });

  it('forgets a challenger that falls back', () => {
    const held = decide(following(decide(anInput(at(4000, 1))), at(9000, 2), { atMs: 200_000 }));
    const back = decide(following(held, at(4000, 3), { atMs: 200_500 }));
    expect(back.change).toBe('unchanged');
    expect(back.incumbent.challengedSinceMs).toBeUndefined();
  });

  it('does not hold a challenger that costs less than half', () => {
    const next = decide(following(decide(anInput(at(4000, 1))), at(90_000, 2), { atMs: 200_000 }));
    expect(weightsOf(next)).toEqual({ 2: 1000 });
  });

  it('never moves weights for small noise', () => {
    let decision = decide(anInput(at(4000, 1)));
    const { weights } = decision;
    for (let sequence = 2; sequence < 50; sequence++) {
      decision = decide(
        following(decision, at(4000 + 300 * Math.sin(sequence), sequence), { atMs: 100_000 + sequence * 1000 }),
      );
      expect(decision.incumbent.weights).toBe(weights);
    }
  });
});

describe('the strategies that give everything to one', () => {
  // Candidate 1 is nearest, 2 least loaded, 3 the best of both by ratio.
  const candidates = [
    aCandidate(1, { roundTripUs: 1000, state: aState({ arrivalRate: 390, inFlight: 20 }) }),
    aCandidate(2, { roundTripUs: 50_000, state: aState({ arrivalRate: 0 }) }),
    aCandidate(3, { roundTripUs: 2000, state: aState({ arrivalRate: 200, inFlight: 2 }) }),
  ];

  it.each([
    ['nearest', 1],
    ['least-loaded', 2],
    ['edge-metadata', 3],
  ] as const)('%s chooses candidate %d', (strategy, chosen) => {
    const decision = decide(anInput(candidates, { class: aClass({ strategy }) }));
    expect(weightsOf(decision)).toEqual({ [chosen]: 1000 });
  });

  it('hold and margin apply to them too', () => {
    const nearest = aClass({ strategy: 'nearest' });
    const first = decide(anInput([aCandidate(1), aCandidate(2)], { class: nearest }));
    const swapped = [aCandidate(1, { roundTripUs: 3000 }), aCandidate(2)];
    const held = decide(following(first, swapped, { class: nearest, atMs: 200_000 }));
    expect([held.change, held.againAtMs]).toEqual(['held', 201_000]);
    const late = decide(following(held, swapped, { class: nearest, atMs: 201_000 }));
    expect([late.change, late.best]).toEqual(['margin', swapped[1]!.key]);
  });
});

describe('any input', () => {
  const candidate = fc
    .record({
      index: fc.integer({ min: 1, max: 250 }),
      roundTripUs: fc.integer({ min: 0, max: 200_000 }),
      reachable: fc.boolean(),
      stale: fc.boolean(),
      drain: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.boolean()),
      preference: fc.integer({ min: 0, max: 3 }),
      state: fc.option(
        fc.record({
          arrivalRate: fc.double({ min: 0, max: 2000, noNaN: true }),
          inFlight: fc.integer({ min: 0, max: 500 }),
          workers: fc.integer({ min: 0, max: 64 }),
          workTimeUs: fc.integer({ min: 0, max: 1_000_000 }),
          score: fc.integer({ min: 0, max: 10 }),
          sequence: fc.integer({ min: 1, max: 9 }),
          source: fc.constantFrom('estimation' as const, 'measured' as const),
        }),
        { nil: undefined },
      ),
    })
    .map(({ index, drain, preference, state, ...given }) => {
      const attributes = { drain, preference };
      if (state === undefined) return aCandidate(index, { ...given, attributes, state: undefined });
      const { score, workers, workTimeUs, ...load } = state;
      const known = workers > 0 && workTimeUs > 0;
      const numbers = known ? aState({ ...load, workers, workTimeUs }) : bare(score, load);
      return aCandidate(index, { ...given, attributes, state: numbers });
    });
  const candidates = fc.uniqueArray(candidate, { selector: (it) => it.key, maxLength: 12 });
  const strategy = fc.constantFrom('joint', 'nearest', 'least-loaded', 'edge-metadata' as const);

  const sum = (decision: Decision) => Object.values(decision.weights).reduce((a, b) => a + b, 0);
  const order = (all: readonly Candidate[]) => [...all].reverse();

  it('has weights that sum to 1000 or nothing, a reason for every loser, and survives JSON', () => {
    fc.assert(
      fc.property(candidates, candidates, strategy, (before, now, name) => {
        const given = { class: aClass({ strategy: name, usPerPreference: 500, explorationPercent: 1 }) };
        const first = decide(anInput(before, given));
        const next = decide(following(first, now, { ...given, atMs: 101_000 }));
        for (const [decision, input] of [[first, before] as const, [next, now] as const]) {
          expect(decision.ranked.map((it) => it.key).sort()).toEqual(input.map((it) => it.key).sort());
          expect(sum(decision)).toBe(decision.best === '' ? 0 : 1000);
          if (decision.best !== '') expect(decision.weights[decision.best]).toBeGreaterThan(0);
          expect(decision.ranked[0]?.key ?? '').toBe(
            decision.best === '' ? (decision.ranked[0]?.key ?? '') : decision.best,
          );
          for (const it of decision.ranked) {
            expect(it.verdict).toMatch(/^[a-z][a-z-]+$/);
            expect(it.weight > 0).toBe(['best', 'shared', 'exploring', 'last-resort'].includes(it.verdict));
            expect(it.weight).toBe(decision.weights[it.key] ?? 0);
          }
          expect(JSON.parse(JSON.stringify(decision))).toEqual(decision);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('does not depend on the order of the candidates', () => {
    fc.assert(
      fc.property(candidates, candidates, strategy, (before, now, name) => {
        const given = { class: aClass({ strategy: name, explorationPercent: 1 }) };
        const first = decide(anInput(before, given));
        const again = decide(anInput(order(before), given));
        expect(again.ranked).toEqual(first.ranked);
        const next = decide(following(first, now, { ...given, atMs: 101_000 }));
        expect(decide(following(first, order(now), { ...given, atMs: 101_000 })).ranked).toEqual(next.ranked);
      }),
      { numRuns: 200 },
    );
  });

  it('changes nothing when it decides again on the same input with the new incumbent', () => {
    fc.assert(
      fc.property(candidates, candidates, strategy, (before, now, name) => {
        const given = { class: aClass({ strategy: name, explorationPercent: 1 }), atMs: 101_000 };
        const first = decide(anInput(before, { class: given.class }));
        const next = decide(following(first, now, given));
        const again = decide(following(next, now, given));
        expect(again.weights).toEqual(next.weights);
        expect(again.best).toBe(next.best);
        expect(['unchanged', 'held']).toContain(again.change);
        expect(again.memory.history).toEqual(next.memory.history);
      }),
      { numRuns: 300 },
    );
  });
});
