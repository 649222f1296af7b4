// The codec and the request socket against the kernel: what we write is what `ip` reads, and what we read back is what
// we wrote.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NetlinkProtocol } from '../../lib/netlink/constants.ts';
import { decodeFamilyId, encodeGetFamily } from '../../lib/netlink/generic.ts';
import { decodeAddress, encodeAddress, encodeDumpAddresses } from '../../lib/netlink/rt/addr.ts';
import {
  decodeLink,
  encodeDumpLinks,
  encodeGetLink,
  encodeNewBridge,
  encodeRemoveLink,
  encodeSetLink,
} from '../../lib/netlink/rt/link.ts';
import {
  decodeNexthop,
  encodeDumpNexthops,
  encodeNexthop,
  encodeRemoveNexthop,
  type SingleNexthop,
} from '../../lib/netlink/rt/nexthop.ts';
import {
  encodeDumpRoutes,
  encodeMatchRoute,
  encodeRoute,
  type Route,
  type RouteSpec,
} from '../../lib/netlink/rt/route.ts';
import { decodeRoute } from '../../lib/netlink/rt/route-decode.ts';
import { decodeRule, encodeDumpRules, encodeRule, type Rule } from '../../lib/netlink/rt/rule.ts';
import {
  decodeTunnelSource,
  encodeGetTunnelSource,
  encodeSetTunnelSource,
  SEG6_FAMILY,
} from '../../lib/netlink/seg6/genl.ts';
import { type Seg6Local, ZERO_COUNTERS } from '../../lib/netlink/seg6/local.ts';
import type { Encode } from '../../lib/netlink/writer.ts';
import type { RequestSocket } from './request-socket.ts';
import { kernelTestsImpossible, NetlinkNamespace } from './testing.ts';

const impossible = kernelTestsImpossible();
if (impossible) console.warn(`request-socket.netns.test: skipped, ${impossible}`);
const PROTOCOL = 199;

describe.skipIf(impossible)('requests to the kernel', () => {
  let ns: NetlinkNamespace;
  let socket: RequestSocket;
  let sr0: number;
  let veth: number;

  const accept = (encode: Encode) => expect(socket.request(encode)).toBeNull();
  const dump = (family: 'ipv6' | 'ipv4', table = 254) =>
    socket.dump((w) => encodeDumpRoutes(w, family, { table, protocol: PROTOCOL }), decodeRoute);
  const readBack = async (spec: RouteSpec): Promise<Route | undefined> =>
    (await dump(spec.prefix.includes(':') ? 'ipv6' : 'ipv4', spec.table)).find((route) => route.prefix === spec.prefix);
  const indexOf = (name: string) => socket.query((w) => encodeGetLink(w, { name }), decodeLink).value!.index;
  const shown = (...args: string[]) => ns.listed(...args)[0];

  beforeAll(() => {
    ns = new NetlinkNamespace();
    socket = ns.open();
    ns.run('ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'v1');
    for (const link of ['v0', 'v1']) ns.run('ip', 'link', 'set', link, 'up');
    ns.run('ip', 'addr', 'add', '198.51.100.2/24', 'dev', 'v0');
    ns.run('ip', 'addr', 'add', '2001:db8:99::2/64', 'dev', 'v0', 'nodad');
    accept((w) => encodeNewBridge(w, { name: 'sr0', mtu: 9000 }));
    sr0 = indexOf('sr0');
    veth = indexOf('v0');
  });

  afterAll(() => ns?.remove());

  describe('links and addresses', () => {
    it('makes a bridge that is up, takes it down and removes it', () => {
      accept((w) => encodeNewBridge(w, { name: 'br1' }));
      expect(socket.request((w) => encodeNewBridge(w, { name: 'br1' }))).toMatchObject({ code: 'EEXIST' });
      expect(shown('-d', 'link', 'show', 'br1')).toMatchObject({
        linkinfo: { info_kind: 'bridge' },
        flags: expect.arrayContaining(['UP']),
      });
      const { value } = socket.query((w) => encodeGetLink(w, { name: 'br1' }), decodeLink);
      expect(value).toMatchObject({ name: 'br1', kind: 'bridge', enabled: true, mtu: 1500 });
      accept((w) => encodeSetLink(w, { index: value!.index }, false));
      expect(socket.query((w) => encodeGetLink(w, { name: 'br1' }), decodeLink).value).toMatchObject({
        enabled: false,
        up: false,
      });
      accept((w) => encodeRemoveLink(w, { name: 'br1' }));
      expect(socket.query((w) => encodeGetLink(w, { name: 'br1' }), decodeLink).error).toMatchObject({
        code: 'ENODEV',
      });
    });

    it('dumps every link that ip shows', async () => {
      const links = await socket.dump(encodeDumpLinks, decodeLink);
      const seen = ns.listed('link', 'show').map((link) => ({ index: link.ifindex, name: link.ifname, mtu: link.mtu }));
      expect(links.map(({ index, name, mtu }) => ({ index, name, mtu }))).toEqual(seen);
      expect(links.find((link) => link.name === 'v0')).toMatchObject({ up: true, kind: 'veth' });
    });

    it('adds addresses and dumps what ip shows', async () => {
      accept((w) => encodeAddress(w, 'install', { index: sr0, address: 'fd00:1::1', prefixLength: 128 }));
      accept((w) => encodeAddress(w, 'install', { index: sr0, address: '192.0.2.1', prefixLength: 32 }));
      for (const family of ['ipv6', 'ipv4'] as const) {
        const addresses = await socket.dump((w) => encodeDumpAddresses(w, family), decodeAddress);
        const seen = ns
          .listed(family === 'ipv6' ? '-6' : '-4', 'addr', 'show')
          .flatMap((link) =>
            (link.addr_info as { local: string; prefixlen: number }[]).map(
              (a) => `${link.ifindex} ${a.local}/${a.prefixlen}`,
            ),
          );
        expect(addresses.map((a) => `${a.index} ${a.address}/${a.prefixLength}`).sort()).toEqual(seen.sort());
      }
      accept((w) => encodeAddress(w, 'remove', { index: sr0, address: '192.0.2.1', prefixLength: 32 }));
      expect(ns.listed('-4', 'addr', 'show', 'dev', 'sr0')).toEqual([]);
    });
  });

  describe('routes', () => {
    /** Installs, compares what ip and we read, and removes. */
    async function check(spec: RouteSpec, told: Record<string, unknown>, priority = 1024): Promise<void> {
      accept((w) => encodeRoute(w, 'install', spec));
      expect(socket.request((w) => encodeRoute(w, 'install', spec))).toMatchObject({ code: 'EEXIST' });
      accept((w) => encodeRoute(w, 'replace', spec));
      const family = spec.prefix.includes(':') ? '-6' : '-4';
      const routes = ns.listed('-N', family, 'route', 'show', 'table', String(spec.table), spec.prefix);
      expect(routes).toEqual([expect.objectContaining({ protocol: '199', ...told })]);
      const own = await readBack(spec);
      expect(own).toMatchObject({ ...spec, priority: spec.priority ?? (family === '-6' ? priority : 0) });
      accept((w) => encodeRoute(w, 'remove', { ...spec, priority: own!.priority }));
      expect(await readBack(spec)).toBeUndefined();
    }
    const viaGateway = { dst: '2001:db8:1::/48', gateway: '2001:db8:99::1', dev: 'v0' };

    it('go through a gateway', async () => {
      const hops = [{ gateway: '2001:db8:99::1', device: veth, weight: 1 }];
      await check({ prefix: '2001:db8:1::/48', table: 254, protocol: PROTOCOL, hops }, viaGateway);
    });

    it('go to a table above 255 with a metric and an MTU', async () => {
      const hops = [{ gateway: '2001:db8:99::1', device: veth, weight: 1 }];
      const spec = { prefix: '2001:db8:1::/48', table: 100_001, protocol: PROTOCOL, priority: 20, mtu: 1400, hops };
      await check(spec, { ...viaGateway, metric: 20, metrics: [{ mtu: 1400 }] });
    });

    it('go over several gateways with weights', async () => {
      const hops = [
        { gateway: '2001:db8:99::1', device: veth, weight: 1 },
        { gateway: '2001:db8:99::3', device: veth, weight: 7 },
      ];
      const told = hops.map((hop) => expect.objectContaining({ gateway: hop.gateway, weight: hop.weight }));
      await check({ prefix: '2001:db8:2::/48', table: 254, protocol: PROTOCOL, hops }, { nexthops: told });
    });

    it('go nowhere', async () => {
      // `ip -N` tells RTN_BLACKHOLE by its number.
      await check({ prefix: 'fd00:1::/32', table: 254, protocol: PROTOCOL, type: 'blackhole' }, { type: '6' });
      await check({ prefix: '10.9.0.0/16', table: 254, protocol: PROTOCOL, type: 'blackhole' }, { type: '6' });
    });

    it('carry IPv4 through gateways of both families and over several', async () => {
      const spec = { prefix: '203.0.113.0/24', table: 254, protocol: PROTOCOL };
      const gateway = { gateway: '198.51.100.1', device: veth, weight: 1 };
      await check({ ...spec, hops: [gateway] }, { gateway: '198.51.100.1', dev: 'v0' });
      await check({ ...spec, hops: [{ device: veth, weight: 1 }] }, { dev: 'v0', scope: '253' });
      await check(
        { ...spec, hops: [{ gateway: 'fe80::1', device: veth, weight: 1 }] },
        { via: { family: 'inet6', host: 'fe80::1' }, dev: 'v0' },
      );
      const second = { gateway: '198.51.100.3', device: veth, weight: 3 };
      await check(
        { ...spec, hops: [gateway, second] },
        { nexthops: [expect.anything(), expect.objectContaining({ weight: 3 })] },
      );
    });

    it.each([
      ['encap.red', 'encap.red', ['fd00:1::1', 'fd00:2::1', 'fd00:3::1']],
      ['encap', 'encap', ['fd00:1::1']],
      ['inline', 'inline', ['fd00:1::1', 'fd00:2::1']],
    ] as const)('impose segments by %s, in travel order', async (mode, told, segments) => {
      const hops = [{ device: sr0, weight: 1, encap: { kind: 'seg6', mode, segments } as const }];
      // ip prints the list from the last slot: travel order; inline keeps the slot of the destination.
      const segs = mode === 'inline' ? [...segments, '::'] : [...segments];
      await check(
        { prefix: '2001:db8:3::/64', table: 254, protocol: PROTOCOL, hops },
        { encap: 'seg6', mode: told, segs },
      );
      if (mode !== 'inline')
        await check({ prefix: '203.0.113.0/24', table: 254, protocol: PROTOCOL, hops }, { encap: 'seg6', segs });
    });

    const sids: [string, Omit<Seg6Local, 'kind'>, Record<string, unknown>][] = [
      ['End', { behaviour: { action: 'End' } }, { action: 'End' }],
      ['End with PSP', { behaviour: { action: 'End' }, flavours: { psp: true } }, { action: 'End', flavors: ['psp'] }],
      [
        'End with NEXT-CSID',
        { behaviour: { action: 'End' }, flavours: { nextCsid: { blockBits: 48, nodeBits: 16 } } },
        { action: 'End', flavors: ['next-csid'], lblen: 48, nflen: 16 },
      ],
      [
        'End.X',
        { behaviour: { action: 'End.X', nexthop: '2001:db8:99::1' } },
        { action: 'End.X', nh6: '2001:db8:99::1' },
      ],
      ['End.T', { behaviour: { action: 'End.T', table: 1001 } }, { action: 'End.T', table: '1001' }],
      ['End.DX6', { behaviour: { action: 'End.DX6', nexthop: '::' } }, { action: 'End.DX6', nh6: '::' }],
      ['End.DX4', { behaviour: { action: 'End.DX4', nexthop: '0.0.0.0' } }, { action: 'End.DX4', nh4: '0.0.0.0' }],
      ['End.DT6', { behaviour: { action: 'End.DT6', table: 254 } }, { action: 'End.DT6', table: '254' }],
      [
        'End.B6.Encaps',
        { behaviour: { action: 'End.B6.Encaps', segments: ['fd00:1::1', 'fd00:2::1'] } },
        { action: 'End.B6.Encaps' },
      ],
    ];
    it.each(sids)('are local SIDs: %s', async (_, sid, told) => {
      const hops = [{ device: sr0, weight: 1, encap: { kind: 'seg6local', ...sid } as const }];
      await check({ prefix: 'fd00:1:1::/64', table: 254, protocol: PROTOCOL, hops }, { encap: 'seg6local', ...told });
    });

    it('are a local SID with a link-local nexthop and its device', async () => {
      const behaviour = { action: 'End.X', nexthop: 'fe80::1', device: veth } as const;
      const hops = [{ device: sr0, weight: 1, encap: { kind: 'seg6local', behaviour } as const }];
      await check(
        { prefix: 'fd00:1:1::/64', table: 254, protocol: PROTOCOL, hops },
        { action: 'End.X', nh6: 'fe80::1', oif: 'v0' },
      );
    });

    it('count what a local SID processes', async () => {
      const encap = {
        kind: 'seg6local',
        behaviour: { action: 'End.DX6', nexthop: '::' },
        counters: ZERO_COUNTERS,
      } as const;
      const spec = {
        prefix: 'fd00:1:2::/64',
        table: 254,
        protocol: PROTOCOL,
        hops: [{ device: sr0, weight: 1, encap }],
      };
      accept((w) => encodeRoute(w, 'install', spec));
      expect(await readBack(spec)).toMatchObject(spec);
      accept((w) => encodeRoute(w, 'remove', spec));
    });

    it('are found by the address they match', () => {
      const encap = { kind: 'seg6', mode: 'encap.red', segments: ['fd00:1::1'] } as const;
      const spec = {
        prefix: '2001:db8:5::/48',
        table: 254,
        protocol: PROTOCOL,
        hops: [{ device: sr0, weight: 1, encap }],
      };
      accept((w) => encodeRoute(w, 'install', spec));
      expect(socket.query((w) => encodeMatchRoute(w, '2001:db8:5::1234'), decodeRoute).value).toMatchObject(spec);
      accept((w) => encodeRoute(w, 'remove', spec));
    });

    it('of other protocols are neither dumped by our filter nor removed by our requests', async () => {
      ns.run('ip', '-6', 'route', 'add', '2001:db8:6::/48', 'dev', 'v0', 'proto', '4');
      expect((await dump('ipv6')).map((route) => route.prefix)).not.toContain('2001:db8:6::/48');
      const foreign = { prefix: '2001:db8:6::/48', table: 254, protocol: PROTOCOL };
      expect(socket.request((w) => encodeRoute(w, 'remove', foreign))).toMatchObject({ code: 'ESRCH' });
    });
  });

  describe('nexthop objects', () => {
    const member = (id: number, ...segments: string[]): SingleNexthop => ({
      kind: 'single',
      id,
      protocol: PROTOCOL,
      family: 'ipv6',
      device: sr0,
      encap: { kind: 'seg6', mode: 'encap.red', segments },
    });

    it('steer a service: a route to a group, whose member is replaced in place', async () => {
      accept((w) => encodeNexthop(w, 'install', member(1000, 'fd00:1::1')));
      accept((w) => encodeNexthop(w, 'install', member(1001, 'fd00:2::1')));
      const members = [
        { id: 1000, weight: 1 },
        { id: 1001, weight: 256 },
      ];
      const group = { kind: 'group', id: 2000, protocol: PROTOCOL, members } as const;
      accept((w) => encodeNexthop(w, 'install', group));
      const service = { prefix: 'fd00:cafe::80/128', table: 254, protocol: PROTOCOL, nexthopId: 2000 };
      accept((w) => encodeRoute(w, 'install', service));
      expect(shown('-6', 'route', 'show', 'fd00:cafe::80')).toMatchObject({ nhid: 2000 });
      expect(await readBack(service)).toMatchObject({ nexthopId: 2000 });

      accept((w) => encodeNexthop(w, 'replace', member(1000, 'fd00:3::1', 'fd00:4::1')));
      expect(shown('nexthop', 'get', 'id', '1000')).toMatchObject({
        encap: 'seg6',
        mode: 'encap.red',
        segs: ['fd00:3::1', 'fd00:4::1'],
      });
      const objects = await socket.dump(encodeDumpNexthops, decodeNexthop);
      expect(objects).toEqual([member(1000, 'fd00:3::1', 'fd00:4::1'), member(1001, 'fd00:2::1'), group]);
      expect(await readBack(service)).toMatchObject({ nexthopId: 2000 });

      accept((w) => encodeRoute(w, 'remove', service));
      for (const id of [2000, 1001, 1000]) accept((w) => encodeRemoveNexthop(w, id));
      expect(ns.listed('nexthop', 'show')).toEqual([]);
    });

    it('go through gateways and nowhere', async () => {
      const gateway = {
        kind: 'single',
        id: 1,
        protocol: PROTOCOL,
        family: 'ipv6',
        device: veth,
        gateway: '2001:db8:99::1',
      } as const;
      const blackhole = { kind: 'single', id: 2, protocol: PROTOCOL, family: 'ipv6', blackhole: true } as const;
      for (const object of [gateway, blackhole]) accept((w) => encodeNexthop(w, 'install', object));
      const objects = await socket.dump(encodeDumpNexthops, decodeNexthop);
      expect(objects).toEqual([gateway, expect.objectContaining(blackhole)]);
      for (const object of [gateway, blackhole]) accept((w) => encodeRemoveNexthop(w, object.id));
    });

    it('tell the words of the kernel when it refuses', () => {
      const group = { kind: 'group', id: 5, protocol: PROTOCOL, members: [{ id: 77, weight: 1 }] } as const;
      expect(socket.request((w) => encodeNexthop(w, 'install', group))).toMatchObject({
        code: 'EINVAL',
        text: 'Invalid nexthop id',
      });
    });
  });

  it.each(['ipv6', 'ipv4'] as const)('rules send marked %s packets to a table', async (family) => {
    const rule: Rule = { family, priority: 500, protocol: PROTOCOL, table: 1001, fwmark: 0x10000, mask: 0xff0000 };
    accept((w) => encodeRule(w, 'install', rule));
    expect(socket.request((w) => encodeRule(w, 'install', rule))).toMatchObject({ code: 'EEXIST' });
    const seen = ns.listed('-N', family === 'ipv6' ? '-6' : '-4', 'rule', 'show', 'priority', '500');
    expect(seen).toEqual([
      expect.objectContaining({ fwmark: '0x10000', fwmask: '0xff0000', table: '1001', protocol: '199' }),
    ]);
    const rules = await socket.dump((w) => encodeDumpRules(w, family), decodeRule);
    expect(rules.find((r) => r.protocol === PROTOCOL)).toEqual({ ...rule, action: 1, selective: false });
    accept((w) => encodeRule(w, 'remove', rule));
    expect(ns.listed(family === 'ipv6' ? '-6' : '-4', 'rule', 'show', 'priority', '500')).toEqual([]);
  });

  it('sets and reads the tunnel source of a namespace', () => {
    const generic = ns.open(NetlinkProtocol.generic);
    const family = generic.query((w) => encodeGetFamily(w, SEG6_FAMILY), decodeFamilyId).value!;
    expect(generic.request((w) => encodeSetTunnelSource(w, family, 'fd00:1::1'))).toBeNull();
    expect(ns.run('ip', 'sr', 'tunsrc', 'show')).toContain('fd00:1::1');
    expect(generic.query((w) => encodeGetTunnelSource(w, family), decodeTunnelSource)).toEqual({ value: 'fd00:1::1' });
    expect(generic.query((w) => encodeGetFamily(w, 'NO-SUCH'), decodeFamilyId).error).toMatchObject({ code: 'ENOENT' });
  });
});
