// An IPv4 service for IPv4 clients over a domain whose links and routers speak IPv6 only: real daemons, two sites, real
// packets whose outer headers are read on the way there and on the way back.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bytesToAddress } from '../../lib/net/address.ts';
import { whyNoKernelTests } from '../fib/testing/namespaces.ts';
import { PacketPort, whyNoPacketTests } from '../fib/testing/packet-port.ts';
import { Lab } from './lab.fixture.ts';
import { TWO_SITES } from './lab-plan.fixture.ts';
import { built, bundled, NODE, runToEnd } from './program.fixture.ts';

const why = whyNoKernelTests() ?? whyNoPacketTests();
if (why) process.stderr.write(`IPv4 over the domain is not tested: ${why}\n`);

const SERVICE4 = '10.80.0.80';
const CLIENT4 = '10.1.0.10';
const LONG = 10;
const services = { web: SERVICE4 };

/** The egress of site n, behind which the contact instance has IPv4 only: its metrics and health are IPv4 too. */
const egress = (n: number, router: number) => ({
  services,
  prefixes: [`10.5${n}.0.0/24`],
  instances: [
    {
      name: `sv${n}`,
      service: 'web',
      address: `10.5${n}.0.10`,
      sid: `5f00:0:${router}:100::`,
      metrics: { kind: 'prometheus', url: `http://10.5${n}.0.10:9100/metrics` },
      health: { kind: 'http', url: `http://10.5${n}.0.10:9100/healthz`, interval: '100ms', timeout: '500ms' },
      ...(n === 1 && { preference: 300 }),
    },
  ],
});

interface Outer {
  readonly destination: string;
  /** Entries of the SRH, last segment first; none: no SRH. */
  readonly segments: readonly string[];
  /** What is inside: 4 is IPv4. */
  readonly next: number;
  readonly inner: { readonly source: string; readonly destination: string; readonly protocol: number };
}

const ROUTING = 43;
const IPIP = 4;

/** The headers of an encapsulated IPv4 packet; undefined: it is something else. */
function outerOf(bytes: Uint8Array): Outer | undefined {
  const address = (at: number, size = 16) => bytesToAddress(bytes.subarray(at, at + size));
  let at = 40;
  let next = bytes[6]!;
  const segments: string[] = [];
  if (next === ROUTING) {
    next = bytes[at]!;
    for (let slot = 0; slot <= bytes[at + 4]!; slot++) segments.push(address(at + 8 + slot * 16));
    at += (bytes[at + 1]! + 1) * 8;
  }
  if (next !== IPIP) return undefined;
  const inner = { source: address(at + 12, 4), destination: address(at + 16, 4), protocol: bytes[at + 9]! };
  return { destination: address(24), segments, next, inner };
}

describe.skipIf(why !== undefined)('IPv4 over the SRv6 domain', () => {
  let lab: Lab;
  /** What comes in at the egress of site 1 and, on the way back, at the ingress. */
  let there: PacketPort;
  let back: PacketPort;

  beforeAll(async () => {
    await built();
    lab = new Lab({
      ...TWO_SITES,
      patient: true,
      options: {
        in: { services, prefixes: ['10.1.0.0/24'] },
        eg1: egress(1, TWO_SITES.routers.indexOf('eg1') + 1),
        eg2: egress(2, TWO_SITES.routers.indexOf('eg2') + 1),
      },
    });
    edge('client', 'in', '10.1.0');
    for (const n of [1, 2]) {
      edge(`sv${n}`, `eg${n}`, `10.5${n}.0`);
      lab.ns(`sv${n}`).ip('addr', 'add', `${SERVICE4}/32`, 'dev', 'lo');
    }
    // What came out of a tunnel would not pass a strict filter, and the links have no IPv4 address.
    for (const [a, b] of TWO_SITES.links) {
      strict(a, b);
      strict(b, a);
    }
    await lab.startAll();
    there = await PacketPort.open(lab.ns('eg1'), { core1: '' });
    back = await PacketPort.open(lab.ns('in'), { core1: '', core2: '' });
  }, 300_000);

  afterAll(async () => {
    there?.close();
    back?.close();
    await lab?.stop();
  });

  function edge(node: string, router: string, net: string): void {
    lab.ns(node).ip('addr', 'add', `${net}.10/24`, 'dev', 'uplink');
    lab.ns(router).ip('addr', 'add', `${net}.1/24`, 'dev', node);
    lab.ns(node).ip('route', 'add', 'default', 'via', `${net}.1`);
  }

  function strict(router: string, link: string): void {
    lab.ns(router).run('sh', '-c', `echo 1 > /proc/sys/net/ipv4/conf/${link}/rp_filter`);
  }

  const seen = (port: PacketPort, protocol: number) =>
    port.captured.map((packet) => outerOf(packet.bytes)).filter((outer) => outer?.inner.protocol === protocol);

  test('a ping is answered, in a tunnel each way', { timeout: 300_000 }, async () => {
    await lab.until('site 1 is preferred', async () => (await lab.weights()).sv1 === 1000);
    const { stdout } = await runToEnd(lab.ns('client'), ['ping', '-c', '5', '-i', '0.05', '-W', '2', SERVICE4]);
    expect(stdout).toContain('5 received');
    await lab.until('both ways were seen', () => seen(there, 1).length >= 5 && seen(back, 1).length >= 5);
    // Past the End of every transit router (the first is left out of the header by encap.red): End.DX4 is what is left.
    expect(seen(there, 1)[0]).toEqual({
      destination: '5f00:0:4:100::',
      segments: expect.arrayContaining(['5f00:0:4:100::']),
      next: IPIP,
      inner: { source: CLIENT4, destination: SERVICE4, protocol: 1 },
    });
    // Home by the ingress' End.DX4 to 0.0.0.0: one segment, no SRH.
    expect(seen(back, 1)[0]).toEqual({
      destination: '5f00:0:1:d4::',
      segments: [],
      next: IPIP,
      inner: { source: SERVICE4, destination: CLIENT4, protocol: 1 },
    });
    // Nothing of it was routed as IPv4 in between.
    expect(lab.ns('core1').ip('-4', 'route', 'show')).not.toMatch(/via|dev in|dev eg1/);
  });

  test('TCP follows the decision, and running flows stay when it changes', { timeout: 300_000 }, async () => {
    const client = lab.startClient(['--target', `http://${SERVICE4}/`, '--rate', '10', '--long-lived', String(LONG)]);
    await lab.until('long flows run at site 1', () => client.second?.longFlows?.sv1 === LONG);
    client.mark('running');
    // Captures come when they come.
    await lab.until('they are seen in the tunnel', () => seen(there, 6).length > LONG);
    const drained = await runToEnd(lab.ns('eg1'), [
      NODE,
      bundled('cfnctl'),
      '--socket',
      lab.socket('eg1'),
      'drain',
      'sv1',
    ]);
    expect(drained.code).toBe(0);
    await lab.until('new flows go to site 2 only', () => {
      const { newFlows = {} } = client.second ?? {};
      return (newFlows.sv2 ?? 0) > 0 && newFlows.sv1 === undefined;
    });
    expect(client.second?.longFlows).toEqual({ sv1: LONG });
    const summary = await client.stop();
    expect(summary.longFlows).toMatchObject({ unbroken: LONG, instances: { sv1: LONG } });
    const running = summary.phases.at(-1);
    expect(running, lab.told(running)).toMatchObject({ brokenFlows: 0, movedFlows: 0, failedFlows: 0 });
  });

  test('the SIDs that end its tunnels have counted it', { timeout: 300_000 }, async () => {
    const shown = await runToEnd(lab.ns('in'), ['ip', '-6', '-s', 'route', 'show', '5f00:0:1:d4::/64']);
    expect(Number(/packets (\d+)/.exec(shown.stdout)?.[1])).toBeGreaterThan(LONG);
  });
});
