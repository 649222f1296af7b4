// Machines and configurations as they are: what is wrong or missing is said in a clear line, and the rest works.
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { whyNoKernelTests } from '../fib/testing/namespaces.ts';
import { Lab } from './lab.fixture.ts';
import type { LabPlan } from './lab-plan.fixture.ts';
import { built, bundled, NODE, Program, type ProgramOptions, runToEnd } from './program.fixture.ts';

const why = whyNoKernelTests();
if (why) process.stderr.write(`shortcomings of machines are not tested: ${why}\n`);

const PAIR: LabPlan = { routers: ['ra', 'rb'], links: [['ra', 'rb']] };
/** A mount namespace of its own, prepared by a shell line. */
const mounted = (line: string): ProgramOptions => ({
  wrapper: ['unshare', '--mount', 'sh', '-c', `${line} && exec "$@"`, 'sh'],
});

describe.skipIf(why !== undefined)('a daemon says what is wrong', () => {
  let lab: Lab | undefined;

  beforeAll(async () => {
    await built();
  }, 300_000);

  afterEach(async () => {
    await lab?.stop();
    lab = undefined;
  });

  /** `a` is started as told, `b` as usual; resolves when they have a session. */
  async function pair(options: ProgramOptions, a: Record<string, unknown> = {}): Promise<{ lab: Lab; a: Program }> {
    lab = new Lab({ ...PAIR, options: { ra: a } });
    const made = lab;
    chmodSync(lab.directory, 0o777);
    const program = made.start('ra', [], options);
    made.start('rb');
    await made.until('a has a session with b', () => program.lines(/session established/).length > 0);
    return { lab: made, a: program };
  }

  test('with a configuration that is wrong in several places: all of them, by line', { timeout: 300_000 }, async () => {
    lab = new Lab({ routers: ['ra'], links: [] });
    const file = join(lab.directory, 'bad.yaml');
    const text = [
      'name: a',
      'site: s',
      'router-id: 300.1.1.1',
      'security: plaintext',
      'srv6: { locator: nonsense }',
      'lisen: {}',
    ];
    writeFileSync(file, text.join('\n'));
    const { code, stderr } = await runToEnd(lab.ns('ra'), [NODE, bundled('cfnd'), 'run', '--config', file]);
    expect(code).toBe(78);
    expect(stderr).toMatch(/bad\.yaml:3:\S* .*router-id/);
    expect(stderr).toMatch(/bad\.yaml:5:\S* .*locator/);
    expect(stderr).toMatch(/bad\.yaml:6:\S* .*lisen.*listen/);
    expect(stderr).toMatch(/3 errors/);
  });

  test('with no configuration file', { timeout: 300_000 }, async () => {
    lab = new Lab({ routers: ['ra'], links: [] });
    const { code, stderr } = await runToEnd(lab.ns('ra'), [
      NODE,
      bundled('cfnd'),
      'run',
      '--config',
      '/nowhere/a.yaml',
    ]);
    expect(code).toBe(78);
    expect(stderr).toMatch(/^cfnd: .*\/nowhere\/a\.yaml/);
    expect(stderr.split('\n')).toHaveLength(1);
  });

  test('with its port in use: tries again, and listens when it is free', { timeout: 300_000 }, async () => {
    lab = new Lab({ ...PAIR, options: { ra: { peers: [{ name: 'rb', address: 'fd00:ffff:0::2', passive: true }] } } });
    const occupant = new Program(lab.ns('ra'), [NODE, '-e', "require('net').createServer().listen(1790,'::')"]);
    try {
      await lab.until('the port is taken', () => lab!.ns('ra').run('ss', '-Hltn').includes(':1790'));
      const a = lab.start('ra');
      lab.start('rb');
      await lab.until(
        'a says so',
        () => a.lines(/cannot listen for peers on \[::\]:1790: the port is in use/).length === 1,
      );
    } finally {
      await occupant.end('SIGKILL');
    }
    await lab.until('b gets through', () => lab!.daemon('ra').lines(/session established/).length > 0);
  });

  test('with an admin socket that cannot be made: runs without', { timeout: 300_000 }, async () => {
    const { a, lab: made } = await pair({}, { admin: { socket: '/proc/nothing/cfnd.sock' } });
    await made.until('a says so', () => a.lines(/no admin API/).length > 0);
    const [line, ...more] = a.lines(/no admin API/);
    expect(line).toMatchObject({ level: 'error', reason: expect.stringContaining('/proc/nothing/cfnd.sock') });
    expect(more).toEqual([]);
  });

  test('without nft: programs the rest, but pins no flows', { timeout: 300_000 }, async () => {
    const { a, lab: made } = await pair(mounted('mount -t tmpfs none /usr/sbin'));
    const lines = a.lines(/capability missing/).filter((line) => line.capability === 'affinity');
    expect(lines).toHaveLength(1);
    expect(lines[0]!.remark).toMatch(/flows are not pinned.*cannot run nft/);
    await made.until('a has routes in the kernel', () =>
      made.ns('ra').ip('-6', 'route', 'show', 'proto', '201').includes('5f00:0:2::/48'),
    );
  });

  test('without CAP_NET_ADMIN: keeps forwarding in memory, in one line', { timeout: 300_000 }, async () => {
    // Still root: another user may not be able to read this checkout, in a private folder of root for example.
    const without = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-all'];
    const { a, lab: made } = await pair({ wrapper: without });
    expect(a.lines(/capability missing/)).toMatchObject([
      {
        level: 'warn',
        capability: 'kernel',
        remark: 'cannot be programmed, forwarding is kept in memory only (CAP_NET_ADMIN is missing)',
      },
    ]);
    await made.until('it answers as memory', async () => {
      const status = await made.ask('ra', (admin) => admin.status());
      return status.fibKind === 'memory' && status.fibState === 'synced';
    });
    expect(made.ns('ra').ip('-6', 'route', 'show', 'proto', '201')).toBe('');
  });

  test('with a read-only /proc/sys: one line, and the rest is programmed', { timeout: 300_000 }, async () => {
    const { a, lab: made } = await pair(
      mounted('mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys'),
    );
    const lines = a.lines(/capability missing/).filter((line) => String(line.capability).startsWith('sysctl'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      capability: 'sysctl EROFS',
      remark: expect.stringContaining('net.ipv6.conf.all.forwarding=1 (a router forwards)'),
    });
    await made.until('a has local SIDs', () =>
      made.ns('ra').ip('-6', 'route', 'show', 'proto', '201').includes('5f00:0:1:1::/64'),
    );
  });

  test('beside another with its configuration: stays out, and follows one that was killed', {
    timeout: 300_000,
  }, async () => {
    const { a, lab: made } = await pair({});
    const routes = () => made.ns('ra').ip('-6', 'route', 'show', 'proto', '201');
    // All of them: what is still to come would not be the other's doing.
    await made.converged();
    await made.until('a has routes in the kernel', () => routes().includes('5f00:0:2::/48'));
    const before = routes();
    const start = [NODE, bundled('cfnd'), 'run', '--config', join(made.directory, 'ra.yaml')];
    const second = await runToEnd(made.ns('ra'), start);
    expect(second.code).toBe(69);
    expect(second.stderr).toMatch(/"msg":"not started"/);
    expect(second.stderr).toMatch(new RegExp(`cfnd ra \\(pid ${a.child.pid}\\) holds @cfnd/fib/201`));
    expect(routes()).toBe(before);
    expect((await made.ask('ra', (admin) => admin.status())).pid).toBe(a.child.pid);
    await a.end('SIGKILL');
    const third = new Program(made.ns('ra'), start);
    try {
      await made.until('the next one has a session', () => third.lines(/session established/).length > 0);
    } finally {
      await third.end('SIGKILL');
    }
  });

  test('with an unknown steered service: refused by `check` and by `run` alike', { timeout: 300_000 }, async () => {
    lab = new Lab({ ...PAIR, options: { ra: { steering: { services: [{ service: 'wob' }] } } } });
    const file = join(lab.directory, 'a.yaml');
    writeFileSync(file, JSON.stringify(lab.config('ra'), null, 1));
    const check = await runToEnd(lab.ns('ra'), [NODE, bundled('cfnd'), 'check', file]);
    expect(check).toMatchObject({ code: 1, stderr: expect.stringMatching(/wob/) });
    expect(check.stderr).toMatch(/web|service/);
    const run = await runToEnd(lab.ns('ra'), [NODE, bundled('cfnd'), 'run', '--config', file]);
    expect(run.code).toBe(78);
    expect(existsSync(lab.socket('ra'))).toBe(false);
  });
});
