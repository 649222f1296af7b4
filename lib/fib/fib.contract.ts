// What every forwarding plane promises, as tests: run by the memory FIB and, on real namespaces, by the kernel FIB.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sameObject } from './equality.ts';
import {
  type AffinityService,
  BORDER_KEY,
  type Border,
  type Fib,
  type FibObject,
  type FibRoute,
  fibKey,
  type LocalSid,
  MTU_KEY,
  type ReplaceSid,
  type SegmentNexthop,
  type ServiceMtu,
} from './fib.ts';

/** One forwarding plane under test, not started. */
export interface FibFixture {
  readonly fib: Fib;
  /** An interface that is up, and two neighbours' addresses on it. */
  readonly device: string;
  readonly gateways: readonly [string, string];
  /** The next life of the same forwarding plane, not started; what this one left is still there. */
  reborn(): Fib;
  /** True: the FIB has learned flows and counts them. */
  readonly affinity: boolean;
  /** True: the FIB has border and MTU tables. */
  readonly tables: boolean;
  /** True: the FIB has REPLACE-CSID endpoints. */
  readonly replaceCsid: boolean;
  dispose(): Promise<void>;
}

const GROUP = 1_000_001;
const MEMBER = 2_000_001;
const TABLE = 10_001;

const member = (id: number, ...segments: string[]): SegmentNexthop => ({ kind: 'nexthop', id, segments });
const group = (id: number, ...nexthops: number[]): FibObject => ({
  kind: 'group',
  id,
  members: nexthops.map((nexthop) => ({ nexthop, weight: 1 })),
});
const toGroup = (prefix: string, id: number, table = 254): FibRoute => ({
  kind: 'route',
  prefix,
  table,
  target: { kind: 'group', id },
});
const sid = (prefix: string, behaviour: LocalSid['behaviour'], flavours?: LocalSid['flavours']): LocalSid => ({
  kind: 'local-sid',
  prefix,
  behaviour,
  ...(flavours && { flavours }),
});
const replaceSid = (csid: string, mark?: number): ReplaceSid => ({
  kind: 'replace-csid',
  prefix: `fdbb:cafe:0:${csid}::/80`,
  csidBits: 32,
  ...(mark !== undefined && { mark }),
});
const affinity = (weights: readonly [number, number], service = 'fd00:cafe::80'): AffinityService => ({
  kind: 'affinity',
  service,
  mode: 'flow',
  instances: weights.map((weight, i) => ({ slot: i + 1, mark: 0x101 + i, weight, failed: false })),
  idleTimeoutMs: 60_000,
  closingTimeoutMs: 2000,
});

const border: Border = { kind: 'border', inside: ['eth1', 'eth-2.7'], sidSpace: ['fcbb:bb::/32'] };
const mtu: ServiceMtu = { kind: 'mtu', services: ['fd00:cafe::80', '10.80.0.80'], mtu: 1404, mark: 0xfff };

/** One service as the router programs it: by table and mark, and by main for unmarked packets. */
const service: readonly FibObject[] = [
  member(MEMBER, 'fcbb:bb:2::', 'fcbb:bb:3:e::'),
  group(GROUP, MEMBER),
  toGroup('fd00:cafe::80/128', GROUP, TABLE),
  toGroup('fd00:cafe::80/128', GROUP),
  toGroup('10.80.0.80/32', GROUP),
  { kind: 'rule', family: 'ipv6', priority: 10_001, fwmark: 0x101, mask: 0xfff, table: TABLE },
  { kind: 'rule', family: 'ipv4', priority: 10_001, fwmark: 0x101, mask: 0xfff, table: TABLE },
];

export function describeFibContract(name: string, open: () => Promise<FibFixture>, skip?: string): void {
  describe.skipIf(skip !== undefined)(`${name} as a forwarding plane${skip ? ` (skipped: ${skip})` : ''}`, () => {
    let fixture: FibFixture;
    let fib: Fib;

    beforeEach(async () => {
      fixture = await open();
      fib = fixture.fib;
    });
    afterEach(async () => {
      await fixture.dispose();
    });

    const put = (...objects: FibObject[]) => fib.apply({ put: objects, remove: [] });
    const remove = (...keys: string[]) => fib.apply({ put: [], remove: keys });
    const expectHeld = async (...objects: FibObject[]) => {
      const held = new Map(fib.dump().map((object) => [fibKey(object), object]));
      expect([...held.keys()].sort()).toEqual(objects.map(fibKey).sort());
      for (const object of objects) expect(sameObject(held.get(fibKey(object))!, object), fibKey(object)).toBe(true);
      // What it believes is what there is.
      expect(await fib.verify()).toEqual([]);
    };

    it('starts empty and takes a service in any order of its objects', async () => {
      expect((await fib.start()).retained).toEqual([]);
      const result = await put(...service.toReversed());
      expect(result).toMatchObject({ failures: [], put: service.length, removed: 0 });
      await expectHeld(...service);
    });

    it('takes every kind of target and changes one into any other', async () => {
      await fib.start();
      await put(member(MEMBER, 'fcbb:bb:2::'), group(GROUP, MEMBER));
      const [first, second] = fixture.gateways;
      const via = (...gateways: string[]): FibRoute['target'] => ({
        kind: 'gateways',
        hops: gateways.map((gateway, i) => ({ gateway, device: fixture.device, weight: i + 1 })),
      });
      const targets: FibRoute['target'][] = [
        { kind: 'blackhole' },
        { kind: 'group', id: GROUP },
        { kind: 'nexthop', id: MEMBER },
        via(first),
        via(first, second),
        via(second),
        { kind: 'encap', segments: ['fcbb:bb:2::'] },
        { kind: 'encap', segments: ['fcbb:bb:4::', 'fcbb:bb:3:e::'] },
      ];
      for (const from of targets)
        for (const to of targets) {
          const route = (target: FibRoute['target']): FibRoute => ({
            kind: 'route',
            prefix: 'fcbb:bb:9::/48',
            table: 254,
            target,
          });
          for (const target of [from, to]) expect((await put(route(target))).failures).toEqual([]);
          await expectHeld(member(MEMBER, 'fcbb:bb:2::'), group(GROUP, MEMBER), route(to));
          expect(await remove('route 254 fcbb:bb:9::/48')).toMatchObject({ failures: [], removed: 1 });
        }
    });

    it('takes every behaviour of a local SID, beside a black hole for the same prefix', async () => {
      await fib.start();
      const objects: FibObject[] = [
        { kind: 'route', prefix: 'fcbb:bb:1::/48', table: 254, target: { kind: 'blackhole' } },
        sid('fcbb:bb:1::/48', { action: 'End' }, { nextCsid: { blockBits: 32, nodeBits: 16 } }),
        sid('fcbb:bb:1:1::/64', { action: 'End' }),
        sid('fcbb:bb:1:2::/64', { action: 'End' }, { psp: true }),
        sid('fcbb:bb:1:3::/64', { action: 'End.X', nexthop: fixture.gateways[0], device: fixture.device }),
        sid('fcbb:bb:1:4::/64', { action: 'End.T', table: TABLE }),
        sid('fcbb:bb:1:5::/64', { action: 'End.DT6', table: 254 }),
        sid('fcbb:bb:1:6::/64', { action: 'End.DX6', nexthop: '::' }),
        sid('fcbb:bb:1:7::/64', { action: 'End.DX4', nexthop: '0.0.0.0' }),
        sid('fcbb:bb:1:8::/64', { action: 'End.DX4', nexthop: '192.0.2.1' }),
        sid('fcbb:bb:1:9::/64', { action: 'End.B6.Encaps', segments: ['fcbb:bb:4::', 'fcbb:bb:3:e::'] }),
        sid(
          'fcbb:bb:1:a::/64',
          { action: 'End.X', nexthop: fixture.gateways[0] },
          { nextCsid: { blockBits: 32, nodeBits: 16 } },
        ),
      ];
      expect((await put(...objects)).failures).toEqual([]);
      await expectHeld(...objects);
      await put(sid('fcbb:bb:1:5::/64', { action: 'End.DX6', nexthop: fixture.gateways[1] }));
      expect(await fib.verify()).toEqual([]);
      expect((await fib.sidCounters()).map((counters) => counters.prefix).sort()).toEqual(
        objects.flatMap((object) => (object.kind === 'local-sid' ? [object.prefix] : [])).sort(),
      );
    });

    it('carries IPv4 prefixes in tunnels of their own', async () => {
      await fib.start();
      const route = (...segments: string[]): FibRoute => ({
        kind: 'route',
        prefix: '10.1.0.0/24',
        table: 254,
        target: { kind: 'encap', segments },
      });
      expect((await put(route('fcbb:bb:2:d4::'))).failures).toEqual([]);
      expect((await put(route('fcbb:bb:4::', 'fcbb:bb:2:d4::'))).failures).toEqual([]);
      await expectHeld(route('fcbb:bb:4::', 'fcbb:bb:2:d4::'));
      expect(await remove('route 254 10.1.0.0/24')).toMatchObject({ failures: [], removed: 1 });
    });

    it('says why a behaviour of a VRF is refused, or takes it', async () => {
      await fib.start();
      const { failures } = await put(sid('fcbb:bb:1:b::/64', { action: 'End.DT46', vrfTable: TABLE }));
      for (const failure of failures) expect(failure.text).toMatch(/VRF/);
      expect(await fib.verify()).toEqual([]);
    });

    it('replaces what is there under the same key', async () => {
      await fib.start();
      await put(...service);
      const changed = [
        member(MEMBER, 'fcbb:bb:4::', 'fcbb:bb:5::', 'fcbb:bb:3:e::'),
        member(MEMBER + 1, 'fcbb:bb:3:e::'),
        group(GROUP, MEMBER, MEMBER + 1),
        { kind: 'rule', family: 'ipv6', priority: 10_001, fwmark: 0x102, mask: 0xfff, table: TABLE } as const,
      ];
      expect(await put(...changed)).toMatchObject({ failures: [], put: 4 });
      const keys = new Set(changed.map(fibKey));
      await expectHeld(...service.filter((object) => !keys.has(fibKey(object))), ...changed);
    });

    it('is idempotent: the same change twice, and the removal of what is not there', async () => {
      await fib.start();
      await put(...service);
      expect(await put(...service)).toMatchObject({ failures: [], put: service.length });
      await expectHeld(...service);
      expect(await remove(...service.map(fibKey))).toMatchObject({ failures: [], removed: service.length });
      expect(await remove(...service.map(fibKey))).toMatchObject({ failures: [], removed: 0 });
      await expectHeld();
    });

    it('takes a resilient group, moves its weights, and wide weights of a plain one', async () => {
      await fib.start();
      const members = [member(MEMBER, 'fcbb:bb:2::'), member(MEMBER + 1, 'fcbb:bb:3::')];
      const weigh = (w1: number, w2: number, type?: 'resilient'): FibObject => ({
        kind: 'group',
        id: type ? GROUP + 1 : GROUP,
        members: [
          { nexthop: MEMBER, weight: w1 },
          { nexthop: MEMBER + 1, weight: w2 },
        ],
        ...(type && { resilient: { buckets: 1024, idleTimeoutMs: 60_000, unbalancedTimeoutMs: 0 } }),
      });
      const route = toGroup('fd00:cafe::80/128', GROUP + 1);
      expect((await put(...members, weigh(1, 65_000), weigh(1, 65_000, 'resilient'), route)).failures).toEqual([]);
      await expectHeld(...members, weigh(1, 65_000), weigh(1, 65_000, 'resilient'), route);
      expect((await put(weigh(300, 700), weigh(40_000, 25_000, 'resilient'))).failures).toEqual([]);
      await expectHeld(...members, weigh(300, 700), weigh(40_000, 25_000, 'resilient'), route);
    });

    it('refuses what refers to nothing, names it, and does the rest', async () => {
      await fib.start();
      const result = await put(
        toGroup('fd00:cafe::1/128', 77),
        { ...toGroup('fd00:cafe::2/128', 0), target: { kind: 'nexthop', id: 80 } },
        group(78, 79),
        member(MEMBER, 'fcbb:bb:2::'),
        group(GROUP, MEMBER),
      );
      expect(result.put).toBe(2);
      expect(result.failures.map(({ key, code }) => [key, code])).toEqual([
        ['group 78', 'EINVAL'],
        ['route 254 fd00:cafe::1/128', 'EINVAL'],
        ['route 254 fd00:cafe::2/128', 'EINVAL'],
      ]);
      await expectHeld(member(MEMBER, 'fcbb:bb:2::'), group(GROUP, MEMBER));
    });

    it('refuses one id for a nexthop and a group', async () => {
      await fib.start();
      await put(member(MEMBER, 'fcbb:bb:2::'), group(GROUP, MEMBER));
      const result = await put(group(MEMBER, GROUP), member(GROUP, 'fcbb:bb:3::'));
      expect(result.failures.map(({ code }) => code)).toEqual(['EINVAL', 'EINVAL']);
      await expectHeld(member(MEMBER, 'fcbb:bb:2::'), group(GROUP, MEMBER));
    });

    it('refuses to remove what is in use, because its users would go with it', async () => {
      await fib.start();
      await put(...service);
      const result = await remove(`nexthop ${MEMBER}`, `group ${GROUP}`);
      expect(result.failures.map(({ code }) => code)).toEqual(['EBUSY', 'EBUSY']);
      expect(result.removed).toBe(0);
      await expectHeld(...service);
    });

    it('takes a put for the newer wish when a change also removes the key', async () => {
      await fib.start();
      await put(...service);
      const replaced = member(MEMBER, 'fcbb:bb:7::');
      const result = await fib.apply({ put: [replaced], remove: [`nexthop ${MEMBER}`] });
      expect(result).toMatchObject({ failures: [], put: 1, removed: 0 });
      await expectHeld(...service.slice(1), replaced);
    });

    it('takes, reweighs, narrows and drops an affinity service', async () => {
      if (!fixture.affinity) return;
      await fib.start();
      expect((await put(...service, affinity([700, 300]))).failures).toEqual([]);
      await expectHeld(...service, affinity([700, 300]));
      expect((await put(affinity([0, 1000]))).failures).toEqual([]);
      await expectHeld(...service, affinity([0, 1000]));
      const one = { ...affinity([0, 1000]), instances: affinity([0, 1000]).instances.slice(1), idleTimeoutMs: 30_000 };
      expect((await put(one)).failures).toEqual([]);
      await expectHeld(...service, one);
      expect([...(await fib.flowCounts())]).toEqual([[2, 0]]);
      const none = { ...one, mode: 'bucket', instances: [] } as const;
      expect((await put(none)).failures).toEqual([]);
      expect((await fib.flowCounts()).size).toBe(0);
      expect((await remove('affinity fd00:cafe::80')).failures).toEqual([]);
      await expectHeld(...service);
    });

    it('takes classes of every mode, changes them, and counts what each decides', async () => {
      if (!fixture.affinity) return;
      await fib.start();
      const of = (name: string, mode: AffinityService['mode'], slot: number) => ({
        name,
        mode,
        instances: mode === 'bucket' ? [] : [{ slot, mark: 0x100 + slot, weight: 1000, failed: false }],
        idleTimeoutMs: 30_000,
        closingTimeoutMs: 2000,
        ...(mode === 'bucket' && { mark: 0x100 + slot }),
      });
      const classed: AffinityService = {
        ...affinity([700, 300]),
        classes: [of('gold', 'client', 11), of('bulk', 'bucket', 12), of('rest', 'none', 13)],
        classifier: [
          { match: { dscp: 46 }, class: 'gold' },
          { match: { source: '2001:db8::/32', ports: { from: 80, to: 99 } }, class: 'bulk' },
          { match: { protocol: 'udp', flowLabel: 7 }, class: 'rest' },
        ],
      };
      expect((await put(classed)).failures).toEqual([]);
      await expectHeld(classed);
      expect([...(await fib.flowCounts())].sort()).toEqual([
        [1, 0],
        [11, 0],
        [2, 0],
      ]);
      const counters = await fib.classCounters();
      expect(counters.map(({ name, packets }) => [name, packets])).toEqual([
        ['', 0],
        ['gold', 0],
        ['bulk', 0],
        ['rest', 0],
      ]);
      const fewer: AffinityService = {
        ...classed,
        classes: [of('gold', 'flow', 11), of('rest', 'client', 13)],
        classifier: [{ match: { dscp: 10 }, class: 'rest' }],
      };
      expect((await put(fewer)).failures).toEqual([]);
      await expectHeld(fewer);
      const unknown = { ...fewer, classifier: [{ match: { dscp: 10 }, class: 'bulk' }] };
      expect((await put(unknown)).failures).toMatchObject([{ key: 'affinity fd00:cafe::80', code: 'EINVAL' }]);
      await expectHeld(fewer);
      expect((await put(affinity([700, 300]))).failures).toEqual([]);
      await expectHeld(affinity([700, 300]));
    });

    it('holds IPv6 and IPv4 services side by side', async () => {
      if (!fixture.affinity) return;
      await fib.start();
      const ipv4 = {
        ...affinity([1000, 0], '10.80.0.80'),
        instances: [{ slot: 7, mark: 0x107, weight: 1000, failed: false }],
      };
      expect((await put(affinity([500, 500]), ipv4)).failures).toEqual([]);
      await expectHeld(affinity([500, 500]), ipv4);
      expect(await remove('affinity fd00:cafe::80')).toMatchObject({ failures: [], removed: 1 });
      await expectHeld(ipv4);
    });

    it('refuses weights that do not sum up and a slot of another service', async () => {
      await fib.start();
      const result = await put(affinity([700, 200]));
      expect(result.failures).toMatchObject([{ key: 'affinity fd00:cafe::80', code: 'EINVAL' }]);
      if (!fixture.affinity) return;
      await put(affinity([500, 500]));
      const other = await put(affinity([500, 500], 'fd00:cafe::81'));
      expect(other.failures).toMatchObject([{ key: 'affinity fd00:cafe::81', code: 'EINVAL' }]);
      await expectHeld(affinity([500, 500]));
    });

    it('takes End and End.X with REPLACE-CSID of two layouts, changes one into the other and drops them', async () => {
      if (!fixture.replaceCsid) return;
      await fib.start();
      const short: ReplaceSid = { kind: 'replace-csid', prefix: 'fdbb:beef:0:3::/64', csidBits: 16 };
      expect((await put(replaceSid('3:1'), replaceSid('3:2', 0x203), short)).failures).toEqual([]);
      await expectHeld(replaceSid('3:1'), replaceSid('3:2', 0x203), short);
      expect((await fib.sidCounters()).map(({ prefix, packets, errors }) => [prefix, packets, errors]).sort()).toEqual([
        ['fdbb:beef:0:3::/64', 0, 0],
        ['fdbb:cafe:0:3:1::/80', 0, 0],
        ['fdbb:cafe:0:3:2::/80', 0, 0],
      ]);
      expect((await put(replaceSid('3:1', 0x204), replaceSid('3:2'))).failures).toEqual([]);
      await expectHeld(replaceSid('3:1', 0x204), replaceSid('3:2'), short);
      expect(await remove(fibKey(short), 'replace-csid fdbb:cafe:0:3:1::/80')).toMatchObject({ removed: 2 });
      await expectHeld(replaceSid('3:2'));
      expect(await remove('replace-csid fdbb:cafe:0:3:2::/80')).toMatchObject({ failures: [], removed: 1 });
      await expectHeld();
    });

    it('refuses a REPLACE-CSID endpoint within another, C-SID 0, and lengths that are no whole octets', async () => {
      await fib.start();
      const wrong: ReplaceSid[] = [
        replaceSid('0:0'),
        { kind: 'replace-csid', prefix: 'fdbb:cafe:0:3:1::/84', csidBits: 32 },
        { kind: 'replace-csid', prefix: 'fdbb:cafe:0:3:1::1:0/112', csidBits: 32, mark: 0 },
      ];
      const refused = await put(...wrong);
      expect(refused.failures.map(({ key, code }) => [key, code])).toEqual(wrong.map((it) => [fibKey(it), 'EINVAL']));
      if (!fixture.replaceCsid) return;
      await put(replaceSid('3:1'));
      const within: ReplaceSid = { kind: 'replace-csid', prefix: 'fdbb:cafe:0:3:1:7::/96', csidBits: 16 };
      expect((await put(within)).failures).toMatchObject([{ key: fibKey(within), code: 'EINVAL' }]);
      await expectHeld(replaceSid('3:1'));
    });

    it('takes, changes and drops border and MTU', async () => {
      if (!fixture.tables) return;
      await fib.start();
      expect((await put(border, mtu)).failures).toEqual([]);
      await expectHeld(border, mtu);
      expect(await fib.borderCounters()).toEqual({ routingHeaders: 0, toSids: 0, fromSids: 0 });
      const wider: Border = { ...border, inside: [], sidSpace: ['5f00::/16', 'fcbb:bb::/32', 'fcbb:bc::/31'] };
      const tighter: ServiceMtu = { ...mtu, services: ['10.80.0.80'], mtu: 1300, mark: 0xffe };
      expect((await put(wider, tighter)).failures).toEqual([]);
      await expectHeld(wider, tighter);
      expect(await remove(BORDER_KEY, MTU_KEY)).toMatchObject({ failures: [], removed: 2 });
      await expectHeld();
      expect(await fib.borderCounters()).toBeUndefined();
    });

    it('answers packets that are too big from a route that forwards nothing', async () => {
      await fib.start();
      const tooBig: FibRoute = { ...toGroup('fd00:cafe::80/128', 0, TABLE), target: { kind: 'too-big', mtu: 1404 } };
      const ipv4: FibRoute = { ...tooBig, prefix: '10.80.0.80/32' };
      expect((await put(tooBig, ipv4)).failures).toEqual([]);
      await expectHeld(tooBig, ipv4);
      const less: FibRoute = { ...tooBig, target: { kind: 'too-big', mtu: 1340 } };
      expect((await put(less)).failures).toEqual([]);
      await expectHeld(less, ipv4);
    });

    it('refuses a SID space within itself, names that are none, and an MTU that no link has', async () => {
      await fib.start();
      const wrong: FibObject[] = [
        { ...border, sidSpace: ['fcbb::/16', 'fcbb:bb::/32'] },
        { ...mtu, mtu: 1279 },
        { ...toGroup('fd00:cafe::80/128', 0, TABLE), target: { kind: 'too-big', mtu: 70_000 } },
      ];
      expect((await put(...wrong)).failures.map(({ code }) => code)).toEqual(['EINVAL', 'EINVAL', 'EINVAL']);
      expect((await put({ ...border, inside: ['eth0"; flush ruleset'] })).failures).toMatchObject([{ code: 'EINVAL' }]);
      await expectHeld();
    });

    it('takes over what an earlier life left and removes only at the first sync what nobody wants', async () => {
      const services: FibObject[] = fixture.affinity ? [affinity([700, 300])] : [];
      if (fixture.replaceCsid) services.push(replaceSid('3:1'), replaceSid('3:2', 0x203));
      if (fixture.tables) services.push(border, mtu);
      await fib.start();
      await put(...service, ...services, sid('fcbb:bb:1:1::/64', { action: 'End' }));
      await fib.close({ remove: false });
      fib = fixture.reborn();
      const { retained } = await fib.start();
      expect(retained.map(fibKey).sort()).toEqual(
        [...service, ...services, sid('fcbb:bb:1:1::/64', { action: 'End' })].map(fibKey).sort(),
      );
      const steered = member(MEMBER, 'fcbb:bb:8::', 'fcbb:bb:3:e::');
      await put(steered);
      await expectHeld(steered, ...service.slice(1), ...services, sid('fcbb:bb:1:1::/64', { action: 'End' }));
      const result = await fib.sync([steered, ...service.slice(1), ...services]);
      expect(result).toMatchObject({ failures: [], put: 0, removed: 1 });
      await expectHeld(steered, ...service.slice(1), ...services);
      const second = await fib.sync([sid('fcbb:bb:1:1::/64', { action: 'End' })]);
      expect(second).toMatchObject({ failures: [], put: 1, removed: service.length + services.length });
      await expectHeld(sid('fcbb:bb:1:1::/64', { action: 'End' }));
      await fib.close({ remove: true });
    });

    it('leaves nothing behind when closed with removal', async () => {
      await fib.start();
      await fib.sync([
        ...service,
        ...(fixture.affinity ? [affinity([1000, 0])] : []),
        ...(fixture.replaceCsid ? [replaceSid('3:1')] : []),
        ...(fixture.tables ? [border, mtu] : []),
      ]);
      await fib.close({ remove: true });
      fib = fixture.reborn();
      expect((await fib.start()).retained).toEqual([]);
      await fib.close({ remove: true });
    });
  });
}
