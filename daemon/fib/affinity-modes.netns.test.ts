// What each way to keep flows promises, with real packets: TCP and UDP, IPv6 and IPv4, and classes told apart by the
// packet. Programmed through the forwarding plane alone; that the router asks for these objects is lib/router's test.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AffinityClass, AffinityInstance, AffinityService, FibObject } from '../../lib/fib/fib.ts';
import { bytesToAddress } from '../../lib/net/address.ts';
import { eventually } from './testing/namespaces.ts';
import { PacketPort, whyNoPacketTests } from './testing/packet-port.ts';
import { SERVICE, SERVICE4, SteeringLab, segmentsTo, segmentsTo4, TCP_PORT, UDP_PORT } from './testing/steering-lab.ts';

const skip = whyNoPacketTests();

/** One contact instance of one class: slot 1, 3, 5... is at site 1, the next at site 2. */
const siteOf = (slot: number) => (slot % 2 === 1 ? 1 : 2) as 1 | 2;
const isV4 = (service: string) => service === SERVICE4;
const prefixOf = (service: string) => (isV4(service) ? `${service}/32` : `${service}/128`);

function instanceObjects(service: string, slot: number): FibObject[] {
  const [nexthop, group, table] = [200_000_000 + slot, 100_000_000 + slot, 10_000 + slot];
  const segments = isV4(service) ? segmentsTo4(siteOf(slot)) : segmentsTo(siteOf(slot));
  return [
    { kind: 'nexthop', id: nexthop, segments },
    { kind: 'group', id: group, members: [{ nexthop, weight: 1 }] },
    { kind: 'route', prefix: prefixOf(service), table, target: { kind: 'group', id: group } },
    {
      kind: 'rule',
      family: isV4(service) ? 'ipv4' : 'ipv6',
      priority: 10_000 + slot,
      fwmark: 0x100 + slot,
      mask: 0xfff,
      table,
    },
  ];
}

const shares = (slot: number, w1: number, w2: number, failed: readonly number[] = []): AffinityInstance[] =>
  [w1, w2].map((weight, i) => ({
    slot: slot + i,
    mark: 0x100 + slot + i,
    weight,
    failed: failed.includes(slot + i),
  }));

const own = (w1: number, w2: number, overrides: Partial<AffinityService> = {}, slot = 1): AffinityService => ({
  kind: 'affinity',
  service: SERVICE,
  mode: 'flow',
  instances: shares(slot, w1, w2),
  idleTimeoutMs: 60_000,
  closingTimeoutMs: 2000,
  ...overrides,
});

/** Segments of an SRH (RFC 8754), as they stand in it; empty: none. */
function listOf(packet: Uint8Array): string {
  if (packet[6] !== 43 || packet[42] !== 4) return '';
  const count = packet[44]! + 1;
  const segment = (i: number) => bytesToAddress(packet.subarray(48 + 16 * i, 64 + 16 * i));
  return Array.from({ length: count }, (_, i) => segment(i)).join(' ');
}

const tally = (names: readonly string[]) => {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};

const note = skip ? ` (skipped: ${skip})` : '';
describe.skipIf(skip !== undefined).each([
  ['nftables', undefined],
  ['tc-bpf in front of nftables', 'tc-bpf'],
] as const)(`affinity modes with real packets, %s${note}`, (_, accelerator) => {
  let lab: SteeringLab;

  beforeEach(async () => {
    lab = new SteeringLab(accelerator);
    await lab.start();
  });
  afterEach(async () => {
    await lab.stop();
  });

  const apply = async (...put: FibObject[]) => {
    const result = await lab.fib.apply({ put, remove: [] });
    expect(result.failures).toEqual([]);
  };
  const tcp = (count: number, from?: string) =>
    lab.ask({ do: 'open', address: SERVICE, port: TCP_PORT, count, ...(from !== undefined && { from }) });
  const ask = () => lab.ask({ do: 'ask' });
  const intact = async () => expect(await lab.fib.verify()).toEqual([]);

  it.each([
    ['TCP over IPv6', SERVICE, 'tcp', TCP_PORT],
    ['UDP over IPv6', SERVICE, 'udp', UDP_PORT],
    ['TCP over IPv4', SERVICE4, 'tcp', TCP_PORT],
    ['UDP over IPv4', SERVICE4, 'udp', UDP_PORT],
  ] as const)(
    'flow, %s: 70/30, 0/100, 100/0, 50/50 break none of 300 live flows',
    async (what, service, protocol, port) => {
      const weigh = (w1: number, w2: number) => apply(own(w1, w2, { service }));
      const main: FibObject = {
        kind: 'route',
        prefix: prefixOf(service),
        table: 254,
        target: { kind: 'group', id: 100_000_001 },
      };
      await apply(...instanceObjects(service, 1), ...instanceObjects(service, 2), main);
      const opened: string[] = [];
      const phases: string[] = [];
      for (const [w1, w2] of [
        [700, 300],
        [0, 1000],
        [1000, 0],
        [500, 500],
      ] as const) {
        await weigh(w1, w2);
        // Everything that ran before is where it was.
        expect(await ask()).toEqual(opened);
        const fresh = await lab.ask({ do: 'open', address: service, port, count: 75, protocol });
        const { s1 = 0, s2 = 0 } = tally(fresh);
        expect(s1 + s2).toBe(75);
        // Five standard deviations, none where all go to one.
        expect(Math.abs(s1 - (75 * w1) / 1000)).toBeLessThanOrEqual(5 * Math.sqrt((75 * w1 * w2) / 1e6));
        phases.push(`${w1 / 10}/${w2 / 10}: ${s1}/${s2}`);
        opened.push(...fresh);
      }
      expect(await ask()).toEqual(opened);
      expect(opened).toHaveLength(300);
      console.log(`${what}: new flows ${phases.join(', ')}; broken or moved: 0 of 300`);
      await intact();
    },
  );

  it('client: all flows of one source go together, and stay so when weights change', async () => {
    for (let i = 0; i < 16; i++)
      lab.client.ip('addr', 'add', `2001:db8:c::1${i.toString(16)}/64`, 'dev', 'c0', 'nodad');
    for (let i = 0; i < 16; i++)
      lab.client.ip('addr', 'add', `2001:db8:c::2:${i.toString(16)}/64`, 'dev', 'c0', 'nodad');
    const objects = [...instanceObjects(SERVICE, 1), ...instanceObjects(SERVICE, 2)];
    await apply(...objects, own(500, 500, { mode: 'client' }));
    const homes = new Map<string, string>();
    const sources = Array.from({ length: 16 }, (_, i) => `2001:db8:c::1${i.toString(16)}`);
    for (const from of sources) {
      const served = tally(await tcp(4, from));
      expect(Object.values(served)).toEqual([4]);
      homes.set(from, Object.keys(served)[0]!);
    }
    expect(new Set(homes.values()).size).toBe(2);
    const running = await ask();
    for (const [w1, w2] of [
      [0, 1000],
      [1000, 0],
    ] as const) {
      await apply(own(w1, w2, { mode: 'client' }));
      for (const from of sources) expect(tally(await tcp(2, from))).toEqual({ [homes.get(from)!]: 2 });
      // Somebody who was never here follows the weights.
      expect(tally(await tcp(2, `2001:db8:c::2:${w1 === 0 ? 0 : 1}`))).toEqual({ [w1 === 0 ? 's2' : 's1']: 2 });
    }
    expect((await ask()).slice(0, running.length)).toEqual(running);
    const counts = await lab.fib.flowCounts();
    expect((counts.get(1) ?? 0) + (counts.get(2) ?? 0)).toBe(18);
    await intact();
  });

  it('client with a prefix: neighbours in it are one client', async () => {
    for (let i = 0; i < 8; i++) lab.client.ip('addr', 'add', `2001:db8:c::1${i}/64`, 'dev', 'c0', 'nodad');
    const objects = [...instanceObjects(SERVICE, 1), ...instanceObjects(SERVICE, 2)];
    const mode = { mode: 'client', clientBits: 120 } as const;
    await apply(...objects, own(1000, 0, mode));
    expect(tally(await tcp(1, '2001:db8:c::10'))).toEqual({ s1: 1 });
    await apply(own(0, 1000, mode));
    for (let i = 0; i < 8; i++) expect(tally(await tcp(1, `2001:db8:c::1${i}`))).toEqual({ s1: 1 });
    expect((await lab.fib.flowCounts()).get(1)).toBe(1);
    await intact();
  });

  it('none: the weights spread flows, nothing is remembered, and only hashes whose share moved move', async () => {
    const objects = [...instanceObjects(SERVICE, 1), ...instanceObjects(SERVICE, 2)];
    await apply(...objects, own(700, 300, { mode: 'none' }));
    const before = await tcp(100);
    expect(Math.abs((tally(before).s1 ?? 0) - 70)).toBeLessThanOrEqual(5 * Math.sqrt(21));
    expect((await lab.fib.flowCounts()).size).toBe(0);
    // The same weights again, structure and all: nobody moves.
    await apply(own(700, 300, { mode: 'none' }));
    expect(await ask()).toEqual(before);
    await apply(own(600, 400, { mode: 'none' }));
    const after = await ask();
    const moved = after.filter((who, i) => who !== before[i]);
    // A tenth of the hashes moved, from the first to the second: those flows break, the others do not notice.
    expect(moved.length).toBeGreaterThan(0);
    expect(moved.length).toBeLessThanOrEqual(10 + 5 * 3);
    for (const [i, who] of before.entries()) if (who === 's2') expect(after[i]).toBe('s2');
    await intact();
  });

  it('bucket: busy buckets stay through every change of weights, and a member without share takes nothing new', async () => {
    const id = 100_100_001;
    const group = (w1: number, w2: number): FibObject => ({
      kind: 'group',
      id,
      // As the router orders them: those without new flows first.
      members: [
        { nexthop: 200_000_001, weight: w1 },
        { nexthop: 200_000_002, weight: w2 },
      ].sort((a, b) => Number(a.weight > 1) - Number(b.weight > 1)),
      resilient: { buckets: 1024, idleTimeoutMs: 60_000, unbalancedTimeoutMs: 0 },
    });
    await apply(...instanceObjects(SERVICE, 1), ...instanceObjects(SERVICE, 2), group(45_500, 19_500), {
      kind: 'route',
      prefix: `${SERVICE}/128`,
      table: 254,
      target: { kind: 'group', id },
    });
    const opened = await tcp(60);
    const { s1 = 0, s2 = 0 } = tally(opened);
    expect(s1 + s2).toBe(60);
    expect(Math.abs(s1 - 42)).toBeLessThanOrEqual(5 * Math.sqrt(60 * 0.21));
    for (const [w1, w2] of [
      [19_500, 45_500],
      [1, 65_000],
      [65_000, 1],
      [32_500, 32_500],
      [1, 65_000],
    ] as const) {
      await apply(group(w1, w2));
      expect(await ask()).toEqual(opened);
    }
    // Without share: at most the buckets that the running flows hold still lead there.
    const fresh = tally(await tcp(200));
    expect(fresh.s1 ?? 0).toBeLessThan(40);
    expect(await ask()).toEqual([...opened, ...(await ask()).slice(60)]);
    // Busy buckets, counted by the slot of the member.
    const counts = await lab.fib.flowCounts();
    expect(counts.get(1)).toBeGreaterThan(0);
    expect(counts.get(1)).toBeLessThanOrEqual(s1);
    await intact();
    // One that is gone takes its own buckets along, and no other.
    const settled = await ask();
    await apply({ ...group(1, 65_000), members: [{ nexthop: 200_000_002, weight: 65_000 }] } as FibObject);
    const survivors = await ask();
    expect(survivors).toEqual(settled.map((who) => (who === 's2' ? 's2' : 'broken')));
  });

  it('bucket: idle buckets follow the weights', async () => {
    const group = (w1: number, w2: number): FibObject => ({
      kind: 'group',
      id: 100_100_001,
      members: [
        { nexthop: 200_000_001, weight: w1 },
        { nexthop: 200_000_002, weight: w2 },
      ],
      resilient: { buckets: 256, idleTimeoutMs: 100, unbalancedTimeoutMs: 0 },
    });
    await apply(...instanceObjects(SERVICE, 1), ...instanceObjects(SERVICE, 2), group(65_000, 1), {
      kind: 'route',
      prefix: `${SERVICE}/128`,
      table: 254,
      target: { kind: 'group', id: 100_100_001 },
    });
    expect(tally(await tcp(20))).toEqual({ s1: 20 });
    await lab.ask({ do: 'close', count: 20 });
    await apply(group(1, 65_000));
    await eventually('new flows follow', async () => tally(await tcp(10)).s2 === 10);
  });

  it('on failure of a contact instance forgets its clients and flows, in every class, and nobody else', async () => {
    const objects = [1, 2, 3, 4].flatMap((slot) => instanceObjects(SERVICE, slot));
    const gold = (w1: number, w2: number, failed: number[] = []) => ({
      ...own(0, 0),
      name: 'gold',
      instances: shares(3, w1, w2, failed),
    });
    const rules = { classifier: [{ match: { ports: { from: UDP_PORT, to: UDP_PORT } }, class: 'gold' }] };
    await apply(...objects, own(1000, 0, { classes: [gold(1000, 0)], ...rules }));
    const udp = (count: number) => lab.ask({ do: 'open', address: SERVICE, port: UDP_PORT, count, protocol: 'udp' });
    expect(tally([...(await tcp(10)), ...(await udp(10))])).toEqual({ s1: 20 });
    await apply(own(0, 1000, { classes: [gold(0, 1000)], ...rules }));
    expect(tally([...(await tcp(10)), ...(await udp(10))])).toEqual({ s2: 20 });
    await apply(own(0, 1000, { instances: shares(1, 0, 1000, [1]), classes: [gold(0, 1000, [3])], ...rules }));
    const after = await ask();
    expect(tally(after.slice(0, 10))).toEqual({ broken: 10 });
    // A datagram breaks nothing: it is decided again.
    expect(tally(after.slice(10))).toEqual({ s2: 30 });
  });

  it.each([
    ['DSCP', 'ip6 dscp set ef', { dscp: 46 }],
    ['flow label', 'ip6 flowlabel set 0x54321', { flowLabel: 0x54321 }],
    ['source', '', { source: '2001:db8:c::7/128' }],
    ['port and protocol', '', { protocol: 'tcp', ports: { from: TCP_PORT, to: TCP_PORT + 1 } }],
  ] as const)('tells classes apart by %s, for new flows only, each with its own list', async (_, mangle, match) => {
    lab.client.ip('addr', 'add', '2001:db8:c::7/64', 'dev', 'c0', 'nodad');
    const from = 'source' in match ? '2001:db8:c::7' : undefined;
    const objects = [1, 2, 3, 4].flatMap((slot) => instanceObjects(SERVICE, slot));
    // Only the list of the other class leads over the core's second SID.
    const detour: FibObject = {
      kind: 'nexthop',
      id: 200_000_004,
      segments: ['fcbb:bb:f:1::', 'fcbb:bb:f:1::', 'fcbb:bb:2:d6::'],
    };
    const gold: AffinityClass & { name: string } = { ...own(0, 0), name: 'gold', instances: shares(3, 0, 1000) };
    await apply(...objects, detour, own(1000, 0));
    const marking = `table inet c { chain o { type filter hook output priority 0; ip6 daddr ${SERVICE} ${mangle}; }; }`;
    if (mangle !== '') lab.client.nft(marking);
    expect(tally(await tcp(10, from))).toEqual({ s1: 10 });
    await apply(own(1000, 0, { classes: [gold], classifier: [{ match, class: 'gold' }] }));
    // Those that ran before look the same, and stay.
    expect(tally(await ask())).toEqual({ s1: 10 });
    const capture = await PacketPort.open(lab.core, { in: '' });
    expect(tally(await tcp(10, from))).toEqual({ s2: 10 });
    // Reduced encapsulation of three segments: the header carries the last two.
    await eventually('the list is seen', () =>
      capture.captured.some(({ bytes }) => listOf(bytes) === 'fcbb:bb:2:d6:: fcbb:bb:f:1::'),
    );
    capture.close();
    if (mangle !== '') lab.client.nft('delete table inet c');
    // What does not look so is of the service's own class.
    const udp = { do: 'open', address: SERVICE, port: UDP_PORT, count: 5, protocol: 'udp' } as const;
    expect(tally(await ('ports' in match ? lab.ask(udp) : tcp(5, '2001:db8:c::2')))).toEqual({ s1: 5 });
    const counters = await lab.fib.classCounters();
    expect(counters.find((it) => it.name === 'gold')?.packets).toBe(10);
    expect(tally((await ask()).slice(0, 20))).toEqual({ s1: 10, s2: 10 });
    await intact();
  });

  it('drops new flows of a class that nobody may serve, and lets the others pass', async () => {
    const objects = [1, 2].flatMap((slot) => instanceObjects(SERVICE, slot));
    const nobody = { ...own(0, 0), name: 'gold', instances: [] };
    const rules = { classes: [nobody], classifier: [{ match: { dscp: 46 }, class: 'gold' }] };
    await apply(...objects, own(1000, 0, rules), {
      kind: 'route',
      prefix: `${SERVICE}/128`,
      table: 254,
      target: { kind: 'group', id: 100_000_001 },
    });
    const udp = (count: number) => lab.ask({ do: 'open', address: SERVICE, port: UDP_PORT, count, protocol: 'udp' });
    expect(tally(await udp(5))).toEqual({ s1: 5 });
    lab.client.nft(
      `table inet c { chain o { type filter hook output priority 0; ip6 daddr ${SERVICE} ip6 dscp set ef; }; }`,
    );
    expect(tally(await udp(5))).toEqual({ silent: 5 });
    await intact();
  });
});
