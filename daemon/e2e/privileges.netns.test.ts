// A daemon that root started: what each of its threads and children may still do, that it programs its kernel with that,
// and that it comes back from kill -9 with it.
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whyNoKernelTests } from '../fib/testing/namespaces.ts';
import { capabilityMasks, keptMask } from '../privileges.ts';
import { Lab } from './lab.fixture.ts';
import { built } from './program.fixture.ts';

const why = whyNoKernelTests();
if (why) process.stderr.write(`privileges are not tested: ${why}\n`);
const isRoot = process.geteuid?.() === 0;

const KEPT = keptMask({ accelerator: false });

/** Its REPLACE-CSID endpoints are to be in eBPF. */
const ACCELERATED = {
  fib: { accelerator: 'tc-bpf' },
  srv6: { locator: '5f00:0:3::/48', locators: [{ prefix: '5f01:0:0:3::/64', behaviour: 'replace-csid' }] },
};

interface Thread {
  readonly pid: number;
  readonly name: string;
  readonly effective: bigint;
  readonly bounding: bigint;
}

/** Every thread of a process and of its children; those that end while this reads are left out. */
function threadsOf(pid: number): Thread[] {
  const tasks = whileThere(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  const own = tasks.flatMap((task) => {
    const status = whileThere(() => readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8'));
    if (status === undefined) return [];
    return [{ pid, name: /^Name:\s*(.*)$/m.exec(status)?.[1] ?? '', ...capabilityMasks(status) }];
  });
  const children = whileThere(() => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')) ?? '';
  const pids = children.trim().split(' ').filter(Boolean);
  return [...own, ...pids.flatMap((child) => threadsOf(Number(child)))];
}

function whileThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

describe.skipIf(why !== undefined || !isRoot)('a daemon of root', () => {
  let lab: Lab;

  beforeAll(async () => {
    await built();
    lab = new Lab({
      routers: ['ra', 'rb', 'rc'],
      links: [
        ['ra', 'rb'],
        ['rb', 'rc'],
      ],
      clientOf: 'ra',
      hosts: { rb: 1 },
      options: { rc: ACCELERATED },
    });
    lab.startHost(1);
    for (const name of ['ra', 'rb', 'rc']) lab.start(name, name === 'rb' ? ['--keep-capabilities'] : []);
    // Also so that whom they started for their start has ended.
    for (const name of ['ra', 'rb', 'rc']) await lab.until(`${name} serves`, () => served(name));
  }, 300_000);

  afterAll(async () => {
    await lab?.stop();
  });

  async function served(name: string): Promise<boolean> {
    const objects = await lab.ask(name, (admin) => admin.show('fib'));
    const peers = await lab.ask(name, (admin) => admin.show('peers'));
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

  test('keeps two capabilities in every thread and in nft, and gets no others back', {
    timeout: 300_000,
  }, async () => {
    const threads = threadsOf(await pidOf('ra'));
    expect(threads.length).toBeGreaterThan(5);
    expect(threads.some(({ name }) => name === 'nft')).toBe(true);
    for (const { pid, name, effective, bounding } of threads)
      expect({ pid, name, effective, bounding }).toEqual({ pid, name, effective: KEPT, bounding: KEPT });
    expect(readFileSync(`/proc/${await pidOf('ra')}/status`, 'utf8')).toMatch(/^NoNewPrivs:\s*1$/m);
  });

  test('still programs routes, nexthops and nftables, and says nothing of missing rights', {
    timeout: 300_000,
  }, async () => {
    // Routers that were heard of since then may be on their way into the kernel.
    await lab.until('everything is in force', () => served('ra'));
    const said = lab.daemon('ra').log.filter((line) => /EPERM|EACCES|permission/i.test(JSON.stringify(line)));
    expect(said).toEqual([]);
  });

  test('keeps everything where the command line says so', { timeout: 300_000 }, async () => {
    const [main] = threadsOf(await pidOf('rb'));
    expect(main!.effective & ~KEPT).not.toBe(0n);
  });

  test('keeps two more where an accelerator is configured, and with them it loads', { timeout: 300_000 }, async () => {
    const kept = keptMask({ accelerator: true });
    for (const { pid, name, effective, bounding } of threadsOf(await pidOf('rc')))
      expect({ pid, name, effective, bounding }).toEqual({ pid, name, effective: kept, bounding: kept });
    const capabilities = await lab.ask('rc', (admin) => admin.show('capabilities'));
    expect(capabilities.find(({ name }) => name === 'tc-bpf')).toMatchObject({ available: true });
    expect(await lab.ask('ra', (admin) => admin.show('capabilities'))).not.toContainEqual(
      expect.objectContaining({ name: 'tc-bpf' }),
    );
  });

  test('comes back from kill -9 as limited as before', { timeout: 300_000 }, async () => {
    process.kill(await pidOf('ra'), 'SIGKILL');
    await lab.daemon('ra').ended;
    lab.start('ra');
    await lab.until('it serves again', () => served('ra'));
    for (const { effective } of threadsOf(await pidOf('ra'))) expect(effective).toBe(KEPT);
  });
});
