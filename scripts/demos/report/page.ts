// The report: one HTML page that needs nothing else, for a browser, a printer or a slide. Everything on it comes from the
// document and the timeline of the run.
import { excuse } from '../bystanders.ts';
import type { DemoDocument, DemoPhase } from '../document.ts';
import type { Performance } from '../performance.ts';
import { sightingOf } from '../segment-lists.ts';
import { decidedText, LATENCY_REMARK, resumedText } from '../summary.ts';
import { renderChart } from './chart.ts';
import { type DrawnPath, renderPicture } from './picture.ts';
import { STYLE } from './style.ts';
import { colourOf, escapeText as text } from './svg.ts';

export type PageInput = Pick<Performance, 'document' | 'timeline' | 'phases' | 'hero' | 'lab'> & {
  /** Client whose stream is drawn. */
  readonly client: string;
};

/** What a reader of the table asks first. */
const NOTE = `<p class="note">Flows that run to a site when it is cut off break with it, and what is under way is lost: no routing carries them further.</p>`;

export function renderPage(input: PageInput): string {
  const { document, timeline, lab, hero } = input;
  const { instances } = timeline;
  const excused = excuse(document);
  const failed = document.claims.filter(({ held }) => !held).length;
  const when = new Date(timeline.originMs).toISOString().slice(0, 16).replace('T', ' ');
  const steered = document.phases.some(({ requests }) => Object.keys(requests).length > 0);
  const what = steered
    ? 'real TCP and UDP flows to one anycast address, steered by SRv6'
    : 'no packet could be steered on this machine: decisions only';
  const body = [
    `<header><h1>New flows follow the compute, running flows stay</h1>`,
    `<p class="sub">cfnd in the lab ${text(document.lab)} (${text(document.engine)}): ${lab.nodes.length} nodes deployed in ${(document.deployMs / 1000).toFixed(1)} s, `,
    `converged ${(document.convergedMs / 1000).toFixed(1)} s later; ${what}. ${when} UTC, ${document.wallSeconds.toFixed(0)} s in all.</p></header>`,
    tiles(document, hero),
    failed > 0
      ? `<p class="alarm">${failed} of ${document.claims.length} claims did not hold in this run: see below${excused === '' ? '' : `; ${text(excused)}`}.</p>`
      : '',
    `<section><h2>${steered ? 'Who served new flows' : 'Where new flows would go'}</h2>${key(instances)}${renderChart(timeline)}${story(input)}</section>`,
    `<section><h2>The lab, and the way of the running stream</h2>${renderPicture(lab, instances, paths(input))}</section>`,
    `<section><h2>Phase by phase</h2>${phaseTable(document.phases, instances)}</section>`,
    listTable(document),
    `<div class="columns">${latencyTable(document)}${claims(document)}</div>`,
    leftOut(document),
    `<footer>Numbers are from this run: flows and packets as the load generators counted them end to end, segment lists from packets `,
    `captured at the core routers, stages from the daemon of the first ingress. Written by scripts/demo.</footer>`,
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>cfnd demo: ${text(document.lab)}</title><style>${STYLE}</style></head>
<body><main>${body.join('\n')}</main></body></html>
`;
}

function tiles({ phases, latencyUs }: DemoDocument, hero: string): string {
  const named = (name: string) => phases.find((phase) => phase.name === name);
  const [path, cut] = [named('path'), named('cut')];
  const broken = phases.filter(({ name }) => name !== 'cut').reduce((n, { brokenFlows }) => n + brokenFlows, 0);
  const kernel = latencyUs['receive-to-kernel'];
  const tile = (value: string, what: string) =>
    `<div class="tile"><b>${text(value)}</b><span>${text(what)}</span></div>`;
  if (phases.every(({ requests }) => Object.keys(requests).length === 0)) return '';
  return `<div class="tiles">${[
    tile(String(broken), `running flows broken while load moved and paths changed`),
    path && path.sentPackets > 0
      ? tile(
          `${path.lostPackets} of ${path.sentPackets.toLocaleString('en')}`,
          'packets of a 1 kHz stream lost when its path changed',
        )
      : '',
    cut
      ? tile(
          cut.resumedAfterMs === null ? 'not' : `${cut.resumedAfterMs.toFixed(0)} ms`,
          `until new connections succeed again after the site of ${hero} was cut off`,
        )
      : '',
    kernel && kernel.n > 0
      ? tile(
          `${(kernel.p50 / 1000).toFixed(1)} ms`,
          `load report received to kernel and affinity changed, median of ${kernel.n}`,
        )
      : '',
  ].join('')}</div>`;
}

function key(instances: readonly string[]): string {
  const items = instances.map(
    (name) => `<span><i style="background:${colourOf(instances, name)}"></i>${text(name)}</span>`,
  );
  return `<p class="key">${items.join('')}<span><i class="triangle"></i>decision that moved weights</span></p>`;
}

function story({ phases }: PageInput): string {
  const items = phases.map(({ name, what, settledAtMs, startedAtMs }, i) => {
    const took = i === 0 ? '' : ` <em>answered after ${((settledAtMs - startedAtMs) / 1000).toFixed(2)} s</em>`;
    return `<li><b>${text(name)}</b> ${text(what)}${took}</li>`;
  });
  return `<ol class="story">${items.join('')}</ol>`;
}

/** The way in the beginning, and the one after the link got longer. */
function paths({ phases, client, hero }: PageInput): DrawnPath[] {
  const way = (name: string) => phases.find((phase) => phase.name === name)?.path ?? [];
  const whole = (path: readonly string[]) => (path.length === 0 ? [] : [client, ...path, hero]);
  return [
    { name: `${client} to ${hero}`, nodes: whole(way('steady')), dashed: false },
    { name: 'after a link on it got longer', nodes: whole(way('path')), dashed: true },
  ].filter(({ nodes }) => nodes.length > 0);
}

function table(heads: readonly string[], rows: readonly (readonly string[])[], kind = ''): string {
  const head = heads.map((cell) => `<th>${cell}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('');
  return `<div class="scroll"><table class="${kind}"><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function phaseTable(phases: readonly DemoPhase[], instances: readonly string[]): string {
  if (phases.every(({ requests }) => Object.keys(requests).length === 0)) {
    const rows = phases.map((phase) => [`<b>${text(phase.name)}</b>`, text(decidedText(phase))]);
    return table(['phase', 'new flows would go'], rows);
  }
  const heads = [
    'phase',
    's',
    ...instances.map((name) => `requests ${text(name)}`),
    ...instances.map((name) => `new flows ${text(name)}`),
  ];
  const bad = (n: number, shown = String(n)) => (n > 0 ? `<b class="bad">${shown}</b>` : shown);
  return `${table(
    [...heads, 'broken', 'failed', 'lost packets', 'resumed after', 'response p50 / p99'],
    phases.map((phase) => [
      `<b>${text(phase.name)}</b>`,
      (phase.durationMs / 1000).toFixed(1),
      ...instances.map((name) => String(phase.requests[name] ?? 0)),
      ...instances.map((name) => String(phase.newFlows[name] ?? 0)),
      bad(phase.brokenFlows),
      bad(phase.failedFlows),
      bad(phase.lostPackets, `${phase.lostPackets} of ${phase.sentPackets}`),
      resumedText(phase, ''),
      phase.responseMs.n === 0 ? '' : `${phase.responseMs.p50.toFixed(1)} / ${phase.responseMs.p99.toFixed(0)} ms`,
    ]),
    'numbers',
  )}${NOTE}`;
}

function listTable({ segmentLists }: DemoDocument): string {
  if (segmentLists.length === 0) return '';
  const rows = segmentLists.map((row, i) => [
    row.phase === segmentLists[i - 1]?.phase ? '' : `<b>${text(row.phase)}</b>`,
    `${text(row.ingress)} &rarr; ${text(row.instance)}`,
    row.weight === 0 ? 'older flows' : `${(row.weight / 10).toFixed(0)} %`,
    `<code>${row.list.map(text).join(' <span class="soft">&rsaquo;</span> ')}</code>`,
    sightingOf(
      row,
      segmentLists.some(({ captured }) => captured),
    ),
  ]);
  const heads = ['phase', 'from, to', 'share', 'segment list the daemon explains', 'on the wire'];
  return `<section><h2>Segment lists, explained and captured</h2>${table(heads, rows)}</section>`;
}

function latencyTable({ latencyUs }: DemoDocument): string {
  const rows = Object.entries(latencyUs).map(([stage, { p50, p99, n }]) => [
    text(stage),
    (p50 / 1000).toFixed(2),
    (p99 / 1000).toFixed(2),
    String(n),
  ]);
  if (rows.length === 0) return '';
  return `<section><h2>From load report to kernel</h2>${table(['stage', 'p50 ms', 'p99 ms', 'n'], rows, 'numbers')}<p class="note">${text(LATENCY_REMARK)}</p></section>`;
}

function claims({ claims: all }: DemoDocument): string {
  const items = all.map(
    ({ claim, held, seen }) =>
      `<li class="${held ? 'held' : 'fell'}"><b>${text(claim)}</b><span>${text(seen)}</span></li>`,
  );
  return `<section><h2>What this run showed</h2><ul class="claims">${items.join('')}</ul></section>`;
}

function leftOut({ leftOut: lines }: DemoDocument): string {
  if (lines.length === 0) return '';
  return `<section><h2>Left out on this machine</h2><ul>${lines.map((line) => `<li>${text(line)}</li>`).join('')}</ul></section>`;
}
