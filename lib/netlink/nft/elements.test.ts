// What elements mean together; their bytes are among the vectors of codec.test.ts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../errors.ts';
import { Messages } from '../reader.ts';
import { type Encode, Writer } from '../writer.ts';
import { decodeEdges, type ElementRange, encodeAddRange, joinEdges, type RangeEdge } from './elements.ts';
import { NftMessage, network32Attribute, writeInetHeader } from './numbers.ts';

const set = { table: 'cfnd_affinity', set: 'share_1' };

function edgesOf(messages: readonly Encode[]): RangeEdge[] {
  const writer = new Writer(64);
  for (const encode of messages) encode(writer);
  const edges: RangeEdge[] = [];
  const cursor = new Messages(writer.bytes, writer.length);
  while (cursor.next()) edges.push(...decodeEdges(cursor));
  return edges;
}

/** Ascending, some touching, some with a gap before them. */
const ranges = fc.array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 400_000_000 })), { maxLength: 9 }).map((parts) => {
  let next = 0;
  return parts.map(([gap, size]): ElementRange => {
    const from = next + gap;
    next = from + size + 1;
    return { from, to: next - 1 };
  });
});

describe('ranges of a set', () => {
  it('survive the way to the kernel and back, in whatever order it lists their edges', () => {
    fc.assert(
      fc.property(ranges, fc.infiniteStream(fc.nat()), (wanted, chance) => {
        const edges = edgesOf(wanted.map((range) => encodeAddRange(set, range)));
        const order = edges.map((edge) => ({ edge, at: chance.next().value as number }));
        const shuffled = order.sort((a, b) => a.at - b.at).map(({ edge }) => edge);
        expect(joinEdges(shuffled)).toEqual(wanted);
      }),
    );
  });

  it('may have an end at 0 before them, as the nft program writes it', () => {
    const edges = edgesOf([encodeAddRange(set, { from: 600, to: 999 })]);
    expect(joinEdges([{ key: 0, isEnd: true }, ...edges])).toEqual([{ from: 600, to: 999 }]);
    expect(joinEdges([{ key: 1, isEnd: true }, ...edges])).toBeUndefined();
  });

  it('are none when an edge is missing', () => {
    fc.assert(
      fc.property(ranges, fc.nat(), (wanted, at) => {
        const edges = edgesOf(wanted.map((range) => encodeAddRange(set, range)));
        fc.pre(edges.length > 0);
        edges.splice(at % edges.length, 1);
        expect(joinEdges(edges)).toBeUndefined();
      }),
    );
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
  const data = (writer: Writer) => {
    key(writer);
    const nest = writer.open(2);
    network32Attribute(writer, 1, 7);
    writer.close(nest);
  };

  it.each([
    ['no key', () => {}],
    ['a map has it', data],
  ])('is refused: %s', (_, fill) => {
    expect(() => edgesOf([element(fill)])).toThrow(CodedError);
  });
});
