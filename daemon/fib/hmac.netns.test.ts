// Signed segment routing headers: routers ask for them on a link of the domain, the ingress signs, or not, or wrongly.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fib, FibObject } from '../../lib/fib/fib.ts';
import { kernelFibIn } from './testing/kernel-fixture.ts';
import { whyNoKernelTests } from './testing/namespaces.ts';
import { SERVICE, SteeringLab, segmentsTo } from './testing/steering-lab.ts';

const skip = whyNoKernelTests();
const hmac = (secret: string, requireOn: readonly string[] = [], id = 17) => ({
  key: { id, algorithm: 'sha256', secret: Buffer.from(secret) } as const,
  requireOn,
});
const steering: FibObject[] = [
  { kind: 'nexthop', id: 200_000_001, segments: segmentsTo(1) },
  { kind: 'route', prefix: `${SERVICE}/128`, table: 254, target: { kind: 'nexthop', id: 200_000_001 } },
];

describe.skipIf(skip !== undefined)(`signed headers${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let lab: SteeringLab;
  let again: Fib[];

  beforeEach(async () => {
    lab = new SteeringLab();
    again = [];
    await lab.start();
    // The core and the egress ask for signatures where the ingress' packets come in.
    for (const [name, link] of [
      ['co', 'in'],
      ['e1', 'co'],
    ] as const) {
      const { namespace } = lab.router(name);
      const checking = kernelFibIn(namespace, 'fcbb:bb::1', lab.log, undefined, {
        links: [],
        hmac: hmac('correct horse', [link]),
      });
      again.push(checking);
      const { capabilities } = await checking.start();
      expect(capabilities).toContainEqual({ name: 'hmac', available: true, remark: '' });
    }
  });
  afterEach(async () => {
    for (const fib of again) await fib.close({ remove: false });
    await lab.stop();
  });

  /** The ingress' next life, with a key or without; replies of three pings to the service, each within so many seconds. */
  const repliesWith = async (key: ReturnType<typeof hmac> | undefined, waitS = 1): Promise<number> => {
    await lab.fib.close({ remove: true });
    lab.fib = kernelFibIn(lab.ingress, 'fcbb:bb:a::1', lab.log, undefined, { links: [], hmac: key });
    await lab.fib.start();
    await lab.program(lab.fib, [...lab.underlay, ...steering]);
    expect(await lab.fib.verify()).toEqual([]);
    try {
      const text = lab.client.run('ping', '-n', '-c', '3', '-i', '0.2', '-W', String(waitS), SERVICE);
      return Number(/(\d+) received/.exec(text)?.[1]);
    } catch (error) {
      return Number(/(\d+) received/.exec(String((error as { stdout?: unknown }).stdout))?.[1]);
    }
  };

  it('pass with the right key, and not with another, with another number, or without', async () => {
    expect(await repliesWith(hmac('correct horse'), 10)).toBe(3);
    expect(lab.ingress.ip('-6', 'nexthop', 'show')).toContain('mode encap segs 2');
    expect(lab.ingress.ip('-6', 'nexthop', 'show')).toMatch(/hmac (0x)?11\b/i);
    expect(await repliesWith(hmac('battery staple'))).toBe(0);
    expect(await repliesWith(hmac('correct horse', [], 18))).toBe(0);
    expect(await repliesWith(undefined)).toBe(0);
    expect(await repliesWith(hmac('correct horse'), 10)).toBe(3);
    expect(JSON.stringify(lab.log)).not.toMatch(/horse|staple/);
  });
});
