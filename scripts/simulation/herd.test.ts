import { describe, expect, it } from 'vitest';
import { type Result, simulate } from './herd.ts';
import { SCENARIO, type Scenario } from './herd-scenario.ts';
import { optimumUs } from './optimum.ts';

/** 16 ingresses, 6 sites, reports every second that are 0.3 s old; at 20 s a crowd, at 40 s the largest site halves. */
function run(given: Partial<Scenario> = {}): Result {
  return simulate({ ...SCENARIO, load: 0.65, durationMs: 60_000, crowdAtMs: 20_000, lossAtMs: 40_000, ...given });
}

const ratio = (result: Result, phase: string) => result.phases.find((it) => it.name === phase)!.meanRatio;

describe('many ingresses on stale reports', () => {
  const joint = run();

  it.each([
    ['calm', 1.2],
    ['crowd settled', 1.2],
    ['loss settled', 1.4],
  ])('joint stays near the static optimum: %s within a factor %d', (phase, bound) => {
    expect(ratio(joint, phase)).toBeLessThan(bound);
    expect(ratio(joint, phase)).toBeGreaterThan(0.9);
  });

  it('reports every second and events cost few messages', () => {
    expect(joint.reports / SCENARIO.sites.length / 60).toBeLessThan(2);
  });

  it('oscillates without the prediction of its own moves', () => {
    const blind = run({ prediction: false });
    for (const phase of ['calm', 'crowd settled', 'loss settled']) expect(ratio(blind, phase)).toBeGreaterThan(3);
    expect(blind.phases[0]!.churn).toBeGreaterThan(10 * joint.phases[0]!.churn);
  });

  it('at low load is as good as the optimum and leaves the weights alone', () => {
    const quiet = run({ load: 0.2, durationMs: 30_000, crowdAtMs: 15_000, lossAtMs: 22_000 });
    expect(ratio(quiet, 'calm')).toBeLessThan(1.03);
    expect(quiet.phases[0]!.churn).toBeLessThan(1);
  });

  it('gives the same run for the same seed', () => {
    const short = { durationMs: 6000, crowdAtMs: 3000, lossAtMs: 5000 };
    expect(run(short)).toEqual(run(short));
    expect(run({ ...short, seed: 2 })).not.toEqual(run(short));
  });
});

describe('the static optimum', () => {
  it('splits two equal sites evenly and leaves a distant one alone while load is low', () => {
    const sites = [1, 1].map(() => ({ workers: 1, workTimeUs: 10_000 }));
    // M/M/1 at utilisation 0.4 each: 10 ms / 0.6.
    expect(optimumUs({ rates: [80], sites, roundTripUs: [[0, 0]] })).toBeCloseTo(10_000 / 0.6, -2);
    expect(optimumUs({ rates: [1], sites, roundTripUs: [[1000, 90_000]] })).toBeCloseTo(1000 + 10_000 / 0.99, -3);
  });
});
