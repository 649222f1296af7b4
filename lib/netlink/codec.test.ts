// Every message that we write and read, from one table of vectors: golden bytes, decoding, every strict prefix, every
// shortened message, random damage. The bytes are little-endian, as x86 and arm64 hosts write them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../errors.ts';
import { decodeOutcome } from './errors.ts';
import { decodeFamilyId, encodeGetFamily } from './generic.ts';
import { type Message, Messages } from './reader.ts';
import { decodeAddress, encodeAddress } from './rt/addr.ts';
import { decodeLink, encodeNewBridge } from './rt/link.ts';
import { decodeNexthop, encodeNexthop, encodeRemoveNexthop } from './rt/nexthop.ts';
import { encodeDumpRoutes, encodeMatchRoute, encodeRoute, type RouteSpec } from './rt/route.ts';
import { decodeRoute } from './rt/route-decode.ts';
import { decodeRule, encodeRule } from './rt/rule.ts';
import { decodeTunnelSource, encodeSetTunnelSource } from './seg6/genl.ts';
import { type Seg6LocalBehaviour, ZERO_COUNTERS } from './seg6/local.ts';
import { type Encode, Writer } from './writer.ts';

interface Vector {
  readonly name: string;
  readonly encode: Encode;
  /** Hex, in words; absent where another vector of the message has it. */
  readonly bytes?: string;
  readonly decode: (message: Message) => unknown;
  readonly value: unknown;
}

const seg6 = (mode: 'inline' | 'encap' | 'encap.red', segments: string[]) =>
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

function sid(behaviour: Seg6LocalBehaviour, bytes?: string): Vector {
  const encap = { kind: 'seg6local', behaviour } as const;
  const spec = { prefix: 'fd00:1:1::/64', table: 254, protocol: 199, hops: [{ device: 7, weight: 1, encap }] };
  return route(`local SID ${behaviour.action}`, spec, bytes);
}

const VECTORS: readonly Vector[] = [
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
    value: { index: 0, name: 'sr0', mtu: 9000, flags: 1, enabled: true, up: false, kind: 'bridge' },
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
];

/** Requests whose answer has another form. */
const REQUESTS: readonly (readonly [string, Encode, string])[] = [
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
];

function encoded(encode: Encode): Uint8Array {
  // Dirty and small: padding must be cleared, and the buffer grow.
  const writer = new Writer(32);
  writer.bytes.fill(0xff);
  encode(writer);
  return writer.bytes.slice(0, writer.length);
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const unhex = (text: string) => text.replace(/\s/g, '');

function decoded(bytes: Uint8Array, decode: (message: Message) => unknown): unknown {
  const messages = new Messages(bytes);
  expect(messages.next()).toBe(true);
  return decode(messages);
}

/** Any answer is good but an error that is not coded. */
function survives(bytes: Uint8Array, decode: (message: Message) => unknown): void {
  try {
    const messages = new Messages(bytes);
    while (messages.next()) decode(messages);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
  }
}

function withLength(bytes: Uint8Array, length: number): Uint8Array {
  const copy = bytes.slice(0, length);
  new DataView(copy.buffer).setUint32(0, length, true);
  return copy;
}

describe.each(VECTORS)('$name', ({ encode, bytes, decode, value }) => {
  const message = encoded(encode);

  if (bytes !== undefined)
    it('has its golden bytes', () => {
      expect(hex(message)).toBe(unhex(bytes));
    });

  it('decodes to what was encoded', () => {
    expect(decoded(message, decode)).toEqual(value);
  });

  it('is refused with a coded error at every strict prefix', () => {
    for (let length = 1; length < message.length - 3; length++)
      expect(() => decoded(message.slice(0, length), decode), `${length} bytes`).toThrow(CodedError);
  });

  it('gives a value or a coded error however early it claims to end', () => {
    for (let length = 16; length < message.length; length++) survives(withLength(message, length), decode);
    expect(() => decoded(withLength(message, 18), decode)).toThrow(CodedError);
  });

  it('gives a value or a coded error whatever is damaged', () => {
    const damage = fc.array(fc.tuple(fc.nat({ max: message.length - 17 }), fc.nat({ max: 255 })), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(damage, (changes) => {
        const copy = message.slice();
        for (const [at, byte] of changes) copy[16 + at] = byte;
        survives(copy, decode);
      }),
    );
  });
});

describe('requests', () => {
  it.each(REQUESTS)('%s has its golden bytes', (_, encode, bytes) => {
    expect(hex(encoded(encode))).toBe(unhex(bytes));
  });

  it('stand one behind the other in a buffer, each stamped by its socket', () => {
    const writer = new Writer();
    encodeRemoveNexthop(writer, 1);
    writer.stamp(41, 0);
    encodeRemoveNexthop(writer, 2);
    writer.stamp(42, 4);
    const messages = new Messages(writer.bytes, writer.length);
    expect([messages.next(), messages.sequence, messages.flags]).toEqual([true, 41, 1]);
    expect([messages.next(), messages.sequence, messages.flags]).toEqual([true, 42, 5]);
    expect(messages.next()).toBe(false);
  });

  it('leave nothing of a message that was refused while it was written', () => {
    const writer = new Writer();
    encodeRemoveNexthop(writer, 1);
    const before = hex(writer.bytes.subarray(0, writer.length));
    expect(() => encodeRoute(writer, 'install', { prefix: 'nonsense', table: 254, protocol: 199 })).toThrow(CodedError);
    expect(hex(writer.bytes.subarray(0, writer.length))).toBe(before);
    encodeRemoveNexthop(writer, 1);
    expect(hex(writer.bytes.subarray(0, writer.length))).toBe(before + before);
  });

  it('grow with the largest segment list', () => {
    const segments = Array.from({ length: 127 }, (_, i) => `fd00:${i + 1}::1`);
    const spec = {
      prefix: '::/0',
      table: 254,
      protocol: 199,
      hops: [{ device: 1, weight: 1, encap: seg6('encap', segments) }],
    };
    expect(
      decoded(
        encoded((w) => encodeRoute(w, 'install', spec)),
        decodeRoute,
      ),
    ).toMatchObject({ hops: spec.hops });
  });
});

describe('bad input to the encoders is a coded error', () => {
  const hop = (encap: RouteSpec['hops']) => ({ prefix: '::/0', table: 254, protocol: 199, hops: encap! });
  it.each<[string, Encode]>([
    ['no segments', (w) => encodeRoute(w, 'install', hop([{ weight: 1, encap: seg6('encap', []) }]))],
    [
      '128 segments',
      (w) => encodeRoute(w, 'install', hop([{ weight: 1, encap: seg6('encap', new Array(128).fill('::1')) }])),
    ],
    [
      '127 inserted segments',
      (w) => encodeRoute(w, 'install', hop([{ weight: 1, encap: seg6('inline', new Array(127).fill('::1')) }])),
    ],
    ['an IPv4 segment', (w) => encodeRoute(w, 'install', hop([{ weight: 1, encap: seg6('encap', ['192.0.2.1']) }]))],
    ['a weight of 0', (w) => encodeRoute(w, 'install', hop([{ weight: 0 }]))],
    ['a weight of 257', (w) => encodeRoute(w, 'install', hop([{ weight: 257 }]))],
    ['a nexthop object and hops', (w) => encodeRoute(w, 'install', { ...hop([{ weight: 1 }]), nexthopId: 1 })],
    ['a foreign tunnel', (w) => encodeRoute(w, 'install', hop([{ weight: 1, encap: { kind: 'other', type: 1 } }]))],
    ['an empty group', (w) => encodeNexthop(w, 'install', { kind: 'group', id: 1, protocol: 199, members: [] })],
    [
      'a nexthop without device',
      (w) => encodeNexthop(w, 'install', { kind: 'single', id: 1, protocol: 199, family: 'ipv6' }),
    ],
    ['a link name of 16 bytes', (w) => encodeNewBridge(w, { name: 'a234567890123456' })],
    ['an IPv4 nexthop of End.X', (w) => sid({ action: 'End.X', nexthop: '192.0.2.1' }).encode(w)],
  ])('%s', (_, encode) => {
    expect(() => encode(new Writer())).toThrow(CodedError);
  });
});

describe('answers', () => {
  /** NLMSG_ERROR as the kernel sends it with NETLINK_CAP_ACK and extended ACK. */
  const refusal = unhex(`4c000000 02000003 07000000 00000000  efffffff  38000000 18000506 07000000 00000000
    08000200 1c000000  18000100 6e657874 686f7020 69642064 6f657320 6e6f7400`);

  it('tell errno, words and place of a refusal', () => {
    const bytes = Uint8Array.from(Buffer.from(refusal, 'hex'));
    bytes[0] = bytes.length;
    expect(decoded(bytes, decodeOutcome)).toEqual({
      errno: 17,
      code: 'EEXIST',
      text: 'nexthop id does not',
      offset: 28,
    });
  });

  it('are null for an acknowledgement and for the end of a dump', () => {
    const acknowledgement = Buffer.from(
      unhex('24000000 02000001 07000000 00000000 00000000 38000000 18000506 07000000 00000000'),
      'hex',
    );
    expect(decoded(Uint8Array.from(acknowledgement), decodeOutcome)).toBeNull();
    const done = Buffer.from(unhex('14000000 03000200 07000000 00000000 00000000'), 'hex');
    expect(decoded(Uint8Array.from(done), decodeOutcome)).toBeNull();
  });

  it('keep the number of an errno without a name here', () => {
    const bytes = Buffer.from(
      unhex('24000000 02000001 07000000 00000000 38ffffff 38000000 18000506 07000000 00000000'),
      'hex',
    );
    expect(decoded(Uint8Array.from(bytes), decodeOutcome)).toEqual({ errno: 200, code: 'E200', text: 'error 200' });
  });
});

describe('random bytes', () => {
  const decoders = [
    decodeRoute,
    decodeNexthop,
    decodeRule,
    decodeLink,
    decodeAddress,
    decodeOutcome,
    decodeFamilyId,
    decodeTunnelSource,
  ];
  it.each(decoders.map((decode) => [decode.name, decode] as const))(
    '%s returns or throws a coded error',
    (_, decode) => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (body, framed) => {
          const bytes = framed ? withLength(Uint8Array.from([...new Uint8Array(16), ...body]), 16 + body.length) : body;
          survives(bytes, decode as (message: Message) => unknown);
        }),
        { numRuns: 300 },
      );
    },
  );
});
