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
import { encodeRoute } from '../../lib/netlink/rt/route.ts';
import { decodeRule, encodeDumpRules, encodeRule, type Rule } from '../../lib/netlink/rt/rule.ts';
import {
  decodeTunnelSource,
  encodeGetTunnelSource,
  encodeSetTunnelSource,
  SEG6_FAMILY,
} from '../../lib/netlink/seg6/genl.ts';
import { PROTOCOL, RequestLab } from './request-lab.fixture.ts';
import { kernelTestsImpossible } from './testing.ts';

const impossible = kernelTestsImpossible();
if (impossible) console.warn(`request-socket.netns.test: skipped, ${impossible}`);

describe.skipIf(impossible)('requests to the kernel', () => {
  let lab: RequestLab;

  beforeAll(() => {
    lab = new RequestLab();
  });

  afterAll(() => lab?.remove());

  describe('links and addresses', () => {
    it('makes a bridge that is up, takes it down and removes it', () => {
      lab.accept((w) => encodeNewBridge(w, { name: 'br1' }));
      expect(lab.socket.request((w) => encodeNewBridge(w, { name: 'br1' }))).toMatchObject({ code: 'EEXIST' });
      expect(lab.shown('-d', 'link', 'show', 'br1')).toMatchObject({
        linkinfo: { info_kind: 'bridge' },
        flags: expect.arrayContaining(['UP']),
      });
      const { value } = lab.socket.query((w) => encodeGetLink(w, { name: 'br1' }), decodeLink);
      expect(value).toMatchObject({ name: 'br1', kind: 'bridge', enabled: true, mtu: 1500 });
      lab.accept((w) => encodeSetLink(w, { index: value!.index }, false));
      expect(lab.socket.query((w) => encodeGetLink(w, { name: 'br1' }), decodeLink).value).toMatchObject({
        enabled: false,
        up: false,
      });
      lab.accept((w) => encodeRemoveLink(w, { name: 'br1' }));
      expect(lab.socket.query((w) => encodeGetLink(w, { name: 'br1' }), decodeLink).error).toMatchObject({
        code: 'ENODEV',
      });
    });

    it('dumps every link that ip shows', async () => {
      const links = await lab.socket.dump(encodeDumpLinks, decodeLink);
      const seen = lab
        .listed('link', 'show')
        .map((link) => ({ index: link.ifindex, name: link.ifname, mtu: link.mtu }));
      expect(links.map(({ index, name, mtu }) => ({ index, name, mtu }))).toEqual(seen);
      expect(links.find((link) => link.name === 'v0')).toMatchObject({ up: true, kind: 'veth' });
    });

    it('adds addresses and dumps what ip shows', async () => {
      lab.accept((w) => encodeAddress(w, 'install', { index: lab.sr0, address: 'fd00:1::1', prefixLength: 128 }));
      lab.accept((w) => encodeAddress(w, 'install', { index: lab.sr0, address: '192.0.2.1', prefixLength: 32 }));
      for (const family of ['ipv6', 'ipv4'] as const) {
        const addresses = await lab.socket.dump((w) => encodeDumpAddresses(w, family), decodeAddress);
        const seen = lab
          .listed(family === 'ipv6' ? '-6' : '-4', 'addr', 'show')
          .flatMap((link) =>
            (link.addr_info as { local: string; prefixlen: number }[]).map(
              (a) => `${link.ifindex} ${a.local}/${a.prefixlen}`,
            ),
          );
        expect(addresses.map((a) => `${a.index} ${a.address}/${a.prefixLength}`).sort()).toEqual(seen.sort());
      }
      lab.accept((w) => encodeAddress(w, 'remove', { index: lab.sr0, address: '192.0.2.1', prefixLength: 32 }));
      expect(lab.listed('-4', 'addr', 'show', 'dev', 'sr0')).toEqual([]);
    });
  });

  describe('nexthop objects', () => {
    const member = (id: number, ...segments: string[]): SingleNexthop => ({
      kind: 'single',
      id,
      protocol: PROTOCOL,
      family: 'ipv6',
      device: lab.sr0,
      encap: { kind: 'seg6', mode: 'encap.red', segments },
    });

    it('steer a service: a route to a group, whose member is replaced in place', async () => {
      lab.accept((w) => encodeNexthop(w, 'install', member(1000, 'fd00:1::1')));
      lab.accept((w) => encodeNexthop(w, 'install', member(1001, 'fd00:2::1')));
      const members = [
        { id: 1000, weight: 1 },
        { id: 1001, weight: 256 },
      ];
      const group = { kind: 'group', id: 2000, protocol: PROTOCOL, members } as const;
      lab.accept((w) => encodeNexthop(w, 'install', group));
      const service = { prefix: 'fd00:cafe::80/128', table: 254, protocol: PROTOCOL, nexthopId: 2000 };
      lab.accept((w) => encodeRoute(w, 'install', service));
      expect(lab.shown('-6', 'route', 'show', 'fd00:cafe::80')).toMatchObject({ nhid: 2000 });
      expect(await lab.readBack(service)).toMatchObject({ nexthopId: 2000 });

      lab.accept((w) => encodeNexthop(w, 'replace', member(1000, 'fd00:3::1', 'fd00:4::1')));
      expect(lab.shown('nexthop', 'get', 'id', '1000')).toMatchObject({
        encap: 'seg6',
        mode: 'encap.red',
        segs: ['fd00:3::1', 'fd00:4::1'],
      });
      const objects = await lab.socket.dump(encodeDumpNexthops, decodeNexthop);
      expect(objects).toEqual([member(1000, 'fd00:3::1', 'fd00:4::1'), member(1001, 'fd00:2::1'), group]);
      expect(await lab.readBack(service)).toMatchObject({ nexthopId: 2000 });

      lab.accept((w) => encodeRoute(w, 'remove', service));
      for (const id of [2000, 1001, 1000]) lab.accept((w) => encodeRemoveNexthop(w, id));
      expect(lab.listed('nexthop', 'show')).toEqual([]);
    });

    it('go through gateways and nowhere', async () => {
      const gateway = {
        kind: 'single',
        id: 1,
        protocol: PROTOCOL,
        family: 'ipv6',
        device: lab.veth,
        gateway: '2001:db8:99::1',
      } as const;
      const blackhole = { kind: 'single', id: 2, protocol: PROTOCOL, family: 'ipv6', blackhole: true } as const;
      for (const object of [gateway, blackhole]) lab.accept((w) => encodeNexthop(w, 'install', object));
      const objects = await lab.socket.dump(encodeDumpNexthops, decodeNexthop);
      expect(objects).toEqual([gateway, expect.objectContaining(blackhole)]);
      for (const object of [gateway, blackhole]) lab.accept((w) => encodeRemoveNexthop(w, object.id));
    });

    it('tell the words of the kernel when it refuses', () => {
      const group = { kind: 'group', id: 5, protocol: PROTOCOL, members: [{ id: 77, weight: 1 }] } as const;
      expect(lab.socket.request((w) => encodeNexthop(w, 'install', group))).toMatchObject({
        code: 'EINVAL',
        text: 'Invalid nexthop id',
      });
    });
  });

  it.each(['ipv6', 'ipv4'] as const)('rules send marked %s packets to a table', async (family) => {
    const rule: Rule = { family, priority: 500, protocol: PROTOCOL, table: 1001, fwmark: 0x10000, mask: 0xff0000 };
    lab.accept((w) => encodeRule(w, 'install', rule));
    expect(lab.socket.request((w) => encodeRule(w, 'install', rule))).toMatchObject({ code: 'EEXIST' });
    const seen = lab.listed('-N', family === 'ipv6' ? '-6' : '-4', 'rule', 'show', 'priority', '500');
    expect(seen).toEqual([
      expect.objectContaining({ fwmark: '0x10000', fwmask: '0xff0000', table: '1001', protocol: '199' }),
    ]);
    const rules = await lab.socket.dump((w) => encodeDumpRules(w, family), decodeRule);
    expect(rules.find((r) => r.protocol === PROTOCOL)).toEqual({ ...rule, action: 1, selective: false });
    lab.accept((w) => encodeRule(w, 'remove', rule));
    expect(lab.listed(family === 'ipv6' ? '-6' : '-4', 'rule', 'show', 'priority', '500')).toEqual([]);
  });

  it('sets and reads the tunnel source of a namespace', () => {
    const generic = lab.open(NetlinkProtocol.generic);
    const family = generic.query((w) => encodeGetFamily(w, SEG6_FAMILY), decodeFamilyId).value!;
    expect(generic.request((w) => encodeSetTunnelSource(w, family, 'fd00:1::1'))).toBeNull();
    expect(lab.run('ip', 'sr', 'tunsrc', 'show')).toContain('fd00:1::1');
    expect(generic.query((w) => encodeGetTunnelSource(w, family), decodeTunnelSource)).toEqual({ value: 'fd00:1::1' });
    expect(generic.query((w) => encodeGetFamily(w, 'NO-SUCH'), decodeFamilyId).error).toMatchObject({ code: 'ENOENT' });
  });
});
