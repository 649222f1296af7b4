// Notifications from the kernel: what others do is heard, what we do is not, lost ones are told and made up for.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encodeNexthop } from '../../lib/netlink/rt/nexthop.ts';
import { encodeRoute } from '../../lib/netlink/rt/route.ts';
import { eventually } from '../fib/testing/namespaces.ts';
import { type AddressState, LinkMonitor, type LinkState } from './link-monitor.ts';
import { type KernelChange, MonitorSocket } from './monitor-socket.ts';
import type { RequestSocket } from './request-socket.ts';
import { kernelTestsImpossible, NetlinkNamespace } from './testing.ts';

const impossible = kernelTestsImpossible();
if (impossible) console.warn(`monitor.netns.test: skipped, ${impossible}`);
const PROTOCOL = 199;
const LINKS = ['v0', 'v1'] as const;

describe.skipIf(impossible)('notifications', () => {
  let ns: NetlinkNamespace;
  let socket: RequestSocket;
  const opened: { close(): void }[] = [];
  const until = <T extends { close(): void }>(thing: T): T => {
    opened.push(thing);
    return thing;
  };

  beforeAll(async () => {
    ns = new NetlinkNamespace();
    socket = ns.open();
    ns.run('ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'v1');
    for (const link of LINKS) ns.run('ip', 'link', 'set', link, 'up');
    await eventually('both links are up and have what the kernel gives them', () => LINKS.every(isSettled));
    // Takes the lock under which all of it was done: what was to be told of it has been.
    ns.run('ip', 'link', 'set', 'lo', 'up');
  });
  afterEach(() => {
    for (const thing of opened.splice(0)) thing.close();
    ns.run('ip', '-6', 'route', 'flush', 'proto', String(PROTOCOL));
  });
  afterAll(() => ns?.remove());

  /** The carrier may come up to a second after the link was set up, and with it an address of its own and fe80::/64. */
  function isSettled(link: string): boolean {
    const [{ operstate } = {}] = ns.listed('link', 'show', link);
    const [{ addr_info: addresses = [] } = {}] = ns.listed(
      '-6',
      'addr',
      'show',
      'dev',
      link,
      'scope',
      'link',
      '-tentative',
    );
    const routes = ns.listed('-6', 'route', 'show', 'dev', link).map((route) => route.dst);
    return operstate === 'UP' && (addresses as unknown[]).length > 0 && routes.includes('fe80::/64');
  }

  /** Adds routes from another process: one `ip -batch`. */
  function addRoutes(count: number): void {
    const directory = mkdtempSync(join(tmpdir(), 'cfn-monitor-'));
    const lines = Array.from(
      { length: count },
      (_, i) => `route add 2001:db8:0:${i.toString(16)}::/64 dev v0 proto ${PROTOCOL}`,
    );
    writeFileSync(join(directory, 'batch'), lines.join('\n'));
    ns.run('ip', '-6', '-batch', join(directory, 'batch'));
    rmSync(directory, { recursive: true });
  }

  it('tell what others change and not what we change', async () => {
    const heard: KernelChange[] = [];
    const monitor = until(MonitorSocket.open({ netns: ns.name, ignorePorts: [socket.port] }));
    monitor.subscribe({ onChange: (change) => heard.push(change) });
    const own = { prefix: '2001:db8:1::/48', table: 254, protocol: PROTOCOL, type: 'blackhole' } as const;
    expect(socket.request((w) => encodeRoute(w, 'install', own))).toBeNull();
    expect(
      socket.request((w) =>
        encodeNexthop(w, 'install', { kind: 'single', id: 7, protocol: PROTOCOL, family: 'ipv6', blackhole: true }),
      ),
    ).toBeNull();
    ns.run('ip', '-6', 'route', 'add', 'blackhole', '2001:db8:2::/48', 'proto', String(PROTOCOL));
    ns.run('ip', 'route', 'add', 'blackhole', '203.0.113.0/24');
    ns.run('ip', 'nexthop', 'add', 'id', '8', 'blackhole');
    ns.run('ip', 'addr', 'add', '192.0.2.9/32', 'dev', 'lo');
    ns.run('ip', 'route', 'del', 'blackhole', '203.0.113.0/24');
    const said = (change: KernelChange) =>
      change.kind === 'route'
        ? `${change.removed ? '-' : '+'}${change.route.prefix}`
        : change.kind === 'nexthop'
          ? `+nexthop ${change.nexthop.id}`
          : change.kind;
    await eventually('the last change is heard', () => heard.map(said).includes('-203.0.113.0/24'));
    expect(heard.filter((c) => c.kind !== 'route' || c.route.table === 254).map(said)).toEqual([
      '+2001:db8:2::/48',
      '+203.0.113.0/24',
      '+nexthop 8',
      'address',
      '-203.0.113.0/24',
    ]);
  });

  it('that do not fit the buffer are told as an overrun, after which all are heard again', async () => {
    const heard: string[] = [];
    let overruns = 0;
    const monitor = until(MonitorSocket.open({ netns: ns.name, groups: ['ipv6Route'], receiveBuffer: 65_536 }));
    monitor.subscribe({
      onChange: (change) => heard.push(change.kind === 'route' ? change.route.prefix : change.kind),
      onOverrun: () => overruns++,
    });
    // Nobody reads while the other process runs: execFileSync blocks this one.
    addRoutes(4000);
    await eventually('the overrun is told', () => overruns > 0);
    expect(heard.length).toBeLessThan(4000);
    heard.length = 0;
    ns.run('ip', '-6', 'route', 'add', 'blackhole', '2001:db8:ffff::/48', 'proto', String(PROTOCOL));
    await eventually('the next change is heard', () => heard.includes('2001:db8:ffff::/48'));
    const before = overruns;
    ns.run('ip', '-6', 'route', 'flush', 'proto', String(PROTOCOL));
    await eventually('a second overrun is told too', () => overruns > before);
  });

  describe('of links', () => {
    let links: LinkState[];
    let addresses: AddressState[];
    const open = async (monitor?: MonitorSocket) => {
      links = [];
      addresses = [];
      return until(
        await LinkMonitor.open({
          netns: ns.name,
          ...(monitor && { monitor }),
          onLink: (link) => links.push(link),
          onAddress: (address) => addresses.push(address),
        }),
      );
    };
    const last = (name: string) => links.findLast((link) => link.name === name);

    it('begin with the present state', async () => {
      const monitor = await open();
      expect(links.map((link) => link.name).sort()).toEqual(['lo', 'v0', 'v1']);
      expect(last('v0')).toMatchObject({ up: true, mtu: 1500, deleted: false });
      expect(monitor.link('v0')).toEqual(last('v0'));
      expect(monitor.linkByIndex(last('v0')!.index)).toEqual(last('v0'));
      expect(addresses.map((address) => address.address)).toContain('::1');
    });

    it('tell down and up of both ends, carrier included, and each state once', async () => {
      await open();
      links.length = 0;
      ns.run('ip', 'link', 'set', 'v1', 'down');
      await eventually('v0 has lost its carrier', () => last('v0')?.up === false);
      ns.run('ip', 'link', 'set', 'v1', 'up');
      await eventually('both are up', () => last('v0')?.up === true && last('v1')?.up === true);
      const states = (name: string) => links.filter((link) => link.name === name).map((link) => link.up);
      expect([states('v0'), states('v1')]).toEqual([
        [false, true],
        [false, true],
      ]);
    });

    it('tell new links, their MTU and their end', async () => {
      const monitor = await open();
      ns.run('ip', 'link', 'add', 'br9', 'type', 'bridge');
      await eventually('br9 is there', () => last('br9')?.deleted === false);
      ns.run('ip', 'link', 'set', 'br9', 'mtu', '1400');
      await eventually('its MTU is told', () => last('br9')?.mtu === 1400);
      ns.run('ip', 'link', 'del', 'br9');
      await eventually('it is gone', () => last('br9')?.deleted === true);
      expect(monitor.link('br9')).toBeUndefined();
    });

    it('tell addresses that come, become usable, and go', async () => {
      await open();
      const said = () =>
        addresses
          .filter((a) => a.address === '2001:db8:7::1')
          .map((a) => (a.deleted ? 'gone' : a.tentative ? 'tentative' : 'usable'));
      ns.run('ip', 'addr', 'add', '2001:db8:7::1/64', 'dev', 'v0');
      await eventually('the address is usable', () => said().at(-1) === 'usable', 60_000);
      ns.run('ip', 'addr', 'del', '2001:db8:7::1/64', 'dev', 'v0');
      await eventually('the address is gone', () => said().at(-1) === 'gone');
      expect(said()).toEqual(['tentative', 'usable', 'gone']);
    });

    it('are made up for after an overrun', async () => {
      const socket = until(
        MonitorSocket.open({
          netns: ns.name,
          groups: ['link', 'ipv6Address', 'ipv4Address', 'ipv6Route'],
          receiveBuffer: 65_536,
        }),
      );
      let overruns = 0;
      socket.subscribe({ onChange: () => {}, onOverrun: () => overruns++ });
      const monitor = await open(socket);
      // The flood first, so that the change of the link is among what is lost.
      addRoutes(4000);
      execFileSync('ip', ['-n', ns.name, 'link', 'set', 'v1', 'mtu', '1300']);
      await eventually('the link is read again', () => monitor.link('v1')?.mtu === 1300);
      expect(overruns).toBeGreaterThan(0);
      ns.run('ip', 'link', 'set', 'v1', 'mtu', '1500');
      await eventually('later changes are heard', () => monitor.link('v1')?.mtu === 1500);
    });
  });
});
