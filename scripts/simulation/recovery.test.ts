import { describe, expect, it } from 'vitest';
import type { Result } from './herd.ts';
import { SCENARIO } from './herd-scenario.ts';
import {
  DURATION_MS,
  formerShare,
  recover,
  SETTLED_MS,
  SLOW,
  STAYS_SLOW,
  secondsToReturn,
  shareOf,
} from './recovery.ts';

/** The site is nearest to one ingress of the four, by far. */
const SEED = { seed: 3 };

function meanUs({ responses }: Result): number {
  const times = responses.filter((it) => it.sentMs >= SETTLED_MS).map((it) => it.us);
  return times.reduce((a, b) => a + b, 0) / times.length;
}

describe('a site that was slow and is well again', () => {
  const result = recover(SEED);

  it('had flows, and lost them while it was slow', () => {
    expect(formerShare(result)).toBeGreaterThan(0.2);
    expect(shareOf(result, 40_000, SLOW.toMs)).toBeLessThan(0.01);
  });

  it('has them back within a minute or so', () => {
    expect(secondsToReturn(result, SLOW.toMs)).toBeLessThan(90);
    expect(shareOf(result, DURATION_MS - 50_000, DURATION_MS)).toBeGreaterThan(0.9 * formerShare(result));
  });

  it('never has them back without exploration', () => {
    expect(shareOf(recover({ ...SEED, explorationPercent: 0 }), SLOW.toMs, DURATION_MS)).toBe(0);
  });

  it('is tried at once where the service restarted, and not flooded', () => {
    const wellAtMs = 100_000;
    const restarted = recover({ ...SEED, slow: { ...SLOW, toMs: wellAtMs, restarts: true } });
    expect(shareOf(restarted, wellAtMs, wellAtMs + 5000)).toBeLessThan(0.02);
    expect(secondsToReturn(restarted, wellAtMs)).toBeLessThan(30);
  });
});

describe('a site that stays slow', () => {
  const result = recover({ ...SEED, slow: STAYS_SLOW });

  it('is tried again and again, by no more than the share for it', () => {
    const share = shareOf(result, SETTLED_MS, DURATION_MS);
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThan(SCENARIO.explorationPercent / 100);
  });

  it('costs the others no more than that', () => {
    const without = recover({ ...SEED, slow: STAYS_SLOW, explorationPercent: 0 });
    const slowUs = SLOW.factor * SCENARIO.workTimeUs;
    const bound = meanUs(without) + (SCENARIO.explorationPercent / 100) * slowUs;
    // Two runs with different draws: their means differ by chance.
    expect(meanUs(result)).toBeLessThan(1.02 * bound);
  });

  it('changes weights twice a trial, not with every report', () => {
    const minutes = (DURATION_MS - SETTLED_MS) / 60_000;
    const changes = result.moves.filter((it) => it.atMs >= SETTLED_MS).length;
    expect(changes).toBeGreaterThan(0);
    expect(changes / minutes / 4).toBeLessThan(4);
  });
});
