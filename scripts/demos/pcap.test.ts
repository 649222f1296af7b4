import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CapturedPacket, PcapReader } from './pcap.ts';

interface Written {
  readonly seconds: number;
  readonly micros: number;
  readonly interfaceIndex: number;
  readonly bytes: Uint8Array;
}

/** As tcpdump writes it: the file in the byte order of the host, the link-layer header in that of the network. */
function write(packets: readonly Written[], little: boolean, linkType = 276): Uint8Array {
  const out = new Uint8Array(24 + packets.reduce((n, { bytes }) => n + 36 + bytes.length, 0));
  const view = new DataView(out.buffer);
  view.setUint32(0, 0xa1b2c3d4, little);
  view.setUint16(4, 2, little);
  view.setUint16(6, 4, little);
  view.setUint32(16, 262_144, little);
  view.setUint32(20, linkType, little);
  let at = 24;
  for (const { seconds, micros, interfaceIndex, bytes } of packets) {
    view.setUint32(at, seconds, little);
    view.setUint32(at + 4, micros, little);
    view.setUint32(at + 8, 20 + bytes.length, little);
    view.setUint32(at + 12, 20 + bytes.length + 700, little);
    view.setUint16(at + 16, 0x86dd);
    view.setUint32(at + 20, interfaceIndex);
    out.set(bytes, at + 36);
    at += 36 + bytes.length;
  }
  return out;
}

const packets = fc.array(
  fc.record({
    seconds: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    micros: fc.integer({ min: 0, max: 999_999 }),
    interfaceIndex: fc.integer({ min: 1, max: 65_535 }),
    bytes: fc.uint8Array({ maxLength: 240 }),
  }),
  { maxLength: 8 },
);

describe('a capture', () => {
  test('is read the same in pieces of any size, in both byte orders', () => {
    fc.assert(
      fc.property(packets, fc.boolean(), fc.array(fc.integer({ min: 1, max: 90 })), (written, little, sizes) => {
        const stream = write(written, little);
        const reader = new PcapReader();
        const seen: CapturedPacket[] = [];
        let at = 0;
        for (const size of [...sizes, stream.length]) {
          seen.push(...reader.read(stream.slice(at, at + size)));
          at += size;
        }
        expect(seen).toEqual(
          written.map(({ seconds, micros, interfaceIndex, bytes }) => ({
            atMs: seconds * 1e3 + micros / 1e3,
            interfaceIndex,
            bytes,
          })),
        );
      }),
    );
  });

  test('of another kind is refused by name', () => {
    expect(() => new PcapReader().read(new Uint8Array(24))).toThrow('not a pcap stream');
    expect(() => new PcapReader().read(write([], true, 1))).toThrow('link type 1, not LINUX_SLL2');
  });

  test('with an impossible length is refused before it is waited for', () => {
    const stream = write([{ seconds: 1, micros: 0, interfaceIndex: 1, bytes: new Uint8Array(4) }], true);
    new DataView(stream.buffer).setUint32(24 + 8, 0x7fff_ffff, true);
    expect(() => new PcapReader().read(stream)).toThrow('captured packet of 2147483647 octets');
  });
});
