import { describe, expect, test } from 'vitest';
import { aBucket, aRecord, aSummary, ORIGIN_MS } from './fixture/records.ts';
import { buildTimeline } from './timeline.ts';

const phases = [aRecord('steady', 0, 900), aRecord('busy', 1_000, 2_000)];
const clients = [{ client: 'u1', ingress: 'in1' }];

function build(summary: ReturnType<typeof aSummary>) {
  return buildTimeline({
    phases,
    clients,
    summaries: new Map([['u1', summary]]),
    decisions: [],
    instances: ['sv3', 'sv1', 'sv2'],
    bucketMs: 200,
  });
}

describe('the timeline', () => {
  test('brings clocks with different origins onto one axis, and leaves out what was before it', () => {
    const timeline = [0, 1, 2, 3].map((i) => aBucket(i * 100, { newFlows: { sv1: i + 1 } }));
    const { ingresses } = build(aSummary({ startedAtMs: ORIGIN_MS - 100, timeline }));
    const { points } = ingresses[0]!;
    expect(points.slice(0, 2).map(({ newFlows }) => newFlows)).toEqual([{ sv1: 2 + 3 }, { sv1: 4 }]);
    expect(points).toHaveLength(10);
  });

  test('gives a phase the time until the next one begins', () => {
    expect(build(aSummary()).phases).toEqual([
      { name: 'steady', what: 'steady happens', fromMs: 0, toMs: 1_000 },
      { name: 'busy', what: 'busy happens', fromMs: 1_000, toMs: 2_000 },
    ]);
  });

  test('places lost packets beyond the last flow, and sums failures', () => {
    const timeline = [aBucket(0, { failed: 1 }), aBucket(100, { failed: 2, broken: 3 })];
    const { points } = build(aSummary({ timeline, udpLostOverTime: [0, 0, 5, 6, 7] })).ingresses[0]!;
    expect(points.slice(0, 3).map(({ failed, broken, lostPackets }) => [failed, broken, lostPackets])).toEqual([
      [3, 3, 0],
      [0, 0, 11],
      [0, 0, 7],
    ]);
  });

  test('has no response time where nothing was answered', () => {
    const { points } = build(aSummary({ timeline: [aBucket(0, { responseP50Ms: 12 })] })).ingresses[0]!;
    expect(points.slice(0, 2).map(({ responseMs }) => responseMs)).toEqual([12, null]);
  });

  test('names all contact instances in order, whether or not they served', () => {
    const decisions = [{ ingress: 'in1', atMs: ORIGIN_MS + 50, change: 'first', weights: { sv3: 1000 } }];
    const timeline = [aBucket(0, { newFlows: { sv2: 1, sv1: 1 } })];
    const built = buildTimeline({
      phases,
      clients,
      summaries: new Map([['u1', aSummary({ timeline })]]),
      decisions,
      instances: ['sv3', 'sv1', 'sv2'],
      bucketMs: 200,
    });
    expect(built.instances).toEqual(['sv1', 'sv2', 'sv3']);
    expect(built.ingresses[0]!.decisions.map(({ atMs }) => atMs)).toEqual([50]);
  });
});
