import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffObjects, driftOf, heldDiffSteps, runSteps } from './diff.ts';
import { sameObject } from './equality.ts';
import { type AffinityService, type FibObject, fibKey, removalKey } from './fib.ts';
import { FibObjectSet } from './object-set.ts';

const nexthop = (id: number, ...segments: string[]): FibObject => ({ kind: 'nexthop', id, segments });
const anyNexthop = fc
  .tuple(fc.integer({ min: 1, max: 8 }), fc.constantFrom('a::', 'b::', 'c::'))
  .map(([id, segment]) => nexthop(id, segment));
const anyRoute = fc
  .tuple(fc.constantFrom('2001:db8::/32', '::/0', '10.0.0.0/8', '10.0.0.0/16'), fc.constantFrom(254, 300), fc.nat(2))
  .map(([prefix, table, id]): FibObject => ({ kind: 'route', prefix, table, target: { kind: 'nexthop', id: id + 1 } }));
const anyObject = fc.oneof(anyNexthop, anyRoute, anyRoute);
const affinity: AffinityService = {
  kind: 'affinity',
  service: 'fd00:cafe::80',
  mode: 'flow',
  instances: [
    { slot: 1, mark: 0x101, weight: 700, failed: false },
    { slot: 2, mark: 0x102, weight: 300, failed: false },
  ],
  idleTimeoutMs: 300_000,
  closingTimeoutMs: 2000,
};

describe('difference of two object sets', () => {
  it('applied to the first gives the second', () => {
    fc.assert(
      fc.property(fc.array(anyNexthop), fc.array(anyNexthop), (have, want) => {
        const result = new Map(have.map((object) => [fibKey(object), object]));
        const { put, remove } = diffObjects(have, want);
        for (const removal of remove) expect(result.delete(removalKey(removal))).toBe(true);
        for (const object of put) result.set(fibKey(object), object);
        expect(result).toEqual(new Map(want.map((object) => [fibKey(object), object])));
        expect(diffObjects(result.values(), want)).toEqual({ put: [], remove: [] });
      }),
    );
  });

  it('is the same of what is held, routes included', () => {
    fc.assert(
      fc.property(fc.array(anyObject, { maxLength: 30 }), fc.array(anyObject, { maxLength: 30 }), (have, want) => {
        const held = new FibObjectSet();
        for (const object of have) held.put(object);
        const { put, remove } = runSteps(heldDiffSteps(held, want));
        const plain = diffObjects(have, want);
        expect(remove.map(removalKey).sort()).toEqual(plain.remove.map(removalKey).sort());
        for (const removal of remove) held.remove(removalKey(removal));
        for (const object of put) held.put(object);
        expect(new Set([...held.keys()])).toEqual(new Set(want.map(fibKey)));
        for (const object of new Map(want.map((it) => [fibKey(it), it])).values())
          expect(sameObject(held.get(fibKey(object))!, object)).toBe(true);
        expect(runSteps(heldDiffSteps(held, [...held.values()]))).toEqual({ put: [], remove: [] });
      }),
    );
  });

  it('always puts a service with a failed instance, because forgetting flows is an act', () => {
    const failed = { ...affinity, instances: affinity.instances.map((i) => ({ ...i, failed: i.slot === 1 })) };
    expect(diffObjects([failed], [failed]).put).toEqual([failed]);
    expect(diffObjects([affinity], [affinity]).put).toEqual([]);
  });

  it('names drift as missing, different or stale', () => {
    const wanted = [nexthop(1, 'a::'), nexthop(2, 'a::'), nexthop(3, 'a::')];
    const seen = [nexthop(2, 'b::'), nexthop(3, 'a::'), nexthop(4, 'a::')];
    expect(driftOf(wanted, seen)).toEqual([
      { key: 'nexthop 1', what: 'missing' },
      { key: 'nexthop 2', what: 'different' },
      { key: 'nexthop 4', what: 'stale' },
    ]);
  });

  it('does not miss a service that is to leave no trace', () => {
    expect(driftOf([{ ...affinity, mode: 'bucket', instances: [] }], [])).toEqual([]);
    expect(driftOf([{ ...affinity, mode: 'bucket', instances: [] }], [affinity])).toEqual([
      { key: 'affinity fd00:cafe::80', what: 'different' },
    ]);
  });
});

describe('equality of objects', () => {
  it('ignores the order in which the kernel reads back members, hops and instances', () => {
    const a = { nexthop: 1, weight: 2 };
    const b = { nexthop: 2, weight: 1 };
    expect(sameObject({ kind: 'group', id: 9, members: [a, b] }, { kind: 'group', id: 9, members: [b, a] })).toBe(true);
    expect(sameObject(affinity, { ...affinity, instances: [...affinity.instances].reverse() })).toBe(true);
  });

  it('ignores the weight of a lone hop and minds those of several', () => {
    const route = (...weights: number[]): FibObject => ({
      kind: 'route',
      prefix: '::/0',
      table: 254,
      target: { kind: 'gateways', hops: weights.map((weight, i) => ({ gateway: `fe80::${i}`, device: 'e1', weight })) },
    });
    expect(sameObject(route(1), route(7))).toBe(true);
    expect(sameObject(route(1, 1), route(1, 7))).toBe(false);
  });

  it('minds the order of segments', () => {
    expect(sameObject(nexthop(1, 'a::', 'b::'), nexthop(1, 'b::', 'a::'))).toBe(false);
  });

  it('minds weights, marks and whole seconds of timeouts of an affinity service', () => {
    expect(sameObject(affinity, { ...affinity, idleTimeoutMs: 299_001 })).toBe(true);
    expect(sameObject(affinity, { ...affinity, idleTimeoutMs: 299_000 })).toBe(false);
    const other = affinity.instances.map((i) => ({ ...i, weight: 500 }));
    expect(sameObject(affinity, { ...affinity, instances: other })).toBe(false);
  });
});
