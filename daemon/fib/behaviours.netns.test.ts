// Endpoint behaviours that no router of ours announces but that may be programmed: what a real packet looks like, and where
// it goes, behind each. Those that are announced have theirs in encapsulation.netns.test.ts.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FibObject, LocalSid } from '../../lib/fib/fib.ts';
import { decodeSrv6Packet, type Srv6Packet } from '../../lib/segment/srh.ts';
import { eventually } from './testing/namespaces.ts';
import { PacketPort, whyNoPacketTests } from './testing/packet-port.ts';
import { SERVICE, SteeringLab, segmentsTo, TCP_PORT } from './testing/steering-lab.ts';

const skip = whyNoPacketTests();

const TABLE = 10_777;
/** Of the core; the egress router's is next. */
const SID = 'fcbb:bb:f:7::';
const [, EGRESS] = segmentsTo(1) as [string, string];
const HEADER = 40;
/** With one entry. */
const SRH = 24;

const sid = (prefix: string, behaviour: LocalSid['behaviour'], flavours?: LocalSid['flavours']): LocalSid => ({
  kind: 'local-sid',
  prefix: `${prefix}/64`,
  behaviour,
  ...(flavours && { flavours }),
});

describe.skipIf(skip !== undefined)(`behind a SID of the core${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let lab: SteeringLab;
  let ports: Record<'e1' | 'e2', PacketPort>;

  beforeEach(async () => {
    lab = new SteeringLab();
    await lab.start();
    const open = (name: 'e1' | 'e2') => PacketPort.open(lab.router(name).namespace, { co: '' });
    ports = { e1: await open('e1'), e2: await open('e2') };
    await put(lab.fib, { kind: 'nexthop', id: 200_000_001, segments: [SID, EGRESS] });
    const target = { kind: 'nexthop', id: 200_000_001 } as const;
    await put(lab.fib, { kind: 'route', prefix: `${SERVICE}/128`, table: 254, target });
  });
  afterEach(async () => {
    for (const port of Object.values(ports ?? {})) port.close();
    await lab.stop();
  });

  const put = async (fib: SteeringLab['fib'], ...objects: FibObject[]) =>
    expect((await fib.apply({ put: objects, remove: [] })).failures).toEqual([]);

  /** Opens a flow; the first packet of it that an egress router takes in. */
  async function first(egress: 'e1' | 'e2', host: string): Promise<Srv6Packet> {
    const { fib } = lab.router('co');
    expect(await lab.ask({ do: 'open', address: SERVICE, port: TCP_PORT, count: 1 })).toEqual([host]);
    const tunnelled = () =>
      ports[egress].captured
        .map(({ bytes }) => decodeSrv6Packet(bytes))
        .find((packet) => packet.nextHeader === 41 && packet.destination.startsWith('fcbb:bb:1:'));
    await eventually('the packet is seen', () => tunnelled() !== undefined);
    const counters = (await fib.sidCounters()).find(({ prefix }) => prefix === `${SID}/64`);
    expect(counters).toMatchObject({ errors: 0 });
    expect(counters!.packets).toBeGreaterThan(0);
    expect(await fib.verify()).toEqual([]);
    return tunnelled()!;
  }

  it('End: the header goes on to the egress router', async () => {
    await put(lab.router('co').fib, sid(SID, { action: 'End' }));
    expect(await first('e1', 's1')).toMatchObject({ destination: EGRESS, payloadOffset: HEADER + SRH });
  });

  it('End with PSP: the header is gone', async () => {
    await put(lab.router('co').fib, sid(SID, { action: 'End' }, { psp: true }));
    expect(await first('e1', 's1')).toMatchObject({ destination: EGRESS, payloadOffset: HEADER });
  });

  it('End.T: the way is that of its table', async () => {
    const hops = [{ gateway: 'fd00:3::2', device: 'e2', weight: 1 }];
    const way: FibObject = { kind: 'route', prefix: `${EGRESS}/64`, table: TABLE, target: { kind: 'gateways', hops } };
    await put(lab.router('co').fib, way, sid(SID, { action: 'End.T', table: TABLE }));
    await put(lab.router('e2').fib, sid(EGRESS, { action: 'End.DX6', nexthop: 'fd01:2::2' }));
    expect(await first('e2', 's2')).toMatchObject({ destination: EGRESS });
    expect(ports.e1.captured.filter(({ bytes }) => decodeSrv6Packet(bytes).destination === EGRESS)).toEqual([]);
  });

  it('End.B6.Encaps: it travels in another list, whose end unpacks it', async () => {
    const bound = 'fcbb:bb:1:d7::';
    await put(lab.router('co').fib, sid(SID, { action: 'End.B6.Encaps', segments: [bound] }));
    await put(lab.router('e1').fib, sid(bound, { action: 'End.DT6', table: 254 }));
    const packet = await first('e1', 's1');
    expect(packet).toMatchObject({ destination: bound, segments: [bound], inner: { destination: EGRESS } });
  });
});
