// What is left of the forwarding plane where the machine lacks something: privileges, the nft program, writable settings.
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../lib/config/parse.ts';
import type { FibCapability, FibObject, FibStart } from '../../lib/fib/fib.ts';
import { createRouter, handle } from '../../lib/router/handle.ts';
import { behaviourName } from '../../lib/segment/behaviours.ts';
import { applySysctls } from './sysctls.ts';
import { kernelFibIn } from './testing/kernel-fixture.ts';
import { Namespace, whyNoKernelTests } from './testing/namespaces.ts';

const skip = whyNoKernelTests();

describe.skipIf(skip !== undefined)(`kernel FIB where something is missing${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let namespace: Namespace;

  beforeEach(() => {
    namespace = new Namespace('deg');
  });
  afterEach(() => {
    namespace.remove();
  });

  it('says that it may not program the kernel, and touches nothing', async () => {
    const child = namespace.fork(join(import.meta.dirname, 'testing/start-as-nobody.ts'));
    const [found] = (await once(child, 'message')) as [FibStart];
    expect(found).toEqual({
      capabilities: [{ name: 'net-admin', available: false, remark: 'CAP_NET_ADMIN is missing' }],
      retained: [],
    });
    expect(namespace.ip('link')).not.toContain('sr0');
  });

  it('does without nft: refuses affinity as a failure, and programs the rest', async () => {
    const service: FibObject = {
      kind: 'affinity',
      service: 'fd00:cafe::80',
      mode: 'flow',
      instances: [{ slot: 1, mark: 0x101, weight: 1000, failed: false }],
      idleTimeoutMs: 60_000,
      closingTimeoutMs: 2000,
    };
    const sid: FibObject = { kind: 'local-sid', prefix: 'fcbb:bb:1:1::/64', behaviour: { action: 'End' } };
    const fib = kernelFibIn(namespace, 'fcbb:bb:a::1', [], '/nowhere/nft');
    const { capabilities } = await fib.start();
    expect(capabilities.find(({ name }) => name === 'affinity')).toMatchObject({ available: false });
    expect(capabilities.find(({ name }) => name === 'replace-csid')).toMatchObject({ available: false });
    expect(capabilities.find(({ name }) => name === 'seg6local')).toMatchObject({ available: true });
    expect(announcedBehaviours(capabilities)).toEqual(['End', 'End with NEXT-CSID']);
    const result = await fib.apply({ put: [service, sid], remove: [] });
    expect(result).toMatchObject({ put: 1, failures: [{ key: 'affinity fd00:cafe::80', code: 'nft' }] });
    const end: FibObject = { kind: 'replace-csid', prefix: 'fdbb:cafe:0:3:1::/80', csidBits: 32 };
    const refused = await fib.apply({ put: [end], remove: [] });
    expect(refused).toMatchObject({ put: 0, failures: [{ key: 'replace-csid fdbb:cafe:0:3:1::/80', code: 'nft' }] });
    expect(fib.dump()).not.toContainEqual(end);
    expect(await fib.sync([sid, { ...service, mode: 'bucket', instances: [] }])).toMatchObject({ failures: [] });
    expect(await fib.verify()).toEqual([]);
    expect((await fib.flowCounts()).size).toBe(0);
    expect(namespace.ip('-6', 'route', 'show', 'fcbb:bb:1:1::/64')).toContain('seg6local');
    await fib.close({ remove: true });
  });

  it('remarks on settings that cannot be set, and sets the others', () => {
    const remarks = applySysctls(
      [
        { name: 'net.ipv6.conf.all.forwarding', value: '1', why: 'a router forwards' },
        { name: 'net.ipv6.no_such_setting', value: '1', why: 'it would be nice' },
        { name: 'net.ipv6.nor_such', value: '2', why: 'it would be nicer' },
      ],
      namespace.name,
    );
    expect(remarks).toEqual([
      {
        // Another namespace's settings are written by a program, whose errno is not known.
        name: 'sysctl failed',
        available: false,
        remark: 'cannot set net.ipv6.no_such_setting=1 (it would be nice), net.ipv6.nor_such=2 (it would be nicer)',
      },
    ]);
    expect(namespace.run('cat', '/proc/sys/net/ipv6/conf/all/forwarding').trim()).toBe('1');
  });
});

/** Of the End SIDs that a router with a locator of each kind announces over such a kernel. */
function announcedBehaviours(capabilities: readonly FibCapability[]): string[] {
  const parsed = parseConfig(`
name: r1
site: s1
router-id: 10.0.0.1
security: plaintext
srv6:
  locator: 5f00:0:1::/48
  locators:
    - { prefix: "fcbb:bbbb:1::/48", behaviour: next-csid }
    - { prefix: "fdbb:cafe:0:1::/64", behaviour: replace-csid }
`);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  const router = createRouter();
  const { config } = parsed;
  handle(router, { atMs: 1, type: 'start', bootId: 'b', wallMs: 1, retained: [], config, capabilities });
  handle(router, { atMs: 2000, type: 'timer', timer: 'settle' });
  return router.state!.ownNode!.locators.map(({ behaviour }) => behaviourName(behaviour));
}
