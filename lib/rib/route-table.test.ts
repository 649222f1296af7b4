// The table against a plain model: every command on both, then everything that can be asked of both.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ComputeState } from '../model/compute-state.ts';
import type { Score } from '../model/identity.ts';
import type { RouteKey, ServiceAttributes } from '../model/service-route.ts';
import { routeKeyText } from '../model/service-route.ts';
import { STATE_NUMBERS, statesToRows } from '../model/state-row.ts';
import { entryAt, entryOf, rowFor, rowOf } from './route-entry.ts';
import { LOCAL_SOURCE, RouteTable } from './route-table.ts';

function attributes(sitePath: string[], clusterList: string[] = []): ServiceAttributes {
  return {
    egressSid: '5f00:0:21:100::',
    sidStructure: { block: 32, node: 16, function: 16, argument: 0 },
    behaviour: 16,
    sitePath,
    clusterList,
    communities: [],
    onlyToDownstream: '',
    site: 'site-1',
    serviceName: 'web',
    instanceName: 'sv1',
    classes: [],
    capabilities: [],
    region: '',
    residency: [],
    priceMicros: 0,
    carbon: 0,
    energy: 0,
    securityLevel: 0,
    preference: 0,
    drain: false,
    validForMs: 0,
  };
}

function compute(sequence: number, score = 9): ComputeState {
  return {
    sequence,
    score: score as Score,
    computeScore: 3 as Score,
    serviceScore: 10 as Score,
    serviceTimeUs: 4_000_000_000,
    workTimeUs: 1,
    spareCapacity: 1.5,
    inFlight: 0.25,
    arrivalRate: 300,
    workers: 8,
    source: 'normalization',
    statistic: 'cur',
    windowMs: 1000,
    measuredAtMs: 1_790_000_000_123.456,
    validForMs: 1000,
  };
}

const SETS = [
  attributes([]),
  attributes(['a']),
  attributes(['b']),
  attributes(['a', 'b']),
  attributes(['a'], ['10.0.0.1']),
];
const SERVICES = ['fd00:cafe::80', 'fd00:cafe::81', '192.0.2.1'];
const KEYS: RouteKey[] = SERVICES.flatMap((service) =>
  ['fd00:51::10', 'fd00:51::11'].flatMap((contactInstance) =>
    ['10.0.0.21', '10.0.0.22'].map((originator) => ({ service, contactInstance, originator })),
  ),
);
const PEERS = ['', 'p1', 'p2', 'p3'];
const ROUTER_IDS = [0, 7, 7, 3];

interface Said {
  set: number;
  stale: boolean;
  handle: number;
}
type Model = Map<string, { said: Map<number, Said>; sequence: number }>;

function bestOf(said: Map<number, Said>): number {
  return [...said].sort(
    ([a, x], [b, y]) =>
      SETS[x.set]!.sitePath.length - SETS[y.set]!.sitePath.length ||
      SETS[x.set]!.clusterList.length - SETS[y.set]!.clusterList.length ||
      ROUTER_IDS[a]! - ROUTER_IDS[b]! ||
      (PEERS[a]! < PEERS[b]! ? -1 : 1),
  )[0]![0];
}

function prepared(seed: number): RouteTable {
  const table = new RouteTable(seed);
  for (const [number, name] of PEERS.entries()) {
    expect(table.sources.number(name)).toBe(number);
    table.sources.setRouterId(number, ROUTER_IDS[number]!);
  }
  return table;
}

const key = fc.constantFrom(...KEYS);
const source = fc.nat(PEERS.length - 1);
const command = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('announce' as const), key, source, set: fc.nat(4), handle: fc.nat(3) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('withdraw' as const), key, source, handle: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('state' as const), key, source, sequence: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stale' as const), source }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sweep' as const), source }) },
);

describe('the route table', () => {
  test('is what a map of objects would be, whatever is said, withdrawn, made stale or swept', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 120 }), fc.integer(), (commands, seed) => {
        const table = prepared(seed);
        const model: Model = new Map();
        for (const it of commands) {
          if (it.do === 'stale') {
            table.sources.markStale(it.source);
            for (const { said } of model.values()) {
              const path = said.get(it.source);
              if (path) path.stale = true;
            }
          } else if (it.do === 'sweep') {
            const epoch = table.sources.epoch(it.source);
            for (const row of [...table.rows()])
              if (table.saidBefore(row, it.source, epoch)) table.withdraw(row, it.source);
            for (const [text, { said }] of model) {
              if (said.get(it.source)?.stale) said.delete(it.source);
              if (said.size === 0) model.delete(text);
            }
          } else expect(apply(table, it)).toBe(expected(model, it));
          agree(table, model);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('finds the routes of a service whether it has one or several, and none that is gone', () => {
    fc.assert(
      fc.property(fc.array(key, { maxLength: 60 }), fc.integer(), (toggled, seed) => {
        const table = prepared(seed);
        const set = table.sets.intern(SETS[0]!);
        const rows = new Map<RouteKey, number>();
        for (const it of toggled) {
          const row = rowFor(table, it);
          if (!rows.delete(it)) rows.set(it, row);
          if (rows.has(it)) table.announce(row, 1, set, 0);
          else table.withdraw(row, 1);
          for (const any of KEYS) expect(rowOf(table, any)).toBe(rows.get(any) ?? -1);
        }
      }),
    );
  });

  test('grows to many rows and back without losing or keeping one, and gives row numbers again', () => {
    const table = prepared(5);
    const set = table.sets.intern(SETS[1]!);
    const keys = Array.from({ length: 5000 }, (_, i) => ({
      service: `fd00:cafe::${((i % 997) + 1).toString(16)}`,
      contactInstance: `fd00:51::${(i + 1).toString(16)}`,
      originator: '10.0.0.21',
    }));
    for (const it of keys) expect(table.announce(rowFor(table, it), 1, set, 0)).toBe('added');
    expect([table.size, table.services.size, table.sources.count(1)]).toEqual([5000, 997, 5000]);
    for (const it of keys) expect(routeKeyText(entryAt(table, rowOf(table, it)).route)).toBe(routeKeyText(it));
    expect(table.rowsOf('fd00:cafe::1')).toHaveLength(6);
    for (const it of keys) expect(table.withdraw(rowOf(table, it), 1)).toBe('removed');
    expect([table.size, table.services.size, table.sources.count(1), table.sets.size]).toEqual([0, 0, 0, 0]);
    expect(rowFor(table, keys[0]!)).toBeLessThan(5000);
  });

  test('says of a row that is not there what it says of one that is not in use', () => {
    const table = new RouteTable(1);
    expect(table.isUsed(-1)).toBe(false);
    expect(table.says(-1, 0)).toBe(false);
  });

  test('keeps every number of a state', () => {
    const table = prepared(1);
    const row = rowFor(table, KEYS[0]!);
    table.announce(row, 1, table.sets.intern(SETS[0]!), 0);
    table.updateState(row, statesToRows([compute(1), compute(2 ** 53 - 1)]), STATE_NUMBERS, 2, 1234.5);
    expect(entryOf(table, routeKeyText(KEYS[0]!))).toMatchObject({
      state: compute(2 ** 53 - 1),
      stateReceivedAtMs: 1234.5,
      stateFrom: 'p2',
      best: 'p1',
    });
  });

  test('tells a score that falls into a lower band from other news', () => {
    const table = prepared(1);
    const row = rowFor(table, KEYS[0]!);
    table.announce(row, 1, table.sets.intern(SETS[0]!), 0);
    const scores = [8, 9, 7, 4, 3, 0, 10, 3];
    expect(scores.map((score, i) => table.updateState(row, statesToRows([compute(i, score)]), 0, 1, 0))).toEqual([
      'newer',
      'newer',
      'lower',
      'newer',
      'lower',
      'newer',
      'newer',
      'lower',
    ]);
  });

  test('forgets a set with its last path, and keeps one that is said twice once', () => {
    const table = prepared(1);
    const set = table.sets.intern(SETS[1]!);
    expect(table.sets.intern({ ...SETS[1]! })).toBe(set);
    const row = rowFor(table, KEYS[0]!);
    table.announce(row, 1, set, 0);
    table.announce(row, 2, set, 0);
    table.withdraw(row, 1);
    expect(table.sets.size).toBe(1);
    table.withdraw(row, 2);
    expect(table.sets.size).toBe(0);
  });

  test('keeps a service that somebody watches, without routes', () => {
    const table = prepared(1);
    table.services.watch(SERVICES[0]!);
    const number = table.services.findText(SERVICES[0]!);
    const row = rowFor(table, KEYS[0]!);
    expect(table.service(row)).toBe(number);
    table.announce(row, LOCAL_SOURCE, table.sets.intern(SETS[0]!), 0);
    table.withdraw(row, LOCAL_SOURCE);
    expect(table.services.isWatched(table.services.findText(SERVICES[0]!))).toBe(true);
  });
});

type Command = Exclude<typeof command extends fc.Arbitrary<infer C> ? C : never, { do: 'stale' } | { do: 'sweep' }>;

function apply(table: RouteTable, it: Command): string {
  if (it.do === 'announce')
    return table.announce(rowFor(table, it.key), it.source, table.sets.intern(SETS[it.set]!), it.handle);
  const row = rowOf(table, it.key);
  if (row < 0) return 'unknown';
  if (it.do === 'withdraw') return table.withdraw(row, it.source, it.handle);
  return table.updateState(row, statesToRows([compute(it.sequence)]), 0, it.source, 0);
}

function expected(model: Model, it: Command): string {
  const text = routeKeyText(it.key);
  const entry = model.get(text);
  if (it.do === 'announce') {
    const path = { set: it.set, stale: false, handle: it.handle };
    if (entry === undefined) {
      model.set(text, { said: new Map([[it.source, path]]), sequence: -1 });
      return 'added';
    }
    const before = bestOf(entry.said);
    const set = entry.said.get(before)!.set;
    entry.said.set(it.source, path);
    const after = bestOf(entry.said);
    return before === after && entry.said.get(after)!.set === set ? 'none' : 'changed';
  }
  if (entry === undefined) return 'unknown';
  if (it.do === 'state') {
    if (entry.sequence >= it.sequence) return 'older';
    entry.sequence = it.sequence;
    return 'newer';
  }
  const path = entry.said.get(it.source);
  if (path === undefined || (it.handle !== 0 && path.handle !== it.handle)) return 'none';
  const before = bestOf(entry.said);
  entry.said.delete(it.source);
  if (entry.said.size === 0) {
    model.delete(text);
    return 'removed';
  }
  return before === it.source ? 'changed' : 'none';
}

function agree(table: RouteTable, model: Model): void {
  expect(table.size).toBe(model.size);
  expect(new Set([...table.rows()].map((row) => entryAt(table, row).key))).toEqual(new Set(model.keys()));
  for (const [text, { said, sequence }] of model) {
    const entry = entryOf(table, text)!;
    const best = bestOf(said);
    expect(entry).toMatchObject({ key: text, best: PEERS[best], stale: said.get(best)!.stale });
    expect(entry.attributes).toEqual(SETS[said.get(best)!.set]);
    expect(entry.state?.sequence ?? -1).toBe(sequence);
    expect(table.sourcesOf(entry.row)[0]).toBe(best);
    expect(new Set(table.sourcesOf(entry.row))).toEqual(new Set(said.keys()));
    for (const number of PEERS.keys()) expect(table.says(entry.row, number)).toBe(said.has(number));
  }
  for (const number of PEERS.keys())
    expect(table.sources.count(number)).toBe([...model.values()].filter(({ said }) => said.has(number)).length);
  expect(table.services.size).toBe(new Set([...model.keys()].map((text) => text.split(' ')[0])).size);
  for (const service of SERVICES)
    expect(table.rowsOf(service)).toHaveLength(
      [...model.keys()].filter((text) => text.startsWith(`${service} `)).length,
    );
}
