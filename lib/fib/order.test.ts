import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FibObject, fibKey } from './fib.ts';
import { kindOfKey, lastPuts, orderPuts, orderRemovals } from './order.ts';

const objects: FibObject[] = [
  { kind: 'rule', family: 'ipv6', priority: 5, fwmark: 1, mask: 0xff, table: 101 },
  { kind: 'route', prefix: 'fd00:cafe::80/128', table: 101, target: { kind: 'group', id: 1 } },
  { kind: 'route', prefix: 'fcbb:bb:1::/48', table: 254, target: { kind: 'blackhole' } },
  { kind: 'group', id: 1, members: [{ nexthop: 2, weight: 1 }] },
  { kind: 'nexthop', id: 2, segments: ['fcbb:bb:2::'] },
  { kind: 'local-sid', prefix: 'fcbb:bb:1:e::/64', behaviour: { action: 'End' } },
  {
    kind: 'affinity',
    service: 'fd00:cafe::80',
    mode: 'flow',
    instances: [],
    idleTimeoutMs: 1,
    closingTimeoutMs: 1,
  },
];

describe('order of a change', () => {
  it('puts whatever is referred to before what refers to it, in any input order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(objects, { minLength: objects.length }), (shuffled) => {
        const ordered = orderPuts(shuffled).map(fibKey);
        for (const object of objects)
          for (const target of references(object))
            expect(ordered.indexOf(target)).toBeLessThan(ordered.indexOf(fibKey(object)));
        expect(ordered.indexOf('rule ipv6 5')).toBeLessThan(ordered.indexOf('affinity fd00:cafe::80'));
        expect(new Set(ordered).size).toBe(objects.length);
      }),
    );
  });

  it('removes in the reverse order, each key once', () => {
    const keys = objects.map(fibKey);
    const kinds = orderRemovals([...keys, ...keys]).map(kindOfKey);
    expect(kinds).toEqual(['affinity', 'rule', 'route', 'route', 'local-sid', 'group', 'nexthop']);
  });

  it('knows the kind of every key and of nothing else', () => {
    for (const object of objects) expect(kindOfKey(fibKey(object))).toBe(object.kind);
    expect(kindOfKey('interface eth0')).toBeUndefined();
    expect(kindOfKey('')).toBeUndefined();
  });

  it('keeps only the last put of a key', () => {
    const first: FibObject = { kind: 'nexthop', id: 2, segments: ['a::'] };
    const last: FibObject = { kind: 'nexthop', id: 2, segments: ['b::'] };
    expect(lastPuts([first, ...objects.slice(0, 2), last])).toEqual([last, ...objects.slice(0, 2)]);
  });
});

/** Keys of the objects without which this one cannot be. */
function references(object: FibObject): string[] {
  if (object.kind === 'group') return object.members.map((member) => `nexthop ${member.nexthop}`);
  return object.kind === 'route' && 'id' in object.target ? [`${object.target.kind} ${object.target.id}`] : [];
}
