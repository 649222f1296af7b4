import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AffinityService, Fib, FibObject, SegmentNexthop } from '../../lib/fib/fib.ts';
import { fibKey } from '../../lib/fib/fib.ts';
import { kernelFibIn, PROTOCOL, SID_DEVICE } from './testing/kernel-fixture.ts';
import { Namespace, whyNoKernelTests } from './testing/namespaces.ts';

const skip = whyNoKernelTests();

const nexthop = (segment: string): SegmentNexthop => ({ kind: 'nexthop', id: 200_000_001, segments: [segment] });
const service = (weight: number): AffinityService => ({
  kind: 'affinity',
  service: 'fd00:cafe::80',
  mode: 'flow',
  instances: [1, 2].map((slot) => ({
    slot,
    mark: 0x100 + slot,
    weight: slot === 1 ? weight : 1000 - weight,
    failed: false,
  })),
  idleTimeoutMs: 60_000,
  closingTimeoutMs: 2000,
});
const blackhole: FibObject = { kind: 'route', prefix: 'fd00:9::/64', table: 254, target: { kind: 'blackhole' } };

describe.skipIf(skip !== undefined)(`a change read back${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let namespace: Namespace;
  let fib: Fib;

  beforeEach(async () => {
    namespace = new Namespace('glance');
    fib = kernelFibIn(namespace, 'fd00:ffff::9');
    await fib.start();
  });
  afterEach(async () => {
    await fib.close({ remove: false });
    namespace.remove();
  });

  const change = async (...put: FibObject[]) => {
    const delta = { put, remove: [] };
    const result = await fib.apply(delta);
    expect(result.failures).toEqual([]);
    expect(result.requestedAtMs).toBeLessThanOrEqual(result.netlinkDoneAtMs);
    return delta;
  };

  it('is as it was meant', async () => {
    const group: FibObject = { kind: 'group', id: 100_000_001, members: [{ nexthop: 200_000_001, weight: 1 }] };
    for (const segment of ['fcbb::1', 'fcbb::2']) {
      const delta = await change(blackhole, nexthop(segment), group);
      expect(await fib.readBack(delta)).toEqual({ key: fibKey(nexthop(segment)), isAsHeld: true });
      expect(await fib.readBack(await change(group))).toEqual({ key: fibKey(group), isAsHeld: true });
    }
    for (const weight of [300, 1000, 0])
      expect(await fib.readBack(await change(service(weight)))).toEqual({ key: fibKey(service(0)), isAsHeld: true });
  });

  it('is found to be otherwise, or gone, when somebody was faster', async () => {
    const delta = await change(nexthop('fcbb::1'));
    const id = ['nexthop', 'replace', 'id', '200000001', 'protocol', String(PROTOCOL)];
    namespace.ip('-6', ...id, 'encap', 'seg6', 'mode', 'encap.red', 'segs', 'fcbb::7', 'dev', SID_DEVICE);
    expect(await fib.readBack(delta)).toMatchObject({ isAsHeld: false });
    namespace.ip('nexthop', 'del', 'id', '200000001');
    expect(await fib.readBack(delta)).toMatchObject({ isAsHeld: false });
    const weights = await change(service(300));
    namespace.run('nft', 'flush set inet cfnd_affinity share_1');
    expect(await fib.readBack(weights)).toMatchObject({ isAsHeld: false });
  });

  it('is not asked for where nothing can be asked for alone, or is gone again', async () => {
    expect(await fib.readBack(await change(blackhole))).toBeUndefined();
    const delta = await change(nexthop('fcbb::1'));
    await fib.apply({ put: [], remove: [fibKey(nexthop('fcbb::1'))] });
    expect(await fib.readBack(delta)).toBeUndefined();
  });
});
