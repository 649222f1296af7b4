// Limits, refreshes, digests, damping, operators and clocks, in a domain of hubs and sites.
import { beforeEach, describe, expect, test } from 'vitest';
import type { SessionMessage } from '../session/message.ts';
import { computeUpdate, serviceRows, serviceUpdate } from '../session/update-rows.ts';
import { instanceAddress, SERVICE } from './domain.fixture.ts';
import { candidates } from './steering.ts';
import { peerRows } from './view/peers.ts';
import { ALL, worldOfTest } from './world.fixture.ts';

const { begin, world, state, routes, instances, routeTo, messages, logs, say, announcement } = worldOfTest();

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
    world().domain.simulation.run(10);
    const [bye] = messages('NOTIFICATION');
    expect(bye).toMatchObject({ to: 's-0', message: { code: 6, subcode: 1, text: 'more than 10 routes' } });
    expect(routes('hub-0').some((it) => it.attributes.instanceName.startsWith('extra'))).toBe(false);
    expect(state('hub-0').peers.get('s-1')!.session).toBeDefined();
    world().domain.simulation.run(4000);
    expect(state('hub-0').peers.get('s-0')!.session).toBeUndefined();
    world().domain.simulation.run(10_000);
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

describe('a limit by service', () => {
  const begun = (options: string) => begin({ hubPeer: `limits: { ${options}, restart: 5s }` });
  const peer = () => state('hub-0').peers.get('s-0')!;
  /** The n-th contact instance of another service than the domain's, for each n. */
  const tell = (services: readonly number[], from = 900) => {
    const base = announcement({ sitePath: ['s-0'], onlyToDownstream: '' });
    if (base.type !== 'UPDATE') throw new Error('no UPDATE');
    const row = serviceRows(base.service!)[0]!;
    for (const [n, service] of services.entries()) {
      if (peer().session === undefined) return;
      const handle = from + n;
      const own = { handle, service: `fd00:cafe::${service}`, contactInstance: `fd00:bad::${handle}` };
      say('s-0', 'hub-0', { type: 'UPDATE', service: serviceUpdate([{ ...row, ...own }]) });
    }
  };
  const known = () => routes('hub-0').filter((it) => it.attributes.instanceName.startsWith('extra')).length;

  test('on services counts each once, warns, and closes beyond', () => {
    begun('services: 5');
    tell([1, 1, 1, 2, 2, 3]);
    expect(logs('hub-0', 'peer is near its limit')).toHaveLength(1);
    expect(peer().session!.perService!.services).toBe(4);
    tell([3, 2, 1, 4], 920);
    expect(peer().session).toBeDefined();
    tell([5], 930);
    expect(peer().session).toBeUndefined();
    expect(peer().lastError).toContain('more than 5 services');
    world().run(10);
    expect(messages('NOTIFICATION')[0]).toMatchObject({ to: 's-0', message: { code: 6, subcode: 1 } });
    world().run(15_000);
    expect(peer().session).toBeDefined();
  });

  test('on contact instances of one service takes no more of that one, and goes on with others', () => {
    begun('instances-per-service: 3, action: truncate');
    tell([7, 7, 7, 7, 7, 8]);
    expect(known()).toBe(4);
    expect(peerRows(state('hub-0')).find((it) => it.name === 's-0')!.refused).toEqual([{ reason: 'limit', rows: 2 }]);
    // What is withdrawn makes room; a handle that is given to the full service loses what it named.
    say('s-0', 'hub-0', { type: 'UPDATE', service: serviceUpdate([], [900]) });
    tell([7], 910);
    expect(known()).toBe(4);
    tell([7], 905);
    expect(known()).toBe(3);
    expect(peer().session).toBeDefined();
  });

  test('counts what policy holds back as well, and again when it is let in', () => {
    begin({ hubs: 1, hubPeer: 'limits: { instances-per-service: 3 }' });
    const q = { name: 'q', rules: [], otherwise: 'reject' as const };
    const attach = (importPolicy: string) => {
      const subscription = { services: [], regions: [], classes: [] };
      const peers = [{ name: 's-0', importPolicy, exportPolicy: '', subscription }];
      world().domain.simulation.post('hub-0', { type: 'policies', policies: [q], peers });
    };
    attach('q');
    tell([7, 7, 7]);
    expect([known(), peer().session!.held.size]).toEqual([0, 4]);
    attach('');
    expect([known(), peer().session!.held.size, peer().session!.perService!.beyond]).toEqual([3, 0, 0]);
    attach('q');
    tell([7], 910);
    expect(peer().session).toBeUndefined();
    expect(peer().lastError).toContain('more than 3 contact instances of one service');
  });
});

describe('a limit on the pace of UPDATEs', () => {
  const limits = (action: string) =>
    `limits: { updates: { per-second: 10, burst: 20 }, action: ${action}, restart: 5s }`;
  const peer = () => state('hub-0').peers.get('s-0')!;
  const talk = (count: number) => {
    for (let n = 0; n < count && peer().session !== undefined; n++) say('s-0', 'hub-0', { type: 'UPDATE' });
  };

  test('lets bursts pass and the pace itself for ever, and ends a session that goes on beyond it', () => {
    begin({ hubs: 1, hubPeer: limits('close') });
    for (let second = 0; second < 20; second++) {
      talk(9);
      world().run(1000);
    }
    expect(logs('hub-0', 'peer is near its limit')).toEqual([]);
    talk(18);
    expect(logs('hub-0', 'peer is near its limit')).toHaveLength(1);
    expect(peer().session).toBeDefined();
    talk(10);
    expect(peer().session).toBeUndefined();
    world().run(10);
    const text = 'more than 10 UPDATEs a second';
    expect(messages('NOTIFICATION')[0]).toMatchObject({ to: 's-0', message: { code: 6, subcode: 8, text } });
    world().run(15_000);
    expect(peer().session).toBeDefined();
    for (const name of world().domain.sites) expect(instances(name), name).toEqual(ALL);
  });

  test('counts each of those that were joined into one', () => {
    begin({ hubs: 1, hubPeer: limits('close') });
    const talkJoined = (count: number) => {
      const { connection } = peer().session!;
      const message = { type: 'UPDATE' } as const;
      world().domain.simulation.post('hub-0', { type: 'message', peer: 's-0', connection, message, count });
    };
    const before = peer().messagesIn;
    talkJoined(18);
    expect(peer().messagesIn).toBe(before + 18);
    expect(logs('hub-0', 'peer is near its limit')).toHaveLength(1);
    expect(peer().session).toBeDefined();
    talkJoined(3);
    expect(peer().session).toBeUndefined();
  });

  test('that truncates only says so: an UPDATE left out would be a lie', () => {
    begin({ hubs: 1, hubPeer: limits('truncate') });
    talk(100);
    say('s-0', 'hub-0', announcement({}));
    expect(peer().session).toBeDefined();
    expect(logs('hub-0', 'peer is near its limit')).toHaveLength(1);
    expect(instances('hub-0')).toContain('extra-900');
  });
});

describe('a limit on bytes', () => {
  const limits = (action: string) =>
    `limits: { bytes: { per-second: 100kB, burst: 1MB }, action: ${action}, restart: 5s }`;
  const peer = () => state('hub-0').peers.get('s-0')!;
  const send = (bytes: number, message: SessionMessage = { type: 'UPDATE' }) => {
    const connection = peer().session?.connection;
    if (connection !== undefined)
      world().domain.simulation.post('hub-0', { type: 'message', peer: 's-0', connection, message, bytes });
  };

  test('lets a burst and the rate itself pass, and ends a session that goes beyond, with whatever message', () => {
    begin({ hubs: 1, hubPeer: limits('close') });
    for (let second = 0; second < 30; second++) {
      send(99_000);
      world().run(1000);
    }
    expect(logs('hub-0', 'peer is near its limit')).toEqual([]);
    send(900_000);
    expect(logs('hub-0', 'peer is near its limit')).toHaveLength(1);
    expect(peer().session).toBeDefined();
    send(300_000, { type: 'ROUTE-REFRESH', family: 'service', phase: 'request' });
    expect(peer().session).toBeUndefined();
    world().run(10);
    const text = 'more than 100000 bytes a second';
    expect(messages('NOTIFICATION')[0]).toMatchObject({ to: 's-0', message: { code: 6, subcode: 8, text } });
    world().run(15_000);
    expect(peer().session).toBeDefined();
  });

  test('is only said where the action is to truncate, and is not owed for ever', () => {
    begin({ hubs: 1, hubPeer: limits('truncate') });
    for (let i = 0; i < 100; i++) send(1_000_000);
    expect(peer().session).toBeDefined();
    world().run(21_000);
    send(1000);
    expect(logs('hub-0', 'peer is near its limit')).toHaveLength(1);
    send(900_000);
    expect(logs('hub-0', 'peer is near its limit')).toHaveLength(2);
  });
});

describe('what was lost between two tables', () => {
  const heldRoute = () => {
    const message = announcement({}, 902);
    if (message.type !== 'UPDATE') throw new Error('not an announcement');
    const attributes = serviceRows(message.service!)[0]!.attributes!;
    return { service: new Uint32Array(4), contactInstance: new Uint32Array(4), originator: 1, attributes };
  };
  beforeEach(() => begin({ hubs: 1, digestInterval: '5s' }));

  /** A change that never arrives: the sender believes it told, the receiver never heard. */
  function lose(): void {
    const table = state('s-0').table;
    const row = routeTo('s-0', 2)!.row;
    table.withdraw(row, state('s-0').peers.get('hub-0')!.source);
    expect(instances('s-0')).toEqual(['sv-0', 'sv-1', 'sv-3']);
  }

  test('is found by a digest and cured by a refresh between BEGIN and END', () => {
    world().domain.simulation.run(6000);
    expect(messages('DIGEST').length).toBeGreaterThan(0);
    expect(messages('ROUTE-REFRESH')).toEqual([]);
    lose();
    world().domain.simulation.run(6000);
    const phases = messages('ROUTE-REFRESH').map(({ from, message }) =>
      message.type === 'ROUTE-REFRESH' ? `${from} ${message.family} ${message.phase}` : '',
    );
    expect(phases).toEqual(['s-0 service request', 'hub-0 service begin', 'hub-0 service end']);
    expect(instances('s-0')).toEqual(ALL);
    expect(peerRows(state('s-0'))[0]!.protocol.mismatches).toBe(1);
    world().domain.simulation.run(20_000);
    expect(messages('ROUTE-REFRESH')).toHaveLength(3);
  });

  test('is found in a table that takes many turns to sum, for one peer after the other', () => {
    for (let block = 0; block < 40; block++) {
      const base = announcement({ sitePath: ['s-0'], onlyToDownstream: '' }, 1);
      if (base.type !== 'UPDATE') throw new Error('no UPDATE');
      const rows = Array.from({ length: 500 }, (_, i) => ({
        ...serviceRows(base.service!)[0]!,
        handle: 1000 + block * 500 + i,
        contactInstance: `fd00:bad:${block + 1}::${(i + 1).toString(16)}`,
      }));
      say('s-0', 'hub-0', { type: 'UPDATE', service: serviceUpdate(rows) });
    }
    world().run(4000);
    const big = state('hub-0').table.top;
    expect(big).toBeGreaterThan(20_000);
    expect(state('s-1').table.top).toBe(big);
    world().sent = [];
    world().run(6000);
    const told = messages('DIGEST').filter(
      ({ from, message }) => from === 'hub-0' && message.type === 'DIGEST' && message.family === 'service',
    );
    expect(new Set(told.map(({ to }) => to)).size).toBe(4);
    for (const name of ['s-1', 's-2', 's-3']) expect(peerRows(state(name))[0]!.protocol.mismatches, name).toBe(0);
  });

  test('is looked for at our pace, however many digests a peer sends', () => {
    const wrong = { type: 'DIGEST', family: 'service', count: 1, low: 1, high: 1 } as const;
    for (let i = 0; i < 100; i++) say('s-0', 'hub-0', wrong);
    expect(state('hub-0').peers.get('s-0')!.mismatches).toBe(1);
  });

  test('is swept when the sender no longer has it: what is not told again between BEGIN and END goes', () => {
    say('hub-0', 's-0', announcement({ onlyToDownstream: '', clusterList: ['10.255.0.1'], sitePath: ['s-9'] }));
    expect(instances('s-0')).toContain('extra-900');
    world().domain.simulation.post('s-0', { type: 'peer-command', peer: 'hub-0', command: 'refresh', text: '' });
    world().domain.simulation.run(100);
    expect(instances('s-0')).toEqual(ALL);
  });

  test('is not looked for in maps that differ for a reason: a router that may not be there', () => {
    const entry = (site: string, id: string) =>
      `  - { site: ${site}, router-ids: [ ${id} ], services: [ "::/0" ], locators: [ "::/0" ], relay: ["*"] }`;
    const sites = [0, 1, 2, 3].map((n) => entry(`s-${n}`, `10.1.0.${n}`));
    const siteExtra = ['authorisation:', ...sites, entry('hub-0', '10.255.0.1')].join('\n');
    begin({ hubs: 1, digestInterval: '5s', siteExtra });
    const hub = state('hub-0');
    const known = [...hub.lsdb.nodes.values()][0]!;
    for (let round = 0; round < 12; round++) {
      // It speaks all the time, so that no sum is that of the last round.
      hub.lsdb.install({ ...known, originator: '10.77.0.1', site: 's-9', name: 'stranger', sequence: 1 + round });
      world().run(5000);
    }
    const asked = messages('ROUTE-REFRESH').filter(({ message }) => 'phase' in message && message.phase === 'request');
    expect(asked.map(({ from, to }) => `${from} ${to}`).sort()).toEqual([
      ...['s-0', 's-1', 's-2', 's-3'].map((site) => `hub-0 ${site}`),
      ...['s-0', 's-1', 's-2', 's-3'].map((site) => `${site} hub-0`),
    ]);
    expect(peerRows(state('s-0'))[0]!.refused).toEqual([{ reason: 'site', rows: 1 }]);
  });

  test('leaves no handle and no held route behind when the peer tells everything but that again', () => {
    const session = () => state('hub-0').peers.get('s-0')!.session!;
    const before = session().handles.size;
    say('s-0', 'hub-0', announcement({}, 900));
    say('s-0', 'hub-0', announcement({}, 901));
    session().held.set(902, { ...heldRoute(), why: 'policy' });
    for (const phase of ['begin', 'end'] as const) {
      say('s-0', 'hub-0', { type: 'ROUTE-REFRESH', family: 'service', phase });
      if (phase === 'begin') say('s-0', 'hub-0', announcement({}, 901));
    }
    world().run(1000);
    expect(instances('hub-0').filter((name) => name.startsWith('extra'))).toEqual(['extra-901']);
    // What the site really announced was not told again either.
    expect([before, session().handles.size, session().held.size]).toEqual([1, 1, 0]);
    expect(session().handles.resolve(900)).toBe(-1);
  });

  test('is not looked for where rows were refused: the sums cannot be equal', () => {
    say('hub-0', 's-0', announcement({ sitePath: ['s-0'] }));
    world().domain.simulation.run(30_000);
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
    world().domain.simulation.run(60_000);
    expect(
      messages('ROUTE-REFRESH').filter(({ message }) => 'phase' in message && message.phase === 'request').length,
    ).toBeLessThan(4);
  });
});

describe('an instance that flaps', () => {
  // The site has not really said what is put into its mouth: a digest would find that out.
  beforeEach(() => begin({ hubs: 1, digestInterval: '0s' }));
  const HANDLE = 900;

  function flap(times: number, everyMs: number): void {
    for (let i = 0; i < times; i++) {
      say('s-0', 'hub-0', announcement({}, HANDLE));
      world().domain.simulation.run(everyMs / 2);
      say('s-0', 'hub-0', { type: 'UPDATE', service: serviceUpdate([], [HANDLE]) });
      world().domain.simulation.run(everyMs / 2);
    }
  }

  test('is held back after the seventh time, withdrawn at once, and used again when it has been quiet', () => {
    flap(7, 1000);
    say('s-0', 'hub-0', announcement({}, HANDLE));
    world().domain.simulation.run(1000);
    expect(instances('s-1')).toEqual(ALL);
    expect(peerRows(state('hub-0')).find((row) => row.name === 's-0')!.protocol.damped).toBe(1);
    // 6,900 decays to 750 in 3.2 half-lives of a minute.
    world().domain.simulation.run(180_000);
    expect(instances('s-1')).toEqual(ALL);
    world().domain.simulation.run(20_000);
    expect(instances('s-1')).toEqual(['extra-900', ...ALL]);
    say('s-0', 'hub-0', { type: 'UPDATE', service: serviceUpdate([], [HANDLE]) });
    world().domain.simulation.run(100);
    expect(instances('s-1')).toEqual(ALL);
  });

  test('slowly is nobody’s business', () => {
    flap(10, 61_000);
    say('s-0', 'hub-0', announcement({}, HANDLE));
    world().domain.simulation.run(100);
    expect(instances('s-1')).toEqual(['extra-900', ...ALL]);
  });
});

describe('the operator', () => {
  beforeEach(() => begin({ hubs: 1 }));
  const command = (what: 'reset' | 'hard-reset' | 'shutdown' | 'start', text = 'maintenance until noon') =>
    world().domain.simulation.post('s-2', { type: 'peer-command', peer: 'hub-0', command: what, text });

  test('resets a session: the peer keeps the routes, reads why, and the session comes back', () => {
    command('reset');
    world().domain.simulation.run(5);
    expect(messages('NOTIFICATION')[0]).toMatchObject({
      message: { code: 6, subcode: 4, text: 'maintenance until noon' },
    });
    expect(instances('s-0')).toEqual(ALL);
    expect(peerRows(state('hub-0')).find((row) => row.name === 's-2')!.lastError).toContain('maintenance until noon');
    world().domain.simulation.run(5000);
    expect(state('hub-0').peers.get('s-2')!.session).toBeDefined();
    expect(state('hub-0').peers.get('s-2')!.retention.phase).toBe('none');
    expect(instances('s-0')).toEqual(ALL);
  });

  test('resets it hard: the peer forgets the routes at once', () => {
    command('hard-reset');
    world().domain.simulation.run(20);
    expect(instances('s-0')).toEqual(['sv-0', 'sv-1', 'sv-3']);
    world().domain.simulation.run(5000);
    expect(instances('s-0')).toEqual(ALL);
  });

  test('shuts it down until it is started', () => {
    command('shutdown');
    world().domain.simulation.run(60_000);
    expect(state('s-2').peers.get('hub-0')!.session).toBeUndefined();
    expect(instances('s-0')).toEqual(['sv-0', 'sv-1', 'sv-3']);
    command('start');
    world().domain.simulation.run(5000);
    expect(instances('s-0')).toEqual(ALL);
  });
});

test('a report degrades when its validity is over, is forgotten after another, and the route stays', () => {
  begin({ hubs: 1, siteExtra: 'steering: { services: [ { service: web } ], blackout: 0s }' });
  const candidate = () =>
    candidates(state('s-0'), state('s-0').classes.get(SERVICE)![0]!).find(
      (it) => it.route.contactInstance === instanceAddress(2),
    )!;
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

test('what is kept beyond the restart time scores at most 3 and is taken after anything fresh; in time it scores as before', () => {
  begin({ hubs: 1, siteExtra: 'steering: { services: [ { service: web } ], blackout: 0s }' });
  const steered = () => state('s-0').classes.get(SERVICE)![0]!;
  const scores = () => candidates(state('s-0'), steered()).map((it) => it.state?.score);
  const verdicts = () =>
    Object.fromEntries(steered().decision!.ranked.map((it) => [it.attributes.instanceName, it.verdict]));
  expect(scores()).toEqual([10, 10, 10, 10]);
  world().domain.simulation.kill('hub-0');
  world().run(60_000);
  expect(scores()).toEqual([10, 10, 10, 10]);
  expect(Object.values(verdicts())).not.toContain('long-lived-stale');
  world().run(61_000);
  expect(scores().sort()).toEqual([10, 3, 3, 3]);
  const { 'sv-0': own, ...others } = verdicts();
  expect(own).toBe('best');
  expect(new Set(Object.values(others))).toEqual(new Set(['long-lived-stale']));
});

test('a clock that differs is tolerated and said, once there and once back', () => {
  begin({ hubs: 1 });
  const known = routeTo('hub-0', 0)!;
  const handle = state('hub-0').table.handleOf(known.row, state('hub-0').peers.get('s-0')!.source);
  const nowMs = 1_790_000_000_000 + world().domain.simulation.atMs;
  for (const [n, measuredAtMs] of [nowMs + 60_000, nowMs + 61_000, nowMs].entries()) {
    const report = { ...known.state!, sequence: known.state!.sequence + 1 + n, measuredAtMs };
    say('s-0', 'hub-0', { type: 'UPDATE', compute: computeUpdate([{ handle, state: report }]) });
  }
  expect(logs('hub-0', 'clock of a router differs from ours')).toHaveLength(1);
  expect(logs('hub-0', 'clock of a router agrees with ours again')).toHaveLength(1);
  expect(routeTo('hub-0', 0)!.state!.sequence).toBe(known.state!.sequence + 3);
});

test('a report that is told again or comes late for once says nothing about clocks', () => {
  begin({ hubs: 1 });
  const { state: known } = routeTo('hub-0', 0)!;
  world().run(20_000);
  // As old as it is by now.
  world().domain.simulation.post('hub-0', { type: 'peer-command', peer: 's-0', command: 'refresh', text: '' });
  world().run(1000);
  expect(messages('ROUTE-REFRESH').length).toBeGreaterThan(1);
  const handle = state('hub-0').table.handleOf(routeTo('hub-0', 0)!.row, state('hub-0').peers.get('s-0')!.source);
  const nowMs = 1_790_000_000_000 + world().domain.simulation.atMs;
  const skewed = [-60_000, 0, -60_000, 60_000, 61_000].map((skewMs, n) => {
    const report = { ...known!, sequence: known!.sequence + 1 + n, measuredAtMs: nowMs + skewMs };
    say('s-0', 'hub-0', { type: 'UPDATE', compute: computeUpdate([{ handle, state: report }]) });
    return state('hub-0').skewed.size;
  });
  expect(skewed).toEqual([0, 0, 0, 0, 1]);
  expect(logs('hub-0', 'clock of a router')).toHaveLength(1);
});

test('a clock is told of from one bound on, and not believed from the other on, whichever way it differs', () => {
  begin({ hubs: 1, hubExtra: 'clock-skew: { warn: 1s, quarantine: 1m }' });
  const { row, state: known } = routeTo('hub-0', 0)!;
  const handle = state('hub-0').table.handleOf(row, state('hub-0').peers.get('s-0')!.source);
  const outcomes = [0, 900, -2000, -2000, 59_000, 61_000, -61_000].map((skewMs, n) => {
    const measuredAtMs = 1_790_000_000_000 + world().domain.simulation.atMs + skewMs;
    const report = { ...known!, sequence: known!.sequence + 1 + n, measuredAtMs };
    say('s-0', 'hub-0', { type: 'UPDATE', compute: computeUpdate([{ handle, state: report }]) });
    return [state('hub-0').skewed.size, state('hub-0').quarantine.get(row)?.reason];
  });
  expect(outcomes.slice(0, 5)).toEqual([
    [0, undefined],
    [0, undefined],
    [0, undefined],
    [1, undefined],
    [1, undefined],
  ]);
  expect(outcomes.slice(5).map(([, reason]) => reason)).toEqual(['measured-at', 'measured-at']);
});
