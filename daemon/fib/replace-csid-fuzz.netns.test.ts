// The nftables endpoint against the model of RFC 9800's pseudo code: random packets, malformed ones among them, go
// through a real router, and every one must come out as the model says, octet for octet, at the interface it says.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fib, FibObject, ReplaceSid } from '../../lib/fib/fib.ts';
import { replaceAdjacency } from '../../lib/fib/replace-csid-adjacency.ts';
import { MAX_CONTAINERS } from '../../lib/fib/replace-csid-walk.ts';
import { addressToBytes, bytesToAddress } from '../../lib/net/address.ts';
import { processAtEndpoint } from '../../lib/segment/endpoint-model.ts';
import type { InstalledSid, ModelPacket, Verdict } from '../../lib/segment/endpoint-packet.ts';
import { makeSid } from '../../lib/segment/sid.ts';
import { kernelFibIn } from './testing/kernel-fixture.ts';
import { eventually, Namespace, wire } from './testing/namespaces.ts';
import { linkAddress, PacketPort, whyNoPacketTests } from './testing/packet-port.ts';
import { arbitraryPacket, type Layout, type SamplePacket } from './testing/replace-packets.ts';
import { packetOctets } from './testing/srv6-octets.ts';

const skip = whyNoPacketTests();
const PACKETS = process.env.CFND_NIGHTLY === '1' ? 20_000 : 2000;
/** Sent in one go: small enough for every queue on the way. */
const BURST = 200;

const SOURCE = addressToBytes('2001:db8:c::2');
const MARK = 0x203;
const END_REPLACE = 101;
const END_X_REPLACE = 105;

const LAYOUTS: readonly Layout[] = [
  {
    name: '32-bit C-SIDs behind a block of 48 bits',
    csidBits: 32,
    structure: { block: 48, node: 16, function: 16, argument: 48 },
    end: 'fdbb:cafe:0:3:1::',
    endX: 'fdbb:cafe:0:3:2::',
    table: 10_203,
    mark: MARK,
  },
  {
    name: '16-bit C-SIDs behind a block of 64 bits',
    csidBits: 16,
    structure: { block: 64, node: 16, function: 0, argument: 48 },
    end: 'fdbb:beef:0:16:3::',
    endX: 'fdbb:beef:0:16:4::',
    table: 10_204,
    mark: MARK + 1,
  },
];

const prefixBits = ({ structure }: Layout) => structure.block + structure.node + structure.function;
const sidOf = (layout: Layout, address: string, mark?: number): ReplaceSid => ({
  kind: 'replace-csid',
  prefix: `${address}/${prefixBits(layout)}`,
  csidBits: layout.csidBits,
  ...(mark !== undefined && { mark }),
});

/** What the model makes of it, in the harness's terms: the router sends on, by its table, what is for itself. */
function expectation(verdict: Verdict, sent: ModelPacket): { device: string; packet: ModelPacket } | undefined {
  const isForwarded = verdict.kind === 'forward';
  const isOwn = verdict.kind === 'delivered' && sent.hopLimit > 1;
  if (!isForwarded && !isOwn) return undefined;
  if (isForwarded) return { device: verdict.by === 'adjacency' ? 'adj' : 'main', packet: verdict.packet };
  return { device: 'main', packet: { ...sent, hopLimit: sent.hopLimit - 1 } };
}

/** Hop limit aside: the model asks for it first, in the kernel it comes last. */
function isMalformed(installed: InstalledSid, packet: ModelPacket): boolean {
  return processAtEndpoint(installed, { ...packet, hopLimit: 64 }).kind === 'drop';
}

function describePacket({ destination, hopLimit, srh }: ModelPacket): string {
  const list = srh?.list.map(bytesToAddress).join(', ');
  return `${bytesToAddress(destination)} hl ${hopLimit} sl ${srh?.segmentsLeft} le ${srh?.lastEntry} len ${srh?.hdrExtLen} [${list}]`;
}

const note = skip ? ` (skipped: ${skip})` : '';
describe.skipIf(skip !== undefined).each([
  ['nftables', undefined],
  ['tc-bpf in front of nftables', 'tc-bpf'],
] as const)(`REPLACE-CSID in %s against the model${note}`, (_, accelerator) => {
  let tester: Namespace;
  let router: Namespace;
  let fib: Fib;
  let port: PacketPort;
  let serial = 0;

  beforeAll(async () => {
    tester = new Namespace('test');
    router = new Namespace('rtr');
    wire(tester, 'in', '2001:db8:c::2/64', router, 'in', '2001:db8:c::1/64');
    wire(tester, 'main', 'fd00:1::2/64', router, 'main', 'fd00:1::1/64');
    wire(tester, 'adj', 'fd00:2::2/64', router, 'adj', 'fd00:2::1/64');
    for (const [device, address] of [
      ['main', 'fd00:1::2'],
      ['adj', 'fd00:2::2'],
    ] as const)
      router.ip('neigh', 'replace', address, 'lladdr', linkAddress(tester, device), 'dev', device, 'nud', 'permanent');
    await eventually('links are up', () =>
      [tester, router].every((namespace) =>
        namespace
          .ip('-br', 'link', 'show', 'type', 'veth')
          .trim()
          .split('\n')
          .every((line) => line.split(/\s+/)[1] === 'UP'),
      ),
    );
    fib = kernelFibIn(router, 'fcbb:bb:1::1', [], undefined, { accelerator, links: ['in'] });
    const { capabilities } = await fib.start();
    if (accelerator) expect(capabilities).toContainEqual({ name: accelerator, available: true, remark: '' });
    const objects: FibObject[] = [
      {
        kind: 'route',
        prefix: '::/0',
        table: 254,
        target: { kind: 'gateways', hops: [{ gateway: 'fd00:1::2', device: 'main', weight: 1 }] },
      },
    ];
    for (const layout of LAYOUTS) {
      objects.push(sidOf(layout, layout.end));
      const { prefix, csidBits } = sidOf(layout, layout.endX);
      const { mark, table } = layout;
      const way = { gateway: 'fd00:2::2', device: 'adj', priority: table, markMask: 0xfff };
      objects.push(...replaceAdjacency({ prefix, csidBits, mark, table, ...way }));
    }
    expect((await fib.sync(objects)).failures).toEqual([]);
    // Nobody answers so many errors.
    router.sysctl('net.ipv6.icmp.ratelimit', '0');
    port = await PacketPort.open(tester, { in: linkAddress(router, 'in'), main: '', adj: '' });
  });
  afterAll(async () => {
    port?.close();
    await fib?.close({ remove: false });
    tester?.remove();
    router?.remove();
  });

  /** Sends and returns what came out of each, by its place in `packets`. */
  async function pass(packets: readonly Uint8Array[], expected: number): Promise<Map<number, Passed[]>> {
    const first = serial;
    serial += packets.length;
    const mine = (bytes: Uint8Array) => tailOf(bytes) - first;
    const isMine = ({ bytes, device }: { bytes: Uint8Array; device: string }) =>
      device !== 'in' && mine(bytes) >= 0 && mine(bytes) < packets.length;
    const before = port.captured.length;
    port.send('in', packets);
    const came = () => port.captured.slice(before).filter(isMine);
    // One that all must be behind: an unknown destination takes the same way through the router.
    const last = serial++;
    const end = packetOctets(
      { destination: addressToBytes('2001:db8:ffff::1'), hopLimit: 9, payload: 'other' },
      SOURCE,
      tail(last),
    );
    await eventually('all packets have passed', () => {
      port.send('in', [end]);
      return came().length >= expected && port.captured.slice(before).some(({ bytes }) => tailOf(bytes) === last);
    }).catch(() => {});
    const out = new Map<number, Passed[]>();
    for (const { device, bytes } of came()) out.set(mine(bytes), [...(out.get(mine(bytes)) ?? []), { device, bytes }]);
    return out;
  }

  it.each(LAYOUTS)(`does what the model does, packet by packet: $name`, { timeout: 300_000 }, async (layout) => {
    const installed = (address: string, behaviour: number): InstalledSid => ({
      sid: makeSid(address, layout.structure, behaviour),
      node: 'r',
    });
    const [end, endX] = [installed(layout.end, END_REPLACE), installed(layout.endX, END_X_REPLACE)];
    const counters = async () => {
      const own = [sidOf(layout, layout.end), sidOf(layout, layout.endX)].map((sid) => sid.prefix);
      const all = (await fib.sidCounters()).filter(({ prefix }) => own.includes(prefix));
      return {
        packets: all.reduce((sum, it) => sum + it.packets, 0),
        errors: all.reduce((sum, it) => sum + it.errors, 0),
      };
    };
    const before = await counters();
    const seed = (Number(process.env.CFND_SEED) || Date.now()) & 0x7fffffff;
    const samples = fc.sample(arbitraryPacket(layout), { numRuns: PACKETS, seed });
    const tally: Record<string, number> = {};
    let lost = 0;
    for (let at = 0; at < samples.length; at += BURST) {
      const burst = samples.slice(at, at + BURST);
      const wanted = burst.map(({ isEndX, packet }, i) => {
        const verdict = processAtEndpoint(isEndX ? endX : end, packet);
        const name = verdict.kind === 'drop' ? verdict.reason : verdict.kind;
        tally[name] = (tally[name] ?? 0) + 1;
        if (isMalformed(isEndX ? endX : end, packet)) lost++;
        const want = expectation(verdict, packet);
        if (!want || !isRoutable(want.packet.destination)) return undefined;
        return { device: want.device, hex: hex(octetsOf(want.packet, burst[i]!.inner, serial + i)) };
      });
      const octets = burst.map(({ packet, inner }, i) => octetsOf(packet, inner, serial + i));
      const out = await pass(octets, wanted.filter((want) => want !== undefined).length);
      for (const [i, want] of wanted.entries()) {
        const seen = (out.get(i) ?? []).map(({ device, bytes }) => ({ device, hex: hex(bytes) }));
        const text = `seed ${seed}, packet ${at + i}: ${describePacket(burst[i]!.packet)}`;
        expect(seen, text).toEqual(want ? [want] : []);
      }
    }
    const after = await counters();
    expect(after.packets - before.packets).toBe(PACKETS);
    expect(after.errors - before.errors).toBe(lost);
    // Who did it: well-formed packets, some 45 in a hundred, never come to nftables where the accelerator takes them.
    const seen = router.run('nft', 'list', 'counters', 'table', 'ip6', 'cfnd_replace');
    const counted = [...seen.matchAll(/counter seen_b\d+c(\d+)_\S+ \{\s+packets (\d+)/g)]
      .filter(([, bits]) => Number(bits) === layout.csidBits)
      .reduce((sum, [, , packets]) => sum + Number(packets), 0);
    if (accelerator) expect(counted).toBeLessThan(0.7 * PACKETS);
    else expect(counted).toBe(PACKETS);
    console.log(`${layout.name}: ${PACKETS} packets agree (seed ${seed}): ${JSON.stringify(tally)}`);
    // A generator that makes one kind only would agree with anything.
    expect(
      Math.min(...['forward', 'delivered', 'parameter-problem', 'zero-csid', 'hop-limit'].map((it) => tally[it] ?? 0)),
    ).toBeGreaterThan(PACKETS / 200);
  });

  it('drops and counts what the model has no words for: other routing headers, and an SRH cut short', async () => {
    const [layout] = LAYOUTS;
    const container = addressToBytes('6:d6:4:1:2:1:7:1');
    const destination = addressToBytes(layout!.end);
    const srh = { segmentsLeft: 1, lastEntry: 0, hdrExtLen: 2, list: [container] };
    const good = packetOctets({ destination, hopLimit: 9, payload: 'other', srh }, SOURCE, tail(serial));
    const otherType = packetOctets({ destination, hopLimit: 9, payload: 'other', srh }, SOURCE, tail(serial + 1));
    otherType[42] = 3;
    // Payload Length and packet agree; only Hdr Ext Len says that there should be more than the next C-SID (the tail's
    // second half).
    const inside = { ...srh, segmentsLeft: 0, list: [] };
    const cut = packetOctets(
      { destination: addressToBytes(`${layout!.end}2`), hopLimit: 9, payload: 'other', srh: inside },
      SOURCE,
      tail(serial + 2),
    );
    const many = { segmentsLeft: 1, lastEntry: MAX_CONTAINERS, hdrExtLen: 2 * MAX_CONTAINERS + 2 };
    const list = Array.from({ length: MAX_CONTAINERS + 1 }, () => container);
    const tooMany = packetOctets(
      { destination, hopLimit: 9, payload: 'other', srh: { ...many, list } },
      SOURCE,
      tail(serial + 3),
    );
    const errors = async () => (await fib.sidCounters()).find(({ prefix }) => prefix.startsWith(layout!.end))!.errors;
    const before = await errors();
    const out = await pass([good, otherType, cut, tooMany], 1);
    expect([...out.keys()]).toEqual([0]);
    expect((await errors()) - before).toBe(3);
    expect(router.run('nft', 'list', 'counter', 'ip6', 'cfnd_replace', 'loss_header')).toMatch(/packets [1-9]/);
  });

  it('answers Time Exceeded when the hop limit runs out at the endpoint', async () => {
    const list = [addressToBytes('6:d6:4:1:2:1:7:1')];
    const srh = { segmentsLeft: 1, lastEntry: 0, hdrExtLen: 2, list };
    const packet: ModelPacket = { destination: addressToBytes(LAYOUTS[0]!.end), hopLimit: 1, payload: 'other', srh };
    const before = port.captured.length;
    port.send('in', [packetOctets(packet, SOURCE, tail(serial++))]);
    await eventually('the error comes', () =>
      port.captured.slice(before).some(({ device, bytes }) => device === 'in' && bytes[6] === 58 && bytes[40] === 3),
    );
  });
});

type Passed = { readonly device: string; readonly bytes: Uint8Array };

/** No router forwards to these: multicast of any scope, link-local, loopback. Linux does forward to `::`. */
function isRoutable(destination: Uint8Array): boolean {
  const [first = 0, second = 0] = destination;
  const isLoopback = destination[15] === 1 && destination.subarray(0, 15).every((octet) => octet === 0);
  return first !== 0xff && !(first === 0xfe && (second & 0xc0) === 0x80) && !isLoopback;
}

/** As long behind the headers as what they say is there. */
function octetsOf(packet: ModelPacket, inner: SamplePacket['inner'], value: number): Uint8Array {
  const more = { ipv6: 40, ipv4: 20, other: 0 }[inner];
  return packetOctets({ ...packet, payload: inner }, SOURCE, Buffer.concat([Buffer.alloc(more, 0xa5), tail(value)]));
}

function tail(value: number): Uint8Array {
  const octets = new Uint8Array(8);
  octets.set([0x63, 0x66, 0x6e, 0x64]);
  new DataView(octets.buffer).setUint32(4, value);
  return octets;
}

/** -1: not one of ours. */
function tailOf(bytes: Uint8Array): number {
  const end = bytes.subarray(-8);
  if (Buffer.from(end.subarray(0, 4)).toString('latin1') !== 'cfnd') return -1;
  return new DataView(end.buffer, end.byteOffset).getUint32(4);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
