// The messages that the codec is tested with: what is encoded, its bytes, and what it decodes to. The bytes are
// little-endian, as x86 and arm64 hosts write them. Used by tests only.
import { encodeGetFamily } from './generic.ts';
import { encodeBatchBegin, encodeBatchEnd } from './nft/batch.ts';
import { decodeEdges, encodeAddRange, encodeDeleteRange, encodeDumpElements, encodeFlushSet } from './nft/elements.ts';
import { encodeDumpSets } from './nft/sets.ts';
import type { Message } from './reader.ts';
import { decodeAddress, encodeAddress } from './rt/addr.ts';
import { decodeLink, encodeNewBridge } from './rt/link.ts';
import { decodeNexthop, encodeNexthop, encodeRemoveNexthop } from './rt/nexthop.ts';
import { encodeDumpRoutes, encodeMatchRoute, encodeRoute, type RouteSpec } from './rt/route.ts';
import { decodeRoute } from './rt/route-decode.ts';
import { decodeRule, encodeRule } from './rt/rule.ts';
import { decodeTunnelSource, encodeSetTunnelSource } from './seg6/genl.ts';
import { type Seg6LocalBehaviour, ZERO_COUNTERS } from './seg6/local.ts';
import type { Encode } from './writer.ts';

export interface Vector {
  readonly name: string;
  readonly encode: Encode;
  /** Hex, in words; absent where another vector of the message has it. */
  readonly bytes?: string;
  readonly decode: (message: Message) => unknown;
  readonly value: unknown;
}

export const seg6 = (mode: 'inline' | 'encap' | 'encap.red', segments: string[]) =>
  ({ kind: 'seg6', mode, segments }) as const;

function route(name: string, spec: RouteSpec, bytes?: string): Vector {
  const value = {
    family: spec.prefix.includes(':') ? 'ipv6' : 'ipv4',
    priority: 0,
    type: 'unicast',
    hops: [],
    ...spec,
  };
  return {
    name,
    encode: (w) => encodeRoute(w, 'replace', spec),
    decode: decodeRoute,
    value,
    ...(bytes !== undefined && { bytes }),
  };
}

export function sid(behaviour: Seg6LocalBehaviour, bytes?: string): Vector {
  const encap = { kind: 'seg6local', behaviour } as const;
  const spec = { prefix: 'fd00:1:1::/64', table: 254, protocol: 199, hops: [{ device: 7, weight: 1, encap }] };
  return route(`local SID ${behaviour.action}`, spec, bytes);
}

const SHARE = { table: 't', set: 'm' };

export const VECTORS: readonly Vector[] = [
  route(
    'route to a nexthop group',
    { prefix: 'fd00:cafe::80/128', table: 254, protocol: 199, nexthopId: 2000 },
    // nlmsghdr; rtmsg; RTA_DST; RTA_NH_ID
    `38000000 18000105 00000000 00000000  0a800000 fec70001 00000000
     14000100 fd00cafe 00000000 00000000 00000080  08001e00 d0070000`,
  ),
  route(
    'route with a reduced encapsulation',
    {
      prefix: '2001:db8::/64',
      table: 1001,
      protocol: 199,
      priority: 20,
      hops: [{ device: 7, weight: 1, encap: seg6('encap.red', ['fd00:1::1', 'fd00:2::1']) }],
    },
    // RTA_DST, TABLE, PRIORITY, OIF, ENCAP_TYPE, ENCAP > SRH: mode 3, then type 4, left 1, last 1; last segment first
    `84000000 18000105 00000000 00000000  0a400000 00c70001 00000000
     14000100 20010db8 00000000 00000000 00000000  08000f00 e9030000  08000600 14000000  08000400 07000000
     06001500 05000000  34001680 30000100 03000000 00040401 01000000
     fd000002 00000000 00000000 00000001  fd000001 00000000 00000000 00000001`,
  ),
  route('route with inserted segments', {
    prefix: '2001:db8::/64',
    table: 254,
    protocol: 199,
    hops: [{ device: 7, weight: 1, encap: seg6('inline', ['fd00:1::1', 'fd00:2::1', 'fd00:3::1']) }],
  }),
  route('route over gateways', {
    prefix: 'fd00:2::/48',
    table: 254,
    protocol: 199,
    hops: [
      { gateway: 'fe80::1', device: 7, weight: 1 },
      { gateway: 'fe80::2', device: 8, weight: 256 },
    ],
  }),
  route('route with a signed tunnel', {
    prefix: 'fd00:2::/48',
    table: 254,
    protocol: 199,
    hops: [{ device: 7, weight: 1, encap: { ...seg6('encap', ['fd00:1::1', 'fd00:2::1']), hmacKeyId: 0x8000_0011 } }],
  }),
  route('route over gateways with tunnels', {
    prefix: 'fd00:2::/48',
    table: 254,
    protocol: 199,
    hops: [
      { gateway: 'fe80::1', device: 7, weight: 3, encap: seg6('encap', ['fd00:1::1']) },
      { gateway: 'fe80::1', device: 7, weight: 1, encap: seg6('encap', ['fd00:2::1']) },
    ],
  }),
  route(
    'blackhole',
    { prefix: 'fd00:1::/32', table: 254, protocol: 199, type: 'blackhole' },
    `30000000 18000105 00000000 00000000  0a200000 fec70006 00000000  14000100 fd000001 00000000 00000000 00000000`,
  ),
  route('IPv4 route through a gateway', {
    prefix: '192.0.2.0/24',
    table: 254,
    protocol: 199,
    mtu: 1400,
    hops: [{ gateway: '198.51.100.1', device: 3, weight: 1 }],
  }),
  route('IPv4 route through an IPv6 gateway', {
    prefix: '192.0.2.0/24',
    table: 254,
    protocol: 199,
    hops: [{ gateway: 'fe80::1', device: 3, weight: 1 }],
  }),
  sid(
    { action: 'End' },
    // ENCAP_TYPE 7, ENCAP > ACTION 1
    `4c000000 18000105 00000000 00000000  0a400000 fec70001 00000000
     14000100 fd000001 00010000 00000000 00000000  08000400 07000000  06001500 07000000  0c001680 08000100 01000000`,
  ),
  sid({ action: 'End.X', nexthop: '2001:db8::1' }),
  sid({ action: 'End.X', nexthop: 'fe80::1', device: 9 }),
  sid({ action: 'End.T', table: 100 }),
  sid({ action: 'End.DX6', nexthop: '::' }),
  sid({ action: 'End.DX4', nexthop: '0.0.0.0' }),
  sid({ action: 'End.DT6', table: 254 }),
  sid({ action: 'End.DT46', vrfTable: 10 }),
  sid({ action: 'End.B6.Encaps', segments: ['fd00:1::1', 'fd00:2::1'] }),
  route('local SID with flavours and counters', {
    prefix: 'fd00:1:1::/48',
    table: 254,
    protocol: 199,
    hops: [
      {
        device: 7,
        weight: 1,
        encap: {
          kind: 'seg6local',
          behaviour: { action: 'End' },
          flavours: { psp: true, nextCsid: { blockBits: 48, nodeBits: 16 } },
          counters: ZERO_COUNTERS,
        },
      },
    ],
  }),
  {
    name: 'nexthop with segments',
    encode: (w) =>
      encodeNexthop(w, 'replace', {
        kind: 'single',
        id: 1000,
        protocol: 199,
        family: 'ipv6',
        device: 7,
        encap: seg6('encap.red', ['fd00:1::1']),
      }),
    bytes: `54000000 68000105 00000000 00000000  0a00c700 00000000  08000100 e8030000  08000500 07000000
      06000700 05000000  24000880 20000100 03000000 00020400 00000000  fd000001 00000000 00000000 00000001`,
    decode: decodeNexthop,
    value: {
      kind: 'single',
      id: 1000,
      protocol: 199,
      family: 'ipv6',
      device: 7,
      encap: seg6('encap.red', ['fd00:1::1']),
    },
  },
  {
    name: 'nexthop group',
    encode: (w) =>
      encodeNexthop(w, 'install', {
        kind: 'group',
        id: 2000,
        protocol: 199,
        members: [
          { id: 1000, weight: 1 },
          { id: 1001, weight: 256 },
        ],
      }),
    bytes: `34000000 68000106 00000000 00000000  0000c700 00000000  08000100 d0070000
      14000200 e8030000 00000000 e9030000 ff000000`,
    decode: decodeNexthop,
    value: {
      kind: 'group',
      id: 2000,
      protocol: 199,
      members: [
        { id: 1000, weight: 1 },
        { id: 1001, weight: 256 },
      ],
    },
  },
  {
    name: 'resilient nexthop group',
    encode: (w) =>
      encodeNexthop(w, 'install', {
        kind: 'group',
        id: 2000,
        protocol: 199,
        members: [
          { id: 1000, weight: 1 },
          { id: 1001, weight: 60_000 },
        ],
        resilient: { buckets: 1024, idleTimeoutMs: 120_000, unbalancedTimeoutMs: 0 },
      }),
    bytes: `58000000 68000106 00000000 00000000  0000c700 00000000  08000100 d0070000
      14000200 e8030000 00000000 e9030000 5fea0000
      06000300 01000000 1c000c80 06000100 00040000 08000200 e02e0000 08000300 00000000`,
    decode: decodeNexthop,
    value: {
      kind: 'group',
      id: 2000,
      protocol: 199,
      members: [
        { id: 1000, weight: 1 },
        { id: 1001, weight: 60_000 },
      ],
      resilient: { buckets: 1024, idleTimeoutMs: 120_000, unbalancedTimeoutMs: 0 },
    },
  },
  {
    name: 'nexthop through a gateway',
    encode: (w) =>
      encodeNexthop(w, 'install', {
        kind: 'single',
        id: 1,
        protocol: 199,
        family: 'ipv4',
        device: 2,
        gateway: '192.0.2.1',
      }),
    decode: decodeNexthop,
    value: { kind: 'single', id: 1, protocol: 199, family: 'ipv4', device: 2, gateway: '192.0.2.1' },
  },
  {
    name: 'blackhole nexthop',
    encode: (w) =>
      encodeNexthop(w, 'install', { kind: 'single', id: 1, protocol: 199, family: 'ipv6', blackhole: true }),
    decode: decodeNexthop,
    value: { kind: 'single', id: 1, protocol: 199, family: 'ipv6', blackhole: true },
  },
  {
    name: 'rule for marked packets',
    encode: (w) =>
      encodeRule(w, 'install', {
        family: 'ipv6',
        priority: 500,
        protocol: 199,
        table: 1001,
        fwmark: 0x10000,
        mask: 0xff0000,
      }),
    bytes: `44000000 20000106 00000000 00000000  0a000000 00000001 00000000  08000600 f4010000  05001500 c7000000
      08000f00 e9030000  08000a00 00000100  08001000 0000ff00`,
    decode: decodeRule,
    value: {
      family: 'ipv6',
      priority: 500,
      protocol: 199,
      table: 1001,
      fwmark: 0x10000,
      mask: 0xff0000,
      action: 1,
      selective: false,
    },
  },
  {
    name: 'bridge',
    encode: (w) => encodeNewBridge(w, { name: 'sr0', mtu: 9000 }),
    bytes: `40000000 10000106 00000000 00000000  00000000 00000000 01000000 01000000
      08000300 73723000  08000400 28230000  10001280 0b000100 62726964 67650000`,
    decode: decodeLink,
    value: { index: 0, name: 'sr0', mtu: 9000, hardware: 0, flags: 1, enabled: true, up: false, kind: 'bridge' },
  },
  {
    name: 'address',
    encode: (w) => encodeAddress(w, 'install', { index: 4, address: '192.0.2.1', prefixLength: 24 }),
    bytes: `28000000 14000106 00000000 00000000  02180000 04000000  08000200 c0000201  08000100 c0000201`,
    decode: decodeAddress,
    value: { family: 'ipv4', index: 4, address: '192.0.2.1', prefixLength: 24, scope: 0, tentative: false },
  },
  {
    name: 'tunnel source',
    encode: (w) => encodeSetTunnelSource(w, 37, 'fd00::1'),
    bytes: `28000000 25000100 00000000 00000000  03010000  14000100 fd000000 00000000 00000000 00000001`,
    decode: decodeTunnelSource,
    value: 'fd00::1',
  },
  {
    name: 'elements of an nft set of ranges',
    encode: (w) => encodeAddRange(SHARE, { from: 0, to: 699 })(w),
    // nlmsghdr; nfgenmsg; table; set; elements: start, end with its flag. All numbers big-endian.
    bytes: `50000000 0c0a0104 00000000 00000000  01000000
     06000100 74000000  06000200 6d000000
     2c000380
     10000180 0c000180 08000100 00000000
     18000180 0c000180 08000100 000002bc 08000300 00000001`,
    decode: decodeEdges,
    value: [
      { key: 0, isEnd: false },
      { key: 700, isEnd: true },
    ],
  },
  {
    name: 'one number, in a set with a long name',
    encode: (w) => encodeDeleteRange({ table: 'cfnd_affinity', set: 'share_12345' }, { from: 999, to: 999 })(w),
    decode: decodeEdges,
    value: [
      { key: 999, isEnd: false },
      { key: 1000, isEnd: true },
    ],
  },
];

/** Requests whose answer has another form. */
export const REQUESTS: readonly (readonly [string, Encode, string])[] = [
  [
    'removal of a route',
    (w) => encodeRoute(w, 'remove', { prefix: '10.0.0.0/8', table: 254, protocol: 199 }),
    `24000000 19000100 00000000 00000000  02080000 fec7ff00 00000000  08000100 0a000000`,
  ],
  [
    'removal of a nexthop',
    (w) => encodeRemoveNexthop(w, 1000),
    `20000000 69000100 00000000 00000000  00000000 00000000  08000100 e8030000`,
  ],
  [
    'dump of a table',
    (w) => encodeDumpRoutes(w, 'ipv6', { table: 1001, protocol: 199 }),
    `24000000 1a000103 00000000 00000000  0a000000 00c70000 00000000  08000f00 e9030000`,
  ],
  [
    'stored route of an address',
    (w) => encodeMatchRoute(w, '10.0.0.1'),
    `24000000 1a000100 00000000 00000000  02200000 00000000 00200000  08000100 0a000001`,
  ],
  [
    'number of a family',
    (w) => encodeGetFamily(w, 'SEG6'),
    `20000000 10000100 00000000 00000000  03010000  09000200 53454736 00000000`,
  ],
  ['begin of an nft transaction', encodeBatchBegin, `14000000 10000100 00000000 00000000  0000000a`],
  ['end of an nft transaction', encodeBatchEnd, `14000000 11000100 00000000 00000000  0000000a`],
  [
    'emptying of an nft set',
    encodeFlushSet(SHARE),
    `24000000 0e0a0100 00000000 00000000  01000000  06000100 74000000  06000200 6d000000`,
  ],
  [
    'dump of an nft set',
    encodeDumpElements(SHARE),
    `24000000 0d0a0103 00000000 00000000  01000000  06000100 74000000  06000200 6d000000`,
  ],
  ['dump of nft sets', encodeDumpSets, `14000000 0a0a0103 00000000 00000000  01000000`],
];
