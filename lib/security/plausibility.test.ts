import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlausibilityConfig } from '../config/config.ts';
import type { ComputeState } from '../model/compute-state.ts';
import type { Score } from '../model/identity.ts';
import { isFromTheFuture, nextQuarantine, type Quarantine, quarantined, stateFault } from './plausibility.ts';

const NOW = 1_800_000_000_000;
const BOUNDS: PlausibilityConfig = {
  maxWorkTimeUs: 600e6,
  maxRate: 1e9,
  maxInFlight: 1e9,
  maxWorkers: 1e6,
  clockSkewMs: 3_600_000,
  releaseAfter: 3,
  maxRefusedRows: 10,
};
const GOOD: ComputeState = {
  sequence: NOW,
  score: 7 as Score,
  computeScore: 7 as Score,
  serviceScore: 7 as Score,
  serviceTimeUs: 12_000,
  workTimeUs: 10_000,
  spareCapacity: 100,
  inFlight: 2,
  arrivalRate: 50,
  workers: 4,
  source: 'measured',
  statistic: 'mean',
  windowMs: 1000,
  measuredAtMs: NOW - 1000,
  validForMs: 180_000,
};

describe('a report', () => {
  it.each<[Partial<ComputeState>, string]>([
    [{}, ''],
    // An honest instance that is overloaded predicts the largest number there is.
    [{ serviceTimeUs: 0xffff_ffff }, ''],
    [{ workTimeUs: 2 ** 31 }, 'work-time'],
    [{ spareCapacity: 2 ** 31 }, 'spare-capacity'],
    [{ arrivalRate: 2 ** 31 }, 'arrival-rate'],
    [{ inFlight: 2 ** 31 }, 'in-flight'],
    [{ workers: 2 ** 31 }, 'workers'],
    [{ measuredAtMs: NOW + 3_600_001 }, 'measured-at'],
    [{ measuredAtMs: 2 ** 31 }, 'measured-at'],
  ])('with %o is judged %j', (more, fault) => {
    expect(stateFault({ ...GOOD, ...more }, BOUNDS, NOW)).toBe(fault);
  });

  it('of any date is believed where no skew is configured', () => {
    expect(stateFault({ ...GOOD, measuredAtMs: 0 }, { ...BOUNDS, clockSkewMs: 0 }, NOW)).toBe('');
    expect(isFromTheFuture(Number.MAX_SAFE_INTEGER, 0, NOW)).toBe(false);
  });

  it('has a sequence of the future when the clock has not reached it', () => {
    expect(isFromTheFuture(NOW + 3_600_000, 3_600_000, NOW)).toBe(false);
    expect(isFromTheFuture(NOW + 3_600_001, 3_600_000, NOW)).toBe(true);
  });

  it('in quarantine is the worst score, believable itself, under the same sequence', () => {
    const stand = quarantined({ ...GOOD, workers: 2 ** 31, measuredAtMs: 0 }, NOW);
    expect(stand).toMatchObject({ score: 0, workers: 0, sequence: GOOD.sequence, measuredAtMs: NOW });
    expect(stateFault(stand, BOUNDS, NOW)).toBe('');
  });
});

describe('a quarantine', () => {
  it('ends after so many good reports in a row, never sooner (property)', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 40 }),
        fc.integer({ min: 1, max: 5 }),
        (reports, releaseAfter) => {
          let present: Quarantine | undefined;
          let lastFault = Number.NEGATIVE_INFINITY;
          for (const [i, isGood] of reports.entries()) {
            if (!isGood) lastFault = i;
            present = nextQuarantine(present, isGood ? '' : 'workers', releaseAfter, i);
            expect(present !== undefined).toBe(i - lastFault < releaseAfter);
          }
        },
      ),
    );
  });
});
