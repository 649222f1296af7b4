import fc from 'fast-check';
import { expect, test } from 'vitest';
import { serviceUpdate } from '../session/update-rows.ts';
import { decodeFrame, encodeFrame } from '../wire/frame.ts';
import { attributes } from '../wire/messages.fixture.ts';
import { attributesHash, DigestSum, digestOfNodes, sameDigest } from './digest.ts';

const item = fc.uint8Array({ minLength: 3, maxLength: 3 }).map((bytes) => [...bytes]);

function digestOf(items: readonly (readonly number[])[]) {
  const sum = new DigestSum();
  for (const words of items) {
    for (const word of words) sum.word(word);
    sum.add();
  }
  return sum.value;
}

test('does not depend on the order of items, and on everything else', () => {
  fc.assert(
    fc.property(fc.array(item, { minLength: 1, maxLength: 20 }), fc.nat(), fc.nat(255), (items, at, value) => {
      const whole = digestOf(items);
      expect(digestOf([...items].reverse())).toEqual(whole);
      const index = at % items.length;
      expect(sameDigest(digestOf(items.toSpliced(index, 1)), whole)).toBe(false);
      const changed = items.with(index, [value, ...items[index]!.slice(1)]);
      expect(sameDigest(digestOf(changed), whole)).toBe(value === items[index]![0]);
    }),
  );
});

test('of nodes tells the same router in another sequence, beyond 32 bits as well', () => {
  const node = { originator: '10.0.0.1', sequence: 1_790_000_000_000 };
  expect(sameDigest(digestOfNodes([node]), digestOfNodes([{ ...node, sequence: node.sequence + 1 }]))).toBe(false);
  const higher = { ...node, sequence: node.sequence + 2 ** 32 };
  expect(sameDigest(digestOfNodes([node]), digestOfNodes([higher]))).toBe(false);
});

test('of an attribute set is the same on both sides of the wire', () => {
  fc.assert(
    fc.property(attributes, (set) => {
      const route = { service: 'fd00:cafe::80', contactInstance: 'fd00::1', originator: '10.0.0.1' };
      const sent = serviceUpdate([{ handle: 1, ...route, attributes: set }]);
      const message = decodeFrame(encodeFrame({ type: 'UPDATE', service: sent }));
      expect(message.type === 'UPDATE' && message.service?.attributeSets.map(attributesHash)).toEqual([
        attributesHash(set),
      ]);
    }),
  );
});
