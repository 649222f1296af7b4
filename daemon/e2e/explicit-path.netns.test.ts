// A way that the ingress's operator has named for a class: real daemons, real packets that are read on the link they were told
// to take, the fastest way while that link is down, and the named one again.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bytesToAddress } from '../../lib/net/address.ts';
import { flowPacket, serialOf } from '../fib/testing/flow-packets.ts';
import { whyNoKernelTests } from '../fib/testing/namespaces.ts';
import { linkAddress, PacketPort, whyNoPacketTests } from '../fib/testing/packet-port.ts';
import { Lab } from './lab.fixture.ts';
import { SERVICE } from './lab-plan.fixture.ts';
import { built } from './program.fixture.ts';

const why = whyNoKernelTests() ?? whyNoPacketTests();
if (why) process.stderr.write(`explicit paths are not tested with packets: ${why}\n`);

const LONG = { timeout: 300_000 };
const EGRESS_SID = '5f00:0:4:100::';
const ROUTING = 43;

/** Segments not yet travelled: the destination, then what the SRH still holds. */
function segmentsAhead(bytes: Uint8Array): string[] {
  const address = (at: number) => bytesToAddress(bytes.subarray(at, at + 16));
  const left = bytes[6] === ROUTING ? bytes[43]! : 0;
  return [address(24), ...Array.from({ length: left }, (_, i) => address(48 + 16 * (left - 1 - i)))];
}

describe.skipIf(why !== undefined)('a path over core2 and by its link to core1', () => {
  let lab: Lab;
  let client: PacketPort;
  /** What routers take in, by the name of the router that it comes from. */
  let core2: PacketPort;
  let core1: PacketPort;
  let serial = 1;

  beforeAll(async () => {
    await built();
    const hops = [{ node: 'core2' }, { node: 'core1', link: 'core1' }, { node: 'eg1' }];
    const voice = { name: 'voice', hold: '300ms', paths: [hops] };
    lab = new Lab({
      routers: ['in', 'core1', 'core2', 'eg1'],
      links: [
        ['in', 'core1'],
        ['in', 'core2'],
        ['core1', 'core2'],
        ['core1', 'eg1'],
      ],
      clientOf: 'in',
      hosts: { eg1: 1 },
      patient: true,
      options: {
        in: { classes: [voice], steering: { services: [{ service: 'web', class: 'voice' }], blackout: '1s' } },
      },
    });
    await lab.startAll();
    client = await PacketPort.open(lab.ns('client'), { uplink: linkAddress(lab.ns('in'), 'client') });
    core2 = await PacketPort.open(lab.ns('core2'), { in: '' });
    core1 = await PacketPort.open(lab.ns('core1'), { in: '', core2: '' });
  }, LONG.timeout);
  afterAll(async () => {
    for (const port of [client, core1, core2]) port?.close();
    await lab?.stop();
  });

  /** How a packet of a flow of its own came in, as `router < neighbour: segments ahead`. */
  const send = async () => {
    const mine = serial++;
    const flow = { from: '2001:db8:c::10', to: SERVICE, protocol: 'udp', flags: 0, shape: 'plain' } as const;
    client.send('uplink', [flowPacket({ ...flow, ports: [10_000 + mine, 80] }, mine)]);
    const seen = () =>
      [
        ['core2', core2],
        ['core1', core1],
      ].flatMap(([router, port]) =>
        (port as PacketPort).captured
          .filter(({ bytes }) => serialOf(bytes) === mine)
          .map(({ device, bytes }) => `${router} < ${device}: ${segmentsAhead(bytes).join(' ')}`),
      );
    await lab.until('the packet passes core1', () => seen().some((line) => line.startsWith('core1')));
    return seen();
  };
  const explained = async () => {
    const view = await lab.ask('in', (admin) => admin.explain('web'));
    const [{ path, explicit, segments }] = view.candidates as [(typeof view.candidates)[number]];
    return { path: path.join(' '), explicit, segments };
  };

  test('is what packets take, the link named by End.X', LONG, async () => {
    await lab.until('the path is taken', async () => (await explained()).explicit === 'taken');
    const { path, segments } = await explained();
    expect(path).toBe('in core2 core1 eg1');
    // Where measured delays make a way over core1 look as fast, the ingress names its own link to core2 before these.
    const [toCore1, toEgress] = segments.slice(-2);
    expect(toCore1).toMatch(/^5f00:0:3:e/);
    expect(toEgress).toBe(EGRESS_SID);
    let seen: string[] = [];
    await lab.until('packets take it', async () => (seen = await send()).length === 2);
    const [first, second] = seen;
    expect(first).toBe(`core2 < in: ${toCore1} ${EGRESS_SID}`);
    expect(second).toBe(`core1 < core2: ${EGRESS_SID}`);
  });

  test('gives way to the fastest while the link is down, and comes back', LONG, async () => {
    lab.ns('core2').sysctl('net.ipv6.conf.core1.keep_addr_on_down', '1');
    lab.ns('core2').ip('link', 'set', 'core1', 'down');
    const fault = 'no link core1 from core2 to core1';
    await lab.until('the fault is told', async () => (await explained()).explicit === fault);
    await lab.until('packets take the fastest', async () =>
      (await send()).every((line) => line.startsWith('core1 < in')),
    );
    lab.ns('core2').ip('link', 'set', 'core1', 'up');
    await lab.until('packets take the path again', async () => (await send()).length === 2);
  });
});
