// One noisy site: what it says of one service is merged, the newest counts, bad news passes, and other sites notice nothing.
import { beforeEach, expect, test } from 'vitest';
import { entriesOf } from '../rib/route-entry.ts';
import { computeUpdate, serviceUpdate } from '../session/update-rows.ts';
import { Domain, instanceAddress, SERVICE } from './domain.fixture.ts';
import { MAX_BUCKETS } from './report-rate.ts';

let domain: Domain;
beforeEach(() => {
  const hubExtra = '';
  domain = new Domain({ sites: 3, hubs: 1, hubExtra, reportRate: '{ per-second: 2, burst: 4 }' });
  domain.start();
  domain.simulation.run(5000);
});

const hub = () => domain.simulation.node('hub-0').router.state!;
const entry = (site: number) =>
  entriesOf(hub().table, SERVICE).find((it) => it.route.contactInstance === instanceAddress(site))!;

/** A report as the site's router would send it, only faster. */
function say(site: number, ahead: number, fields: object = {}): void {
  const peer = `s-${site}`;
  const known = entry(site);
  const handle = hub().table.handleOf(known.row, hub().peers.get(peer)!.source);
  const said = { ...known.state!, sequence: first[site]! + ahead, inFlight: ahead, ...fields };
  const connection = hub().peers.get(peer)!.session!.connection;
  domain.simulation.post('hub-0', {
    type: 'message',
    peer,
    connection,
    message: { type: 'UPDATE', compute: computeUpdate([{ handle, state: said }]) },
  });
}
const first: number[] = [];

test('a burst passes, then the rate holds, and the newest is what is taken', () => {
  for (const site of [0, 1, 2]) first[site] = entry(site).state!.sequence;
  say(0, 1);
  // The one before was long ago; from here on it is too fast.
  for (let i = 2; i <= 40; i++) say(0, i);
  expect(entry(0).state!.inFlight).toBe(5);
  domain.simulation.run(499);
  expect(entry(0).state!.inFlight).toBe(5);
  domain.simulation.run(2);
  expect(entry(0).state!.inFlight).toBe(40);
  expect(hub().heldReports.size).toBe(0);
  say(1, 1);
  say(1, 2);
  expect(entry(1).state!.inFlight).toBe(2);
});

test('a fall to a lower band passes without a token', () => {
  first[0] = entry(0).state!.sequence;
  for (let i = 1; i <= 20; i++) say(0, i);
  expect(entry(0).state!.inFlight).toBe(5);
  say(0, 21, { score: 2 });
  expect(entry(0).state!).toMatchObject({ inFlight: 21, score: 2 });
  domain.simulation.run(1000);
  expect(entry(0).state!.inFlight).toBe(21);
});

test('a report that waits goes with its route, not to the next one in its place', () => {
  first[0] = entry(0).state!.sequence;
  for (let i = 1; i <= 20; i++) say(0, i);
  expect(hub().heldReports.size).toBe(1);
  const { row } = entry(0);
  const peer = hub().peers.get('s-0')!;
  const handle = hub().table.handleOf(row, peer.source);
  domain.simulation.post('hub-0', {
    type: 'message',
    peer: 's-0',
    connection: peer.session!.connection,
    message: { type: 'UPDATE', service: serviceUpdate([], [handle]) },
  });
  expect(hub().table.isUsed(row)).toBe(false);
  expect(hub().heldReports.size).toBe(0);
});

test('buckets are bounded, and the one that was not used for longest goes', () => {
  first[0] = entry(0).state!.sequence;
  say(0, 1);
  say(0, 2);
  const { reportBuckets } = hub();
  const [own] = reportBuckets.keys();
  for (let i = 0; reportBuckets.size < MAX_BUCKETS; i++)
    reportBuckets.set(`other ${i}`, { tokens: 0, atMs: hub().atMs });
  first[1] = entry(1).state!.sequence;
  say(1, 1);
  say(1, 2);
  expect(reportBuckets.size).toBe(MAX_BUCKETS);
  expect(reportBuckets.has(own!)).toBe(false);
  say(1, 3);
  expect(reportBuckets.size).toBe(MAX_BUCKETS);
  expect(reportBuckets.has('other 0')).toBe(true);
});
