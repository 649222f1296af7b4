// What `show`, `status`, `explain` and `watch` print for people.
import type {
  ExplainView,
  PeerProtocolView,
  PeerView,
  PolicyTestView,
  SegmentEntryView,
  StatusView,
  ViewKind,
  Views,
} from '../../lib/model/view.ts';
import { viewKey } from '../../lib/model/view.ts';
import { COLUMNS, ENTRY_COLUMNS, noList, verdictTone } from './columns.ts';
import { LINK_COLUMNS, LOCATOR_COLUMNS } from './columns-link-state.ts';
import {
  age,
  clock,
  counted,
  grouped,
  msOfUs,
  named,
  ofState,
  orDash,
  percentOfWeight,
  plain,
  span,
} from './format.ts';
import type { Paint } from './style.ts';
import { type Column, printable, renderPairs, renderTable } from './table.ts';

const WEEK_MS = 7 * 86_400_000;

/** The table (for link-state: both tables) of one view. */
export function showText<K extends ViewKind>(kind: K, rows: readonly Views[K][], nowMs: number, paint: Paint): string {
  const table = renderTable<Views[K]>(COLUMNS[kind], rows, nowMs, paint);
  if (kind === 'paths') {
    const paths = rows as readonly Views['paths'][];
    return (
      table +
      entriesText(
        paths.map((row) => ({ to: named(row.name, row.router), ...row })),
        nowMs,
        paint,
      )
    );
  }
  if (kind !== 'link-state') return table;
  const routers = rows as readonly Views['link-state'][];
  const links = routers.flatMap((row) => row.links.map((link) => ({ router: named(row.name, row.originator), link })));
  const locators = routers.flatMap((row) =>
    row.locators.map((locator) => ({ router: named(row.name, row.originator), locator })),
  );
  return [
    table,
    renderTable(LINK_COLUMNS, links, nowMs, paint),
    renderTable(LOCATOR_COLUMNS, locators, nowMs, paint),
  ].join('\n');
}

interface PackedRow {
  readonly to: string;
  readonly entries: readonly SegmentEntryView[];
}

/** What the entries of lists hold; empty when every entry is a full SID, which says so itself. */
function entriesText(rows: readonly PackedRow[], nowMs: number, paint: Paint): string {
  const packed = rows.filter(({ entries }) => entries.some(({ kind }) => kind !== 'full'));
  if (packed.length === 0) return '';
  const entries = packed.flatMap(({ to, entries: held }) => held.map((entry) => ({ to, entry })));
  return `\n${renderTable(ENTRY_COLUMNS, entries, nowMs, paint)}`;
}

export function statusText(view: StatusView, nowMs: number, paint: Paint): string {
  const up = view.peersEstablished === view.peersConfigured;
  const pairs: [string, string][] = [
    ['router', `${view.name} (${view.routerId}) of ${view.site}, domain ${view.domain}`],
    ['state', `${view.state}, up ${age(view.startedAtMs, nowMs)}`],
    ['roles', view.roles.join(' ')],
    ['version', `cfnd ${view.version}, ${view.runtime}, pid ${view.pid}`],
    ['configuration', orDash(view.configFile)],
    ['peers', paint(up ? 'good' : 'warn', `${view.peersEstablished} of ${view.peersConfigured} established`)],
    [
      'knows',
      [counted(view.services, 'service'), counted(view.routes, 'route'), counted(view.nodes, 'router')].join(', '),
    ],
    ['forwarding', `${view.fibKind}, ${view.fibState}, ${view.fibObjects} objects, ${view.fibFailures} failed`],
    ['security', view.certificate === '' ? view.security : `${view.security} as ${view.certificate}`],
    ...certificatePair(view, nowMs, paint),
    ...view.degraded.map((line, i): [string, string] => [i === 0 ? 'does without' : '', paint('warn', line)]),
  ];
  return renderPairs(pairs, paint);
}

/** How long the own certificate is good for; worth a colour in its last week. */
function certificatePair(view: StatusView, nowMs: number, paint: Paint): [string, string][] {
  if (view.certificateNotAfterMs === 0) return [];
  const leftMs = view.certificateNotAfterMs - nowMs;
  const until = new Date(view.certificateNotAfterMs).toISOString();
  const tone = leftMs <= 0 ? 'bad' : leftMs < WEEK_MS ? 'warn' : 'good';
  return [['certificate', paint(tone, leftMs <= 0 ? `expired ${until}` : `good until ${until}`)]];
}

/** The decision record as a person reads it: outcome, candidates in order, then the path of each that can be reached. */
export function explainText(view: ExplainView, nowMs: number, paint: Paint): string {
  type Candidate = ExplainView['candidates'][number];
  const name = view.serviceName === '' || view.serviceName === view.service ? '' : `${view.serviceName} `;
  const best = view.candidates.find((one) => one.contactInstance === view.best);
  const challenge =
    view.challengedSinceMs === undefined ? '' : `, challenged for ${age(view.challengedSinceMs, nowMs)}`;
  const right = (head: string, cell: (row: Candidate) => string): Column<Candidate> => ({ head, align: 'right', cell });
  const columns: Column<Candidate>[] = [
    { head: 'INSTANCE', cell: (row) => named(row.instanceName, row.contactInstance) },
    { head: 'SITE', cell: (row) => row.site },
    // Of another site nobody here knows who told it.
    ...(view.assumed ? [] : [{ head: 'FROM', cell: (row: Candidate) => row.from }]),
    right('COST[ms]', (row) => msOfUs(row.cost?.totalUs)),
    right('RTT[ms]', (row) => msOfUs(row.cost?.roundTripUs)),
    right('SERVICE[ms]', (row) => msOfUs(row.cost?.serviceTimeUs)),
    // Only where a class trades them does anybody want to see them.
    ...(['priceUs', 'carbonUs', 'preferenceUs'] as const)
      .filter((part) => view.candidates.some((row) => (row.cost?.[part] ?? 0) !== 0))
      .map((part) => right(`${part.slice(0, -2).toUpperCase()}[ms]`, (row) => msOfUs(row.cost?.[part]))),
    right('SCORE', (row) => plain(row.state?.score)),
    right('INFLIGHT', (row) => ofState(row.state, row.state?.inFlight)),
    right('SPARE[req/s]', (row) => ofState(row.state, row.state?.spareCapacity)),
    right('WEIGHT[%]', (row) => percentOfWeight(row.weight)),
    { head: 'VERDICT', cell: (row) => row.verdict, tone: (row) => verdictTone(row.verdict) },
  ];
  const head = renderPairs(
    [
      ['service', `${name}${view.service}`],
      ['seen from', `${view.site}${view.assumed ? ' (computed here, without that site’s memory)' : ''}`],
      ['class', `${view.class}: ${view.strategy}, affinity ${view.affinity}`],
      [
        'best',
        best === undefined
          ? paint('bad', 'nothing is eligible')
          : paint(
              best.verdict === 'last-resort' ? 'warn' : 'good',
              `${named(best.instanceName, best.contactInstance)} at ${best.site}${best.verdict === 'last-resort' ? ', for want of anything better' : ''}`,
            ),
      ],
      ['decided', `${age(view.atMs, nowMs)} ago: ${view.change}${challenge}`],
      ['hysteresis', `${plain(view.hysteresisPercent)} % for ${span(view.holdMs)}`],
      ...explorationPair(view),
    ],
    paint,
  );
  const reachable = view.candidates.filter((row) => row.path.length > 0);
  const pathColumns: Column<Candidate>[] = [
    { head: 'INSTANCE', cell: (row) => named(row.instanceName, row.contactInstance) },
    { head: 'PATH', cell: (row) => row.path.join(' > ') },
    { head: 'SEGMENT LIST', cell: (row) => (row.segments.length > 0 ? row.segments.join(' ') : noList(row.plan)) },
    right('OCTETS', (row) => (row.segments.length > 0 ? String(row.overheadBytes) : '-')),
    ...(view.candidates.every((row) => row.explicit === '')
      ? []
      : [{ head: 'EXPLICIT PATH', cell: (row: Candidate) => row.explicit }]),
  ];
  const paths = reachable.length === 0 ? '' : `\n${renderTable(pathColumns, reachable, nowMs, paint)}`;
  const packed = reachable.map((row) => ({ to: named(row.instanceName, row.contactInstance), ...row }));
  return `${head}\n${renderTable(columns, view.candidates, nowMs, paint)}${paths}${entriesText(packed, nowMs, paint)}`;
}

/** Why an instance has a share that its cost does not earn. */
function explorationPair({ candidates }: ExplainView): [string, string][] {
  const tried = candidates.filter((row) => row.verdict === 'exploring');
  if (tried.length === 0) return [];
  const names = tried.map((row) => named(row.instanceName, row.contactInstance)).join(', ');
  return [['exploring', `${names}: slow by what is known, which is little of late; a few new flows find out`]];
}

/** All about one peer, as pairs. */
export function peerText(view: PeerView, nowMs: number, paint: Paint): string {
  const { protocol: p, received, advertised } = view;
  const up = view.state === 'Established';
  const list = (texts: readonly string[], none: string) => (texts.length === 0 ? none : texts.join(', '));
  const stale = p.retention === 'none' ? [] : [`${p.retention} for ${span(Math.max(0, p.retentionUntilMs - nowMs))}`];
  // For how long is agreed by both ends, at each session anew.
  const agreed = up ? [span(p.restartTimeMs), `then ${span(p.longLivedMs)} long-lived`] : [];
  const pairs: [string, string][] = [
    ['peer', `${view.name} (${orDash(view.remoteName)}, ${orDash(view.remoteRouterId)}) of ${orDash(view.remoteSite)}`],
    ['address', `${view.address} port ${view.port}${view.passive ? ', passive' : ''}`],
    ['state', `${paint(up ? 'good' : 'bad', view.state)} for ${age(view.sinceMs, nowMs)}, flaps ${view.flaps}`],
    ['roles', `we ${p.role || 'say none'}, it ${p.remoteRole || 'says none'}: ${p.relation}`],
    ['families', list(view.families, '-')],
    ['capabilities', list(p.capabilities, '-')],
    ['hold time', span(view.holdTimeMs)],
    ['routes kept', list([...agreed, ...stale], 'none')],
    ['received', countsText(received)],
    ['not used', `${p.rejected} by policy, ${p.damped} damped`],
    ['advertised', countsText(advertised)],
    ['limits', limitsText(p)],
    ['policies', `import ${p.importPolicy || 'everything'}, export ${p.exportPolicy || 'everything'}`],
    ['we hear', list(p.subscription, 'everything')],
    ['it hears', list(p.remoteSubscription, 'everything')],
    ['digests', `${p.mismatches} did not match`],
    ['messages', `${view.messagesIn} in, ${view.messagesOut} out`],
    ...(view.fault === '' ? [] : [['fault', view.fault] satisfies [string, string]]),
    ['last error', view.lastError === '' ? '-' : `${view.lastError} (${age(view.lastErrorAtMs, nowMs)} ago)`],
  ];
  return renderPairs(
    pairs.map(([name, value]) => [name, name === 'state' ? value : printable(value)]),
    paint,
  );
}

/** What exceeds the limit on routes is no limit of its own. */
function limitsText(p: PeerProtocolView): string {
  const parts = [`${grouped(p.serviceLimit)} routes`];
  if (p.servicesLimit < p.serviceLimit) parts.push(`${grouped(p.servicesLimit)} services`);
  if (p.instancesPerServiceLimit < p.serviceLimit)
    parts.push(`${grouped(p.instancesPerServiceLimit)} contact instances of a service`);
  parts.push(`${grouped(p.linkStateLimit)} routers`);
  if (p.updatesLimit > 0) parts.push(`${grouped(p.updatesLimit)} UPDATEs/s`);
  if (p.bytesLimit > 0) parts.push(`${grouped(p.bytesLimit)} bytes/s`);
  return `${parts.join(', ')}, then ${p.limitAction}`;
}

function countsText({ service, compute, linkState }: PeerView['received']): string {
  return `${service} routes, ${compute} states, ${linkState} routers`;
}

/** Verdict on every route, with the rules that led to it. */
export function policyText(
  { policy, routes }: { readonly policy: string; readonly routes: readonly PolicyTestView[] },
  paint: Paint,
): string {
  const columns: Column<PolicyTestView>[] = [
    { head: 'SERVICE', cell: (row) => row.service },
    { head: 'INSTANCE', cell: (row) => named(row.instanceName, row.contactInstance) },
    { head: 'SITE', cell: (row) => row.site },
    {
      head: 'VERDICT',
      cell: (row) => (row.accepted ? 'accept' : 'reject'),
      tone: (row) => (row.accepted ? 'good' : 'bad'),
    },
    { head: 'BY', cell: (row) => row.by },
    { head: 'CHANGES', cell: (row) => orDash(row.changes.join(', ')) },
    { head: 'RULES', cell: (row) => orDash(row.steps.map(({ rule, result }) => `${rule}:${result}`).join(' ')) },
  ];
  return `${renderPairs([['policy', policy]], paint)}\n${renderTable(columns, routes, 0, paint)}`;
}

/** One line of `drain --watch`. */
export function drainLine(row: Views['drains'], nowMs: number): string {
  const left = row.flows === undefined ? '' : `, ${row.flows} flows left here`;
  const silent = row.silentMs === undefined ? '' : `, silent for ${span(row.silentMs)}`;
  const since = age(row.sinceMs, nowMs);
  return `${named(row.instanceName, row.contactInstance)}: ${row.state} after ${since}${left}${silent}\n`;
}

/** Turns changes of one view into lines: what came, what went, and for the rest which columns changed from what to what. */
export function createWatchText<K extends ViewKind>(kind: K, paint: Paint) {
  const columns: readonly Column<Views[K]>[] = COLUMNS[kind];
  const [first] = columns;
  const held = new Map<string, Views[K]>();
  const text = (column: Column<Views[K]>, row: Views[K], atMs: number) => printable(column.cell(row, atMs));
  const nameOf = (row: Views[K]): string => text(first!, row, 0);
  return (change: {
    atMs: number;
    snapshot: boolean;
    rows: readonly Views[K][];
    removed: readonly string[];
  }): string => {
    const { atMs, snapshot, rows, removed } = change;
    if (snapshot) {
      held.clear();
      for (const row of rows) held.set(viewKey(kind, row), row);
      return renderTable(columns, rows, atMs, paint);
    }
    const line = (mark: string, what: string) => `${paint('dim', clock(atMs))} ${mark} ${what}\n`;
    const lines: string[] = [];
    for (const key of removed) {
      const row = held.get(key);
      if (row !== undefined) lines.push(line(paint('bad', '-'), nameOf(row)));
      held.delete(key);
    }
    for (const row of rows) {
      const key = viewKey(kind, row);
      const before = held.get(key);
      held.set(key, row);
      const cells = columns.slice(1).filter((column) => column.ages === undefined);
      if (before === undefined) {
        const facts = cells.map((column) => `${column.head} ${text(column, row, atMs)}`).join('  ');
        lines.push(line(paint('good', '+'), `${nameOf(row)}: ${facts}`));
        continue;
      }
      const differences = cells
        .map((column) => ({ head: column.head, from: text(column, before, atMs), to: text(column, row, atMs) }))
        .filter(({ from, to }) => from !== to)
        .map(({ head, from, to }) => `${head} ${from} -> ${to}`);
      if (differences.length > 0) lines.push(line('~', `${nameOf(row)}: ${differences.join('  ')}`));
    }
    return lines.join('');
  };
}
