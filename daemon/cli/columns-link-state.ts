// The tables of `show link-state`: routers, then their links, then their locators.
import type { Views } from '../../lib/model/view.ts';
import { age, bandwidth, msOfUs, named, orDash } from './format.ts';
import { type Column, number } from './table.ts';

export const ROUTER_COLUMNS: readonly Column<Views['link-state']>[] = [
  { head: 'ROUTER', cell: (row) => named(row.name, row.originator) + (row.self ? '*' : '') },
  { head: 'ROUTER ID', cell: (row) => row.originator },
  { head: 'SITE', cell: (row) => row.site },
  {
    head: 'REACHABLE',
    cell: (row) => (row.reachable ? 'yes' : 'no'),
    tone: (row) => (row.reachable ? 'good' : 'bad'),
  },
  { head: 'LOCATORS', cell: (row) => orDash(row.locators.map((one) => one.prefix).join(' ')) },
  { head: 'PREFIXES', cell: (row) => orDash(row.prefixes.join(' ')) },
  {
    head: 'LINKS',
    cell: (row) =>
      orDash(row.links.map((link) => named(link.neighbourName, link.neighbour) + (link.twoWay ? '' : '?')).join(' ')),
  },
  { head: 'AGE', align: 'right', ages: true, cell: (row, nowMs) => age(row.receivedAtMs, nowMs) },
  { head: 'FAULT', cell: (row) => orDash(row.fault), tone: (row) => (row.fault === '' ? undefined : 'bad') },
];

export interface LinkRow {
  readonly router: string;
  readonly link: Views['link-state']['links'][number];
}

/** Second table of `show link-state`. */
export const LINK_COLUMNS: readonly Column<LinkRow>[] = [
  { head: 'ROUTER', cell: (row) => row.router },
  { head: 'LINK', cell: (row) => row.link.name },
  { head: 'NEIGHBOUR', cell: (row) => named(row.link.neighbourName, row.link.neighbour) },
  {
    head: 'BOTH ENDS',
    cell: (row) => (row.link.twoWay ? 'yes' : 'no'),
    tone: (row) => (row.link.twoWay ? undefined : 'bad'),
  },
  number('DELAY MIN[ms]', (row) => msOfUs(row.link.delayMinUs)),
  number('AVG[ms]', (row) => msOfUs(row.link.delayAvgUs)),
  number('VARIATION[ms]', (row) => msOfUs(row.link.delayVariationUs)),
  number(
    'LOSS[%]',
    (row) => row.link.lossPercent.toFixed(3),
    (row) => (row.link.lossPercent > 0 ? 'warn' : undefined),
  ),
  number('BANDWIDTH', (row) => bandwidth(row.link.bandwidthBps)),
  {
    head: 'END.X SIDS',
    cell: (row) =>
      orDash([row.link.endXSid, ...row.link.adjacencySids.map(({ sid }) => sid)].filter((sid) => sid !== '').join(' ')),
  },
];

export interface LocatorRow {
  readonly router: string;
  readonly locator: Views['link-state']['locators'][number];
}

/** Third table of `show link-state`. */
export const LOCATOR_COLUMNS: readonly Column<LocatorRow>[] = [
  { head: 'ROUTER', cell: (row) => row.router },
  { head: 'LOCATOR', cell: (row) => row.locator.prefix },
  { head: 'END SID', cell: (row) => row.locator.endSid },
  { head: 'BEHAVIOUR', cell: (row) => row.locator.behaviour },
  { head: 'STRUCTURE', cell: (row) => row.locator.structure },
  {
    head: 'USED',
    cell: (row) => (row.locator.fault === '' ? 'yes' : `no: ${row.locator.fault}`),
    tone: (row) => (row.locator.fault === '' ? undefined : 'bad'),
  },
];
