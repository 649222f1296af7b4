// Large changes against the kernel: their routes are sent by another thread, and whatever is asked for meanwhile finds, and
// leaves, what is held as the kernel has it.
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Fib, type FibRoute, fibKey, fibRoute, type RouteTarget } from '../../lib/fib/fib.ts';
import { kernelFibIn, PROTOCOL } from './testing/kernel-fixture.ts';
import { Namespace, whyNoKernelTests } from './testing/namespaces.ts';

const skip = whyNoKernelTests();

const COUNT = 6000;
const HOLE: RouteTarget = { kind: 'blackhole' };
const SMALL: RouteTarget = { kind: 'too-big', mtu: 1400 };
const TUNNEL: RouteTarget = { kind: 'encap', segments: ['fcbb:bb:2::', 'fcbb:bb:3::'] };

const prefixOf = (i: number) => `fd00:beef:${(i + 1).toString(16)}::/48`;
const routeTo = (i: number, target: RouteTarget) => fibRoute(prefixOf(i), 254, target);
const routes = (target: RouteTarget) => Array.from({ length: COUNT }, (_, i) => routeTo(i, target));

describe.skipIf(skip !== undefined)(`large changes of routes${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let namespace: Namespace;
  let fib: Fib;

  beforeEach(async () => {
    namespace = new Namespace('large');
    fib = kernelFibIn(namespace, 'fcbb:bb:1::1');
    await fib.start();
    expect((await fib.sync([])).failures).toEqual([]);
  });
  afterEach(async () => {
    await fib.close({ remove: false });
    namespace.remove();
  });

  const held = () => new Map(fib.dump().map((object) => [fibKey(object), (object as FibRoute).target]));
  const inKernel = () =>
    namespace.ip('-6', 'route', 'show', 'table', 'all', 'proto', String(PROTOCOL)).split('\n').filter(Boolean).length;

  it.each([
    ['of one message for all', HOLE, SMALL],
    ['with a segment list each', TUNNEL, HOLE],
  ])('%s give way to every small change that is made meanwhile', async (_, first, second) => {
    for (const target of [first, second]) {
      const expected = new Map(routes(target).map((route) => [fibKey(route), target]));
      let isOver = false;
      const large = fib.apply({ put: routes(target), remove: [] }).finally(() => {
        isOver = true;
      });
      for (let i = 0; !isOver; i = (i + 1777) % COUNT) {
        const [put, gone] = [routeTo(i, SMALL), routeTo((i + 900) % COUNT, SMALL)];
        const { failures } = await fib.apply({ put: [put], remove: [fibKey(gone)] });
        expect(failures).toEqual([]);
        expect(namespace.ip('-6', 'route', 'show', put.prefix)).toContain('mtu');
        expected.set(fibKey(put), SMALL).delete(fibKey(gone));
        await turn();
      }
      expect((await large).failures).toEqual([]);
      expect(held()).toEqual(expected);
      expect(inKernel()).toBe(expected.size);
      expect(await fib.verify()).toEqual([]);
    }
  });

  it('name what somebody else holds, and put all others, whatever else they are put for', async () => {
    const others = [0, 255, 256, 3000, COUNT - 1];
    for (const i of others) namespace.ip('-6', 'route', 'add', 'blackhole', prefixOf(i), 'metric', '11', 'proto', '99');
    const puts = routes(HOLE);
    const { failures, put } = await fib.apply({ put: puts, remove: [] });
    expect(failures.map(({ key, code }) => [key, code])).toEqual(
      others.map((i) => [fibKey(routeTo(i, HOLE)), 'EEXIST']),
    );
    expect(put).toBe(COUNT - others.length);
    expect(held().size).toBe(COUNT - others.length);
    expect(inKernel()).toBe(COUNT - others.length);
    expect(await fib.verify()).toEqual([]);
  });

  it('put the last of each key, near or far behind the one before', async () => {
    const again = [0, 3, 100, 255, 300, 700].map((i) => routeTo(i, SMALL));
    const puts = routes(HOLE);
    puts.splice(101, 0, ...again.slice(0, 3));
    puts.splice(900, 0, ...again.slice(3));
    puts.push(routeTo(COUNT - 1, SMALL), routeTo(5, SMALL));
    expect((await fib.apply({ put: puts, remove: [] })).failures).toEqual([]);
    const last = new Map(puts.map((route) => [fibKey(route), route.target]));
    expect(held()).toEqual(last);
    expect([...last.values()].filter((target) => target === SMALL)).toHaveLength(8);
    expect(await fib.verify()).toEqual([]);
  });

  it('put those that others replace in the same piece, where all new ones of it cannot be put', async () => {
    expect((await fib.apply({ put: routes(HOLE), remove: [] })).failures).toEqual([]);
    const nowhere: RouteTarget = { kind: 'gateways', hops: [{ gateway: 'fe80::1', device: 'nowhere', weight: 1 }] };
    const strange = [0, 5000].map((i) => routeTo(COUNT + i, nowhere));
    const puts = routes(SMALL);
    puts.splice(300, 0, strange[0]!);
    puts.splice(5700, 0, strange[1]!);
    const { failures } = await fib.apply({ put: puts, remove: [] });
    expect(failures.map(({ key }) => key)).toEqual(strange.map(fibKey));
    expect(held()).toEqual(new Map(routes(SMALL).map((route) => [fibKey(route), SMALL])));
    expect(inKernel()).toBe(COUNT);
    expect(await fib.verify()).toEqual([]);
  });

  it('hide nothing from a scan, and no scan takes them back', async () => {
    const large = fib.apply({ put: routes(TUNNEL), remove: [] });
    for (let i = 0; i < 3; i++) await turn();
    expect(await fib.verify()).toEqual([]);
    expect((await large).failures).toEqual([]);
    const gone = fib.apply({ put: [], remove: routes(TUNNEL) });
    for (let i = 0; i < 3; i++) await turn();
    expect(await fib.verify()).toEqual([]);
    expect(await gone).toMatchObject({ failures: [], removed: COUNT });
    expect(held().size).toBe(0);
    expect(inKernel()).toBe(0);
  });

  it('end with the forwarding plane, which removes what they put', async () => {
    const large = fib.apply({ put: routes(TUNNEL), remove: [] }).catch((error: Error) => error.message);
    for (let i = 0; i < 3; i++) await turn();
    await fib.close({ remove: true });
    expect(await large).toContain('after close');
    expect(inKernel()).toBe(0);
  });
});
