// gsrv6-8 as it is checked in, on the real kernel under a name of its own: what the ingress says that it imposes is what
// arrives at the first router, and TCP gets through each kind of list.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { eventually } from '../../daemon/fib/testing/namespaces.ts';
import { PacketPort, whyNoPacketTests } from '../../daemon/fib/testing/packet-port.ts';
import type { ExplainView } from '../../lib/model/view.ts';
import { decodeSrv6Packet, type Srv6Packet } from '../../lib/segment/srh.ts';
import { netnsEngine } from './engine-netns.ts';
import { readLabFile } from './parse-clab.ts';
import { verifyLab } from './verify.ts';

const SERVICE = 'fd00:cafe::80';
const folder = mkdtempSync(join(tmpdir(), 'cfn-gsrv6-8-'));
const lab = `gsrv6x${process.pid}`;
const obstacle = whyNoPacketTests() ?? '';
if (obstacle !== '') process.stderr.write(`gsrv6-8.netns.test.ts: left out: ${obstacle}\n`);

afterAll(async () => {
  if (obstacle === '') await netnsEngine.destroy({ lab }, { force: true });
  rmSync(folder, { recursive: true });
});

test.skipIf(obstacle !== '')('gsrv6-8 passes its checks, and imposes what it says', { timeout: 600_000 }, async () => {
  const source = new URL('../../containerlab/gsrv6-8/', import.meta.url).pathname;
  for (const part of ['configs', 'verify.yml']) cpSync(join(source, part), join(folder, part), { recursive: true });
  const text = readFileSync(join(source, 'gsrv6-8.clab.yml'), 'utf8');
  const file = join(folder, `${lab}.clab.yml`);
  writeFileSync(file, text.replace('name: gsrv6-8', `name: ${lab}`));
  const parsed = readLabFile(file);
  const report = await netnsEngine.deploy(parsed, { tied: true, strict: true });
  expect(report.failedExecs).toEqual([]);
  const result = await verifyLab(netnsEngine, parsed);
  expect(result.checks.filter((check) => !check.pass)).toEqual([]);

  // The first router of either arm, and the last one of each path, by the interface that looks toward in1.
  const first = { r1: await listen('r1', 'eth1'), n1: await listen('n1', 'eth1') };
  const last = { sv1: await listen('eg1', 'eth1'), sv2: await listen('n2', 'eth1'), sv3: await listen('eg2', 'eth1') };
  for (const [instance, at] of [
    ['sv1', 'r1'],
    ['sv2', 'n1'],
    ['sv3', 'n1'],
  ] as const) {
    for (const other of ['sv1', 'sv2', 'sv3']) {
      const argv = ['cfnctl', other === instance ? 'undrain' : 'drain', other];
      // On a busy machine a health check may just have failed, and the instance be unknown for a moment.
      const excluded = async () => (await netnsEngine.exec({ lab }, 'in1', argv))['return-code'] === 0;
      await eventually(argv.join(' '), excluded, 60_000);
    }
    await eventually(
      `new flows go to ${instance}`,
      async () => {
        // Nor may it explain a service of which it knows no instance at that moment.
        const explained = await explain().catch(() => undefined);
        return explained?.candidates.some((it) => it.instanceName === instance && it.weight === 1000) === true;
      },
      60_000,
    );
    await eventually(
      `${instance} answers`,
      async () => {
        for (const port of [...Object.values(first), ...Object.values(last)]) port.captured.splice(0);
        const argv = ['curl', '-gsf', '-m', '10', `http://[${SERVICE}]/instance`];
        return (await netnsEngine.exec({ lab }, 'u1', argv)).stdout.includes(instance);
      },
      60_000,
    );
    let segments: readonly string[] | undefined;
    await eventually(
      `${instance} is explained`,
      async () => {
        const explained = await explain().catch(() => undefined);
        segments = explained?.candidates.find((it) => it.instanceName === instance)?.segments;
        return segments !== undefined;
      },
      60_000,
    );
    // Each router's capture comes when it comes.
    await eventually('the last router has seen it', () => toService(last[instance]).length > 0);
    await eventually('the first router has seen it', () => toService(first[at]).length > 2);
    for (const packet of toService(first[at])) expect(packet.segments).toEqual(segments);
    for (const packet of toService(last[instance])) expect(packet.destination).toMatch(EGRESS[instance]);
  }
  for (const port of [...Object.values(first), ...Object.values(last)]) port.close();

  // A daemon that comes back knows by its packed lists which nexthop was whose: running flows keep their slots.
  const before = await nexthops();
  expect(before).toHaveLength(3);
  await netnsEngine.killCmd({ lab }, 'in1');
  expect(await nexthops()).toEqual(before);
  await netnsEngine.startCmd({ lab }, 'in1');
  const status = async () => (await netnsEngine.exec({ lab }, 'in1', ['cfnctl', '--json', 'status'])).stdout;
  await eventually('the next life is in sync', async () => (await status()).includes('"synced"'), 60_000);
  const steers = async () => ((await explain().catch(() => undefined))?.best ?? '') !== '';
  await eventually('it steers again', steers, 60_000);
  expect(await nexthops()).toEqual(before);
});

/** Of contact instances: id and segment list, as the kernel has them. */
async function nexthops(): Promise<string[]> {
  const lines = (await run('in1', ['ip', '-6', 'nexthop', 'show', 'proto', '201'])).split('\n');
  return lines.filter((line) => line.includes('encap seg6')).sort();
}

/** How the service SID arrives: at the end of a REPLACE-CSID sequence its index is left in the argument. */
const EGRESS = { sv1: /^fdbb:cafe:0:31:f001::2$/, sv2: /^fcbb:bbbb:42:f001::$/, sv3: /^fdbb:cafe:0:32:f001::$/ };

function listen(node: string, device: string): Promise<PacketPort> {
  return PacketPort.open({ name: `clab-${lab}-${node}` }, { [device]: '' });
}

/** Encapsulated packets of the client's flows. */
function toService(port: PacketPort): Srv6Packet[] {
  return port.captured.map(({ bytes }) => decodeSrv6Packet(bytes)).filter((it) => it.inner?.destination === SERVICE);
}

async function explain(): Promise<ExplainView> {
  return JSON.parse(await run('in1', ['cfnctl', '--json', 'explain', 'web'])) as ExplainView;
}

async function run(node: string, argv: readonly string[]): Promise<string> {
  const { 'return-code': code, stdout, stderr } = await netnsEngine.exec({ lab }, node, argv);
  if (code !== 0) throw new Error(`${node}: ${argv.join(' ')}: ${stderr}`);
  return stdout;
}
