import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesToAddress, maskBytes } from '../../net/address.ts';
import { PREFIX_WORDS, readPrefix } from '../../net/prefix-words.ts';
import { Flag, type Verb } from '../constants.ts';
import { Copies } from '../copies.ts';
import { Writer } from '../writer.ts';
import { encodeRoute, type RouteSpec } from './route.ts';
import { RouteTemplate } from './route-template.ts';

const address = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
);
const prefix = fc
  .tuple(address, fc.nat(128))
  .map(([bytes, bits]) => [bytes, Math.min(bits, bytes.length * 8)] as const)
  .map(([bytes, bits]) => `${bytesToAddress(maskBytes(bytes, bits))}/${bits}`);

const spec: fc.Arbitrary<Omit<RouteSpec, 'prefix'>> = fc.record({
  table: fc.constantFrom(254, 10_001),
  protocol: fc.constant(201),
  priority: fc.constantFrom(0, 11),
});
const where: fc.Arbitrary<Partial<RouteSpec>> = fc.oneof(
  fc.record({ nexthopId: fc.integer({ min: 1, max: 0xffff_ffff }) }),
  fc.constant({ type: 'blackhole' as const }),
  fc.constant({
    hops: [{ device: 3, weight: 1, encap: { kind: 'seg6', mode: 'encap.red', segments: ['fd00::1'] } }],
  } as const),
  fc.constant({ hops: [{ device: 3, weight: 1 }], mtu: 1400 }),
);
const verb = fc.constantFrom<Verb>('install', 'replace', 'remove');

function bytesOf(write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer(64);
  write(writer);
  return writer.bytes.slice(0, writer.length);
}

describe('a route template', () => {
  it('writes what the encoder writes, whatever was written before', () => {
    const words = new Uint32Array(PREFIX_WORDS + 1);
    fc.assert(
      fc.property(verb, spec, where, fc.array(prefix, { minLength: 1, maxLength: 5 }), (it, common, to, prefixes) => {
        const template = new RouteTemplate(it, { ...common, ...to }, readPrefix(prefixes[0]!, 0, words, 1));
        for (const one of prefixes) {
          const shape = readPrefix(one, 0, words, 1);
          if (!template.fits(shape)) continue;
          expect(bytesOf((w) => template.write(w, words, 1, shape))).toEqual(
            bytesOf((w) => encodeRoute(w, it, { ...common, ...to, prefix: one })),
          );
        }
      }),
      { numRuns: 500 },
    );
  });

  it('names another nexthop object', () => {
    const words = new Uint32Array(PREFIX_WORDS);
    const common = { table: 10_001, protocol: 201, priority: 11 };
    fc.assert(
      fc.property(prefix, fc.integer({ min: 1, max: 0xffff_ffff }), (one, nexthopId) => {
        const shape = readPrefix(one, 0, words, 0);
        const template = new RouteTemplate('replace', { ...common, nexthopId: 7 }, shape);
        expect(bytesOf((w) => template.named(nexthopId).write(w, words, 0, shape))).toEqual(
          bytesOf((w) => encodeRoute(w, 'replace', { ...common, nexthopId, prefix: one })),
        );
      }),
    );
  });

  it('follows other messages in a buffer that grows', () => {
    const words = new Uint32Array(PREFIX_WORDS);
    const shape = readPrefix('2001:db8::/32', 0, words, 0);
    const template = new RouteTemplate('remove', { table: 254, protocol: 201 }, shape);
    const writer = new Writer(64);
    for (let i = 0; i < 100; i++) {
      template.write(writer, words, 0, shape);
      writer.stamp(i, 0);
    }
    const single = bytesOf((w) => template.write(w, words, 0, shape));
    expect(writer.length).toBe(100 * single.length);
    single[8] = 99;
    expect(writer.bytes.subarray(99 * single.length, writer.length)).toEqual(single);
  });

  it('makes copies that are what the encoder writes, whatever they were before', () => {
    const common = { table: 10_001, protocol: 201, priority: 11 };
    const run = fc.record({
      verb,
      ipv4: fc.boolean(),
      to: fc.constantFrom('nexthops', 'blackhole'),
      prefixes: fc.array(prefix, { minLength: 1, maxLength: 20 }),
    });
    fc.assert(
      fc.property(fc.array(run, { minLength: 1, maxLength: 4 }), (runs) => {
        const copies = new Copies();
        const rows = new Uint32Array(20 * 8);
        for (const { verb, ipv4, to, prefixes } of runs) {
          const mine = prefixes.filter((one) => one.includes(':') !== ipv4);
          if (mine.length === 0) continue;
          const slots = Uint16Array.from(mine, (_, i) => mine.length - 1 - i);
          for (const [i, one] of mine.entries()) rows[slots[i]! * 8 + 4] = readPrefix(one, 0, rows, slots[i]! * 8);
          const ids = to === 'nexthops' ? Uint32Array.from(mine, (_, i) => 100 + i) : undefined;
          const goes = (i: number) => (ids ? { nexthopId: ids[i]! } : { type: 'blackhole' as const });
          const template = new RouteTemplate(verb, { ...common, ...goes(0) }, rows[slots[0]! * 8 + 4]!);
          template.copy(copies, rows, 8, slots, mine.length, verb === 'remove' ? undefined : ids);
          copies.stamp(0, mine.length, 64);
          for (const [i, one] of mine.entries())
            expect(unnumbered(bytesOf((w) => copies.write(w, i)))).toEqual(
              bytesOf((w) => encodeRoute(w, verb, { ...common, ...goes(i), prefix: one })),
            );
        }
      }),
      { numRuns: 300 },
    );
  });

  it('numbers copies, and asks for an answer to the last of every batch', () => {
    const rows = new Uint32Array(8 * 130);
    for (let i = 0; i < 130; i++) rows[i * 8 + 4] = readPrefix(`10.0.${i}.0/24`, 0, rows, i * 8);
    const copies = new Copies();
    const template = new RouteTemplate('remove', { table: 254, protocol: 201 }, rows[4]!);
    template.copy(
      copies,
      rows,
      8,
      Uint16Array.from({ length: 130 }, (_, i) => i),
      130,
    );
    copies.stamp(1000, 130, 64);
    const header = (i: number) => new Uint32Array(copies.bytes.buffer, i * copies.length * 4, 4);
    for (let i = 0; i < 130; i++) expect(header(i)[2]).toBe(1000 + i);
    const asking = Array.from({ length: 130 }, (_, i) => i).filter(
      (i) => new Uint16Array(copies.bytes.buffer, i * copies.length * 4, 4)[3]! & Flag.ack,
    );
    expect(asking).toEqual([63, 127, 129]);
  });
});

/** As the encoder leaves a message: it is no concern of his. */
function unnumbered(message: Uint8Array): Uint8Array {
  message.fill(0, 8, 12);
  return message;
}
