// The end of the demo in text: the table of phases, the segment lists, where the time went, and what held.
import { renderTable } from '../labs/table.ts';
import { excuse } from './bystanders.ts';
import type { DemoDocument, DemoPhase } from './document.ts';
import { sightingOf } from './segment-lists.ts';

/** What stands beside the stages: the lab's hosts, clients and routers share the processors while these are taken. */
export const LATENCY_REMARK =
  'These are times of a loaded lab: every router, host and client of it runs on this machine. On a quiet one: scripts/bench report-to-fib.';

export function renderSummary(document: DemoDocument): string {
  const { phases, segmentLists, latencyUs, claims, leftOut } = document;
  const excused = excuse(document);
  const instances = [...new Set(phases.flatMap(({ requests }) => Object.keys(requests)))].sort();
  const sections = [
    instances.length > 0 ? flowTable(phases, instances) : decisionTable(phases),
    segmentLists.length === 0
      ? ''
      : renderTable(
          ['phase', 'from', 'to', 'share', 'segment list', 'on the wire'],
          segmentLists.map((row) => [
            row.phase,
            row.ingress,
            row.instance,
            row.weight === 0 ? 'older flows' : `${(row.weight / 10).toFixed(0)} %`,
            row.list.join(' > '),
            sightingOf(
              row,
              segmentLists.some(({ captured }) => captured),
            ),
          ]),
        ),
    Object.keys(latencyUs).length === 0
      ? ''
      : `${renderTable(
          ['stage', 'p50 us', 'p99 us', 'n'],
          Object.entries(latencyUs).map(([stage, { p50, p99, n }]) => [
            stage,
            p50.toFixed(0),
            p99.toFixed(0),
            String(n),
          ]),
        )}${LATENCY_REMARK}\n`,
    claims.map(({ claim, held, seen }) => `${held ? 'ok  ' : 'FAIL'}  ${claim}: ${seen}\n`).join(''),
    excused === '' ? '' : `note  ${excused}\n`,
    leftOut.map((line) => `left out  ${line}\n`).join(''),
  ];
  return sections.filter((section) => section !== '').join('\n');
}

function flowTable(phases: readonly DemoPhase[], instances: readonly string[]): string {
  const per = (counts: Readonly<Record<string, number>>) => instances.map((name) => counts[name] ?? 0).join(' / ');
  const names = instances.join(' / ');
  const heads = ['phase', 'seconds', `requests ${names}`, `new flows ${names}`, 'broken', 'failed', 'lost packets'];
  return renderTable(
    [...heads, 'resumed after'],
    phases.map((phase) => [
      phase.name,
      (phase.durationMs / 1000).toFixed(1),
      per(phase.requests),
      per(phase.newFlows),
      String(phase.brokenFlows),
      String(phase.failedFlows),
      `${phase.lostPackets} of ${phase.sentPackets}`,
      resumedText(phase, '-'),
    ]),
  );
}

function decisionTable(phases: readonly DemoPhase[]): string {
  return renderTable(
    ['phase', 'seconds', 'new flows would go'],
    phases.map((phase) => [phase.name, (phase.durationMs / 1000).toFixed(1), decidedText(phase)]),
  );
}

/** What each ingress decided, in words. */
export function decidedText({ weights }: DemoPhase): string {
  return Object.entries(weights)
    .map(([ingress, shares]) => {
      const largest = Object.entries(shares).toSorted(([, a], [, b]) => b - a);
      return `${ingress}: ${largest.map(([name, weight]) => `${name} ${(weight / 10).toFixed(0)} %`).join(', ')}`;
    })
    .join('; ');
}

/** How long new connections failed; `never`: what stands where none did. */
export function resumedText({ resumedAfterMs }: DemoPhase, never: string): string {
  if (resumedAfterMs === null) return 'not';
  return resumedAfterMs === 0 ? never : `${resumedAfterMs.toFixed(0)} ms`;
}
