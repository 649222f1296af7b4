import { describe, expect, test } from 'vitest';
import { LoadStats, percentiles } from './stats.ts';

const answered = (startMs: number, instance: string, newFlow = true) =>
  ({ kind: 'answered', startMs, endMs: startMs + 5, instance, newFlow }) as const;

function statsWithPhases(): LoadStats {
  const stats = new LoadStats(1_000, 1e12, 'calm');
  stats.mark('cut', 2_000);
  stats.mark('back', 3_000);
  return stats;
}

describe('load statistics', () => {
  test('count requests and flows per instance in the phase in which they started', () => {
    const stats = statsWithPhases();
    stats.record(answered(1_500, 'sv1'));
    stats.record(answered(1_999, 'sv1', false));
    stats.record({ ...answered(1_999, 'sv2'), endMs: 2_500 });
    stats.record(answered(2_000, 'sv2'));
    const [calm, cut, back] = stats.summary(4_500);
    expect(calm).toMatchObject({
      name: 'calm',
      startedAtMs: 1e12 + 1_000,
      durationMs: 1_000,
      requests: { sv1: 2, sv2: 1 },
      newFlows: { sv1: 1, sv2: 1 },
    });
    expect(cut).toMatchObject({ requests: { sv2: 1 }, responseMs: { p50: 5, p99: 5, n: 1 } });
    expect(back).toMatchObject({ requests: {}, durationMs: 1_500, responseMs: { n: 0 } });
  });

  test('tell when the first and the last new flow of a phase reached an instance', () => {
    const stats = statsWithPhases();
    for (const at of [2_010, 2_040, 2_030]) stats.record(answered(at, 'sv1'));
    stats.record(answered(2_500, 'sv1', false));
    expect(stats.summary(4_000)[1]).toMatchObject({ firstFlowMs: { sv1: 10 }, lastFlowMs: { sv1: 40 } });
  });

  test('charge a flow that broke to the phase after it when it was alive just before the mark', () => {
    const stats = statsWithPhases();
    stats.record({ kind: 'broken', startMs: 1_100, aliveMs: 1_950, newFlow: false });
    stats.record({ kind: 'failed', startMs: 1_920 });
    stats.record({ kind: 'broken', startMs: 1_100, aliveMs: 1_800, newFlow: false });
    expect(stats.summary(4_000).map(({ brokenFlows, failedFlows }) => [brokenFlows, failedFlows])).toEqual([
      [1, 0],
      [1, 1],
      [0, 0],
    ]);
  });

  test('an outage lasts from the first failure to the first success after the last, whatever the order of completion', () => {
    const stats = statsWithPhases();
    stats.record(answered(2_350, 'sv2'));
    stats.record(answered(2_010, 'sv1'));
    stats.record({ kind: 'failed', startMs: 2_300 });
    stats.record(answered(2_150, 'sv2'));
    stats.record({ kind: 'failed', startMs: 2_100 });
    expect(stats.summary(4_000)[1]).toMatchObject({ outageFromMs: 100, resumedAfterMs: 250 });
  });

  test('no failure is no outage; one that never ends has no end; an old flow that breaks is none', () => {
    const stats = statsWithPhases();
    stats.record(answered(1_100, 'sv1'));
    stats.record({ kind: 'broken', startMs: 1_200, aliveMs: 1_300, newFlow: false });
    stats.record({ kind: 'failed', startMs: 2_100 });
    expect(stats.summary(4_000).map(({ outageFromMs, resumedAfterMs }) => [outageFromMs, resumedAfterMs])).toEqual([
      [null, null],
      [100, null],
      [null, null],
    ]);
  });

  test('the timeline has a bucket per 100 ms, empty ones included', () => {
    const stats = statsWithPhases();
    stats.record(answered(1_010, 'sv1'));
    stats.record({ kind: 'overloaded', startMs: 1_310, instance: 'sv1' });
    const timeline = stats.timeline();
    expect(timeline.map((bucket) => bucket.atMs)).toEqual([0, 100, 200, 300]);
    expect(timeline[0]).toMatchObject({ requests: { sv1: 1 }, responseP50Ms: 5, responseMaxMs: 5 });
    expect(timeline[1]).toMatchObject({ requests: {}, responseP50Ms: null });
    expect(timeline[3]).toMatchObject({ overloaded: 1 });
    expect(stats.lastSecond(1_400)).toMatchObject({ requests: { sv1: 1 }, overloaded: 1 });
  });

  test('a moved flow is counted and is no request', () => {
    const stats = statsWithPhases();
    stats.record({ kind: 'moved', startMs: 1_100 });
    expect(stats.summary(4_000)[0]).toMatchObject({ movedFlows: 1, requests: {} });
  });
});

test('percentiles are by nearest rank', () => {
  expect(percentiles(Array.from({ length: 200 }, (_, i) => 200 - i))).toEqual({ p50: 100, p99: 198, n: 200 });
  expect(percentiles([])).toEqual({ p50: 0, p99: 0, n: 0 });
});
