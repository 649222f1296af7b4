// One message steers a service anew, however many prefixes it has, and loses no packet however often: numbered packets
// from the client's link, counted where they come out behind the two sites.
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FibObject } from '../../lib/fib/fib.ts';
import { addressToBytes } from '../../lib/net/address.ts';
import { eventually } from './testing/namespaces.ts';
import { linkAddress, PacketPort, whyNoPacketTests } from './testing/packet-port.ts';
import { SteeringLab, segmentsTo } from './testing/steering-lab.ts';

const skip = whyNoPacketTests();

const PREFIXES = 1000;
const SWITCHES = 1000;
/** Packets a second. */
const RATE = 10_000;
/** What a machine that is busy with other things may need for a second's worth of packets. */
const PATIENCE_MS = 20_000;
const SOURCE = addressToBytes('2001:db8:c::2');
const UDP = 17;
const PAYLOAD = 12;

const member = (site: 1 | 2): FibObject => ({ kind: 'nexthop', id: 200_000_001, segments: segmentsTo(site) });
const prefixOf = (i: number) => `fd00:cafe:1:${(i + 1).toString(16)}`;
const steering: FibObject[] = [
  member(1),
  { kind: 'group', id: 100_000_001, members: [{ nexthop: 200_000_001, weight: 1 }] },
  ...Array.from({ length: PREFIXES }, (_, i): FibObject => {
    const target = { kind: 'group', id: 100_000_001 } as const;
    return { kind: 'route', prefix: `${prefixOf(i)}::/64`, table: 254, target };
  }),
];
const destinations = Array.from({ length: PREFIXES }, (_, i) => addressToBytes(`${prefixOf(i)}::80`));

/** A UDP packet to the n-th prefix, in turn, that carries `n`. */
function packet(n: number): Uint8Array {
  const bytes = new Uint8Array(40 + PAYLOAD);
  bytes.set([0x60, 0, 0, 0, 0, PAYLOAD, UDP, 64]);
  bytes.set(SOURCE, 8);
  bytes.set(destinations[n % PREFIXES]!, 24);
  const view = new DataView(bytes.buffer);
  view.setUint16(40, 4000);
  view.setUint16(42, 9);
  view.setUint16(44, PAYLOAD);
  // A checksum that nobody looks at on the way.
  view.setUint16(46, 1);
  view.setUint32(48, n);
  return bytes;
}

describe.skipIf(skip !== undefined)(`switching under packets${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let lab: SteeringLab;
  let sender: PacketPort;
  let sites: PacketPort[];

  beforeEach(async () => {
    lab = new SteeringLab();
    await lab.start();
    const { client, hosts } = lab.ends;
    sender = await PacketPort.open(client, { c0: linkAddress(lab.ingress, 'c0') });
    sites = await Promise.all(hosts.map((host) => PacketPort.open(host, { up: '' })));
    expect((await lab.fib.apply({ put: steering, remove: [] })).failures).toEqual([]);
    // Neighbours are resolved by the first packets, which may be lost to that.
    for (const site of [2, 1] as const) {
      await lab.fib.apply({ put: [member(site)], remove: [] });
      await eventually(`site ${site} is reached`, async () => {
        sender.send('c0', [packet(0xffff_0000)]);
        await pause(20);
        return numbers(site).size > 0;
      });
    }
  }, 300_000);

  afterEach(async () => {
    sender?.close();
    for (const site of sites ?? []) site.close();
    await lab?.stop();
  });

  /** Numbers of the packets that came out at a site. */
  function numbers(site: 1 | 2): Set<number> {
    const found = new Set<number>();
    for (const { bytes } of sites[site - 1]!.captured)
      if (bytes[6] === UDP && bytes.length === 40 + PAYLOAD)
        found.add(Buffer.from(bytes.buffer, bytes.byteOffset).readUInt32BE(48));
    return found;
  }

  it('re-steers a thousand service prefixes by one message', { timeout: 300_000 }, async () => {
    const send = (from: number) =>
      sender.send(
        'c0',
        Array.from({ length: PREFIXES }, (_, i) => packet(from + i)),
      );
    const has = (site: 1 | 2, from: number) => {
      const seen = numbers(site);
      return Array.from({ length: PREFIXES }, (_, i) => from + i).every((n) => seen.has(n));
    };
    send(0);
    await eventually('all prefixes lead to site 1', () => has(1, 0), PATIENCE_MS);
    const result = await lab.fib.apply({ put: [member(2)], remove: [] });
    expect(result).toMatchObject({ put: 1, removed: 0, failures: [] });
    send(PREFIXES);
    await eventually('all prefixes lead to site 2', () => has(2, PREFIXES), PATIENCE_MS);
    const late = [...numbers(1)].filter((n) => n >= PREFIXES && n < 2 * PREFIXES);
    expect(late).toEqual([]);
  });

  it('loses nothing of 10,000 packets a second over a thousand switches to and fro', { timeout: 300_000 }, async () => {
    let sent = 0;
    let switches = 0;
    const start = performance.now();
    while (switches < SWITCHES) {
      const due = Math.floor(((performance.now() - start) * RATE) / 1000);
      // A late turn does not become a burst that no queue holds.
      const count = Math.min(due - sent, 200);
      if (count > 0)
        sender.send(
          'c0',
          Array.from({ length: count }, () => packet(sent++)),
        );
      const { failures } = await lab.fib.apply({ put: [member(switches % 2 ? 1 : 2)], remove: [] });
      expect(failures).toEqual([]);
      switches++;
      await pause(1);
    }
    const seconds = (performance.now() - start) / 1000;
    const arrived = () => {
      const all = new Set([...numbers(1), ...numbers(2)]);
      return Array.from({ length: sent }, (_, n) => n).filter((n) => all.has(n)).length;
    };
    // Looked at rarely: counting takes the time that reading needs.
    for (const end = performance.now() + 3 * PATIENCE_MS; arrived() < sent && performance.now() < end; )
      await pause(500);
    expect(sent - arrived(), 'lost').toBe(0);
    const by = [numbers(1).size, numbers(2).size];
    // It was steered, not merely delivered.
    expect(Math.min(...by)).toBeGreaterThan(sent / 10);
    console.log(
      `${SWITCHES} switches in ${seconds.toFixed(1)} s, ${Math.round(sent / seconds)} packets/s, lost 0 of ${sent}; by site: ${by}`,
    );
  });
});
