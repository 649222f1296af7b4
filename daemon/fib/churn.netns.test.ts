// The kernel's tables change all the time while a forwarding plane reads them: another routing daemon starts as well.
import { spawn } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Fib, type FibObject, fibKey, fibRoute, type RouteTarget } from '../../lib/fib/fib.ts';
import { kernelFibIn } from './testing/kernel-fixture.ts';
import { Namespace, whyNoKernelTests } from './testing/namespaces.ts';

const skip = whyNoKernelTests();

const nexthop: FibObject = { kind: 'nexthop', id: 200_000_001, segments: ['fcbb:bb:2::'] };

/** More than a dump tells in one go. */
const MANY = 8000;
const CHURN = ['nexthop add id 9000 blackhole', 'nexthop del id 9000'];
const HOLE: RouteTarget = { kind: 'blackhole' };
const SMALL: RouteTarget = { kind: 'too-big', mtu: 1400 };
const routeTo = (i: number, target: RouteTarget) => fibRoute(`fd00:beef:${(i + 1).toString(16)}::/48`, 254, target);

describe.skipIf(skip !== undefined)(`tables that never rest${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let namespace: Namespace;
  let log: { text: string }[];
  let fibs: Fib[];
  const calls: (() => void)[] = [];

  beforeEach(() => {
    namespace = new Namespace('churn');
    log = [];
    fibs = [];
  });
  afterEach(async () => {
    for (const call of calls.splice(0)) call();
    for (const fib of fibs) await fib.close({ remove: false });
    namespace.remove();
  });

  const life = () => {
    const fib = kernelFibIn(namespace, 'fcbb:bb:1::1', log);
    fibs.push(fib);
    return fib;
  };

  /** Runs commands of ip in one process; resolves when they are done or, where they are for ever, begun. */
  const batch = (commands: readonly string[], forever: boolean) =>
    new Promise<void>((resolve) => {
      const child = spawn('ip', ['-n', namespace.name, '-b', '-'], { stdio: ['pipe', 'ignore', 'inherit'] });
      const text = `${commands.join('\n')}\n`;
      child.stdin.on('error', () => {});
      child.once('close', () => resolve());
      if (!forever) return void child.stdin.end(text);
      const more = () => {
        while (child.stdin.writable && child.stdin.write(text.repeat(1000)));
      };
      child.stdin.on('drain', more);
      more();
      calls.push(() => child.kill('SIGKILL'));
      resolve();
    });

  it('with nexthops of others: what an earlier life left is found, and the full set programmed', async () => {
    const first = life();
    await first.start();
    await first.sync([nexthop]);
    await first.close({ remove: false });
    const many = Array.from({ length: MANY }, (_, i) => `nexthop add id ${i + 1} blackhole`);
    await batch(many, false);
    await batch(CHURN, true);
    const fib = life();
    expect((await fib.start()).retained).toEqual([nexthop]);
    expect((await fib.sync([])).failures).toEqual([]);
    expect(namespace.ip('nexthop', 'show', 'proto', '201')).toBe('');
  });

  it('with routes of our own: the full set waits for a moment of rest', async () => {
    const fib = life();
    await fib.start();
    const routes = Array.from({ length: MANY }, (_, i) => routeTo(i, HOLE));
    expect((await fib.apply({ put: routes, remove: [] })).failures).toEqual([]);
    let isSynced = false;
    const synced = fib.sync(routes.slice(1)).finally(() => {
      isSynced = true;
    });
    const waits = () => isSynced || log.some(({ text }) => text === 'kernel cannot be read, the full set waits');
    for (let i = 0; !waits(); i++) {
      await fib.apply({ put: [routeTo(0, i % 2 === 0 ? SMALL : HOLE)], remove: [] });
      await turn();
    }
    expect((await synced).failures).toEqual([]);
    expect(await fib.verify()).toEqual([]);
    expect(fib.dump()).toHaveLength(MANY);
  });

  it('with addresses of others: no scan fails, and the next one finds what is missing', async () => {
    const fib = life();
    await fib.start();
    await fib.sync([nexthop]);
    const many = Array.from({ length: MANY }, (_, i) => `address add 10.9.${i >> 8}.${i & 255}/32 dev lo`);
    await batch(many, false);
    await batch(['address add 10.200.0.1/32 dev lo', 'address del 10.200.0.1/32 dev lo'], true);
    expect(await fib.verify()).toEqual([]);
    for (const call of calls.splice(0)) call();
    namespace.ip('nexthop', 'flush', 'proto', '201');
    expect(await fib.verify()).toEqual([{ key: fibKey(nexthop), what: 'missing' }]);
  });
});
