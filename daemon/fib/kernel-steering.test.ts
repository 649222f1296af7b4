import { describe, expect, it } from 'vitest';
import type { AffinityService, FibObject } from '../../lib/fib/fib.ts';
import { steeringOf } from './kernel-steering.ts';

const nexthop: FibObject = { kind: 'nexthop', id: 1, segments: ['5f00:0:2::'] };
const group: FibObject = { kind: 'group', id: 2, members: [{ nexthop: 1, weight: 1 }] };
const route: FibObject = { kind: 'route', prefix: 'fd00:cafe::80/128', table: 254, target: { kind: 'nexthop', id: 1 } };
const rule: FibObject = { kind: 'rule', family: 'ipv6', priority: 10_001, fwmark: 257, mask: 4095, table: 10_001 };
const service: AffinityService = {
  kind: 'affinity',
  service: 'fd00:cafe::80',
  mode: 'flow',
  instances: [{ slot: 1, mark: 257, weight: 1000, failed: false }],
  idleTimeoutMs: 300_000,
  closingTimeoutMs: 2000,
};
const sortOf = (put: readonly FibObject[], remove: readonly string[] = []) => steeringOf({ put, remove });

describe('a change that steers', () => {
  it.each([nexthop, group, route])('replaces one object, with or without weights: $kind', (object) => {
    expect(sortOf([object])).toEqual({ object, service: undefined });
    expect(sortOf([object, service])).toEqual({ object, service });
  });

  it('may be weights alone', () => {
    expect(sortOf([service])).toEqual({ object: undefined, service });
  });

  it.each<[string, readonly FibObject[], readonly string[]]>([
    ['nothing', [], []],
    ['a rule', [rule, service], []],
    ['two objects', [nexthop, route], []],
    ['more', [nexthop, route, service], []],
    ['two services', [service, { ...service, service: 'fd00:cafe::81' }], []],
    ['a removal', [route, service], ['nexthop 9']],
  ])('is not %s', (_, put, remove) => {
    expect(sortOf(put, remove)).toBeUndefined();
  });
});
