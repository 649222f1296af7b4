import { describe, expect, test } from 'vitest';
import { accountOf } from './account.ts';
import { aBucket, aPhase, aRecord, aSummary, ORIGIN_MS } from './fixture/records.ts';
import { buildTimeline } from './timeline.ts';
import { judge } from './verdict.ts';

const RECORDS = [
  aRecord('steady', 0, 1_000),
  aRecord('busy', 1_000, 2_000, { settledAtMs: ORIGIN_MS + 1_200, weights: { in1: { sv2: 1000 } } }),
  aRecord('path', 2_000, 3_000),
  aRecord('cut', 3_000, 4_000, { weights: { in1: { sv2: 1000 } } }),
  aRecord('return', 4_000, 5_000),
];
const STREAM = {
  sent: 1_000,
  lost: 0,
  reordered: 0,
  duplicated: 0,
  longestGapMs: 0,
  roundTripMs: { p50: 1, p99: 2, n: 1_000 },
};

/** In force shortly before the busy phase counts as answered, and at once when the site is cut off. */
const DECISIONS = [
  { ingress: 'in1', atMs: ORIGIN_MS - 500, change: 'first', weights: { sv1: 1000 } },
  { ingress: 'in1', atMs: ORIGIN_MS + 1_150, change: 'margin', weights: { sv1: 80, sv2: 920 } },
  { ingress: 'in1', atMs: ORIGIN_MS + 2_000, change: 'rebalanced', weights: { sv1: 1000 } },
  { ingress: 'in1', atMs: ORIGIN_MS + 3_010, change: 'lost', weights: { sv2: 1000 } },
];

interface Run {
  readonly phases?: Readonly<Record<string, Parameters<typeof aPhase>[1]>>;
  /** Who gets the new flows while busy and cut off, once the decision is in force. */
  readonly server?: string;
  /** Flows that reached the busy site all the same. */
  readonly stragglers?: number;
  readonly droppedByHosts?: number;
  readonly unanswered?: string;
}

function claimsOf({ phases = {}, server = 'sv2', stragglers = 0, droppedByHosts = 0, unanswered }: Run = {}) {
  const good: Run['phases'] = {
    path: { udp: STREAM },
    cut: { outageFromMs: 10, resumedAfterMs: 80, failedFlows: 6, brokenFlows: 9 },
    return: { newFlows: { sv1: 40 } },
  };
  const timeline = Array.from({ length: 50 }, (_, i) => {
    const awayFromHero = (i >= 15 && i < 20) || (i >= 33 && i < 40);
    const straying = awayFromHero && i < 20 ? Math.min(8, Math.max(0, stragglers - (i - 15) * 8)) : 0;
    if (straying > 0) return aBucket(i * 100, { newFlows: { sv1: straying, [server]: 8 - straying } });
    return aBucket(i * 100, { newFlows: { [awayFromHero ? server : 'sv1']: 8 } });
  });
  const summary = aSummary({
    phases: RECORDS.map(({ name }) => aPhase(name, { ...good[name], ...phases[name] })),
    timeline,
  });
  const summaries = new Map([['u1', summary]]);
  const records = RECORDS.map((record) =>
    record.name === 'busy' && unanswered !== undefined ? { ...record, unanswered } : record,
  );
  return judge({
    phases: accountOf(records, summaries),
    records,
    lists: [],
    timeline: buildTimeline({
      phases: records,
      clients: [{ client: 'u1', ingress: 'in1' }],
      summaries,
      decisions: DECISIONS,
      instances: ['sv3', 'sv1', 'sv2'],
      bucketMs: 100,
    }),
    hero: 'sv1',
    ingress: 'in1',
    droppedByHosts,
    captured: false,
  });
}

const fallen = (run: Run) => claimsOf(run).flatMap(({ claim, held, seen }) => (held ? [] : [`${claim}: ${seen}`]));

describe('the verdict', () => {
  test('holds every claim of a run in which only the site that was cut off lost flows', () => {
    expect(fallen({})).toEqual([]);
  });

  test.each([
    ['a flow that breaks under load', { phases: { busy: { brokenFlows: 1 } } }, /no running flow breaks.*1 in busy/],
    ['a flow that moves', { phases: { busy: { movedFlows: 2 } } }, /another contact instance: 2 moved/],
    ['new flows that stay', { server: 'sv1' }, /busy: new flows of in1 follow.*: \d+ of \d+ new flows/],
    ['a packet lost with the path', { phases: { path: { udp: { ...STREAM, lost: 1 } } } }, /1 of 1000 packets lost/],
    ['an outage of a second', { phases: { cut: { outageFromMs: 5, resumedAfterMs: 1_000 } } }, /after 1000 ms/],
    ['an outage that does not end', { phases: { cut: { outageFromMs: 5, resumedAfterMs: null } } }, /they did not/],
    ['a site that nobody returns to', { phases: { return: { newFlows: { sv2: 40 } } } }, /return.*0 new flows/],
    ['daemons that do not answer', { unanswered: 'new flows leave sv1: not within 10 s' }, /busy: the daemons answer/],
  ] satisfies [string, Run, RegExp][])('falls for %s', (_what, run, text) => {
    expect(fallen(run).join('\n')).toMatch(text);
  });

  test('allows the flows that the weights of the moment left with the busy site', () => {
    // 40 flows at 8 %: three are expected, and eight are chance.
    expect(fallen({ stragglers: 8 })).toEqual([]);
    expect(fallen({ stragglers: 10 }).join()).toContain('busy: new flows of in1 follow');
  });

  test('tells what the end hosts dropped, and counts it all the same', () => {
    expect(fallen({ phases: { path: { udp: { ...STREAM, lost: 3 } } }, droppedByHosts: 3 }).join()).toContain(
      '3 of 1000 packets lost (in the whole run the end hosts dropped 3 unread)',
    );
  });
});

describe('the account', () => {
  test('adds the clients up, phase by phase', () => {
    const one = aSummary({ phases: [aPhase('steady', { requests: { sv1: 3 }, brokenFlows: 1 })] });
    const two = aSummary({ phases: [aPhase('steady', { requests: { sv1: 2, sv2: 4 }, brokenFlows: 2 })] });
    const [steady] = accountOf(
      [RECORDS[0]!],
      new Map([
        ['u1', one],
        ['u2', two],
      ]),
    );
    expect(steady).toMatchObject({
      requests: { sv1: 5, sv2: 4 },
      brokenFlows: 3,
      resumedAfterMs: 0,
      durationMs: 1_000,
    });
  });

  test('has the longest outage of any client, and none where one did not end', () => {
    const outage = (resumedAfterMs: number | null) =>
      aSummary({ phases: [aPhase('cut', { outageFromMs: 1, resumedAfterMs })] });
    const of = (...values: (number | null)[]) =>
      accountOf([aRecord('cut', 0, 1)], new Map(values.map((ms, i) => [`u${i}`, outage(ms)])))[0]!.resumedAfterMs;
    expect(of(70, 120)).toBe(120);
    expect(of(70, null)).toBeNull();
  });
});
