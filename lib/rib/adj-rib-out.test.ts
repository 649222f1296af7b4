// Whatever changes, and whoever reads when: each peer ends with exactly the present truth, as its group may hear it and
// without its own words. The receivers are real ones: handles, withdrawals and displaced keys as a session takes them.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ComputeState } from '../model/compute-state.ts';
import type { Family, Score } from '../model/identity.ts';
import type { RouteKey, ServiceAttributes } from '../model/service-route.ts';
import { routeKeyText } from '../model/service-route.ts';
import { statesToRows } from '../model/state-row.ts';
import type { UpdateMessage } from '../session/message.ts';
import { computeRows, serviceRows } from '../session/update-rows.ts';
import { AdjRibOut } from './adj-rib-out.ts';
import { entryAt, rowFor, rowOf } from './route-entry.ts';
import { RouteTable } from './route-table.ts';
import { type ExportView, UpdateBatch } from './update-batch.ts';

/** What the far end knows after a series of UPDATEs. */
class Receiver {
  readonly handles = new Map<number, string>();
  readonly routes = new Map<string, { handle: number; name: string }>();
  readonly states = new Map<string, number>();
  updates = 0;
  rows = 0;

  apply({ service, compute }: UpdateMessage): void {
    this.updates++;
    for (const handle of service?.withdrawn ?? []) this.#drop(handle);
    for (const row of service ? serviceRows(service) : []) {
      this.rows++;
      const key = routeKeyText(row);
      if (this.handles.has(row.handle) && this.handles.get(row.handle) !== key) this.#drop(row.handle);
      this.handles.set(row.handle, key);
      this.routes.set(key, { handle: row.handle, name: row.attributes!.instanceName });
    }
    for (const { handle, state } of compute ? computeRows(compute) : []) {
      const key = this.handles.get(handle);
      if (key === undefined || this.routes.get(key)?.handle !== handle) continue;
      if ((this.states.get(key) ?? -1) < state.sequence) this.states.set(key, state.sequence);
    }
  }

  #drop(handle: number): void {
    const key = this.handles.get(handle);
    this.handles.delete(handle);
    if (key === undefined || this.routes.get(key)?.handle !== handle) return;
    this.routes.delete(key);
    this.states.delete(key);
  }
}

const attributesOf = (instanceName: string): ServiceAttributes =>
  ({ instanceName, sitePath: [], clusterList: [], communities: [] }) as never;
const SETS = ['a', 'b', 'secret'].map(attributesOf);
const stateOf = (sequence: number): ComputeState => ({ sequence, score: (sequence % 11) as Score }) as ComputeState;
const KEYS: RouteKey[] = Array.from({ length: 6 }, (_, i) => ({
  service: `fd00:cafe::${1 + (i % 3)}`,
  contactInstance: `fd00:51::${1 + i}`,
  originator: '10.0.0.1',
}));
const SOURCES = ['', 'p1', 'p2', 'p3', 'p4'];
/** p1, p2 and p3 hear everything; p4 is not told secrets. */
const groupOf = (source: number): number => (source === 4 ? 1 : 0);

class World {
  readonly table = new RouteTable(7);
  readonly batch: UpdateBatch;
  readonly outs = new Map<number, AdjRibOut>();
  readonly receivers = new Map<number, Receiver>();
  sequence = 0;

  constructor(maxRows: number) {
    this.batch = new UpdateBatch(this.table, maxRows);
    for (const name of SOURCES) this.table.sources.number(name);
  }

  connect(source: number, families: readonly Family[] = ['service', 'compute']): void {
    this.outs.get(source)?.close();
    this.outs.set(source, new AdjRibOut(this.table, source, families));
    this.receivers.set(source, new Receiver());
  }

  announce(key: RouteKey, source: number, set: number): void {
    this.table.announce(rowFor(this.table, key), source, this.table.sets.intern(SETS[set]!), 0);
  }

  withdraw(key: RouteKey, source: number): void {
    const row = rowOf(this.table, key);
    if (row >= 0) this.table.withdraw(row, source);
  }

  report(key: RouteKey, source: number): void {
    const row = rowOf(this.table, key);
    if (row >= 0) this.table.updateState(row, statesToRows([stateOf(++this.sequence)]), 0, source, 0);
  }

  /** One UPDATE at most for each of these peers, those level together; false when nothing waited for any. */
  serve(sources: readonly number[]): boolean {
    let some = false;
    const levels: AdjRibOut[][] = [];
    for (const out of sources.flatMap((source) => this.outs.get(source) ?? [])) {
      const level = levels.find(([first]) => groupOf(first!.source) === groupOf(out.source) && first!.isLevelWith(out));
      if (level) level.push(out);
      else levels.push([out]);
    }
    for (const level of levels) {
      const view = this.view(groupOf(level[0]!.source));
      some = this.batch.next(level, view, (out, update) => this.receivers.get(out.source)!.apply(update)) || some;
    }
    this.table.routeLog.trim();
    this.table.stateLog.trim();
    return some;
  }

  view(group: number): ExportView {
    return {
      attributes: (row) => {
        const attributes = this.table.bestAttributes(row);
        return group === 1 && attributes.instanceName === 'secret' ? undefined : attributes;
      },
      nodes: new Map(),
    };
  }

  /** What the peer ought to know. */
  truth(source: number): { routes: Map<string, string>; states: Map<string, number> } {
    const routes = new Map<string, string>();
    const states = new Map<string, number>();
    for (const row of this.table.rows()) {
      const entry = entryAt(this.table, row);
      if (this.table.bestSource(row) === source) continue;
      if (this.view(groupOf(source)).attributes(row) === undefined) continue;
      routes.set(entry.key, entry.attributes.instanceName);
      if (entry.state && this.table.states.from(row) !== source) states.set(entry.key, entry.state.sequence);
    }
    return { routes, states };
  }

  settle(): void {
    while (this.serve([...this.outs.keys()]));
    for (const [source, out] of this.outs) {
      const { routes, states } = this.truth(source);
      const known = this.receivers.get(source)!;
      expect(new Map([...known.routes].map(([key, { name }]) => [key, name]))).toEqual(routes);
      // What it reported itself it is not told, and may have heard older news of from others.
      for (const [key, sequence] of states) expect([key, known.states.get(key)]).toEqual([key, sequence]);
      expect(out.advertised.size).toBe(routes.size);
      expect(out.hasPending).toBe(false);
    }
  }
}

const key = fc.constantFrom(...KEYS);
const source = fc.nat(4);
const peer = fc.integer({ min: 1, max: 4 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('announce' as const), key, source, set: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('withdraw' as const), key, source }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('report' as const), key, source }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('connect' as const), peer }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('repeat' as const), peer }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('serve' as const), peers: fc.uniqueArray(peer, { minLength: 1 }) }),
  },
);

describe('what peers are told', () => {
  test('whatever changes and whoever reads when, each ends with exactly the present truth', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 80 }), (rows, steps) => {
        const world = new World(rows);
        for (const it of steps) {
          if (it.do === 'announce') world.announce(it.key, it.source, it.set);
          else if (it.do === 'withdraw') world.withdraw(it.key, it.source);
          else if (it.do === 'report') world.report(it.key, it.source);
          else if (it.do === 'connect') world.connect(it.peer);
          else if (it.do === 'repeat') world.outs.get(it.peer)?.repeat();
          else world.serve(it.peers);
        }
        world.settle();
      }),
      { numRuns: 1000 },
    );
  });

  test('a peer that does not read for ever so long costs a bounded log, and then hears only the newest', () => {
    const world = new World(10);
    world.connect(1);
    world.connect(2);
    for (const it of KEYS) world.announce(it, 0, 0);
    world.settle();
    const before = world.receivers.get(2)!.updates;
    for (let i = 0; i < 40_000; i++) {
      world.report(KEYS[i % KEYS.length]!, 0);
      world.serve([1]);
    }
    const entries = world.table.stateLog.pending(world.outs.get(2)!.states);
    expect(entries).toBeLessThan(20_000);
    world.settle();
    expect(world.receivers.get(2)!.updates - before).toBeLessThanOrEqual(4);
    expect(Math.max(...world.receivers.get(2)!.states.values())).toBe(40_000);
  });

  test('withdrawals and drops to a lower band leave before news that waited longer', () => {
    const world = new World(2);
    for (const it of KEYS) world.announce(it, 0, 0);
    for (const it of KEYS) world.report(it, 0);
    world.connect(1);
    world.settle();
    const heard: string[] = [];
    const out = world.outs.get(1)!;
    for (const it of KEYS.slice(0, 4)) world.announce(it, 0, 1);
    world.withdraw(KEYS[5]!, 0);
    world.batch.next([out], world.view(0), (_, { service }) =>
      heard.push(`-${service!.withdrawn.length} +${service!.handle.length}`),
    );
    expect(heard).toEqual(['-1 +1']);
  });

  test('peers that have read the same get the same message, and only who said a row gets another', () => {
    const world = new World(10);
    for (const number of [1, 2, 3]) world.connect(number);
    world.settle();
    world.announce(KEYS[0]!, 0, 0);
    world.announce(KEYS[1]!, 2, 0);
    const got = new Map<number, UpdateMessage>();
    const outs = [1, 2, 3].map((number) => world.outs.get(number)!);
    expect(outs.every((out) => out.isLevelWith(outs[0]!))).toBe(true);
    world.batch.next(outs, world.view(0), (out, update) => got.set(out.source, update));
    expect(got.get(1)).toBe(got.get(3));
    expect(got.get(1)!.service!.handle).toHaveLength(2);
    expect(got.get(2)!.service!.handle).toHaveLength(1);
  });

  test('End-of-RIB comes after everything that was pending before it, and only of families that are spoken', () => {
    const world = new World(1);
    for (const it of KEYS) world.announce(it, 0, 0);
    world.connect(1);
    const out = world.outs.get(1)!;
    out.endOfRib(['service', 'compute', 'link-state']);
    const updates: UpdateMessage[] = [];
    while (world.batch.next([out], world.view(0), (_, update) => updates.push(update)));
    expect(updates.slice(0, -1).every((it) => it.endOfRib === undefined)).toBe(true);
    expect(updates.at(-1)!.endOfRib).toEqual(['service', 'compute']);
    expect(updates.flatMap((it) => [...(it.service?.handle ?? [])])).toHaveLength(KEYS.length);
  });

  test('a family that is not spoken holds nothing back', () => {
    const world = new World(10);
    world.connect(1, ['service']);
    world.connect(2, ['link-state']);
    for (const it of KEYS) world.announce(it, 0, 0);
    for (const it of KEYS) world.report(it, 0);
    const heard: UpdateMessage[] = [];
    while (world.batch.next([world.outs.get(1)!], world.view(0), (_, update) => heard.push(update)));
    expect(heard.map(({ service, compute }) => [service?.handle.length, compute])).toEqual([[6, undefined]]);
    expect(world.outs.get(2)!.hasPending).toBe(false);
  });
});
