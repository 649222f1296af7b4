// A daemon that root started: what each of its threads and children may still do, that it programs its kernel with that,
// and that it comes back from kill -9 with it.
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whyNoKernelTests } from '../fib/testing/namespaces.ts';
import { capabilityMasks, KEPT_CAPABILITIES } from '../privileges.ts';
import { Lab } from './lab.fixture.ts';
import { built } from './program.fixture.ts';

const why = whyNoKernelTests();
if (why) process.stderr.write(`privileges are not tested: ${why}\n`);
const isRoot = process.geteuid?.() === 0;

const KEPT = Object.values(KEPT_CAPABILITIES).reduce((mask, bit) => mask | (1n << BigInt(bit)), 0n);

interface Thread {
  readonly pid: number;
  readonly name: string;
  readonly effective: bigint;
  readonly bounding: bigint;
}

/** Every thread of a process and of its children. */
function threadsOf(pid: number): Thread[] {
  const own = readdirSync(`/proc/${pid}/task`).flatMap((task) => {
    const status = readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8');
    return [{ pid, name: /^Name:\s*(.*)$/m.exec(status)?.[1] ?? '', ...capabilityMasks(status) }];
  });
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  return [...own, ...children.flatMap((child) => threadsOf(Number(child)))];
}

describe.skipIf(why !== undefined || !isRoot)('a daemon of root', () => {
  let lab: Lab;

  beforeAll(async () => {
    await built();
    lab = new Lab({ routers: ['ra', 'rb'], links: [['ra', 'rb']], clientOf: 'ra', hosts: { rb: 1 } });
    lab.startHost(1);
    for (const name of ['ra', 'rb']) lab.start(name, name === 'rb' ? ['--keep-capabilities'] : []);
    await lab.until('both serve', () => served());
  }, 60_000);

  afterAll(async () => {
    await lab?.stop();
  });

  async function served(): Promise<boolean> {
    const objects = await lab.ask('ra', (admin) => admin.show('fib'));
    const peers = await lab.ask('ra', (admin) => admin.show('peers'));
    // A nexthop that imposes a list, and nftables: both kinds of programming.
    return (
      peers.every((peer) => peer.state === 'Established') &&
      objects.length > 5 &&
      objects.every((object) => object.state === 'in-force')
    );
  }

  async function pidOf(name: string): Promise<number> {
    return (await lab.ask(name, (admin) => admin.status())).pid;
  }

  test('keeps three capabilities in every thread and in nft, and gets no others back', {
    timeout: 60_000,
  }, async () => {
    const threads = threadsOf(await pidOf('ra'));
    expect(threads.length).toBeGreaterThan(5);
    expect(threads.some(({ name }) => name === 'nft')).toBe(true);
    for (const { pid, name, effective, bounding } of threads)
      expect({ pid, name, effective, bounding }).toEqual({ pid, name, effective: KEPT, bounding: KEPT });
    expect(readFileSync(`/proc/${await pidOf('ra')}/status`, 'utf8')).toMatch(/^NoNewPrivs:\s*1$/m);
  });

  test('still programs routes, nexthops and nftables, and says nothing of missing rights', async () => {
    expect(await served()).toBe(true);
    const said = lab.daemon('ra').log.filter((line) => /EPERM|EACCES|permission/i.test(JSON.stringify(line)));
    expect(said).toEqual([]);
  });

  test('keeps everything where the command line says so', { timeout: 60_000 }, async () => {
    const [main] = threadsOf(await pidOf('rb'));
    expect(main!.effective & ~KEPT).not.toBe(0n);
  });

  test('comes back from kill -9 as limited as before', { timeout: 60_000 }, async () => {
    process.kill(await pidOf('ra'), 'SIGKILL');
    await lab.daemon('ra').ended;
    lab.start('ra');
    await lab.until('it serves again', () => served());
    for (const { effective } of threadsOf(await pidOf('ra'))) expect(effective).toBe(KEPT);
  });
});
