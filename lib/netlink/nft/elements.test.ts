// What elements mean together; their bytes are among the vectors of codec.test.ts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../errors.ts';
import { Messages } from '../reader.ts';
import { type Encode, Writer } from '../writer.ts';
import { decodeEdges, encodeAddRanges, type GotoRange, joinEdges, type RangeEdge } from './elements.ts';
import { NftMessage, network32Attribute, writeInetHeader } from './numbers.ts';

const set = { table: 'cfnd_affinity', set: 'svc_10_0_0_1_split' };

function edgesOf(messages: readonly Encode[]): RangeEdge[] {
  const writer = new Writer(64);
  for (const encode of messages) encode(writer);
  const edges: RangeEdge[] = [];
  const cursor = new Messages(writer.bytes, writer.length);
  while (cursor.next()) edges.push(...decodeEdges(cursor));
  return edges;
}

/** Ascending, some touching, some with a gap before them. */
const ranges = fc
  .array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 400_000_000 }), fc.integer({ min: 1, max: 99 })), { maxLength: 9 })
  .map((parts) => {
    let next = 0;
    return parts.map(([gap, size, slot]): GotoRange => {
      const from = next + gap;
      next = from + size + 1;
      return { from, to: next - 1, chain: `learn_${slot}` };
    });
  });

describe('ranges of a map', () => {
  it('survive the way to the kernel and back, in whatever order it lists their edges', () => {
    fc.assert(
      fc.property(ranges, fc.infiniteStream(fc.nat()), (wanted, chance) => {
        const edges = edgesOf(encodeAddRanges(set, wanted));
        const order = edges.map((edge) => ({ edge, at: chance.next().value as number }));
        const shuffled = order.sort((a, b) => a.at - b.at).map(({ edge }) => edge);
        expect(joinEdges(shuffled)).toEqual(wanted);
      }),
    );
  });

  it('are none when an edge is missing', () => {
    fc.assert(
      fc.property(ranges, fc.nat(), (wanted, at) => {
        const edges = edgesOf(encodeAddRanges(set, wanted));
        fc.pre(edges.length > 0);
        edges.splice(at % edges.length, 1);
        expect(joinEdges(edges)).toBeUndefined();
      }),
    );
  });

  it('go in as many messages as they need, each with lengths that fit 16 bits', () => {
    const many = Array.from({ length: 1000 }, (_, i) => ({ from: i, to: i, chain: `learn_${'9'.repeat(100)}` }));
    const messages = encodeAddRanges(set, many);
    expect(messages.length).toBeGreaterThan(1);
    expect(joinEdges(edgesOf(messages))).toEqual(many);
    for (const encode of messages) {
      const writer = new Writer();
      encode(writer);
      expect(writer.length).toBeLessThan(0xffff);
    }
  });
});

describe('an element of another kind', () => {
  const element = (fill: (writer: Writer) => void): Encode => {
    return (writer) => {
      writer.begin(NftMessage.newElements, 0);
      writeInetHeader(writer);
      const list = writer.open(3);
      const one = writer.open(1);
      fill(writer);
      writer.close(one);
      writer.close(list);
      writer.end();
    };
  };
  const key = (writer: Writer) => {
    const nest = writer.open(1);
    network32Attribute(writer, 1, 7);
    writer.close(nest);
  };
  const verdict = (code: number, chain?: string) => (writer: Writer) => {
    key(writer);
    const nest = writer.open(2);
    const inner = writer.open(2);
    network32Attribute(writer, 1, code);
    if (chain !== undefined) writer.text(2, chain);
    writer.close(inner);
    writer.close(nest);
  };

  it.each([
    ['a key alone', key],
    ['no key', () => {}],
    ['accept', verdict(1)],
    ['jump instead of goto', verdict(-3, 'learn_1')],
  ])('is refused: %s', (_, fill) => {
    expect(() => edgesOf([element(fill)])).toThrow(CodedError);
  });
});
