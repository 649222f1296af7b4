// Whatever a list is packed into, it is known again by where it leads, and not mistaken for one to another contact instance.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isDecapsulating } from './behaviour-kind.ts';
import { compress } from './compress.ts';
import { anyList, testDomain } from './domain.fixture.ts';
import { endsWithSid } from './ends-with.ts';
import { makeSid, type Sid } from './sid.ts';

test.each([32, 48] as const)(
  'a packed list ends with its last SID and no other (NEXT-CSID block of %i bits)',
  (bits) => {
    const domain = testDomain(bits);
    const { installed } = domain;
    const services = domain.nodes.flatMap((node) => domain.twins(node, 'service').map(({ sid }) => sid));
    let packed = 0;
    fc.assert(
      fc.property(anyList(domain, 12), (segments) => {
        const { segments: list, entries } = compress({ segments, ingress: 'n1', maxSidDepth: 64, installed });
        const last = entries.at(-1)?.holds.at(-1);
        if (last === undefined) return;
        packed++;
        expect(endsWithSid(list, last)).toBe(true);
        if (!isService(last)) return;
        // Functions of one number on one node, in other blocks, may be mistaken for each other: they serve the same.
        const others = services.filter((sid) => sid.node !== last.node && sid.csid !== last.csid);
        expect(others.filter((sid) => endsWithSid(list, sid)).map((sid) => sid.address)).toEqual([]);
      }),
    );
    expect(packed).toBeGreaterThan(20);
  },
);

function isService({ kind }: Sid): boolean {
  return kind !== undefined && isDecapsulating(kind);
}

test('an empty list leads nowhere', () => {
  const sid = makeSid('5f00:0:1:1::', { block: 32, node: 16, function: 16, argument: 0 }, 1);
  expect(endsWithSid([], sid)).toBe(false);
});
