// What the demo claims, and whether the run showed it: every sentence with the numbers it rests on. Pure. A claim that does
// not hold makes the demo fail.
import type { Claim, DemoPhase, SegmentListRow } from './document.ts';
import type { PhaseRecord } from './scenario.ts';
import { isMissed } from './segment-lists.ts';
import type { DecisionMark, Timeline } from './timeline.ts';

export interface Evidence {
  readonly phases: readonly DemoPhase[];
  readonly records: readonly PhaseRecord[];
  readonly lists: readonly SegmentListRow[];
  readonly timeline: Timeline;
  /** Contact instance that serves the first client in the beginning, and that client's ingress. */
  readonly hero: string;
  readonly ingress: string;
  /** Packets of the stream that the end hosts themselves dropped unread, in the whole run: counted as lost, and told. */
  readonly droppedByHosts: number;
  readonly captured: boolean;
}

/** A new connection must succeed again within this: three missed probes of any interval up to 300 ms. */
const RESUMED_WITHIN_MS = 1_000;
/** Flows are counted when they start; the one that raced with the kernel change is not late. */
const RACE_MS = 300;

/** Claims about traffic; `records` without load have none. */
export function judge(evidence: Evidence): Claim[] {
  const { phases, hero } = evidence;
  const named = (name: string) => phases.find((phase) => phase.name === name);
  const claims: Claim[] = [];
  const claim = (text: string, held: boolean, seen: string) => claims.push({ claim: text, held, seen });

  for (const { name, unanswered } of evidence.records)
    if (unanswered !== undefined) claim(`${name}: the daemons answer`, false, unanswered);
  const undisturbed = phases.filter(({ name }) => name !== 'cut');
  const broken = undisturbed.filter(({ brokenFlows }) => brokenFlows > 0);
  claim(
    'no running flow breaks while load and paths change',
    broken.length === 0,
    broken.length === 0
      ? `0 broken in ${undisturbed.map(({ name }) => name).join(', ')}`
      : broken.map(({ name, brokenFlows }) => `${brokenFlows} in ${name}`).join(', '),
  );
  const moved = phases.reduce((n, { movedFlows }) => n + movedFlows, 0);
  claim('no running flow is answered by another contact instance', moved === 0, `${moved} moved`);

  for (const name of ['busy', 'cut']) {
    const phase = named(name);
    const record = evidence.records.find((one) => one.name === name);
    if (phase === undefined || record === undefined) continue;
    const { late, after } = flowsTo(evidence, hero, record);
    claim(
      `${name}: new flows of ${evidence.ingress} follow the decision away from ${hero}`,
      after > 0 && late === 0,
      `${late} of ${after} new flows went to ${hero} against the decision, ${RACE_MS} ms and more after it`,
    );
  }
  const path = named('path');
  if (path !== undefined && path.sentPackets > 0) {
    const { droppedByHosts } = evidence;
    const hosts = droppedByHosts > 0 ? ` (in the whole run the end hosts dropped ${droppedByHosts} unread)` : '';
    claim(
      'path: the running stream loses nothing when its path changes',
      path.lostPackets === 0,
      `${path.lostPackets} of ${path.sentPackets} packets lost${hosts}`,
    );
  }
  const cut = named('cut');
  if (cut !== undefined) {
    claim(
      'cut: new connections succeed again in less than a second',
      cut.resumedAfterMs !== null && cut.resumedAfterMs < RESUMED_WITHIN_MS,
      cut.resumedAfterMs === null
        ? 'they did not'
        : `after ${cut.resumedAfterMs.toFixed(0)} ms, ${cut.failedFlows} attempts failed`,
    );
  }
  const back = named('return');
  if (back !== undefined) {
    const flows = back.newFlows[hero] ?? 0;
    claim(`return: new flows come back to ${hero}`, flows > 0, `${flows} new flows reached ${hero}`);
  }
  if (evidence.captured) {
    const unseen = evidence.lists.filter(isMissed);
    claim(
      'the segment lists on the wire are those that the daemons explain',
      unseen.length === 0,
      unseen.length === 0
        ? `${evidence.lists.filter((row) => row.captured).length} lists captured`
        : unseen.map((row) => `${row.phase}: ${row.ingress} to ${row.instance} not seen`).join(', '),
    );
  }
  return claims;
}

/** Claims about decisions alone, where no packet follows them. */
export function judgeDecisions({ records, hero, ingress }: Evidence): Claim[] {
  const weightIn = (name: string) => records.find((record) => record.name === name)?.weights[ingress]?.[hero] ?? 0;
  const steady = weightIn('steady');
  return [
    ...['busy', 'cut'].map((name) => ({
      claim: `${name}: ${ingress} decides away from ${hero}`,
      held: weightIn(name) < steady,
      seen: `${weightIn(name)} of 1000 new flows, ${steady} before`,
    })),
    {
      claim: `return: ${ingress} decides for ${hero} again`,
      held: weightIn('return') > weightIn('cut'),
      seen: `${weightIn('return')} of 1000 new flows`,
    },
  ];
}

/**
 * New flows of the first client once the decision of the phase was in force, and how many of them went to `hero` beyond
 * what the weights of their moment allow. Weights go on moving, so each stretch is held against the largest one that was in
 * force in it or just before.
 */
function flowsTo({ timeline, ingress, records }: Evidence, hero: string, record: PhaseRecord) {
  const own = timeline.ingresses.find((one) => one.ingress === ingress);
  const originMs = records[0]?.startedAtMs ?? 0;
  const fromMs = record.settledAtMs + RACE_MS - originMs;
  let after = 0;
  let reached = 0;
  let expected = 0;
  for (const { atMs, newFlows } of own?.points ?? []) {
    const untilMs = atMs + timeline.bucketMs;
    if (atMs < fromMs || untilMs > record.endedAtMs - originMs) continue;
    const flows = Object.values(newFlows).reduce((a, b) => a + b, 0);
    after += flows;
    reached += newFlows[hero] ?? 0;
    expected += (flows * largestWeight(own?.decisions ?? [], hero, atMs - RACE_MS, untilMs)) / 1000;
  }
  // Each flow is drawn by chance: three standard deviations above the mean are chance too.
  return { late: Math.max(0, reached - Math.ceil(expected + 3 * Math.sqrt(expected))), after };
}

/** Largest weight of `hero` that was in force at some time between the two, of 1000. */
function largestWeight(decisions: readonly DecisionMark[], hero: string, fromMs: number, toMs: number): number {
  const before = decisions.findLast(({ atMs }) => atMs <= fromMs);
  const within = decisions.filter(({ atMs }) => atMs > fromMs && atMs < toMs);
  return Math.max(0, ...[before, ...within].map((mark) => mark?.weights[hero] ?? 0));
}
