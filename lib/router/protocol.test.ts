// What the session protocol does beyond two neighbours, in a domain of hubs and sites: reflection and roles, subscriptions,
// policies that change, limits, refreshes, digests, damping. Nothing is mocked but the kernel.
import { beforeEach, describe, expect, test } from 'vitest';
import type { PolicyConfig } from '../config/config.ts';
import type { ServiceAttributes } from '../model/service-route.ts';
import { entriesOf, entryAt, type RouteEntry } from '../rib/route-entry.ts';
import type { SessionMessage } from '../session/message.ts';
import { computeUpdate, serviceRows, serviceUpdate } from '../session/update-rows.ts';
import { Domain, type DomainOptions, instanceAddress, SERVICE } from './domain.fixture.ts';
import { candidates } from './steering.ts';
import { peerRows } from './view/peers.ts';
import { policyTest } from './view/policy-test.ts';

interface Sent {
  readonly from: string;
  readonly to: string;
  readonly message: SessionMessage;
}

let domain: Domain;
let sent: Sent[];

function begin(options: Partial<DomainOptions> = {}): void {
  sent = [];
  const onSend = (from: string, to: string, message: SessionMessage) => sent.push({ from, to, message });
  domain = new Domain({ sites: 4, hubs: 2, onSend, ...options });
  domain.start();
  domain.simulation.run(3000);
  sent.length = 0;
}

const state = (name: string) => domain.simulation.node(name).router.state!;
const routes = (name: string): RouteEntry[] =>
  [...state(name).table.rows()].map((row) => entryAt(state(name).table, row));
const instances = (name: string): string[] =>
  routes(name)
    .map((it) => it.attributes.instanceName)
    .sort();
const routeTo = (name: string, site: number): RouteEntry | undefined =>
  entriesOf(state(name).table, SERVICE).find((it) => it.route.contactInstance === instanceAddress(site));
const messages = <T extends SessionMessage['type']>(type: T) => sent.filter((it) => it.message.type === type);
const logs = (name: string, text: string) => domain.simulation.node(name).logs.filter((line) => line.includes(text));
const ALL = ['sv-0', 'sv-1', 'sv-2', 'sv-3'];

/** Announces and withdraws by hand, as the peer of a hub that a test plays. */
function say(from: string, to: string, message: SessionMessage): void {
  const peer = from;
  const connection = state(to).peers.get(peer)!.session!.connection;
  domain.simulation.post(to, { type: 'message', peer, connection, message });
}

function announcement(fields: Partial<ServiceAttributes>, handle = 900): SessionMessage {
  const { attributes } = routeTo('s-0', 0)!;
  const route = { service: SERVICE, contactInstance: `fd00:bad::${handle}`, originator: '10.9.9.9' };
  const made = { ...attributes, egressSid: `5f00:0:99:${handle}::`, instanceName: `extra-${handle}`, ...fields };
  return { type: 'UPDATE', service: serviceUpdate([{ handle, ...route, attributes: made }]) };
}

describe('reflection', () => {
  beforeEach(() => begin());

  test('brings every contact instance to every site: a hub never chooses for its clients', () => {
    for (const name of [...domain.sites, ...domain.hubs]) expect(instances(name), name).toEqual(ALL);
  });

  test('adds the hub to the cluster list and nothing to the site path (RFC 4456, RFC 7947)', () => {
    const far = routeTo('s-0', 2)!;
    expect(far.attributes.sitePath).toEqual(['s-2']);
    expect(far.attributes.clusterList).toHaveLength(1);
    expect(far.attributes.clusterList[0]).toMatch(/^10\.255\.0\./);
  });

  test('survives the loss of one hub: routes through the other take over, and nothing is lost meanwhile', () => {
    domain.simulation.kill('hub-0');
    for (let i = 0; i < 20; i++) {
      domain.simulation.run(100);
      for (const name of domain.sites) expect(instances(name), name).toEqual(ALL);
    }
    // The hub is gone for good: its copies go with the restart time, and everyone has the other's.
    domain.simulation.run(130_000);
    for (const name of domain.sites) {
      expect(instances(name), name).toEqual(ALL);
      expect(routes(name).every((it) => it.best !== 'hub-0')).toBe(true);
    }
  });

  test('ends where it began: a route with the own id in its cluster list is dropped', () => {
    say('s-0', 'hub-0', announcement({ clusterList: ['10.255.0.1'], onlyToDownstream: '' }));
    expect(instances('hub-0')).toEqual(ALL);
  });
});

describe('roles', () => {
  beforeEach(() => begin());

  test('mark what went down, and no site passes it up again', () => {
    expect(routeTo('s-0', 2)!.attributes.onlyToDownstream).toMatch(/^10\.255\.0\./);
    expect(routeTo('hub-0', 2)!.attributes.onlyToDownstream).toBe('');
    // Each hub heard of the others' sites by itself, never through a site.
    for (const hub of domain.hubs) expect(routes(hub).every((it) => it.attributes.sitePath.length === 1)).toBe(true);
  });

  test('take a route that went down and comes up again for a leak, and say so once', () => {
    for (const handle of [900, 901]) say('s-0', 'hub-0', announcement({ onlyToDownstream: '10.255.0.2' }, handle));
    expect(instances('hub-0')).toEqual(ALL);
    expect(peerRows(state('hub-0')).find((row) => row.name === 's-0')!.refused).toEqual([{ reason: 'leak', rows: 2 }]);
    expect(logs('hub-0', 'refused, treated as withdrawn')).toHaveLength(1);
    expect(state('hub-0').peers.get('s-0')!.session).toBeDefined();
  });

  test('let an observer hear everything and say nothing', () => {
    begin({ siteExtra: '', observers: [3] });
    expect(instances('s-3')).toEqual(ALL);
    expect(instances('hub-0')).toEqual(['sv-0', 'sv-1', 'sv-2']);
    expect(state('hub-1').lsdb.nodes.has(state('s-3').config.routerId)).toBe(false);
  });

  test('refuse a peer of another role with NOTIFICATION 2/11', () => {
    begin({ wrongRole: true });
    const refusals = domain.simulation.node('hub-0').logs.filter((line) => line.includes('NOTIFICATION 2/11'));
    expect(refusals[0]).toContain('role is site, expected hub');
    expect(state('s-1').peers.get('hub-0')!.session).toBeDefined();
  });
});

describe('a subscription', () => {
  const hears = (services: readonly string[], regions: readonly string[] = []) => ({
    name: 'hub-0',
    importPolicy: '',
    exportPolicy: '',
    subscription: { services, regions, classes: [] },
  });

  test('in the configuration keeps what is not wanted from ever being sent', () => {
    begin({ subscribe: { site: 0, text: 'subscribe: { regions: [nowhere] }' } });
    expect(instances('s-0')).toEqual(['sv-0']);
    expect(instances('s-1')).toEqual(ALL);
    expect(peerRows(state('hub-0')).find((row) => row.name === 's-0')!.protocol.remoteSubscription).toEqual([
      'region nowhere',
    ]);
  });

  test('changes while the session stays: what is unwanted is withdrawn, what is wanted comes', () => {
    begin({ hubs: 1 });
    const { flaps } = state('s-0').peers.get('hub-0')!;
    domain.simulation.post('s-0', { type: 'policies', policies: [], peers: [hears(['fd00:beef::/32'])] });
    domain.simulation.run(50);
    expect(messages('SUBSCRIBE')).toHaveLength(1);
    expect(instances('s-0')).toEqual(['sv-0']);
    domain.simulation.post('s-0', { type: 'policies', policies: [], peers: [hears([`${SERVICE}/128`])] });
    domain.simulation.run(50);
    expect(instances('s-0')).toEqual(ALL);
    expect(instances('s-1')).toEqual(ALL);
    expect(state('s-0').peers.get('hub-0')!.flaps).toBe(flaps);
  });
});

describe('a policy', () => {
  const rule = (name: string, site: string, set: object, verdict: 'accept' | 'reject') => ({
    name,
    match: { services: [], sites: [site], regions: [], tags: [], classes: [], peers: [], communities: [] },
    set: { addCommunities: [], removeCommunities: [], ...set },
    verdict,
  });
  const POLICY: PolicyConfig = {
    name: 'p',
    rules: [
      rule('no-2', 's-2', {}, 'reject'),
      rule('mark', 's-*', { addCommunities: ['seen'], preference: 7 }, 'accept'),
    ],
    otherwise: 'reject',
  };
  const attach = (peer: string, way: 'import' | 'export', name: string) => ({
    type: 'policies' as const,
    policies: [POLICY],
    peers: [
      {
        name: peer,
        importPolicy: way === 'import' ? name : '',
        exportPolicy: way === 'export' ? name : '',
        subscription: { services: [], regions: [], classes: [] },
      },
    ],
  });

  beforeEach(() => begin({ hubs: 1 }));

  test('of import is applied to what is there already, and undone again, without a word to the peer', () => {
    domain.simulation.post('s-0', attach('hub-0', 'import', 'p'));
    expect(instances('s-0')).toEqual(['sv-0', 'sv-1', 'sv-3']);
    expect(routeTo('s-0', 1)!.attributes).toMatchObject({ communities: ['seen'], preference: 7 });
    expect(peerRows(state('s-0'))[0]!.protocol).toMatchObject({ importPolicy: 'p', rejected: 1 });
    domain.simulation.run(500);
    domain.simulation.post('s-0', attach('hub-0', 'import', ''));
    expect(instances('s-0')).toEqual(ALL);
    expect(routeTo('s-0', 1)!.attributes).toMatchObject({ communities: [], preference: 0 });
    expect(messages('ROUTE-REFRESH')).toEqual([]);
    expect(state('s-0').peers.get('hub-0')!.flaps).toBe(0);
  });

  test('of import judges what comes later as well, and withdrawals of what it rejected', () => {
    domain.simulation.post('s-0', attach('hub-0', 'import', 'p'));
    domain.simulation.post('s-2', {
      type: 'drain',
      service: SERVICE,
      contactInstance: instanceAddress(2),
      drain: true,
    });
    domain.simulation.run(100);
    expect(instances('s-0')).toEqual(['sv-0', 'sv-1', 'sv-3']);
    domain.simulation.post('s-2', { type: 'stop', text: 'bye' });
    domain.simulation.run(2000);
    domain.simulation.post('s-0', attach('hub-0', 'import', ''));
    expect(instances('s-0')).toEqual(['sv-0', 'sv-1', 'sv-3']);
  });

  test('of export decides what one peer hears, and nobody else', () => {
    domain.simulation.post('hub-0', attach('s-0', 'export', 'p'));
    domain.simulation.run(100);
    expect(instances('s-0')).toEqual(['sv-0', 'sv-1', 'sv-3']);
    expect(routeTo('s-0', 1)!.attributes.communities).toEqual(['seen']);
    expect(instances('s-1')).toEqual(ALL);
    domain.simulation.post('hub-0', attach('s-0', 'export', ''));
    domain.simulation.run(100);
    expect(instances('s-0')).toEqual(ALL);
  });

  test('can be tried before it is attached', () => {
    domain.simulation.post('s-0', attach('hub-0', 'import', ''));
    const { policies, peers } = state('s-0');
    const rows = policyTest(state('s-0'), peers.get('hub-0')!, 'import', policies.get('p')!, SERVICE);
    expect(rows.map((row) => `${row.instanceName} ${row.accepted} ${row.by} ${row.changes.join(', ')}`)).toEqual([
      'sv-1 true mark preference 0 -> 7, communities [] -> [seen]',
      'sv-2 false no-2 ',
      'sv-3 true mark preference 0 -> 7, communities [] -> [seen]',
    ]);
    expect(instances('s-0')).toEqual(ALL);
  });
});

describe('a limit', () => {
  const flood = (count: number) => {
    for (let handle = 900; handle < 900 + count; handle++)
      if (state('hub-0').peers.get('s-0')!.session !== undefined) say('s-0', 'hub-0', announcement({}, handle));
  };
  const limited = (action: string) => begin({ hubPeer: `limits: { service: 10, action: ${action}, restart: 5s }` });

  test('warns at its share, closes beyond with Cease 1, and tries again after its restart time', () => {
    limited('close');
    flood(7);
    expect(logs('hub-0', 'peer is near its limit')).toHaveLength(1);
    expect(state('hub-0').peers.get('s-0')!.session).toBeDefined();
    flood(11);
    expect(state('hub-0').peers.get('s-0')!.session).toBeUndefined();
    domain.simulation.run(10);
    const [bye] = messages('NOTIFICATION');
    expect(bye).toMatchObject({ to: 's-0', message: { code: 6, subcode: 1, text: 'more than 10 routes' } });
    expect(routes('hub-0').some((it) => it.attributes.instanceName.startsWith('extra'))).toBe(false);
    expect(state('hub-0').peers.get('s-1')!.session).toBeDefined();
    domain.simulation.run(4000);
    expect(state('hub-0').peers.get('s-0')!.session).toBeUndefined();
    domain.simulation.run(10_000);
    expect(state('hub-0').peers.get('s-0')!.session).toBeDefined();
  });

  test('that truncates takes no more and lets the session live', () => {
    limited('truncate');
    flood(20);
    expect(state('hub-0').peers.get('s-0')!.session).toBeDefined();
    expect(routes('hub-0').filter((it) => it.attributes.instanceName.startsWith('extra'))).toHaveLength(9);
    const row = peerRows(state('hub-0')).find((it) => it.name === 's-0')!;
    expect(row.refused).toEqual([{ reason: 'limit', rows: 11 }]);
  });
});

describe('what was lost between two tables', () => {
  beforeEach(() => begin({ hubs: 1, digestInterval: '5s' }));

  /** A change that never arrives: the sender believes it told, the receiver never heard. */
  function lose(): void {
    const table = state('s-0').table;
    const row = routeTo('s-0', 2)!.row;
    table.withdraw(row, state('s-0').peers.get('hub-0')!.source);
    expect(instances('s-0')).toEqual(['sv-0', 'sv-1', 'sv-3']);
  }

  test('is found by a digest and cured by a refresh between BEGIN and END', () => {
    domain.simulation.run(6000);
    expect(messages('DIGEST').length).toBeGreaterThan(0);
    expect(messages('ROUTE-REFRESH')).toEqual([]);
    lose();
    domain.simulation.run(6000);
    const phases = messages('ROUTE-REFRESH').map(({ from, message }) =>
      message.type === 'ROUTE-REFRESH' ? `${from} ${message.family} ${message.phase}` : '',
    );
    expect(phases).toEqual(['s-0 service request', 'hub-0 service begin', 'hub-0 service end']);
    expect(instances('s-0')).toEqual(ALL);
    expect(peerRows(state('s-0'))[0]!.protocol.mismatches).toBe(1);
    domain.simulation.run(20_000);
    expect(messages('ROUTE-REFRESH')).toHaveLength(3);
  });

  test('is swept when the sender no longer has it: what is not told again between BEGIN and END goes', () => {
    say('hub-0', 's-0', announcement({ onlyToDownstream: '', clusterList: ['10.255.0.1'], sitePath: ['s-9'] }));
    expect(instances('s-0')).toContain('extra-900');
    domain.simulation.post('s-0', { type: 'peer-command', peer: 'hub-0', command: 'refresh', text: '' });
    domain.simulation.run(100);
    expect(instances('s-0')).toEqual(ALL);
  });

  test('is not looked for where rows were refused: the sums cannot be equal', () => {
    say('hub-0', 's-0', announcement({ sitePath: ['s-0'] }));
    domain.simulation.run(30_000);
    expect(messages('ROUTE-REFRESH')).toEqual([]);
    expect(peerRows(state('s-0'))[0]!.protocol.mismatches).toBe(0);
  });

  test('does not go on for ever when a refresh does not help', () => {
    say('hub-0', 's-0', announcement({ sitePath: ['s-9'] }));
    const { table } = state('hub-0');
    // The hub counts a route that it never tells: nothing the site can do about it.
    const row = routeTo('hub-0', 2)!.row;
    state('hub-0').peers.get('s-0')!.session!.out.advertised.delete(row);
    expect(table.isUsed(row)).toBe(true);
    domain.simulation.run(60_000);
    expect(
      messages('ROUTE-REFRESH').filter(({ message }) => 'phase' in message && message.phase === 'request').length,
    ).toBeLessThan(4);
  });
});

describe('an instance that flaps', () => {
  beforeEach(() => begin({ hubs: 1 }));
  const HANDLE = 900;

  function flap(times: number, everyMs: number): void {
    for (let i = 0; i < times; i++) {
      say('s-0', 'hub-0', announcement({}, HANDLE));
      domain.simulation.run(everyMs / 2);
      say('s-0', 'hub-0', { type: 'UPDATE', service: serviceUpdate([], [HANDLE]) });
      domain.simulation.run(everyMs / 2);
    }
  }

  test('is held back after the seventh time, withdrawn at once, and used again when it has been quiet', () => {
    flap(7, 1000);
    say('s-0', 'hub-0', announcement({}, HANDLE));
    domain.simulation.run(1000);
    expect(instances('s-1')).toEqual(ALL);
    expect(peerRows(state('hub-0')).find((row) => row.name === 's-0')!.protocol.damped).toBe(1);
    // 6,900 decays to 750 in 3.2 half-lives of a minute.
    domain.simulation.run(180_000);
    expect(instances('s-1')).toEqual(ALL);
    domain.simulation.run(20_000);
    expect(instances('s-1')).toEqual(['extra-900', ...ALL]);
    say('s-0', 'hub-0', { type: 'UPDATE', service: serviceUpdate([], [HANDLE]) });
    domain.simulation.run(100);
    expect(instances('s-1')).toEqual(ALL);
  });

  test('slowly is nobody’s business', () => {
    flap(10, 61_000);
    say('s-0', 'hub-0', announcement({}, HANDLE));
    domain.simulation.run(100);
    expect(instances('s-1')).toEqual(['extra-900', ...ALL]);
  });
});

describe('the operator', () => {
  beforeEach(() => begin({ hubs: 1 }));
  const command = (what: 'reset' | 'hard-reset' | 'shutdown' | 'start', text = 'maintenance until noon') =>
    domain.simulation.post('s-2', { type: 'peer-command', peer: 'hub-0', command: what, text });

  test('resets a session: the peer keeps the routes, reads why, and the session comes back', () => {
    command('reset');
    domain.simulation.run(5);
    expect(messages('NOTIFICATION')[0]).toMatchObject({
      message: { code: 6, subcode: 4, text: 'maintenance until noon' },
    });
    expect(instances('s-0')).toEqual(ALL);
    expect(peerRows(state('hub-0')).find((row) => row.name === 's-2')!.lastError).toContain('maintenance until noon');
    domain.simulation.run(5000);
    expect(state('hub-0').peers.get('s-2')!.session).toBeDefined();
    expect(state('hub-0').peers.get('s-2')!.retention.phase).toBe('none');
    expect(instances('s-0')).toEqual(ALL);
  });

  test('resets it hard: the peer forgets the routes at once', () => {
    command('hard-reset');
    domain.simulation.run(20);
    expect(instances('s-0')).toEqual(['sv-0', 'sv-1', 'sv-3']);
    domain.simulation.run(5000);
    expect(instances('s-0')).toEqual(ALL);
  });

  test('shuts it down until it is started', () => {
    command('shutdown');
    domain.simulation.run(60_000);
    expect(state('s-2').peers.get('hub-0')!.session).toBeUndefined();
    expect(instances('s-0')).toEqual(['sv-0', 'sv-1', 'sv-3']);
    command('start');
    domain.simulation.run(5000);
    expect(instances('s-0')).toEqual(ALL);
  });
});

test('a report degrades when its validity is over, is forgotten after another, and the route stays', () => {
  begin({ hubs: 1, siteExtra: 'steering: { services: [ { service: web } ], blackout: 0s }' });
  const candidate = () =>
    candidates(state('s-0'), SERVICE).find((it) => it.route.contactInstance === instanceAddress(2))!;
  const { table } = state('s-0');
  const receivedAtMs = table.states.receivedAtMs(routeTo('s-0', 2)!.row);
  const after = (ms: number) => {
    state('s-0').atMs = receivedAtMs + ms;
    return candidate();
  };
  // valid-for is an hour.
  expect(after(3_600_000)).toMatchObject({ stale: false });
  expect(after(3_600_001)).toMatchObject({ stale: true });
  expect(after(7_200_001).state).toBeUndefined();
  expect(instances('s-0')).toContain('sv-2');
});

test('a clock that differs is tolerated and said, once there and once back', () => {
  begin({ hubs: 1 });
  const known = routeTo('hub-0', 0)!;
  const handle = state('hub-0').table.handleOf(known.row, state('hub-0').peers.get('s-0')!.source);
  const nowMs = 1_790_000_000_000 + domain.simulation.atMs;
  for (const [n, measuredAtMs] of [nowMs + 60_000, nowMs + 61_000, nowMs].entries()) {
    const report = { ...known.state!, sequence: known.state!.sequence + 1 + n, measuredAtMs };
    say('s-0', 'hub-0', { type: 'UPDATE', compute: computeUpdate([{ handle, state: report }]) });
  }
  expect(logs('hub-0', 'clock of a router differs from ours')).toHaveLength(1);
  expect(logs('hub-0', 'clock of a router agrees with ours again')).toHaveLength(1);
  expect(routeTo('hub-0', 0)!.state!.sequence).toBe(known.state!.sequence + 3);
});

test('a hub that restarts loses nobody a route, and says nothing twice to those who were there', () => {
  begin({ hubs: 1 });
  const hub = domain.hubs[0]!;
  domain.simulation.kill(hub);
  domain.simulation.run(500);
  for (const name of domain.sites) expect(instances(name)).toEqual(ALL);
  domain.simulation.start(hub);
  for (let i = 0; i < 80; i++) {
    domain.simulation.run(100);
    for (const name of domain.sites) expect(instances(name), `${name} at ${i}`).toEqual(ALL);
  }
  for (const name of domain.sites) expect(state(name).peers.get(hub)!.retention.phase).toBe('none');
  const told = messages('UPDATE').filter(({ from }) => from === hub);
  const rows = told.flatMap(({ message }) =>
    message.type === 'UPDATE' && message.service ? serviceRows(message.service) : [],
  );
  // Four sites hear three routes each, in whatever order they come.
  expect(rows.length).toBeLessThanOrEqual(2 * 12);
});
