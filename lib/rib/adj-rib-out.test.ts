import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ComputeState } from '../model/compute-state.ts';
import type { ServiceAttributes } from '../model/service-route.ts';
import type { UpdateMessage } from '../session/message.ts';
import { AdjRibOut, type Exported, type ExportView } from './adj-rib-out.ts';

/** What the far end knows after a series of UPDATEs: the model the queue is checked against. */
class Receiver {
  readonly routes = new Map<number, { key: string; tag: string }>();
  readonly states = new Map<string, number>();
  apply(update: UpdateMessage): void {
    for (const handle of update.service?.withdrawn ?? []) {
      const known = this.routes.get(handle);
      if (known === undefined) throw new Error(`withdrawal of unknown handle ${handle}`);
      this.states.delete(known.key);
      this.routes.delete(handle);
    }
    const { service, compute } = update;
    service?.handle.forEach((handle, row) => {
      const tag = service.attributeSets[service.attributeSet[row]!]!.instanceName;
      this.routes.set(handle, { key: service.contactInstance[row]!, tag });
    });
    compute?.handle.forEach((handle, row) => {
      const route = this.routes.get(handle);
      if (route === undefined) throw new Error(`state for unknown handle ${handle}`);
      this.states.set(route.key, compute.state[row]!.sequence);
    });
  }
  content(): Map<string, string> {
    return new Map([...this.routes.values()].map(({ key, tag }) => [key, tag]));
  }
}

const sets = new Map<string, ServiceAttributes>();
function setOf(tag: string): ServiceAttributes {
  const known = sets.get(tag) ?? ({ instanceName: tag } as ServiceAttributes);
  sets.set(tag, known);
  return known;
}

function viewOf(truth: Map<string, { tag: string; sequence: number }>): ExportView {
  return {
    route(key): Exported | undefined {
      const row = truth.get(key);
      if (row === undefined) return undefined;
      const route = { service: 's', contactInstance: key, originator: 'o' };
      return { route, attributes: setOf(row.tag), state: { sequence: row.sequence } as ComputeState };
    },
    node: () => undefined,
  };
}

test('whatever changes and whenever it is drained, the receiver ends with exactly the present truth', () => {
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('set' as const),
        key: fc.constantFrom('a', 'b', 'c', 'd'),
        tag: fc.constantFrom('x', 'y'),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('state' as const), key: fc.constantFrom('a', 'b', 'c', 'd') }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('remove' as const), key: fc.constantFrom('a', 'b', 'c', 'd') }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('drain' as const), rows: fc.integer({ min: 1, max: 3 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const truth = new Map<string, { tag: string; sequence: number }>();
      const out = new AdjRibOut(['service', 'compute']);
      const receiver = new Receiver();
      let sequence = 0;
      for (const it of steps) {
        if (it.kind === 'set') {
          truth.set(it.key, { tag: it.tag, sequence: ++sequence });
          out.routeChanged(it.key);
          out.stateChanged(it.key);
        } else if (it.kind === 'state') {
          const row = truth.get(it.key);
          if (row) row.sequence = ++sequence;
          out.stateChanged(it.key);
        } else if (it.kind === 'remove') {
          truth.delete(it.key);
          out.routeChanged(it.key);
        } else if (it.kind === 'forget') {
          out.forget();
          for (const key of truth.keys()) out.routeChanged(key);
        } else {
          const update = out.next(viewOf(truth), it.rows);
          if (update) receiver.apply(update);
        }
      }
      for (let update = out.next(viewOf(truth), 2); update; update = out.next(viewOf(truth), 2)) receiver.apply(update);
      expect(receiver.content()).toEqual(new Map([...truth].map(([key, { tag }]) => [key, tag])));
      expect(receiver.states).toEqual(new Map([...truth].map(([key, row]) => [key, row.sequence])));
      expect(out.pendingCount).toBe(0);
    }),
  );
});

test('a peer that does not read costs one slot a key and later hears only the newest', () => {
  const truth = new Map([['a', { tag: 'x', sequence: 1 }]]);
  const out = new AdjRibOut(['service', 'compute']);
  out.routeChanged('a');
  for (let i = 0; i < 10_000; i++) {
    truth.get('a')!.sequence++;
    out.stateChanged('a');
  }
  expect(out.pendingCount).toBeLessThanOrEqual(2);
  expect(out.next(viewOf(truth), 10)?.compute?.state.map((it) => it.sequence)).toEqual([10_001]);
  expect(out.next(viewOf(truth), 10)).toBeUndefined();
});

test('End-of-RIB comes after everything that was pending before it', () => {
  const truth = new Map(['a', 'b', 'c'].map((key, i) => [key, { tag: 'x', sequence: i + 1 }]));
  const out = new AdjRibOut(['service', 'compute']);
  for (const key of truth.keys()) out.routeChanged(key);
  out.endOfRib(['service', 'compute', 'link-state']);
  const updates: UpdateMessage[] = [];
  for (let update = out.next(viewOf(truth), 1); update; update = out.next(viewOf(truth), 1)) updates.push(update);
  expect(updates.map((it) => it.endOfRib !== undefined)).toEqual([...Array(updates.length - 1).fill(false), true]);
  expect(updates.at(-1)?.endOfRib).toEqual(['service', 'compute']);
});
