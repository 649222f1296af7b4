// The columns of `show`: what a person sees of each view. JSON has every field; a table has what answers the question.
import type { ComputeStateView, RibRow, SegmentEntryView, ViewKind, Views } from '../../lib/model/view.ts';
import { ROUTER_COLUMNS } from './columns-link-state.ts';
import { age, msOfUs, named, ofState, orDash, percentOfWeight, plain, span } from './format.ts';
import type { Tone } from './style.ts';
import { type Column, number } from './table.ts';

type ColumnsOf = { readonly [K in ViewKind]: readonly Column<Views[K]>[] };

/** Shared by `show rib` and `show instances`. */
function stateColumns<Row extends { readonly state?: ComputeStateView }>(): Column<Row>[] {
  const of = (read: (state: ComputeStateView) => string) => (row: Row) =>
    row.state === undefined ? '-' : read(row.state);
  return [
    number(
      'SCORE',
      of((state) => String(state.score)),
      (row) => scoreTone(row.state?.score),
    ),
    number(
      'SERVICE[ms]',
      of((state) => ofState(state, state.serviceTimeUs, msOfUs)),
    ),
    number(
      'INFLIGHT',
      of((state) => ofState(state, state.inFlight)),
    ),
    number(
      'SPARE[req/s]',
      of((state) => ofState(state, state.spareCapacity)),
    ),
    {
      head: 'AGE',
      align: 'right',
      ages: true,
      cell: (row, nowMs) =>
        row.state === undefined ? '-' : age(row.state.receivedAtMs, nowMs) + (row.state.stale ? '!' : ''),
      tone: (row) => (row.state?.stale ? 'warn' : undefined),
    },
  ];
}

function scoreTone(score: number | undefined): Tone | undefined {
  // The bands of the metric definition: 0..3, 4..7, 8..10.
  if (score === undefined) return undefined;
  if (score <= 3) return 'bad';
  return score <= 7 ? 'warn' : 'good';
}

export function verdictTone(verdict: string): Tone | undefined {
  if (verdict === 'best') return 'good';
  if (verdict === 'exploring') return 'warn';
  return verdict === 'shared' || verdict === '' ? undefined : 'dim';
}

export const COLUMNS: ColumnsOf = {
  peers: [
    { head: 'PEER', cell: (row) => row.name },
    { head: 'ADDRESS', cell: (row) => row.address },
    { head: 'SITE', cell: (row) => orDash(row.remoteSite) },
    { head: 'STATE', cell: (row) => row.state, tone: (row) => (row.state === 'Established' ? 'good' : 'bad') },
    { head: 'SINCE', align: 'right', ages: true, cell: (row, nowMs) => age(row.sinceMs, nowMs) },
    number('HOLD[s]', (row) => plain(row.holdTimeMs / 1000)),
    number('SERVICE[in/out]', (row) => `${row.received.service}/${row.advertised.service}`),
    number('COMPUTE[in/out]', (row) => `${row.received.compute}/${row.advertised.compute}`),
    number('LINK-STATE[in/out]', (row) => `${row.received.linkState}/${row.advertised.linkState}`),
    number('REFUSED', (row) => String(row.refused.reduce((sum, one) => sum + one.rows, 0))),
    number('FLAPS', (row) => String(row.flaps)),
    {
      head: 'LAST ERROR',
      cell: (row) => orDash(row.fault || row.lastError),
      tone: (row) => (row.fault === '' ? 'dim' : 'bad'),
    },
  ],
  services: [
    { head: 'SERVICE', cell: (row) => named(row.name, row.service) },
    { head: 'ADDRESS', cell: (row) => row.service },
    { head: 'CLASS', cell: (row) => orDash(row.class) },
    { head: 'FLOWS THAT ARE', cell: (row) => orDash(row.classify.join(' or ')) },
    { head: 'STRATEGY', cell: (row) => orDash(row.strategy) },
    { head: 'AFFINITY', cell: (row) => orDash(row.affinity) },
    number('ELIGIBLE', (row) => (row.steered ? `${row.eligible}/${row.candidates}` : `-/${row.candidates}`)),
    {
      head: 'NEW FLOWS[%]',
      cell: (row) => {
        if (!row.steered) return 'not steered here';
        const shares = row.weights.map(
          (one) => `${one.site}/${named(one.instanceName, one.contactInstance)} ${percentOfWeight(one.weight)}`,
        );
        return shares.length === 0 ? 'nothing eligible' : shares.join(', ');
      },
      tone: (row) => (row.steered && row.weights.length === 0 ? 'bad' : undefined),
    },
    { head: 'CHANGE', cell: (row) => orDash(row.change) },
    { head: 'CHANGED', align: 'right', ages: true, cell: (row, nowMs) => age(row.changedAtMs, nowMs) },
  ],
  rib: [
    { head: 'SERVICE', cell: (row) => named(row.serviceName, row.service) },
    { head: 'INSTANCE', cell: (row) => named(row.instanceName, row.contactInstance) },
    { head: 'SITE', cell: (row) => row.site },
    { head: 'FROM', cell: (row) => row.from },
    { head: 'EGRESS SID', cell: (row) => row.egressSid },
    ...stateColumns<RibRow>(),
    number('RTT[ms]', (row) => msOfUs(row.roundTripUs)),
    number('COST[ms]', (row) => msOfUs(row.costUs)),
    number('WEIGHT[%]', (row) => percentOfWeight(row.weight)),
    {
      head: 'VERDICT',
      cell: (row) => {
        const drains = row.drain && row.verdict !== 'draining' ? ' draining' : '';
        const doubted = row.quarantine === '' ? '' : ` quarantine(${row.quarantine})`;
        return orDash(`${row.verdict}${drains}${doubted}`.trim());
      },
      tone: (row) => verdictTone(row.verdict),
    },
  ],
  instances: [
    { head: 'INSTANCE', cell: (row) => row.instanceName },
    { head: 'SERVICE', cell: (row) => named(row.serviceName, row.service) },
    { head: 'ADDRESS', cell: (row) => row.contactInstance },
    { head: 'SID', cell: (row) => row.sid },
    { head: 'HEALTH', cell: (row) => row.health, tone: (row) => HEALTH_TONES[row.health] },
    { head: 'SINCE', align: 'right', ages: true, cell: (row, nowMs) => age(row.healthSinceMs, nowMs) },
    { head: 'OFFERED', cell: (row) => (row.drained ? 'draining' : row.advertised ? 'yes' : 'no') },
    { head: 'SOURCE', cell: (row) => row.source },
    ...stateColumns<Views['instances']>(),
    { head: 'LAST ERROR', cell: (row) => orDash(row.lastError), tone: () => 'dim' },
  ],
  'link-state': ROUTER_COLUMNS,
  paths: [
    { head: 'ROUTER', cell: (row) => named(row.name, row.router) },
    { head: 'ROUTER ID', cell: (row) => row.router },
    { head: 'SITE', cell: (row) => row.site },
    number('DELAY[ms]', (row) => (row.reachable ? msOfUs(row.delayUs) : '-')),
    number('RTT[ms]', (row) => (row.reachable ? msOfUs(row.roundTripUs) : '-')),
    {
      head: 'PATH',
      cell: (row) => (row.reachable ? row.path.join(' > ') : 'unreachable'),
      tone: (row) => (row.reachable ? undefined : 'bad'),
    },
    { head: 'FIRST HOP', cell: (row) => orDash(row.firstHops.map((hop) => `${hop.gateway}%${hop.device}`).join(' ')) },
    { head: 'SEGMENT LIST', cell: (row) => (row.segments.length > 0 ? row.segments.join(' ') : noList(row.plan)) },
    number('OCTETS', (row) => (row.segments.length > 0 ? String(row.overheadBytes) : '-')),
  ],
  fib: [
    { head: 'KIND', cell: (row) => row.kind },
    { head: 'STATE', cell: (row) => row.state, tone: (row) => FIB_TONES[row.state] },
    { head: 'OBJECT', cell: (row) => row.object },
    { head: 'ERROR', cell: (row) => orDash(row.error), tone: (row) => (row.error === '' ? 'dim' : 'bad') },
  ],
  'fib-in-kernel': [
    { head: 'KIND', cell: (row) => row.kind },
    { head: 'KERNEL', cell: (row) => row.kernel, tone: (row) => (row.kernel === 'in-force' ? 'good' : 'bad') },
    { head: 'OBJECT', cell: (row) => row.object || row.key },
  ],
  sids: [
    { head: 'SID', cell: (row) => row.prefix },
    { head: 'BEHAVIOUR', cell: (row) => row.behaviour },
    number('PACKETS', (row) => String(row.packets)),
    number('BYTES', (row) => String(row.bytes)),
    number(
      'ERRORS',
      (row) => String(row.errors),
      (row) => (row.errors > 0 ? 'bad' : undefined),
    ),
  ],
  metrics: [
    {
      head: 'METRIC',
      cell: (row) => {
        const labels = Object.entries(row.labels).map(([key, value]) => `${key}=${value}`);
        return labels.length === 0 ? row.name : `${row.name}{${labels.join(',')}}`;
      },
    },
    { head: 'UNIT', cell: (row) => row.unit },
    number('VALUE', (row) => (row.histogram ? '-' : plain(row.value))),
    number('N', (row) => plain(row.histogram?.count)),
    number('P50', (row) => plain(row.histogram?.p50)),
    number('P99', (row) => plain(row.histogram?.p99)),
    number('MAX', (row) => plain(row.histogram?.max)),
    { head: 'MEANING', cell: (row) => row.help, tone: () => 'dim' },
  ],
  capabilities: [
    { head: 'CAPABILITY', cell: (row) => row.name },
    {
      head: 'AVAILABLE',
      cell: (row) => (row.available ? 'yes' : 'no'),
      tone: (row) => (row.available ? 'good' : 'warn'),
    },
    { head: 'REMARK', cell: (row) => orDash(row.remark) },
  ],
  flows: [
    { head: 'SERVICE', cell: (row) => named(row.serviceName, row.service) },
    { head: 'INSTANCE', cell: (row) => named(row.instanceName, row.contactInstance) },
    { head: 'CLASS', cell: (row) => row.class },
    { head: 'SITE', cell: (row) => row.site },
    number('SLOT', (row) => String(row.slot)),
    number('WEIGHT[%]', (row) => percentOfWeight(row.weight)),
    number('FLOWS', (row) => String(row.flows)),
    { head: 'STATE', cell: (row) => orDash(row.state), tone: (row) => DRAIN_TONES[row.state] },
  ],
  drains: [
    { head: 'SERVICE', cell: (row) => named(row.serviceName, row.service) },
    { head: 'INSTANCE', cell: (row) => named(row.instanceName, row.contactInstance) },
    { head: 'FOR', cell: (row) => (row.local ? 'everybody' : 'this ingress') },
    { head: 'STATE', cell: (row) => row.state, tone: (row) => DRAIN_TONES[row.state] },
    number('FLOWS LEFT', (row) => plain(row.flows)),
    { head: 'SILENT', align: 'right', cell: (row) => (row.silentMs === undefined ? '-' : span(row.silentMs)) },
    { head: 'SINCE', align: 'right', ages: true, cell: (row, nowMs) => age(row.sinceMs, nowMs) },
    {
      head: 'ENDS IN',
      align: 'right',
      ages: true,
      cell: (row, nowMs) => (row.deadlineMs === 0 || row.state !== 'draining' ? '-' : age(nowMs, row.deadlineMs)),
    },
  ],
};

const HEALTH_TONES: Readonly<Record<string, Tone>> = { up: 'good', down: 'bad', unknown: 'warn' };
const DRAIN_TONES: Readonly<Record<string, Tone>> = {
  draining: 'warn',
  drained: 'good',
  'timed-out': 'bad',
  failed: 'bad',
};
const FIB_TONES: Readonly<Record<string, Tone>> = { 'in-force': 'good', pending: 'warn', failed: 'bad' };

export interface EntryRow {
  /** Router or contact instance that the list leads to. */
  readonly to: string;
  readonly entry: SegmentEntryView;
}

/** What packed entries hold, below `show paths` and `explain`. */
export const ENTRY_COLUMNS: readonly Column<EntryRow>[] = [
  { head: 'TO', cell: (row) => row.to },
  { head: 'SEGMENT', cell: (row) => row.entry.segment },
  { head: 'PACKED', cell: (row) => ENTRY_KINDS[row.entry.kind] ?? row.entry.kind },
  {
    head: 'HOLDS, IN TRAVEL ORDER',
    cell: (row) =>
      orDash(row.entry.holds.map((sid) => `${sid.router} (${sid.behaviour.replace(/ with .*$/, '')})`).join(' > ')),
  },
];

const ENTRY_KINDS: Readonly<Record<string, string>> = {
  full: 'full SID',
  next: 'NEXT-CSID container',
  'replace-first': 'REPLACE-CSID, first',
  'replace-packed': 'REPLACE-CSID container',
};

/** Why there is no list, in place of one. */
export function noList(plan: string): string {
  return plan === '' || plan === 'no-path' ? '-' : `none: ${plan}`;
}
