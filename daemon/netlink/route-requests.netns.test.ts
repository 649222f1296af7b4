// Routes, by the codec and the request socket, against the kernel: what we write is what `ip` reads, and what we read back is
// what we wrote.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeMatchRoute, encodeRoute, type RouteSpec } from '../../lib/netlink/rt/route.ts';
import { decodeRoute } from '../../lib/netlink/rt/route-decode.ts';
import { type Seg6Local, ZERO_COUNTERS } from '../../lib/netlink/seg6/local.ts';
import { PROTOCOL, RequestLab } from './request-lab.fixture.ts';
import { kernelTestsImpossible } from './testing.ts';

const impossible = kernelTestsImpossible();
if (impossible) console.warn(`route-requests.netns.test: skipped, ${impossible}`);

describe.skipIf(impossible)('routes', () => {
  let lab: RequestLab;

  beforeAll(() => {
    lab = new RequestLab();
  });

  afterAll(() => lab?.remove());

  /** Installs, compares what ip and we read, and removes. */
  async function check(spec: RouteSpec, told: Record<string, unknown>, priority = 1024): Promise<void> {
    lab.accept((w) => encodeRoute(w, 'install', spec));
    expect(lab.socket.request((w) => encodeRoute(w, 'install', spec))).toMatchObject({ code: 'EEXIST' });
    lab.accept((w) => encodeRoute(w, 'replace', spec));
    const family = spec.prefix.includes(':') ? '-6' : '-4';
    const routes = lab.listed('-N', family, 'route', 'show', 'table', String(spec.table), spec.prefix);
    expect(routes).toEqual([expect.objectContaining({ protocol: '199', ...told })]);
    const own = await lab.readBack(spec);
    expect(own).toMatchObject({ ...spec, priority: spec.priority ?? (family === '-6' ? priority : 0) });
    lab.accept((w) => encodeRoute(w, 'remove', { ...spec, priority: own!.priority }));
    expect(await lab.readBack(spec)).toBeUndefined();
  }
  const viaGateway = { dst: '2001:db8:1::/48', gateway: '2001:db8:99::1', dev: 'v0' };

  it('go through a gateway', async () => {
    const hops = [{ gateway: '2001:db8:99::1', device: lab.veth, weight: 1 }];
    await check({ prefix: '2001:db8:1::/48', table: 254, protocol: PROTOCOL, hops }, viaGateway);
  });

  it('go to a table above 255 with a metric and an MTU', async () => {
    const hops = [{ gateway: '2001:db8:99::1', device: lab.veth, weight: 1 }];
    const spec = { prefix: '2001:db8:1::/48', table: 100_001, protocol: PROTOCOL, priority: 20, mtu: 1400, hops };
    await check(spec, { ...viaGateway, metric: 20, metrics: [{ mtu: 1400 }] });
  });

  it('go over several gateways with weights', async () => {
    const hops = [
      { gateway: '2001:db8:99::1', device: lab.veth, weight: 1 },
      { gateway: '2001:db8:99::3', device: lab.veth, weight: 7 },
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
    const gateway = { gateway: '198.51.100.1', device: lab.veth, weight: 1 };
    await check({ ...spec, hops: [gateway] }, { gateway: '198.51.100.1', dev: 'v0' });
    await check({ ...spec, hops: [{ device: lab.veth, weight: 1 }] }, { dev: 'v0', scope: '253' });
    await check(
      { ...spec, hops: [{ gateway: 'fe80::1', device: lab.veth, weight: 1 }] },
      { via: { family: 'inet6', host: 'fe80::1' }, dev: 'v0' },
    );
    const second = { gateway: '198.51.100.3', device: lab.veth, weight: 3 };
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
    const hops = [{ device: lab.sr0, weight: 1, encap: { kind: 'seg6', mode, segments } as const }];
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
    const hops = [{ device: lab.sr0, weight: 1, encap: { kind: 'seg6local', ...sid } as const }];
    await check({ prefix: 'fd00:1:1::/64', table: 254, protocol: PROTOCOL, hops }, { encap: 'seg6local', ...told });
  });

  it('are a local SID with a link-local nexthop and its device', async () => {
    const behaviour = { action: 'End.X', nexthop: 'fe80::1', device: lab.veth } as const;
    const hops = [{ device: lab.sr0, weight: 1, encap: { kind: 'seg6local', behaviour } as const }];
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
      hops: [{ device: lab.sr0, weight: 1, encap }],
    };
    lab.accept((w) => encodeRoute(w, 'install', spec));
    expect(await lab.readBack(spec)).toMatchObject(spec);
    lab.accept((w) => encodeRoute(w, 'remove', spec));
  });

  it('are found by the address they match', () => {
    const encap = { kind: 'seg6', mode: 'encap.red', segments: ['fd00:1::1'] } as const;
    const spec = {
      prefix: '2001:db8:5::/48',
      table: 254,
      protocol: PROTOCOL,
      hops: [{ device: lab.sr0, weight: 1, encap }],
    };
    lab.accept((w) => encodeRoute(w, 'install', spec));
    expect(lab.socket.query((w) => encodeMatchRoute(w, '2001:db8:5::1234'), decodeRoute).value).toMatchObject(spec);
    lab.accept((w) => encodeRoute(w, 'remove', spec));
  });

  it('of other protocols are neither dumped by our filter nor removed by our requests', async () => {
    lab.run('ip', '-6', 'route', 'add', '2001:db8:6::/48', 'dev', 'v0', 'proto', '4');
    expect((await lab.dump('ipv6')).map((route) => route.prefix)).not.toContain('2001:db8:6::/48');
    const foreign = { prefix: '2001:db8:6::/48', table: 254, protocol: PROTOCOL };
    expect(lab.socket.request((w) => encodeRoute(w, 'remove', foreign))).toMatchObject({ code: 'ESRCH' });
  });
});
