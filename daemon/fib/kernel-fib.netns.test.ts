import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeFibContract } from '../../lib/fib/fib.contract.ts';
import type { Fib, FibObject } from '../../lib/fib/fib.ts';
import { readSysctl } from './sysctls.ts';
import { kernelFibIn, PROTOCOL, SID_DEVICE } from './testing/kernel-fixture.ts';
import { eventually, ip, Namespace, whyNoKernelTests, wire } from './testing/namespaces.ts';

const skip = whyNoKernelTests();

describeFibContract(
  'kernel FIB',
  async () => {
    const namespace = new Namespace('fib');
    const neighbour = new Namespace('nb');
    wire(namespace, 'eth1', 'fd00:1::1/64', neighbour, 'eth1', 'fd00:1::2/64');
    const lives: Fib[] = [];
    const life = () => {
      const fib = kernelFibIn(namespace, 'fcbb:bb:1::1');
      lives.push(fib);
      return fib;
    };
    return {
      fib: life(),
      device: 'eth1',
      gateways: ['fd00:1::2', 'fd00:1::3'],
      reborn: life,
      affinity: true,
      replaceCsid: true,
      tables: true,
      async dispose() {
        for (const fib of lives) await fib.close({ remove: false });
        namespace.remove();
        neighbour.remove();
      },
    };
  },
  skip,
);

describe.skipIf(skip !== undefined)(`kernel FIB among others${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let namespace: Namespace;
  let neighbour: Namespace;
  let fib: Fib;
  let log: unknown[];

  const member: FibObject = { kind: 'nexthop', id: 200_000_001, segments: ['fcbb:bb:2::', 'fcbb:bb:3:e::'] };
  const group: FibObject = { kind: 'group', id: 100_000_001, members: [{ nexthop: 200_000_001, weight: 1 }] };
  const service: FibObject = {
    kind: 'route',
    prefix: 'fd00:cafe::80/128',
    table: 254,
    target: { kind: 'group', id: 100_000_001 },
  };
  const underlay: FibObject = {
    kind: 'route',
    prefix: 'fcbb:bb:2::/48',
    table: 254,
    target: { kind: 'gateways', hops: [{ gateway: 'fd00:1::2', device: 'eth1', weight: 1 }] },
  };
  const sid: FibObject = { kind: 'local-sid', prefix: 'fcbb:bb:1:1::/64', behaviour: { action: 'End' } };
  const rule: FibObject = { kind: 'rule', family: 'ipv6', priority: 10_001, fwmark: 0x101, mask: 0xfff, table: 10_001 };
  const affinity: FibObject = {
    kind: 'affinity',
    service: 'fd00:cafe::80',
    mode: 'flow',
    instances: [
      { slot: 1, mark: 0x101, weight: 600, failed: false },
      { slot: 2, mark: 0x102, weight: 400, failed: false },
    ],
    idleTimeoutMs: 60_000,
    closingTimeoutMs: 2000,
  };
  const replaced: FibObject = { kind: 'replace-csid', prefix: 'fdbb:cafe:0:3:1::/80', csidBits: 32 };
  const all = [member, group, service, underlay, sid, rule, affinity, replaced];

  beforeEach(() => {
    namespace = new Namespace('fib');
    neighbour = new Namespace('nb');
    wire(namespace, 'eth1', 'fd00:1::1/64', neighbour, 'eth1', 'fd00:1::2/64');
    log = [];
    fib = kernelFibIn(namespace, 'fcbb:bb:1::1', log);
  });
  afterEach(async () => {
    await fib.close({ remove: false });
    namespace.remove();
    neighbour.remove();
  });

  it('finds everything that this test machine is known to have, and prepares the namespace', async () => {
    const { capabilities } = await fib.start();
    const missing = capabilities.filter(({ available }) => !available).map(({ name }) => name);
    const absent = ['vrf', 'netem', 'seg6local-end-dt4', 'seg6local-end-dt46'];
    expect(missing.filter((name) => !absent.includes(name))).toEqual([]);
    for (const { available, remark } of capabilities) expect(remark === '').toBe(available);
    expect(ip('netns', 'exec', namespace.name, 'ip', 'sr', 'tunsrc', 'show')).toContain('fcbb:bb:1::1');
    expect(namespace.ip('-d', 'link', 'show', SID_DEVICE)).toMatch(/UP[\s\S]*bridge/);
    expect(readSysctl('net.ipv6.conf.all.forwarding', namespace.name)).toBe('1');
    expect(readSysctl('net.ipv4.nexthop_compat_mode', namespace.name)).toBe('0');
    // Probing leaves nothing.
    expect(namespace.ip('nexthop')).toBe('');
    expect(namespace.ip('-6', 'route', 'show', 'table', 'all', 'proto', String(PROTOCOL))).toBe('');
    expect(namespace.run('nft', 'list', 'ruleset')).toBe('');
  });

  it('programs what iproute2 reads as meant', async () => {
    await fib.start();
    expect((await fib.apply({ put: all, remove: [] })).failures).toEqual([]);
    expect(namespace.ip('nexthop', 'show', 'id', '200000001')).toContain(
      'encap seg6 mode encap.red segs 2 [ fcbb:bb:2:: fcbb:bb:3:e:: ] dev sr0',
    );
    expect(namespace.ip('-6', 'route', 'show', 'fd00:cafe::80')).toMatch(/nhid 100000001 .*proto 201/);
    expect(namespace.ip('-6', 'route', 'show', 'fcbb:bb:1:1::/64')).toMatch(/seg6local action End .*dev sr0/);
    expect(namespace.ip('-6', 'rule')).toContain('10001:\tfrom all fwmark 0x101/0xfff lookup 10001 proto 201');
    expect(namespace.run('nft', 'list', 'map', 'inet', 'cfnd_affinity', 'services6')).toContain('fd00:cafe::80 : goto');
  });

  it('leaves foreign routes, rules, nexthops and tables as they are, whatever it does', async () => {
    namespace.ip('-6', 'route', 'add', 'fd00:cafe::80/128', 'via', 'fd00:1::2', 'proto', 'static');
    namespace.ip('-6', 'rule', 'add', 'fwmark', '0x55', 'lookup', '10001', 'pref', '10002');
    namespace.ip('nexthop', 'add', 'id', '200000002', 'via', 'fd00:1::2', 'dev', 'eth1');
    namespace.nft('add table inet operator\nadd chain inet operator c { type filter hook forward priority 0; }\n');
    const foreign = () => [
      namespace.ip('-6', 'route', 'show', 'proto', 'static'),
      namespace.ip('-6', 'rule', 'show', 'pref', '10002'),
      namespace.ip('nexthop', 'show', 'id', '200000002'),
      namespace.run('nft', 'list', 'table', 'inet', 'operator'),
    ];
    const before = foreign();
    await fib.start();
    expect((await fib.apply({ put: all, remove: [] })).failures).toEqual([]);
    const taken = await fib.apply({ put: [{ ...member, id: 200_000_002 } as FibObject], remove: [] });
    expect(taken.failures).toMatchObject([{ key: 'nexthop 200000002', code: 'EEXIST' }]);
    await fib.sync(all);
    await fib.verify();
    await fib.sync([]);
    await fib.close({ remove: true });
    expect(foreign()).toEqual(before);
    expect(namespace.ip('-6', 'route', 'show', 'table', 'all', 'proto', String(PROTOCOL))).toBe('');
  });

  it('repairs what somebody removed or changed, and says what', async () => {
    await fib.start();
    await fib.sync(all);
    namespace.ip('nexthop', 'del', 'id', '200000001');
    namespace.ip('-6', 'route', 'del', 'fcbb:bb:2::/48', 'proto', String(PROTOCOL));
    namespace.ip('-6', 'rule', 'del', 'pref', '10001');
    namespace.ip('-6', 'route', 'add', 'fcbb:bb:77::/48', 'dev', 'eth1', 'metric', '11', 'proto', String(PROTOCOL));
    namespace.run('nft', 'flush', 'chain', 'inet', 'cfnd_affinity', 'svc_fd00_cafe__80');
    const drift = await fib.verify();
    expect(new Map(drift.map(({ key, what }) => [key, what]))).toEqual(
      new Map([
        ['nexthop 200000001', 'missing'],
        ['group 100000001', 'missing'],
        ['route 254 fd00:cafe::80/128', 'missing'],
        ['route 254 fcbb:bb:2::/48', 'missing'],
        ['rule ipv6 10001', 'missing'],
        ['route 254 fcbb:bb:77::/48 metric 11', 'stale'],
        ['affinity fd00:cafe::80', 'different'],
      ]),
    );
    expect(await fib.verify()).toEqual([]);
    namespace.run('nft', 'delete', 'table', 'inet', 'cfnd_affinity');
    namespace.ip(
      '-6',
      'nexthop',
      'replace',
      'id',
      '200000001',
      'encap',
      'seg6',
      'mode',
      'encap.red',
      'segs',
      'fc00::1',
      'dev',
      'sr0',
      'proto',
      String(PROTOCOL),
    );
    expect(await fib.verify()).toEqual([
      { key: 'nexthop 200000001', what: 'different' },
      { key: 'affinity fd00:cafe::80', what: 'missing' },
    ]);
    expect(await fib.verify()).toEqual([]);
  });

  it('restores routes that the kernel dropped with a link when the link comes back', async () => {
    await fib.start();
    await fib.sync(all);
    const route = () => namespace.ip('-6', 'route', 'show', 'fcbb:bb:2::/48');
    namespace.ip('link', 'set', 'eth1', 'down');
    await eventually('the kernel drops the route', () => route() === '');
    const again = await fib.apply({ put: [underlay], remove: [] });
    expect(again.failures).toMatchObject([{ key: 'route 254 fcbb:bb:2::/48' }]);
    namespace.ip('link', 'set', 'eth1', 'up');
    await eventually('the route is back', () => route().includes('via fd00:1::2 dev eth1'));
    expect(await fib.verify()).toEqual([]);
    // SIDs and steering never depended on it.
    expect(namespace.ip('-6', 'route', 'show', 'fd00:cafe::80')).toContain('nhid 100000001');
  });

  it('programs a route that was asked for before its interface was there', async () => {
    await fib.start();
    const early = {
      ...underlay,
      target: { kind: 'gateways', hops: [{ gateway: 'fd00:2::2', device: 'eth2', weight: 1 }] },
    };
    const result = await fib.apply({ put: [early as FibObject], remove: [] });
    expect(result.failures).toMatchObject([{ key: 'route 254 fcbb:bb:2::/48', code: 'ENODEV' }]);
    wire(namespace, 'eth2', 'fd00:2::1/64', neighbour, 'eth2', 'fd00:2::2/64');
    await eventually('the route is there', () =>
      namespace.ip('-6', 'route', 'show', 'fcbb:bb:2::/48').includes('via fd00:2::2 dev eth2'),
    );
    expect(await fib.verify()).toEqual([]);
  });

  it('makes the SID device again when somebody removes it, with all that was on it', async () => {
    await fib.start();
    await fib.sync(all);
    namespace.ip('link', 'del', SID_DEVICE);
    await eventually(
      'SIDs and steering are back',
      () =>
        namespace.ip('-6', 'route', 'show', 'fcbb:bb:1:1::/64').includes('seg6local') &&
        namespace.ip('-6', 'route', 'show', 'fd00:cafe::80').includes('nhid 100000001'),
    );
    expect(await fib.verify()).toEqual([]);
  });

  it('takes changes while a full sync is under way, and lets them win', async () => {
    await fib.start();
    const many: FibObject[] = Array.from({ length: 2000 }, (_, i) => ({
      kind: 'route',
      prefix: `fd00:beef:${(i + 1).toString(16)}::/48`,
      table: 254,
      target: { kind: 'group', id: 100_000_001 },
    }));
    const sync = fib.sync([member, group, ...many]);
    const newer: FibObject = { kind: 'nexthop', id: 200_000_001, segments: ['fcbb:bb:9::'] };
    expect(
      (await fib.apply({ put: [newer, group, service], remove: ['route 254 fd00:beef:7cf::/48'] })).failures,
    ).toEqual([]);
    expect((await sync).failures).toEqual([]);
    expect(namespace.ip('nexthop', 'show', 'id', '200000001')).toContain('[ fcbb:bb:9:: ]');
    expect(namespace.ip('-6', 'route', 'show', 'fd00:beef:7cf::/48')).toBe('');
    expect(fib.dump()).toHaveLength(3 + 1999);
    expect(await fib.verify()).toEqual([]);
  });

  it('gives way to newer changes during a large one, and removes as much again', async () => {
    await fib.start();
    await fib.sync([member, group]);
    const many = Array.from({ length: 5000 }, (_, i): FibObject => {
      const target = { kind: 'group', id: 100_000_001 } as const;
      return { kind: 'route', prefix: `fd00:beef:${(i + 1).toString(16)}::/48`, table: 254, target };
    });
    const last = many.at(-1)!;
    const large = fib.apply({ put: [rule, affinity, ...many], remove: [] });
    const newer: FibObject = { ...last, target: { kind: 'blackhole' } } as FibObject;
    expect((await fib.apply({ put: [newer], remove: [] })).failures).toEqual([]);
    expect((await large).failures).toEqual([]);
    expect(namespace.ip('-6', 'route', 'show', 'fd00:beef:1388::/48')).toContain('blackhole');
    expect(namespace.ip('-6', 'route', 'show', 'fd00:beef:1::/48')).toContain('nhid 100000001');
    expect(fib.dump()).toHaveLength(2 + 2 + 5000);
    expect(await fib.verify()).toEqual([]);
    const keys = many.map((object) => `route 254 ${(object as { prefix: string }).prefix}`);
    const all = ['rule ipv6 10001', 'affinity fd00:cafe::80', 'group 100000001', 'nexthop 200000001', ...keys];
    expect(await fib.apply({ put: [], remove: all })).toMatchObject({ failures: [], removed: 5004 });
    expect(fib.dump()).toEqual([]);
    expect(namespace.ip('-6', 'route', 'show', 'table', 'all', 'proto', String(PROTOCOL))).toBe('');
  });

  it('has the netlink part done before the first await', async () => {
    await fib.start();
    const result = fib.apply({ put: all, remove: [] });
    expect(namespace.ip('-6', 'route', 'show', 'fd00:cafe::80')).toContain('nhid 100000001');
    const { netlinkDoneAtMs, affinityDoneAtMs } = await result;
    expect(affinityDoneAtMs).toBeGreaterThan(netlinkDoneAtMs);
  });

  it('keeps what marks point at until nftables points elsewhere', async () => {
    await fib.start();
    await fib.apply({ put: all, remove: [] });
    const gone = fib.apply({ put: [], remove: ['affinity fd00:cafe::80', 'rule ipv6 10001'] });
    expect(namespace.ip('-6', 'rule')).toContain('10001:');
    expect(await gone).toMatchObject({ failures: [], removed: 2 });
    expect(namespace.ip('-6', 'rule')).not.toContain('10001:');
  });

  it('does not remove what a later change puts again before nftables has answered', async () => {
    await fib.start();
    await fib.apply({ put: all, remove: [] });
    const gone = fib.apply({ put: [], remove: ['affinity fd00:cafe::80', 'rule ipv6 10001'] });
    const back = fib.apply({ put: [rule, affinity], remove: [] });
    expect((await gone).failures).toEqual([]);
    expect((await back).failures).toEqual([]);
    expect(namespace.ip('-6', 'rule')).toContain('10001:');
    expect(await fib.verify()).toEqual([]);
  });
});
