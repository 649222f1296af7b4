// Damping, operators, validity and clocks, in a domain of hubs and sites.
import { beforeEach, describe, expect, test } from 'vitest';
import { computeUpdate, serviceUpdate } from '../session/update-rows.ts';
import { instanceAddress, SERVICE } from './domain.fixture.ts';
import { candidates } from './steering.ts';
import { peerRows } from './view/peers.ts';
import { ALL, worldOfTest } from './world.fixture.ts';

const { begin, world, state, instances, routeTo, messages, logs, say, announcement } = worldOfTest();

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
