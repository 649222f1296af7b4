// End with NEXT-CSID in tc-bpf against the kernel's: two routers with the same SIDs take the same random packets in, and must
// send the same octets on, or nothing, and count the same.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fib, FibObject, LocalSid } from '../../lib/fib/fib.ts';
import { addressToBytes } from '../../lib/net/address.ts';
import type { ModelPacket } from '../../lib/segment/endpoint-packet.ts';
import { serialOf } from './testing/flow-packets.ts';
import { kernelFibIn } from './testing/kernel-fixture.ts';
import { eventually, Namespace, wire } from './testing/namespaces.ts';
import { linkAddress, PacketPort, whyNoPacketTests } from './testing/packet-port.ts';
import { packetOctets } from './testing/srv6-octets.ts';

const skip = whyNoPacketTests();
const PACKETS = process.env.CFND_NIGHTLY === '1' ? 20_000 : 2000;
const BURST = 200;
const SOURCE = addressToBytes('2001:db8:c::2');

const end = (prefix: string, blockBits: number, nodeBits: number): LocalSid => ({
  kind: 'local-sid',
  prefix,
  behaviour: { action: 'End' },
  flavours: { nextCsid: { blockBits, nodeBits } },
});
/** The last is not the accelerator's: block and node leave nothing of the first 64 bits. */
const SIDS = [
  end('fcaa:bbbb:1::/48', 32, 16),
  end('fcab:cdef:1200:100::/56', 40, 16),
  end('fcac:bbbb:bbbb:1::/64', 48, 16),
];
const OBJECTS: readonly FibObject[] = [
  ...SIDS,
  {
    kind: 'route',
    prefix: '::/0',
    table: 254,
    target: { kind: 'gateways', hops: [{ gateway: 'fd00:1::2', device: 'out', weight: 1 }] },
  },
];

/** C-SIDs of two octets behind the SID, its own among them, and zeros wherever. */
const someAddress = fc
  .tuple(fc.constantFrom(...SIDS), fc.array(fc.constantFrom(0, 0, 1, 2, 0xe001), { minLength: 5, maxLength: 5 }))
  .map(([{ prefix, flavours }, csids]) => {
    const address = addressToBytes(prefix.slice(0, prefix.indexOf('/')));
    const { blockBits, nodeBits } = flavours!.nextCsid!;
    const octets = csids.flatMap((csid) => [csid >> 8, csid & 255]);
    for (let at = (blockBits + nodeBits) / 8; at < 16; at++) address[at] = octets.shift() ?? 0;
    return address;
  });
const somePacket: fc.Arbitrary<ModelPacket> = fc
  .record({
    destination: someAddress,
    hopLimit: fc.constantFrom(1, 2, 64),
    list: fc.option(fc.array(someAddress, { minLength: 1, maxLength: 3 })),
    left: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ destination, hopLimit, list, left }) => ({
    destination,
    hopLimit,
    payload: 'other',
    ...(list && {
      srh: { segmentsLeft: Math.min(left, list.length), lastEntry: list.length - 1, hdrExtLen: 2 * list.length, list },
    }),
  }));

describe.skipIf(skip !== undefined)(`NEXT-CSID in tc-bpf${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let tester: Namespace;
  const routers: { namespace: Namespace; fib: Fib }[] = [];
  let port: PacketPort;
  let serial = 1;

  beforeAll(async () => {
    tester = new Namespace('t');
    const peers: Record<string, string> = {};
    for (const [name, accelerator] of [
      ['k', undefined],
      ['b', 'tc-bpf'],
    ] as const) {
      const namespace = new Namespace(name);
      wire(tester, `i${name}`, '2001:db8:c::2/64', namespace, 'in', '2001:db8:c::1/64');
      wire(tester, `o${name}`, 'fd00:1::2/64', namespace, 'out', 'fd00:1::1/64');
      namespace.ip('neigh', 'replace', 'fd00:1::2', 'lladdr', linkAddress(tester, `o${name}`), 'dev', 'out');
      await eventually('links carry packets', () =>
        ['in', 'out'].every((device) => namespace.ip('-br', 'link', 'show', device).includes(' UP ')),
      );
      const fib = kernelFibIn(namespace, 'fd00:ffff::9', [], undefined, { accelerator, links: ['in', 'out'] });
      const { capabilities } = await fib.start();
      if (accelerator) expect(capabilities).toContainEqual({ name: accelerator, available: true, remark: '' });
      expect((await fib.sync(OBJECTS)).failures).toEqual([]);
      routers.push({ namespace, fib });
      peers[`i${name}`] = linkAddress(namespace, 'in');
      peers[`o${name}`] = '';
    }
    port = await PacketPort.open(tester, peers);
  });
  afterAll(async () => {
    port?.close();
    for (const { fib, namespace } of routers) {
      await fib.close({ remove: false });
      namespace.remove();
    }
    tester?.remove();
  });

  const octetsOf = (packet: ModelPacket) => {
    const tail = Buffer.alloc(8, 'cfnd');
    tail.writeUInt32BE(serial++, 4);
    return packetOctets(packet, SOURCE, tail);
  };
  /** What came out of either router, by place in `packets`. */
  const pass = async (packets: readonly ModelPacket[]) => {
    const [first, before] = [serial, port.captured.length];
    const octets = packets.map(octetsOf);
    const last = serial;
    // Behind all others, on a way of its own.
    octets.push(octetsOf({ destination: addressToBytes('2001:db8:ffff::1'), hopLimit: 9, payload: 'other' }));
    for (const device of ['ik', 'ib']) port.send(device, octets);
    const came = () => port.captured.slice(before).filter(({ device }) => device === 'ok' || device === 'ob');
    await eventually(
      'all packets have passed',
      () => came().filter(({ bytes }) => serialOf(bytes) === last).length === 2,
    );
    const out = { ok: new Map<number, string>(), ob: new Map<number, string>() };
    for (const { device, bytes } of came())
      out[device as keyof typeof out].set((serialOf(bytes) ?? 0) - first, Buffer.from(bytes).toString('hex'));
    return out;
  };
  const counters = async () => {
    const all = await Promise.all(routers.map(({ fib }) => fib.sidCounters()));
    return all.map((one) => one.toSorted((a, b) => (a.prefix < b.prefix ? -1 : 1)));
  };
  const byKernel = ({ namespace }: (typeof routers)[number]) =>
    Number(/packets (\d+)/.exec(namespace.ip('-6', '-s', 'route', 'show', SIDS[0]!.prefix))![1]);

  it('does what the kernel does, octet for octet', { timeout: 300_000 }, async () => {
    const seed = (Number(process.env.CFND_SEED) || Date.now()) & 0x7fffffff;
    const samples = fc.sample(somePacket, { numRuns: PACKETS, seed });
    let forwarded = 0;
    for (let at = 0; at < samples.length; at += BURST) {
      const burst = samples.slice(at, at + BURST);
      const { ok, ob } = await pass(burst);
      for (let i = 0; i < burst.length; i++) expect(ob.get(i), `seed ${seed}, packet ${at + i}`).toBe(ok.get(i));
      forwarded += ok.size - 1;
    }
    expect(forwarded).toBeGreaterThan(PACKETS / 4);
    const [kernel, fast] = await counters();
    expect(fast).toEqual(kernel);
    const [plain, accelerated] = routers;
    expect(byKernel(accelerated!)).toBeLessThan(byKernel(plain!) / 2);
    console.log(`${PACKETS} packets agree (seed ${seed}), ${forwarded} of them went on`);
  });

  it('no longer shifts for a SID that is gone, and shifts for one that has come', async () => {
    const [, { fib }] = routers as [unknown, (typeof routers)[number]];
    const packet: ModelPacket = {
      destination: addressToBytes('fcaa:bbbb:1:2:3::'),
      hopLimit: 9,
      payload: 'other',
    };
    const destination = async () => (await pass([packet])).ob.get(0)?.slice(48, 80);
    const hex = (address: string) => Buffer.from(addressToBytes(address)).toString('hex');
    const [sid] = SIDS;
    expect(await destination()).toBe(hex('fcaa:bbbb:2:3::'));
    await fib.apply({ put: [], remove: [`local-sid ${sid!.prefix}`] });
    expect(await destination()).toBe(hex('fcaa:bbbb:1:2:3::'));
    await fib.apply({ put: [sid!], remove: [] });
    expect(await destination()).toBe(hex('fcaa:bbbb:2:3::'));
  });
});
