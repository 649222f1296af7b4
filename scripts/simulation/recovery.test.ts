// A site whose work takes ten times as long for a while: it loses its flows, rightly. What measures and what decides is the
// product's own code; without exploration nobody finds out that it is well again.
import { describe, expect, it } from 'vitest';
import { type Result, simulate } from './herd.ts';
import { SCENARIO, type Scenario } from './herd-scenario.ts';

const NEVER = Number.MAX_SAFE_INTEGER;
const SLOW = { site: 0, factor: 10, fromMs: 20_000, toMs: 60_000 };
const DURATION_MS = 200_000;

/** 4 ingresses, 3 sites, 180 requests a second: nobody needs the third site, one of the four is nearest to the first. */
function run(given: Partial<Scenario> = {}): Result {
  const plain = { ...SCENARIO, seed: 3, ingresses: 4, sites: [8, 8, 8], load: 0.15, crowdAtMs: NEVER, lossAtMs: NEVER };
  return simulate({ ...plain, durationMs: DURATION_MS, slow: SLOW, ...given });
}

/** Share of the requests from `fromMs` to `toMs` that went to the site. */
function shareOf({ responses }: Result, fromMs: number, toMs: number): number {
  const sent = responses.filter((it) => it.sentMs >= fromMs && it.sentMs < toMs);
  return sent.filter((it) => it.site === SLOW.site).length / sent.length;
}

function meanUs({ responses }: Result, fromMs: number): number {
  const times = responses.filter((it) => it.sentMs >= fromMs).map((it) => it.us);
  return times.reduce((a, b) => a + b, 0) / times.length;
}

describe('a site that was slow and is well again', () => {
  const result = run();
  const before = shareOf(result, 10_000, SLOW.fromMs);

  it('had flows, and lost them while it was slow', () => {
    expect(before).toBeGreaterThan(0.2);
    expect(shareOf(result, 40_000, SLOW.toMs)).toBeLessThan(0.01);
  });

  it('has them back within a minute', () => {
    expect(shareOf(result, 120_000, DURATION_MS)).toBeGreaterThan(0.9 * before);
  });

  it('never has them back without exploration', () => {
    expect(shareOf(run({ explorationPercent: 0 }), SLOW.toMs, DURATION_MS)).toBe(0);
  });

  it('is tried without a pause where the service restarted, and not flooded', () => {
    const restarted = run({ slow: { ...SLOW, toMs: 100_000, restarts: true } });
    expect(shareOf(restarted, 100_000, 105_000)).toBeLessThan(0.02);
    expect(shareOf(restarted, 130_000, DURATION_MS)).toBeGreaterThan(0.9 * before);
  });
});

describe('a site that stays slow', () => {
  const slow = { ...SLOW, toMs: NEVER };
  const result = run({ slow });
  const settledMs = 60_000;

  it('is tried again and again, by no more than the share for it', () => {
    const share = shareOf(result, settledMs, DURATION_MS);
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThan(SCENARIO.explorationPercent / 100);
  });

  it('costs the others no more than that', () => {
    const without = run({ slow, explorationPercent: 0 });
    const slowUs = SLOW.factor * SCENARIO.workTimeUs;
    const bound = meanUs(without, settledMs) + (SCENARIO.explorationPercent / 100) * slowUs;
    // Two runs with different draws: their means differ by chance.
    expect(meanUs(result, settledMs)).toBeLessThan(1.02 * bound);
  });

  it('changes weights twice a trial, not with every report', () => {
    const minutes = (DURATION_MS - settledMs) / 60_000;
    const changes = result.moves.filter((it) => it.atMs >= settledMs).length;
    expect(changes).toBeGreaterThan(0);
    expect(changes / minutes / 4).toBeLessThan(4);
  });
});
