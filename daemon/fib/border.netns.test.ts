import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BORDER_KEY, type Border, type FibObject } from '../../lib/fib/fib.ts';
import { type Attack, attacksOn, harmless } from './testing/attacks.ts';
import { eventually } from './testing/namespaces.ts';
import { linkAddress, PacketPort, whyNoPacketTests } from './testing/packet-port.ts';
import { SERVICE, SteeringLab, segmentsTo, TCP_PORT } from './testing/steering-lab.ts';

const skip = whyNoPacketTests();

const steering: FibObject[] = [
  { kind: 'nexthop', id: 200_000_001, segments: segmentsTo(1) },
  { kind: 'group', id: 100_000_001, members: [{ nexthop: 200_000_001, weight: 1 }] },
  { kind: 'route', prefix: `${SERVICE}/128`, table: 254, target: { kind: 'group', id: 100_000_001 } },
];
const border: Border = { kind: 'border', inside: ['co'], sidSpace: ['fcbb:bb::/32'] };
const [end, egress] = segmentsTo(1) as [string, string];
const attacks = attacksOn({ client: '2001:db8:c::2', service: SERVICE, end, egress });
const count = (reason: Attack['reason']) => attacks.filter((attack) => attack.reason === reason).length;

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe.skipIf(skip !== undefined)(`the border of the domain${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let lab: SteeringLab;
  let outside: PacketPort;
  let core: PacketPort;

  beforeEach(async () => {
    lab = new SteeringLab();
    await lab.start();
    await lab.program(lab.fib, [...lab.underlay, ...steering]);
    await lab.ask({ do: 'open', address: SERVICE, port: TCP_PORT, count: 1 });
    outside = await PacketPort.open(lab.client, { c0: linkAddress(lab.ingress, 'c0') });
    core = await PacketPort.open(lab.core, { in: '' });
  });
  afterEach(async () => {
    outside?.close();
    core?.close();
    await lab.stop();
  });

  /** Names of the attacks that the core saw, after a packet sent behind them has come. */
  const attack = async (): Promise<string[]> => {
    const from = core.captured.length;
    const fence = [0xfe, 0x4c, 0xe0, from >> 16, (from >> 8) & 255, from & 255];
    outside.send('c0', [...attacks.map(({ bytes }) => bytes), harmless('2001:db8:c::2', SERVICE, fence)]);
    const seen = () => core.captured.slice(from).map(({ bytes }) => hex(bytes));
    const end = Buffer.from(fence).toString('hex');
    await eventually('the packet behind the attacks passes', () => seen().some((hex) => hex.endsWith(end)));
    return attacks.filter(({ tag }) => seen().some((hex) => hex.includes(tag))).map(({ name }) => name);
  };

  it('stops whatever speaks SRv6 from outside, counts it once, and lets the service through', async () => {
    expect(await attack()).toEqual(attacks.map(({ name }) => name));
    expect(await lab.fib.borderCounters()).toBeUndefined();

    expect((await lab.fib.apply({ put: [border], remove: [] })).failures).toEqual([]);
    expect(await attack()).toEqual([]);
    const dropped = {
      routingHeaders: count('routingHeaders'),
      toSids: count('toSids'),
      fromSids: count('fromSids'),
    };
    expect(await lab.fib.borderCounters()).toEqual(dropped);
    expect(await lab.ask({ do: 'ask' })).toEqual(['s1']);
    expect(await lab.ask({ do: 'open', address: SERVICE, port: TCP_PORT, count: 20 })).toEqual(Array(20).fill('s1'));
    expect(await lab.fib.borderCounters()).toEqual(dropped);

    await lab.fib.apply({ put: [], remove: [BORDER_KEY] });
    expect(await attack()).toEqual(attacks.map(({ name }) => name));
  });

  it('does not let a header that is hidden behind another send packets to SIDs from the router itself', async () => {
    // As an interface that was made after the start has it.
    lab.ingress.sysctl('net.ipv6.conf.c0.seg6_enabled', '1');
    const own = attacksOn({ client: '2001:db8:c::2', service: '2001:db8:c::1', end, egress }).filter(({ name }) =>
      name.includes('another'),
    );
    const toCore = () => own.filter(({ tag }) => core.captured.some(({ bytes }) => hex(bytes).includes(tag)));
    outside.send(
      'c0',
      own.map(({ bytes }) => bytes),
    );
    await eventually('the router does what the hidden headers say', () => toCore().length === own.length);
    expect((await lab.fib.apply({ put: [border], remove: [] })).failures).toEqual([]);
    core.captured.length = 0;
    const fence = [0xfe, 0x4c, 0xe0, 1];
    outside.send('c0', [...own.map(({ bytes }) => bytes), harmless('2001:db8:c::2', SERVICE, fence)]);
    await eventually('the packet behind them passes', () =>
      core.captured.some(({ bytes }) => hex(bytes).endsWith(Buffer.from(fence).toString('hex'))),
    );
    expect(own).toHaveLength(2);
    expect(toCore()).toEqual([]);
    expect(await lab.fib.borderCounters()).toEqual({ routingHeaders: own.length, toSids: 0, fromSids: 0 });
  });

  it('goes on counting when the domain grows, and is made anew when somebody took it apart', async () => {
    await lab.fib.apply({ put: [border], remove: [] });
    await attack();
    await lab.fib.apply({ put: [{ ...border, sidSpace: ['fcbb:bb::/32', 'fdbb::/16'] }], remove: [] });
    await attack();
    expect((await lab.fib.borderCounters())?.toSids).toBe(2 * count('toSids'));
    expect(await lab.fib.verify()).toEqual([]);

    lab.ingress.run('nft', 'flush', 'chain', 'ip6', 'cfnd_border', 'arriving');
    expect(await attack()).toEqual(attacks.map(({ name }) => name));
    expect(await lab.fib.verify()).toEqual([{ key: BORDER_KEY, what: 'different' }]);
    expect(await attack()).toEqual([]);
    lab.ingress.run('nft', 'delete', 'table', 'ip6', 'cfnd_border');
    expect(await lab.fib.verify()).toEqual([{ key: BORDER_KEY, what: 'missing' }]);
    expect(await attack()).toEqual([]);
    lab.ingress.run('nft', 'add', 'element', 'ip6', 'cfnd_border', 'inside', '{ "c0" }');
    expect(await lab.fib.verify()).toEqual([{ key: BORDER_KEY, what: 'different' }]);
    expect(await attack()).toEqual([]);
    expect(await lab.fib.verify()).toEqual([]);
  });

  it('stays over a crash, is taken over, and goes with the first full set that does without', async () => {
    await lab.fib.apply({ put: [border], remove: [] });
    expect(await lab.restart()).toContainEqual(border);
    expect(await attack()).toEqual([]);
    await lab.program(lab.fib, [...lab.underlay, ...steering]);
    expect(await attack()).toEqual(attacks.map(({ name }) => name));
    expect(await lab.fib.verify()).toEqual([]);
  });
});
