// Labs without root, as another user: run through the command line, since it is that which makes the user namespace.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';

/** Nobody else's: its processes are found by it. */
const UID = 60_000 + (process.pid % 5000);
const LAB = fileURLToPath(new URL('../lab', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'cfn-rootless-'));
const runtime = join(folder, 'runtime');
const environment = {
  PATH: process.env.PATH ?? '',
  HOME: folder,
  XDG_RUNTIME_DIR: runtime,
  NODE_COMPILE_CACHE: join(folder, 'cache'),
};
const asUser = ['--reuid', String(UID), '--regid', String(UID), '--clear-groups', '--'];

writeFileSync(
  join(folder, 'pair.clab.yml'),
  `
name: pair
topology:
  defaults:
    kind: linux
    network-mode: none
    restart-policy: "no"
    binds: ["pair.clab.yml:/etc/made/up/file:ro"]
    sysctls: { net.ipv6.conf.all.disable_ipv6: 0, net.ipv6.conf.default.accept_dad: 0, net.ipv6.conf.all.seg6_enabled: 1 }
  nodes:
    a: { exec: [ip -6 address add fd01::1/64 dev eth1 nodad] }
    b: { exec: [ip -6 address add fd01::2/64 dev eth1 nodad] }
  links: [{ endpoints: ["a:eth1", "b:eth1"] }]
`,
);
mkdirSync(runtime);
for (const path of [folder, runtime, join(folder, 'pair.clab.yml')]) chownSync(path, UID, UID);
chmodSync(folder, 0o700);

function obstacleHere(): string {
  if (process.getuid?.() !== 0) return 'not root, so no other user to become';
  try {
    execFileSync('setpriv', [...asUser, 'unshare', '--user', '--map-root-user', '--net', 'test', '-r', LAB], {
      stdio: 'ignore',
    });
    return '';
  } catch {
    return 'users may not make namespaces, or not read this checkout';
  }
}
const obstacle = obstacleHere();
if (obstacle !== '') process.stderr.write(`rootless.netns.test.ts: left out: ${obstacle}\n`);

async function lab(...args: string[]): Promise<string> {
  const options = { cwd: folder, env: environment, timeout: 120_000 };
  const { stdout } = await promisify(execFile)('setpriv', [...asUser, LAB, ...args], options);
  return stdout;
}

async function rows(): Promise<number> {
  const labs = JSON.parse(await lab('inspect', '--format', 'json')) as { pair?: unknown[] };
  return labs.pair?.length ?? 0;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await condition())) if (performance.now() > deadline) throw new Error('not in time');
}

afterAll(async () => {
  if (obstacle === '') await lab('destroy', '--lab', 'pair', '--force');
  rmSync(folder, { recursive: true });
});

describe.skipIf(obstacle !== '')('a lab of a user', () => {
  test('is deployed, looked into and destroyed without root, in a sandbox that ends with it', {
    timeout: 300_000,
  }, async () => {
    expect(await lab('deploy')).toMatch(/^pair: 2 nodes, 1 links/);
    expect(await rows()).toBe(2);
    expect(existsSync('/run/netns/clab-pair-a')).toBe(false);
    expect(await lab('exec', '--lab', 'pair', 'a', '--', 'ping', '-c', '1', '-W', '10', 'fd01::2')).toContain(
      ' 0% packet loss',
    );
    expect(await lab('exec', '--lab', 'pair', 'b', '--', 'cat', '/etc/made/up/file')).toContain('name: pair');
    const encap = 'ip -6 route add fd09::/64 encap seg6 mode encap segs fd08::1 dev eth1';
    await lab('exec', '--lab', 'pair', 'a', '--', ...encap.split(' '));
    expect(await lab('destroy', '--lab', 'pair')).toBe('pair: removed\n');
    expect(existsSync(join(runtime, `cfn-lab-${UID}`, 'sandbox.json'))).toBe(false);
  });

  test('goes with the command that holds it', { timeout: 300_000 }, async () => {
    const command = spawn(LAB, ['deploy', '--foreground'], {
      cwd: folder,
      env: environment,
      uid: UID,
      gid: UID,
      stdio: 'ignore',
    });
    await until(async () => (await rows()) === 2);
    command.kill('SIGKILL');
    await until(async () => (await rows()) === 0);
  });
});
