// The memory FIB claims to keep the kernel's rules. Here the kernel is asked: any sequence of changes must be taken and
// refused alike by both, and leave both with the same set.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { objectText } from '../../lib/fib/equality.ts';
import { type FibDelta, type FibObject, fibKey } from '../../lib/fib/fib.ts';
import { createMemoryFib } from '../../lib/fib/memory-fib.ts';
import { kernelFibIn } from './testing/kernel-fixture.ts';
import { Namespace, whyNoKernelTests, wire } from './testing/namespaces.ts';

const skip = whyNoKernelTests();

const small = fc.integer({ min: 1, max: 3 });
const segment = fc.constantFrom('fcbb:bb:2::', 'fcbb:bb:3::', 'fcbb:bb:3:e::');
const nexthop: fc.Arbitrary<FibObject> = fc
  .tuple(small, fc.array(segment, { minLength: 1, maxLength: 4 }))
  .map(([id, segments]) => ({ kind: 'nexthop', id: 200_000_000 + id, segments }));
/** Now and then of one id with a nexthop, or of a member twice. */
const group: fc.Arbitrary<FibObject> = fc
  .tuple(
    fc.constantFrom(100_000_001, 100_000_002, 100_000_003, 200_000_003),
    fc.array(fc.tuple(small, fc.integer({ min: 1, max: 256 })), { minLength: 1, maxLength: 3 }),
  )
  .map(([id, members]) => ({
    kind: 'group',
    id,
    members: members.map(([member, weight]) => ({ nexthop: 200_000_000 + member, weight })),
  }));
const prefix = fc.constantFrom('fd00:cafe::80/128', 'fcbb:bb:9::/48', '10.80.0.80/32', '::/0');
const route: fc.Arbitrary<FibObject> = fc
  .tuple(
    prefix,
    fc.constantFrom(254, 10_001),
    fc.oneof(
      small.map((id) => ({ kind: 'group', id: 100_000_000 + id }) as const),
      fc.constant({ kind: 'blackhole' } as const),
      fc.constant(undefined),
    ),
    fc.uniqueArray(fc.integer({ min: 2, max: 5 }), { minLength: 1, maxLength: 3 }),
  )
  .map(([to, table, target, hosts]) => ({
    kind: 'route',
    prefix: to,
    table,
    target: target ?? {
      kind: 'gateways',
      hops: hosts.map((host, i) => ({
        gateway: to.includes(':') ? `fd00:1::${host}` : `192.0.2.${host}`,
        device: 'eth1',
        weight: i + 1,
      })),
    },
  }));
const sid: fc.Arbitrary<FibObject> = fc
  .tuple(
    fc.constantFrom('fcbb:bb:1::/48', 'fcbb:bb:1:1::/64'),
    fc.constantFrom(
      { action: 'End' } as const,
      { action: 'End.X', nexthop: 'fd00:1::2', device: 'eth1' } as const,
      { action: 'End.T', table: 10_001 } as const,
      { action: 'End.DT6', table: 254 } as const,
      { action: 'End.DX6', nexthop: 'fd00:1::2' } as const,
    ),
    fc.constantFrom(undefined, { psp: true }, { nextCsid: { blockBits: 32, nodeBits: 16 } }),
  )
  .map(([at, behaviour, flavours]) => ({ kind: 'local-sid', prefix: at, behaviour, ...(flavours && { flavours }) }));
const rule: fc.Arbitrary<FibObject> = fc
  .tuple(fc.constantFrom('ipv4', 'ipv6'), small, small)
  .map(([family, priority, mark]) => ({
    kind: 'rule',
    family,
    priority: 10_000 + priority,
    fwmark: mark,
    mask: 0xfff,
    table: 10_001,
  }));
const object = fc.oneof(nexthop, group, route, sid, rule);
const delta: fc.Arbitrary<FibDelta> = fc.record({
  put: fc.array(object, { maxLength: 8 }),
  remove: fc.array(object.map(fibKey), { maxLength: 5 }),
});

describe.skipIf(skip !== undefined)(`memory FIB and kernel FIB${skip ? ` (skipped: ${skip})` : ''}`, () => {
  it('take and refuse the same changes and end up with the same set', async () => {
    const namespace = new Namespace('dif');
    const neighbour = new Namespace('nb');
    const kernel = kernelFibIn(namespace, 'fcbb:bb:a::1');
    try {
      wire(namespace, 'eth1', 'fd00:1::1/64', neighbour, 'eth1', 'fd00:1::2/64');
      namespace.ip('addr', 'add', '192.0.2.1/24', 'dev', 'eth1');
      await kernel.start();
      await fc.assert(
        fc.asyncProperty(fc.array(delta, { minLength: 1, maxLength: 8 }), async (deltas) => {
          await kernel.sync([]);
          const memory = createMemoryFib();
          await memory.start();
          for (const change of deltas) {
            const [real, model] = [await kernel.apply(change), await memory.apply(change)];
            const failures = (result: typeof real) => result.failures.map(({ key, code }) => `${key} ${code}`).sort();
            expect(failures(real)).toEqual(failures(model));
            expect([real.put, real.removed]).toEqual([model.put, model.removed]);
          }
          expect(kernel.dump().map(objectText).sort()).toEqual(memory.dump().map(objectText).sort());
          expect(await kernel.verify()).toEqual([]);
        }),
        { numRuns: 60 },
      );
    } finally {
      await kernel.close({ remove: true });
      namespace.remove();
      neighbour.remove();
    }
  }, 300_000);
});
