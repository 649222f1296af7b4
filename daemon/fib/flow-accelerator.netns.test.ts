// The cache of running flows against nftables alone: two routers, told the same, take the same packets in, and every packet
// must leave both to the same contact instance, whatever opens, ends, fails, comes and goes meanwhile.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AffinityInstance, AffinityService, Fib, FibObject } from '../../lib/fib/fib.ts';
import { bytesToAddress } from '../../lib/net/address.ts';
import { type FlowPacket, flowPacket, serialOf, Tcp } from './testing/flow-packets.ts';
import { kernelFibIn } from './testing/kernel-fixture.ts';
import { eventually, Namespace, wire } from './testing/namespaces.ts';
import { linkAddress, PacketPort, whyNoPacketTests } from './testing/packet-port.ts';

const skip = whyNoPacketTests();
const ROUNDS = process.env.CFND_NIGHTLY === '1' ? 1000 : 100;
const SLOTS = [1, 2, 3] as const;
const SERVICES = ['fd00:cafe::80', '10.80.0.80'] as const;
const CLIENTS = { 'fd00:cafe::80': '2001:db8:c::2', '10.80.0.80': '192.0.2.2' } as const;
type Service = (typeof SERVICES)[number];

/** Slots of the services; the second's follow the first's. */
const slotOf = (service: Service, slot: number) => slot + 10 * SERVICES.indexOf(service);
/** One, two or three segments: without a header, and with headers of two lengths. */
const segmentsOf = (slot: number) =>
  ['fcbb:0:99:1::', 'fcbb:0:99:2::', 'fcbb:0:99:3::'].slice(0, slot - 1).toSpliced(0, 0, `fcbb:0:${slot}:1::`);

function objectsOf(service: Service): FibObject[] {
  const isIpv6 = service.includes(':');
  const prefix = `${service}/${isIpv6 ? 128 : 32}`;
  return SLOTS.flatMap((slot): FibObject[] => {
    const at = slotOf(service, slot);
    const target = { kind: 'nexthop', id: 200_000_000 + at } as const;
    const rule = { family: isIpv6 ? 'ipv6' : 'ipv4', priority: 10_000 + at, fwmark: 0x100 + at, mask: 0xfff } as const;
    return [
      { kind: 'nexthop', id: 200_000_000 + at, segments: segmentsOf(slot) },
      { kind: 'route', prefix, table: 10_000 + at, target },
      { kind: 'rule', ...rule, table: 10_000 + at },
    ];
  });
}

const BASE: readonly FibObject[] = [
  ...SERVICES.flatMap(objectsOf),
  {
    kind: 'route',
    prefix: 'fcbb::/16',
    table: 254,
    target: { kind: 'gateways', hops: [{ gateway: 'fd00:1::2', device: 'out', weight: 1 }] },
  },
  // What has no mark goes where no instance is.
  { kind: 'nexthop', id: 200_000_099, segments: ['fcbb:0:9:1::'] },
  ...SERVICES.map((service): FibObject => {
    const prefix = `${service}/${service.includes(':') ? 128 : 32}`;
    return { kind: 'route', prefix, table: 254, target: { kind: 'nexthop', id: 200_000_099 } };
  }),
];

/** Weights by slot: absent, it is not there; failed ones have none. */
function affinity(service: Service, shares: readonly (number | 'failed' | undefined)[], idleTimeoutMs = 60_000) {
  const numbers = shares.map((share) => (typeof share === 'number' ? share : 0));
  const total = numbers.reduce((a, b) => a + b, 0);
  const instances = shares.flatMap((share, i): AffinityInstance[] => {
    if (share === undefined) return [];
    const slot = slotOf(service, i + 1);
    const weight = total === 0 ? 0 : Math.floor((numbers[i]! * 1000) / total);
    return [{ slot, mark: 0x100 + slot, weight, failed: share === 'failed' }];
  });
  const rest = total === 0 ? 0 : 1000 - instances.reduce((sum, { weight }) => sum + weight, 0);
  const heaviest = instances.findIndex(({ weight }) => weight > 0);
  const whole = instances.map((it, i) => (i === heaviest ? { ...it, weight: it.weight + rest } : it));
  const timeouts = { idleTimeoutMs, closingTimeoutMs: 60_000 };
  return { kind: 'affinity', service, mode: 'flow', instances: whole, ...timeouts } satisfies AffinityService;
}

const someShares = fc.tuple(
  ...SLOTS.map(() =>
    fc.oneof(
      { weight: 5, arbitrary: fc.integer({ min: 0, max: 9 }) },
      fc.constant('failed' as const),
      fc.constant(undefined),
    ),
  ),
);
const somePacket: fc.Arbitrary<FlowPacket> = fc
  .record({
    to: fc.constantFrom(...SERVICES),
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    port: fc.integer({ min: 1000, max: 1011 }),
    flags: fc.oneof(
      { weight: 8, arbitrary: fc.constant(Tcp.ack) },
      fc.constantFrom(Tcp.syn, Tcp.fin | Tcp.ack, Tcp.rst),
    ),
    shape: fc.oneof(
      { weight: 8, arbitrary: fc.constant('plain' as const) },
      fc.constantFrom('options' as const, 'first-fragment' as const),
    ),
  })
  .map(({ port, to, shape, ...packet }) => {
    // What opens or ends a flow in a shape that the program does not take apart, it does not see (flow-program.ts).
    const isSeen = packet.protocol === 'udp' || packet.flags === Tcp.ack;
    return { ...packet, shape: isSeen ? shape : 'plain', from: CLIENTS[to], to, ports: [port, 80] as const };
  });

interface Router {
  readonly namespace: Namespace;
  fib: Fib;
}

describe.skipIf(skip !== undefined)(`running flows in tc-bpf${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let tester: Namespace;
  let plain: Router;
  let fast: Router;
  let port: PacketPort;
  let serial: number;

  const open = async (namespace: Namespace, accelerator?: 'tc-bpf') => {
    const fib = kernelFibIn(namespace, 'fd00:ffff::9', [], undefined, { accelerator, links: ['out'] });
    const { capabilities } = await fib.start();
    if (accelerator) expect(capabilities).toContainEqual({ name: accelerator, available: true, remark: '' });
    return fib;
  };
  const router = async (name: string, accelerator?: 'tc-bpf'): Promise<Router> => {
    const namespace = new Namespace(name);
    wire(tester, `i${name}`, '2001:db8:c::2/64', namespace, 'in', '2001:db8:c::1/64');
    wire(tester, `o${name}`, 'fd00:1::2/64', namespace, 'out', 'fd00:1::1/64');
    namespace.ip('addr', 'add', '192.0.2.1/24', 'dev', 'in');
    namespace.ip('neigh', 'replace', 'fd00:1::2', 'lladdr', linkAddress(tester, `o${name}`), 'dev', 'out');
    const fib = await open(namespace, accelerator);
    await eventually('links carry packets', () =>
      ['in', 'out'].every((device) => namespace.ip('-br', 'link', 'show', device).includes(' UP ')),
    );
    expect((await fib.sync(BASE)).failures).toEqual([]);
    // What comes in with a mark, just before nftables decides.
    namespace.nft(`table inet probe {
      counter marked { }
      chain c { type filter hook prerouting priority mangle - 1; meta mark & 0xfff != 0 counter name marked; };
    }`);
    return { namespace, fib };
  };
  const routers = () => [plain, fast];

  beforeEach(async () => {
    serial = 1;
    tester = new Namespace('t');
    plain = await router('p');
    fast = await router('f', 'tc-bpf');
    const [ip, rf] = [linkAddress(plain.namespace, 'in'), linkAddress(fast.namespace, 'in')];
    port = await PacketPort.open(tester, { ip, if: rf, op: '', of: '' });
  });
  afterEach(async () => {
    port?.close();
    for (const { fib, namespace } of routers()) {
      await fib.close({ remove: false });
      namespace.remove();
    }
    tester.remove();
  });

  const apply = async (...put: FibObject[]) => {
    for (const { fib } of routers()) expect((await fib.apply({ put, remove: [] })).failures).toEqual([]);
  };
  /** Where each packet went, by its place: the first segment, of either router. */
  const pass = async (packets: readonly FlowPacket[]): Promise<readonly [string[], string[]]> => {
    const first = serial;
    serial += packets.length;
    const octets = packets.map((packet, i) => flowPacket(packet, first + i));
    const before = port.captured.length;
    for (const device of ['ip', 'if']) port.send(device, octets);
    const went = { op: new Map<number, string>(), of: new Map<number, string>() };
    await eventually('all packets have passed', () => {
      for (const { device, bytes } of port.captured.slice(before)) {
        const at = (serialOf(bytes) ?? 0) - first;
        if ((device === 'op' || device === 'of') && at >= 0 && at < packets.length)
          went[device].set(at, bytesToAddress(bytes.subarray(24, 40)));
      }
      return went.op.size === packets.length && went.of.size === packets.length;
    });
    const inOrder = (by: Map<number, string>) => packets.map((_, i) => by.get(i)!);
    return [inOrder(went.op), inOrder(went.of)];
  };
  /** Packets that came to nftables with a mark. */
  const marked = ({ namespace }: Router) =>
    Number(/packets (\d+)/.exec(namespace.run('nft', 'list', 'counter', 'inet', 'probe', 'marked'))![1]);
  const counts = async ({ fib }: Router) => [...(await fib.flowCounts())].sort(([a], [b]) => a - b);

  it('go where nftables alone sends them, packet by packet', { timeout: 300_000 }, async () => {
    const seed = (Number(process.env.CFND_SEED) || Date.now()) & 0x7fffffff;
    const sample = <T>(what: fc.Arbitrary<T>, numRuns: number, salt: number) =>
      fc.sample(what, { numRuns, seed: seed + salt });
    const bursts = sample(fc.array(somePacket, { minLength: 20, maxLength: 120 }), ROUNDS, 0);
    const changes = sample(fc.tuple(someShares, someShares), ROUNDS, 1);
    const went: Record<string, number> = {};
    let packets = 0;
    for (const [round, burst] of bursts.entries()) {
      await apply(...SERVICES.map((service, i) => affinity(service, changes[round]![i]!)));
      const [one, other] = await pass(burst);
      expect(other, `seed ${seed}, round ${round}`).toEqual(one);
      for (const to of one) went[to] = (went[to] ?? 0) + 1;
      packets += burst.length;
    }
    // The kernel counts what is gone until it has swept it.
    await eventually(
      'the same flows are live',
      async () => JSON.stringify(await counts(fast)) === JSON.stringify(await counts(plain)),
      60_000,
    );
    expect((await fast.fib.classCounters()).map((it) => it.packets)).toEqual(
      (await plain.fib.classCounters()).map((it) => it.packets),
    );
    expect(Object.keys(went)).toHaveLength(4);
    // Who did it.
    expect(marked(plain)).toBe(0);
    expect(marked(fast)).toBeGreaterThan(packets / 5);
    console.log(`${packets} packets agree (seed ${seed}), ${marked(fast)} of them passed nftables by`);
    for (const { fib } of routers()) expect(await fib.verify()).toEqual([]);
  });

  it('are told to nftables often enough to live there, and die there', async () => {
    const [service] = SERVICES;
    await apply(affinity(service, [1], 4000));
    const one: FlowPacket = {
      from: CLIENTS[service],
      to: service,
      protocol: 'udp',
      ports: [1000, 80],
      flags: 0,
      shape: 'plain',
    };
    const end = performance.now() + 6000;
    let sent = 0;
    for (; performance.now() < end; sent++) {
      await pass([one]);
      if (sent > 0) expect((await fast.fib.flowCounts()).get(1)).toBe(1);
    }
    // Twice a second, and not much more often.
    expect(sent - marked(fast)).toBeGreaterThanOrEqual(8);
    expect(marked(fast)).toBeGreaterThan(sent / 2);
    await eventually('it is forgotten', async () => (await fast.fib.flowCounts()).get(1) === 0, 60_000);
    await apply(affinity(service, [0, 1], 4000));
    expect(await pass([one])).toEqual([['fcbb:0:2:1::'], ['fcbb:0:2:1::']]);
  });

  it('stay where they are when the accelerator ends, and when it comes', async () => {
    const [service] = SERVICES;
    const flows = Array.from(
      { length: 50 },
      (_, i): FlowPacket => ({
        from: CLIENTS[service],
        to: service,
        protocol: 'tcp',
        ports: [2000 + i, 80],
        flags: Tcp.ack,
        shape: 'plain',
      }),
    );
    await apply(affinity(service, [5, 5, 5]));
    const [homes] = await pass(flows);
    await pass(flows);
    const desired = [...BASE, affinity(service, [0, 0, 1])];
    for (const accelerator of [undefined, 'tc-bpf', 'tc-bpf', undefined] as const) {
      const before = marked(fast);
      await fast.fib.close({ remove: false });
      expect((await pass(flows))[1]).toEqual(homes);
      expect(marked(fast)).toBe(before);
      fast.fib = await open(fast.namespace, accelerator);
      expect((await fast.fib.sync(desired)).failures).toEqual([]);
      for (let i = 0; i < 3; i++) expect((await pass(flows))[1]).toEqual(homes);
      expect(marked(fast) > before).toBe(accelerator !== undefined);
      await fast.fib.verify();
      expect(await fast.fib.verify()).toEqual([]);
    }
  });
});
