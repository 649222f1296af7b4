import { describe, expect, it } from 'vitest';
import type { AffinityService, FibObject } from './fib.ts';
import { objectFault } from './object-fault.ts';

const affinity: AffinityService = {
  kind: 'affinity',
  service: 'fd00:cafe::80',
  mode: 'flow',
  instances: [{ slot: 1, mark: 0x101, weight: 1000, failed: false }],
  idleTimeoutMs: 1,
  closingTimeoutMs: 1,
};
const sid = (prefix: string, behaviour: object, flavours?: object) =>
  ({ kind: 'local-sid', prefix, behaviour, ...(flavours && { flavours }) }) as FibObject;
const hop = { gateway: 'fe80::1', device: 'eth1', weight: 1 };

describe('objects that are refused for themselves', () => {
  const cases: [string, FibObject, RegExp][] = [
    ['an id of 0', { kind: 'nexthop', id: 0, segments: ['a::'] }, /id is not in/],
    ['an id beyond 32 bits', { kind: 'group', id: 2 ** 32, members: [{ nexthop: 1, weight: 1 }] }, /id is not in/],
    ['no segments', { kind: 'nexthop', id: 1, segments: [] }, /no segments/],
    ['an IPv4 segment', { kind: 'nexthop', id: 1, segments: ['192.0.2.1'] }, /not an IPv6 address/],
    ['a segment that is no address', { kind: 'nexthop', id: 1, segments: ['core'] }, /not an IP/],
    ['no members', { kind: 'group', id: 1, members: [] }, /no members/],
    ['a member of weight 0', { kind: 'group', id: 1, members: [{ nexthop: 2, weight: 0 }] }, /weight/],
    ['a member of weight 65537', { kind: 'group', id: 1, members: [{ nexthop: 2, weight: 65_537 }] }, /weight/],
    [
      'a member twice',
      {
        kind: 'group',
        id: 1,
        members: [
          { nexthop: 2, weight: 1 },
          { nexthop: 2, weight: 2 },
        ],
      },
      /twice/,
    ],
    [
      'host bits in a prefix',
      { kind: 'route', prefix: 'fd00::1/64', table: 254, target: { kind: 'blackhole' } },
      /not canonical/,
    ],
    ['no hops', { kind: 'route', prefix: 'fd00::/64', table: 254, target: { kind: 'gateways', hops: [] } }, /no hops/],
    ['table 0', { kind: 'route', prefix: 'fd00::/64', table: 0, target: { kind: 'gateways', hops: [hop] } }, /table/],
    ['an IPv4 SID', sid('10.0.0.0/8', { action: 'End' }), /IPv6 prefix/],
    ['End.DX6 to IPv4', sid('fd00::/64', { action: 'End.DX6', nexthop: '192.0.2.1' }), /not an IPv6/],
    ['PSP at End.X', sid('fd00::/64', { action: 'End.X', nexthop: 'fe80::1' }, { psp: true }), /takes no PSP/],
    [
      'NEXT-CSID at End.DT6',
      sid('fd00::/64', { action: 'End.DT6', table: 254 }, { nextCsid: { blockBits: 32, nodeBits: 16 } }),
      /takes no flavours/,
    ],
    [
      'lengths that are not whole bytes',
      sid('fd00::/64', { action: 'End' }, { nextCsid: { blockBits: 32, nodeBits: 12 } }),
      /whole bytes/,
    ],
    [
      'lengths beyond an address',
      sid('fd00::/64', { action: 'End' }, { nextCsid: { blockBits: 120, nodeBits: 16 } }),
      /whole bytes/,
    ],
    [
      'a mark outside its mask',
      { kind: 'rule', family: 'ipv6', priority: 1, fwmark: 0x1101, mask: 0xfff, table: 1 },
      /outside its mask/,
    ],
    ['a service that is not canonical', { ...affinity, service: 'fd00:cafe:0::80' }, /not canonical/],
    ['a timeout of 0', { ...affinity, idleTimeoutMs: 0 }, /timeout/],
    ['a slot twice', { ...affinity, instances: [...affinity.instances, ...affinity.instances] }, /twice/],
    ['weights that sum to 900', { ...affinity, instances: [{ ...affinity.instances[0]!, weight: 900 }] }, /sum to 900/],
    ['a fraction of weight', { ...affinity, instances: [{ ...affinity.instances[0]!, weight: 0.5 }] }, /not whole/],
  ];

  it.each(cases)('%s', (_, object, why) => {
    expect(objectFault(object)).toMatch(why);
  });

  it('and nothing else: weights may all be 0, End takes both flavours, a mask may be the whole mark', () => {
    expect(objectFault({ ...affinity, instances: [{ ...affinity.instances[0]!, weight: 0 }] })).toBeUndefined();
    const both = { psp: true, nextCsid: { blockBits: 32, nodeBits: 16 } };
    expect(objectFault(sid('fd00::/64', { action: 'End' }, both))).toBeUndefined();
    expect(
      objectFault({ kind: 'rule', family: 'ipv4', priority: 0, fwmark: 0xffffffff, mask: 0xffffffff, table: 1 }),
    ).toBeUndefined();
  });
});
