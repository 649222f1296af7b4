// The namespace engine on the real kernel: three nodes in a row, one link 5 ms long, one plain.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DeployReport, InspectRow } from './engine.ts';
import { netnsEngine } from './engine-netns.ts';
import { readState, runtimeDirectory, taggedProcesses } from './lab-state.ts';
import { readLabFile } from './parse-clab.ts';

const folder = mkdtempSync(join(tmpdir(), 'cfn-lab-test-'));
const lab = `row${process.pid}`;
const file = join(folder, `${lab}.clab.yml`);
const ref = { lab, file };
const canary = `/cfn-lab-canary-${process.pid}`;
writeFileSync(join(folder, 'greeting'), 'hello\n');
writeFileSync(
  file,
  `
name: ${lab}
topology:
  kinds:
    linux:
      network-mode: none
      restart-policy: "no"
      env: { COLOUR: green }
      binds: ["greeting:/etc/greeting:ro"]
      sysctls:
        net.ipv6.conf.all.disable_ipv6: 0
        net.ipv6.conf.all.accept_dad: 0
        net.ipv6.conf.default.accept_dad: 0
        net.ipv6.conf.all.forwarding: 1
  defaults: { kind: linux }
  nodes:
    a:
      cmd: sh -c 'cat /etc/greeting; echo $$COLOUR; exec sleep 600'
      exec:
        - ip -6 address add fd01::1/64 dev eth1 nodad
        - ip -6 route add default via fd01::2
        - touch ${canary}
    b:
      exec: [ip -6 address add fd01::2/64 dev eth1 nodad, ip -6 address add fd02::2/64 dev eth2 nodad]
    c:
      exec:
        - ip -6 address add fd02::3/64 dev eth1 nodad
        - ip -6 route add default via fd02::2
        - sh -c 'echo wrong >&2; exit 4'
        - sh -c 'echo after >/tmp/after'
  links:
    - endpoints: ["a:eth1", "b:eth1"]
      vars: { delay: 5ms }
    - endpoints: ["b:eth2", "c:eth1"]
      mtu: 1500
`,
);
const obstacle = process.getuid?.() === 0 ? (existsSync('/dev/net/tun') ? '' : 'no /dev/net/tun') : 'not root';
if (obstacle !== '') process.stderr.write(`engine-netns.netns.test.ts: left out: ${obstacle}\n`);

async function until(condition: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('not in time');
    await new Promise((done) => setTimeout(done, 20));
  }
}

async function output(node: string, line: string): Promise<string> {
  const result = await netnsEngine.exec(ref, node, ['sh', '-c', line], { timeoutMs: 30_000 });
  return result.stdout.trim();
}

/** Least round trip of some pings: what the link does, not what a busy machine adds. */
async function leastRoundTripMs(): Promise<number> {
  const text = await output('a', 'ping -q -c 8 -i 0.02 -W 1 fd02::3');
  return Number(/= ([\d.]+)\//.exec(text)?.[1] ?? Number.NaN);
}

/** On a busy machine each of some pings may take longer than the link does: again, then. */
async function isSoonBetween(fromMs: number, belowMs: number): Promise<void> {
  let leastMs = Number.NaN;
  await until(async () => {
    leastMs = await leastRoundTripMs();
    // Nothing makes a link shorter than it is.
    if (leastMs < fromMs) throw new Error(`${leastMs} ms, not ${fromMs}`);
    return leastMs < belowMs;
  });
}

function leftovers(): string[] {
  const names = existsSync('/run/netns') ? readdirSync('/run/netns').filter((name) => name.includes(lab)) : [];
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(lab));
  const processes = taggedProcesses(lab).map((pid) => `process ${pid}`);
  return [...names, ...mounts, ...processes, ...(existsSync(runtimeDirectory(lab)) ? [runtimeDirectory(lab)] : [])];
}

function deploy(tied = false): Promise<DeployReport> {
  return netnsEngine.deploy(readLabFile(file), { tied, strict: false });
}

afterAll(async () => {
  if (obstacle === '') await netnsEngine.destroy(ref, { force: true });
  rmSync(folder, { recursive: true });
});

describe.skipIf(obstacle !== '')('a deployed lab', () => {
  let report: DeployReport;
  beforeAll(async () => {
    report = await deploy();
  });

  test('has the nodes of the file under containerlab names', async () => {
    expect(report.nodes.map((row) => [row.name, row.state])).toEqual([
      [`clab-${lab}-a`, 'running'],
      [`clab-${lab}-b`, 'running'],
      [`clab-${lab}-c`, 'running'],
    ]);
    // Their ages go on while this reads.
    const age = expect.stringMatching(/^Up \d+ seconds$/);
    const aged = (rows: readonly InspectRow[]) => rows.map((row) => ({ ...row, status: age }));
    expect(report.nodes).toEqual(aged(report.nodes));
    expect(await netnsEngine.inspect(lab)).toEqual(aged(report.nodes));
    expect(readdirSync('/run/netns')).toEqual(expect.arrayContaining(report.nodes.map((row) => row.name)));
  });

  test('reports the exec that failed, with its code and error text, and goes on after it', async () => {
    expect(report.failedExecs).toEqual([
      { node: 'c', cmd: ['sh', '-c', 'echo wrong >&2; exit 4'], 'return-code': 4, stdout: '', stderr: 'wrong\n' },
    ]);
    expect(await output('c', 'cat /tmp/after')).toBe('after');
  });

  test('keeps the files, processes and names of its nodes to itself', async () => {
    expect(await output('a', `ls ${canary}`)).toBe(canary);
    expect(existsSync(canary)).toBe(false);
    expect(await output('b', `ls ${canary} 2>&1 | tail -c 5`)).not.toContain(canary.slice(-4));
    expect(await output('b', 'hostname')).toBe('b');
    expect(await output('b', 'ls -d /proc/[0-9]* | wc -l')).toMatch(/^[1-9]$/);
  });

  test('runs the command with its environment, binds and log', async () => {
    await until(() => readFileSync(join(folder, `clab-${lab}/a/log`), 'utf8') === 'hello\ngreen\n');
    expect(await output('a', '{ echo x >/etc/greeting; } 2>&1')).toMatch(/read-only/i);
  });

  test('has the round trip of its links, and follows impair', async () => {
    await isSoonBetween(10, 40);
    await netnsEngine.impair(ref, 'a--b', { kind: 'quality', quality: { delayUs: 1000 } });
    await isSoonBetween(2, 10);
    await netnsEngine.impair(ref, 'b:eth1', { kind: 'quality', quality: { lossPercent: 100 } });
    expect(await leastRoundTripMs()).toBeNaN();
    await netnsEngine.impair(ref, 'b--a', { kind: 'reset' });
    await isSoonBetween(10, 40);
  });

  test('limits the rate of a link', async () => {
    // 100 frames of 1000 bytes at 8 Mbit/s take 100 ms.
    await netnsEngine.impair(ref, 'a--b', { kind: 'quality', quality: { delayUs: 0, rateBps: 8_000_000 } });
    await until(async () => {
      const text = await output('a', 'ping -q -c 100 -l 100 -s 946 -W 1 fd02::3');
      const maxMs = Number(/\/([\d.]+)\/[\d.]+ ms/.exec(text)?.[1]);
      expect(maxMs).toBeGreaterThan(80);
      return maxMs < 2000;
    });
    await netnsEngine.impair(ref, 'a--b', { kind: 'reset' });
  });

  test.each([
    ['a--b', 'relayed', ['a', 'eth1'], ['b', 'eth1']],
    ['b--c', 'plain', ['b', 'eth2'], ['c', 'eth1']],
  ] as const)(
    'cutting %s (%s) takes the carrier of both ends, and joining it brings all back',
    async (link, _kind, near, far) => {
      const carrier = () =>
        Promise.all([near, far].map(([node, device]) => output(node, `ip link show ${device} | grep -c LOWER_UP`)));
      expect(await carrier()).toEqual(['1', '1']);
      await netnsEngine.impair(ref, link, { kind: 'carrier', up: false });
      expect(await carrier()).toEqual(['0', '0']);
      expect(await output(far[0], `ip -6 address show dev ${far[1]} scope global`)).toContain('fd0');
      await netnsEngine.impair(ref, link, { kind: 'carrier', up: true });
      expect(await carrier()).toEqual(['1', '1']);
      await until(async () => (await leastRoundTripMs()) >= 10);
    },
  );

  test('says why a plain link cannot be made long', async () => {
    const change = netnsEngine.impair(ref, 'b--c', { kind: 'quality', quality: { delayUs: 1000 } });
    await expect(change).rejects.toThrow('link b--c was deployed without delay');
  });

  test('lets a command be killed and started again, its network untouched', async () => {
    await netnsEngine.killCmd(ref, 'a');
    expect((await netnsEngine.inspect(lab))[0]).toMatchObject({ state: 'exited', status: 'Exited (137)' });
    expect(await output('a', 'ip -6 address show dev eth1 scope global')).toContain('fd01::1');
    await netnsEngine.startCmd(ref, 'a');
    expect((await netnsEngine.inspect(lab))[0]).toMatchObject({ state: 'running' });
    await until(() => readFileSync(join(folder, `clab-${lab}/a/log`), 'utf8') === 'hello\ngreen\nhello\ngreen\n');
  });

  test('ends what was started in a node when the caller ends it', async () => {
    const child = netnsEngine.spawn(ref, 'b', ['sleep', '4711']);
    await until(async () => (await output('b', 'pgrep -f "sleep 471[1]"')) !== '');
    child.kill('SIGKILL');
    await until(async () => (await output('b', 'pgrep -f "sleep 471[1]"')) === '');
  });

  test('passes a polite signal on to what was started in a node', async () => {
    const child = netnsEngine.spawn(ref, 'b', [
      'sh',
      '-c',
      'trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 0.05; done',
    ]);
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await until(() => text === 'ready\n');
    const code = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    expect(await code).toBe(7);
    expect(text).toBe('ready\nbye\n');
  });

  test('is not deployed twice', async () => {
    await expect(deploy()).rejects.toThrow(`lab ${lab} is deployed already`);
    expect(await leastRoundTripMs()).toBeGreaterThan(9);
  });

  test('is gone after destroy: no names, mounts, processes or files', async () => {
    expect(leftovers()).not.toEqual([]);
    expect(await netnsEngine.destroy(ref, { force: false })).toEqual({ removed: true });
    expect(leftovers()).toEqual([]);
    expect(await netnsEngine.destroy(ref, { force: false })).toEqual({ removed: false });
    await expect(netnsEngine.exec(ref, 'a', ['true'])).rejects.toThrow(`lab ${lab} is not deployed`);
  });
});

describe.skipIf(obstacle !== '')('a lab whose runner dies', () => {
  test('goes with it, and its name can be used again', async () => {
    await deploy();
    const { supervisor } = readState(lab)!;
    process.kill(supervisor.pid, 'SIGKILL');
    await until(() => taggedProcesses(lab).length === 0);
    expect(await netnsEngine.inspect(lab)).toEqual([]);
    await deploy();
    expect(await leastRoundTripMs()).toBeGreaterThan(9);
    await netnsEngine.destroy(ref, { force: true });
    expect(leftovers()).toEqual([]);
  });

  test('goes with the command that holds it, where they are tied', async () => {
    const command = spawn(
      process.execPath,
      [new URL('./main.ts', import.meta.url).pathname, 'deploy', '-t', file, '--foreground', '--ignore-exec-errors'],
      { stdio: 'ignore' },
    );
    await until(async () => (await netnsEngine.inspect(lab)).length === 3);
    command.kill('SIGKILL');
    await until(() => leftovers().length === 0);
  });
});

test.skipIf(obstacle !== '')('a folder that cannot be made is a reason, not a stack', async () => {
  const other = join(folder, 'other.clab.yml');
  writeFileSync(other, `name: ${lab}x\ntopology: { nodes: { a: { kind: linux, network-mode: none } } }\n`);
  writeFileSync(join(folder, `clab-${lab}x`), 'not a folder');
  await expect(netnsEngine.deploy(readLabFile(other), { tied: false, strict: false })).rejects.toThrow(
    /the lab's folder cannot be written: E(EXIST|NOTDIR)/,
  );
  rmSync(join(folder, `clab-${lab}x`));
});
