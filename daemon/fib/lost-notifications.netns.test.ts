// More happens in the kernel than a busy daemon can hear of: what was lost may have been anything, so all is read back.
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import type { FibObject } from '../../lib/fib/fib.ts';
import { kernelFibIn } from './testing/kernel-fixture.ts';
import { eventually, Namespace, whyNoKernelTests, wire } from './testing/namespaces.ts';

const skip = whyNoKernelTests();

/** Far more than the socket has room for. */
const CHANGES = 40_000;

it.skipIf(skip !== undefined)(
  `notifications that were lost (ENOBUFS) lead to a scan, which repairs${skip ? ` (skipped: ${skip})` : ''}`,
  {
    timeout: 120_000,
  },
  async () => {
    const namespace = new Namespace('lost');
    const neighbour = new Namespace('nb');
    const log: { text: string; reason?: string; repaired?: number }[] = [];
    const fib = kernelFibIn(namespace, 'fcbb:bb:1::1', log);
    try {
      wire(namespace, 'eth1', 'fd00:1::1/64', neighbour, 'eth1', 'fd00:1::2/64');
      await fib.start();
      // Unlike a route, which is put again when its link is heard of, a rule has a scan alone.
      const rule: FibObject = { kind: 'rule', family: 'ipv6', priority: 10_001, fwmark: 1, mask: 0xfff, table: 10_001 };
      expect((await fib.sync([rule])).failures).toEqual([]);
      const rules = () => namespace.ip('-6', 'rule', 'show', 'pref', '10001');
      namespace.ip('-6', 'rule', 'del', 'pref', '10001');
      // Nobody reads meanwhile: this waits for the program.
      const input = Array.from({ length: CHANGES }, (_, i) => `link set eth1 mtu ${1400 + (i % 2)}\n`).join('');
      execFileSync('ip', ['-n', namespace.name, '-batch', '-'], { input });
      await eventually('the rule is back', () => rules().includes('lookup 10001'));
      await eventually('it is said', () => log.some(({ reason }) => reason === 'notifications were lost'));
      expect(log.find(({ reason }) => reason === 'notifications were lost')).toMatchObject({
        level: 'warn',
        repaired: 1,
      });
      expect(await fib.verify()).toEqual([]);
    } finally {
      await fib.close({ remove: false });
      for (const each of [namespace, neighbour]) each.remove();
    }
  },
);
