// Random packets to REPLACE-CSID endpoints for the comparison with the model: mostly what a headend would send, bent in
// places, so that every line of the pseudo code is met often.
import fc from 'fast-check';
import { MAX_CONTAINERS } from '../../../lib/fib/replace-csid-walk.ts';
import { addressToBytes } from '../../../lib/net/address.ts';
import type { ModelPacket } from '../../../lib/segment/endpoint-packet.ts';

export interface Layout {
  readonly name: string;
  readonly csidBits: 16 | 32;
  readonly structure: { block: number; node: number; function: number; argument: number };
  readonly end: string;
  readonly endX: string;
  readonly table: number;
  readonly mark: number;
}

export interface SamplePacket {
  readonly isEndX: boolean;
  readonly packet: ModelPacket;
  /** What the headers say they carry; the packet's own `payload` is what the endpoint makes of it. */
  readonly inner: ModelPacket['payload'];
}

/** One packet to one SID, mostly near what a headend sends, and then bent in places. */
export function arbitraryPacket(layout: Layout): fc.Arbitrary<SamplePacket> {
  const positions = 128 / layout.csidBits;
  const octets = layout.csidBits / 8;
  const csid = fc.oneof(
    { weight: 6, arbitrary: fc.uint8Array({ minLength: octets, maxLength: octets }) },
    { weight: 1, arbitrary: fc.constant(new Uint8Array(octets)) },
    // Zero but for one octet: what a comparison of a part would take for zero.
    { weight: 1, arbitrary: fc.integer({ min: 0, max: octets - 1 }).map((at) => oneBit(octets, at)) },
  );
  const container = fc.array(csid, { minLength: positions, maxLength: positions }).map(concatenate);
  const short = fc
    .tuple(container, fc.integer({ min: 1, max: positions - 1 }))
    .map(([entry, used]) => entry.map((octet, at) => (at < 16 - used * octets ? 0 : octet)));
  const headless = container.map((entry) => entry.map((octet, at) => (at < 16 - octets ? octet : 0)));
  const full = fc
    .integer({ min: 1, max: 0xffff })
    .map((node) => addressToBytes(`fdbb:cafe:0:${node.toString(16)}:1::`));
  const entry = fc.oneof({ weight: 5, arbitrary: container }, { weight: 2, arbitrary: short }, headless, full);
  const entries = fc.array(entry, { maxLength: MAX_CONTAINERS });
  return fc
    .record({
      isEndX: fc.boolean(),
      inner: fc.constantFrom('ipv6' as const, 'ipv6' as const, 'ipv4' as const, 'other' as const),
      list: fc.oneof({ weight: 12, arbitrary: fc.array(entry, { minLength: 1, maxLength: MAX_CONTAINERS }) }, entries),
      index: fc.oneof(fc.integer({ min: 0, max: positions - 1 }), fc.constantFrom(0, 1, positions - 1)),
      argument: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 0xffff_ffff })),
      left: fc.integer({ min: 0, max: 999 }),
      wrongLeft: rarely(fc.integer({ min: 0, max: 255 })),
      wrongLast: rarely(fc.oneof(fc.integer({ min: 0, max: MAX_CONTAINERS - 1 }), fc.integer({ min: 0, max: 255 }))),
      hasTlv: fc.boolean(),
      hasSrh: fc.integer({ min: 0, max: 30 }).map((n) => n > 0),
      hopLimit: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 2, max: 255 }) }, fc.constantFrom(0, 1)),
    })
    .map(({ isEndX, inner, list, index, argument, left, wrongLeft, wrongLast, hasTlv, hasSrh, hopLimit }) => {
      const destination = addressToBytes(isEndX ? layout.endX : layout.end);
      new DataView(destination.buffer).setUint32(12, argument);
      destination[15] = (argument & (255 & ~(positions - 1))) | index;
      // One too many now and then: with index 0 that is the first packet of a reduced SRH.
      const segmentsLeft = wrongLeft ?? left % (list.length + (index === 0 ? 2 : 1));
      const hdrExtLen = 2 * list.length + (hasTlv ? 1 : 0);
      const srh = { segmentsLeft, lastEntry: wrongLast ?? Math.max(0, list.length - 1), hdrExtLen, list };
      return { isEndX, inner, packet: { destination, hopLimit, payload: 'other', ...(hasSrh && { srh }) } };
    });
}

function rarely<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
}

function oneBit(octets: number, at: number): Uint8Array {
  const value = new Uint8Array(octets);
  value[at] = 1;
  return value;
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
