// What was noted a moment ago is looked up before all else (affinity-chains.ts), and must never outlive what is known:
// real packets of one flow, of every kind, through its end, its idle timeout and the failure of its contact instance.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recentClientSet, recentSet } from '../../lib/fib/affinity-names.ts';
import type { AffinityService, Fib, FibObject } from '../../lib/fib/fib.ts';
import { bytesToAddress } from '../../lib/net/address.ts';
import { type FlowPacket, flowPacket, serialOf, Tcp } from './testing/flow-packets.ts';
import { kernelFibIn } from './testing/kernel-fixture.ts';
import { eventually, Namespace, wire } from './testing/namespaces.ts';
import { linkAddress, PacketPort, whyNoPacketTests } from './testing/packet-port.ts';

const skip = whyNoPacketTests();
const CLIENTS = { 'fd00:cafe::80': '2001:db8:c::2', '10.80.0.80': '192.0.2.2' } as const;
type Service = keyof typeof CLIENTS;
const KINDS = [
  { to: 'fd00:cafe::80', protocol: 'tcp' },
  { to: 'fd00:cafe::80', protocol: 'udp' },
  { to: '10.80.0.80', protocol: 'tcp' },
  { to: '10.80.0.80', protocol: 'udp' },
] as const;
const endOf = (slot: number) => `fcbb:0:${slot}:1::`;

function objectsOf(service: Service): FibObject[] {
  const isIpv6 = service.includes(':');
  return [1, 2].flatMap((slot): FibObject[] => {
    const rule = { family: isIpv6 ? 'ipv6' : 'ipv4', priority: 10_000 + slot, fwmark: 0x100 + slot } as const;
    const target = { kind: 'nexthop', id: 200_000_000 + slot } as const;
    return [
      { kind: 'nexthop', id: 200_000_000 + slot, segments: [endOf(slot)] },
      { kind: 'route', prefix: `${service}/${isIpv6 ? 128 : 32}`, table: 10_000 + slot, target },
      { kind: 'rule', ...rule, mask: 0xfff, table: 10_000 + slot },
    ];
  });
}
const underlay: FibObject = {
  kind: 'route',
  prefix: 'fcbb::/16',
  table: 254,
  target: { kind: 'gateways', hops: [{ gateway: 'fd00:1::2', device: 'out', weight: 1 }] },
};

describe.skipIf(skip !== undefined)(`what affinity has noted${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let tester: Namespace;
  let router: Namespace;
  let fib: Fib;
  let port: PacketPort;
  let serial: number;

  beforeEach(async () => {
    serial = 1;
    tester = new Namespace('t');
    router = new Namespace('r');
    wire(tester, 'i', '2001:db8:c::2/64', router, 'in', '2001:db8:c::1/64');
    wire(tester, 'o', 'fd00:1::2/64', router, 'out', 'fd00:1::1/64');
    router.ip('addr', 'add', '192.0.2.1/24', 'dev', 'in');
    router.ip('neigh', 'replace', 'fd00:1::2', 'lladdr', linkAddress(tester, 'o'), 'dev', 'out');
    fib = kernelFibIn(router, 'fd00:ffff::9');
    await fib.start();
    await eventually('links carry packets', () =>
      ['in', 'out'].every((device) => router.ip('-br', 'link', 'show', device).includes(' UP ')),
    );
    port = await PacketPort.open(tester, { i: linkAddress(router, 'in'), o: '' });
  });
  afterEach(async () => {
    port?.close();
    await fib.close({ remove: false });
    router.remove();
    tester.remove();
  });

  const program = async (service: Service, mode: 'flow' | 'client', weights: readonly (number | 'failed')[]) => {
    const affinity: AffinityService = {
      kind: 'affinity',
      service,
      mode,
      instances: weights.map((weight, i) => ({
        slot: i + 1,
        mark: 0x101 + i,
        weight: weight === 'failed' ? 0 : weight,
        failed: weight === 'failed',
      })),
      idleTimeoutMs: 2000,
      closingTimeoutMs: 60_000,
    };
    const { failures } = await fib.apply({ put: [underlay, ...objectsOf(service), affinity], remove: [] });
    expect(failures).toEqual([]);
  };
  /** Slot that the packet was sent to; 0: none. */
  const pass = async (packet: Omit<FlowPacket, 'from' | 'shape'>): Promise<number> => {
    const own = serial++;
    const before = port.captured.length;
    port.send('i', [flowPacket({ ...packet, from: CLIENTS[packet.to as Service], shape: 'plain' }, own)]);
    const left = () =>
      port.captured.slice(before).find(({ device, bytes }) => device === 'o' && serialOf(bytes) === own);
    await eventually('the packet has passed', () => left() !== undefined);
    const to = bytesToAddress(left()!.bytes.subarray(24, 40));
    return [1, 2].find((slot) => endOf(slot) === to) ?? 0;
  };
  const isNoted = (set: string) => router.run('nft', 'list', 'set', 'inet', 'cfnd_affinity', set).includes('elements');
  /** A note is of a second: on a busy machine it may be over before it has been looked at. */
  const notes = (set: string, slot: number, again: () => Promise<number>) =>
    eventually(`a packet is noted in ${set}`, async () => {
      expect(await again()).toBe(slot);
      return isNoted(set);
    });

  it.each(KINDS)(
    'stays while there are packets, and goes when they cease: $protocol to $to',
    async ({ to, protocol }) => {
      const packet = { to, protocol, ports: [1000, 80], flags: Tcp.ack } as const;
      await program(to, 'flow', [1000, 0]);
      await pass(packet);
      expect(isNoted(recentSet(1))).toBe(false);
      await program(to, 'flow', [0, 1000]);
      // Each is noted, and the next comes when that is no longer so: together longer than the idle timeout.
      const begin = performance.now();
      do {
        await notes(recentSet(1), 1, () => pass(packet));
        expect(await pass(packet)).toBe(1);
        await eventually('it is no longer noted', () => !isNoted(recentSet(1)));
      } while (performance.now() < begin + 4000);
      expect(await pass(packet)).toBe(1);
      await eventually('it is forgotten', async () => (await fib.flowCounts()).get(1) === 0, 60_000);
      expect(await pass(packet)).toBe(2);
    },
  );

  it.each(KINDS)('goes with its contact instance: $protocol to $to', async ({ to, protocol }) => {
    const packet = { to, protocol, ports: [1000, 80], flags: Tcp.ack } as const;
    await program(to, 'flow', [1000, 0]);
    for (let i = 0; i < 3; i++) expect(await pass(packet)).toBe(1);
    await notes(recentSet(1), 1, () => pass(packet));
    await program(to, 'flow', ['failed', 1000]);
    for (let i = 0; i < 3; i++) expect(await pass(packet)).toBe(2);
  });

  it.each(['fd00:cafe::80', '10.80.0.80'] as const)('is decided anew under the same ports: TCP to %s', async (to) => {
    const packet = (flags: number) => pass({ to, protocol: 'tcp', ports: [1000, 80], flags });
    await program(to, 'flow', [1000, 0]);
    for (let i = 0; i < 3; i++) expect(await packet(Tcp.ack)).toBe(1);
    await notes(recentSet(1), 1, () => packet(Tcp.ack));
    await program(to, 'flow', [0, 1000]);
    expect(await packet(Tcp.ack)).toBe(1);
    expect(await packet(Tcp.fin | Tcp.ack)).toBe(1);
    expect(isNoted(recentSet(1))).toBe(false);
    // The last of the old one are late, then the new one comes.
    for (let i = 0; i < 3; i++) expect(await packet(Tcp.ack)).toBe(1);
    expect(await packet(Tcp.syn)).toBe(2);
    for (let i = 0; i < 3; i++) expect(await packet(Tcp.ack)).toBe(2);
  });

  it.each(['fd00:cafe::80', '10.80.0.80'] as const)('goes with its contact instance: a client of %s', async (to) => {
    const packet = (from: number) => pass({ to, protocol: 'udp', ports: [from, 80], flags: 0 });
    await program(to, 'client', [1000, 0]);
    for (let i = 0; i < 3; i++) expect(await packet(1000 + i)).toBe(1);
    await notes(recentClientSet(1), 1, () => packet(1000));
    await program(to, 'client', [0, 1000]);
    expect(await packet(2000)).toBe(1);
    await program(to, 'client', ['failed', 1000]);
    for (let i = 0; i < 3; i++) expect(await packet(1000 + i)).toBe(2);
  });

  it('is one for TCP and another for UDP of the same ports', async () => {
    const to = 'fd00:cafe::80';
    const packet = (protocol: 'tcp' | 'udp') => pass({ to, protocol, ports: [1000, 80], flags: Tcp.ack });
    await program(to, 'flow', [1000, 0]);
    for (let i = 0; i < 3; i++) expect(await packet('tcp')).toBe(1);
    await program(to, 'flow', [0, 1000]);
    for (let i = 0; i < 3; i++) expect([await packet('tcp'), await packet('udp')]).toEqual([1, 2]);
  });
});
