// The end of the demo in text: the table of phases, the segment lists, where the time went, and what held.
import { renderTable } from '../labs/table.ts';
import type { DemoDocument } from './document.ts';

export function renderSummary(document: DemoDocument): string {
  const { phases, segmentLists, latencyUs, claims, leftOut } = document;
  const instances = [...new Set(phases.flatMap(({ requests }) => Object.keys(requests)))].sort();
  const per = (counts: Readonly<Record<string, number>>) => instances.map((name) => counts[name] ?? 0).join(' / ');
  const names = instances.join(' / ');
  const sections = [
    renderTable(
      [
        'phase',
        'seconds',
        `requests ${names}`,
        `new flows ${names}`,
        'broken',
        'failed',
        'lost packets',
        'resumed after',
      ],
      phases.map((phase) => [
        phase.name,
        (phase.durationMs / 1000).toFixed(1),
        per(phase.requests),
        per(phase.newFlows),
        String(phase.brokenFlows),
        String(phase.failedFlows),
        `${phase.lostPackets} of ${phase.sentPackets}`,
        phase.resumedAfterMs === null
          ? 'not'
          : phase.resumedAfterMs === 0
            ? '-'
            : `${phase.resumedAfterMs.toFixed(0)} ms`,
      ]),
    ),
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
            row.captured ? `yes (${row.packets} packets)` : 'not seen',
          ]),
        ),
    Object.keys(latencyUs).length === 0
      ? ''
      : renderTable(
          ['stage', 'p50 us', 'p99 us', 'n'],
          Object.entries(latencyUs).map(([stage, { p50, p99, n }]) => [
            stage,
            p50.toFixed(0),
            p99.toFixed(0),
            String(n),
          ]),
        ),
    claims.map(({ claim, held, seen }) => `${held ? 'ok  ' : 'FAIL'}  ${claim}: ${seen}\n`).join(''),
    leftOut.map((line) => `left out  ${line}\n`).join(''),
  ];
  return sections.filter((section) => section !== '').join('\n');
}
