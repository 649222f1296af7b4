// Every message that we write and read, from one table of vectors (codec-vectors.ts): golden bytes, decoding, every
// strict prefix, every shortened message, random damage; then bad input, answers and random bytes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../errors.ts';
import { REQUESTS, seg6, sid, VECTORS } from './codec-vectors.ts';
import { decodeOutcome } from './errors.ts';
import { decodeFamilyId } from './generic.ts';
import { type Message, Messages } from './reader.ts';
import { decodeAddress } from './rt/addr.ts';
import { decodeLink, encodeNewBridge } from './rt/link.ts';
import { decodeNexthop, encodeNexthop, encodeRemoveNexthop } from './rt/nexthop.ts';
import { encodeRoute, type RouteSpec } from './rt/route.ts';
import { decodeRoute } from './rt/route-decode.ts';
import { decodeRule } from './rt/rule.ts';
import { decodeTunnelSource } from './seg6/genl.ts';
import { type Encode, Writer } from './writer.ts';

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
