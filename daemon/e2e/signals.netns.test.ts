// Signals to a daemon: one to stop, at an awkward moment, has it leave in order all the same and take its kernel objects with it;
// those that mean nothing to it change nothing.
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { whyNoKernelTests } from '../fib/testing/namespaces.ts';
import { Lab } from './lab.fixture.ts';
import { built } from './program.fixture.ts';

const why = whyNoKernelTests();
if (why) process.stderr.write(`stopping real daemons is not tested: ${why}\n`);

describe.skipIf(why !== undefined)('a daemon', () => {
  let lab: Lab;

  beforeAll(async () => {
    await built();
  }, 300_000);

  afterEach(async () => {
    await lab?.stop();
  });

  test('that is stopped while its kernel gets the first full set leaves in order, and nothing behind', {
    timeout: 300_000,
  }, async () => {
    lab = new Lab({ routers: ['ra'], links: [] });
    // The full set takes longer than the farewell.
    const nft = join(lab.directory, 'nft');
    writeFileSync(nft, '#!/bin/sh\nsleep 1\nPATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin exec nft "$@"\n');
    chmodSync(nft, 0o755);
    const daemon = lab.start('ra', [], { env: { PATH: `${lab.directory}:${process.env.PATH}` } });
    await lab.until('the full set is on its way', async () => {
      return (await lab.ask('ra', (admin) => admin.status())).fibState === 'syncing';
    });
    expect(await daemon.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(daemon.log.at(-1)?.msg).toBe('stopped');
    expect(lab.ns('ra').ip('-6', 'route', 'show', 'table', 'all', 'proto', '201')).toBe('');
    expect(lab.ns('ra').run('nft', 'list', 'tables')).toBe('');
  });

  test('lives on with signals that are for others, and opens no debugger', { timeout: 300_000 }, async () => {
    lab = new Lab({ routers: ['ra'], links: [] });
    const daemon = lab.start('ra');
    const isSynced = async () => (await lab.ask('ra', (admin) => admin.status())).fibState === 'synced';
    await lab.until('it runs', isSynced);
    for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
      daemon.child.kill(signal);
      await lab.until('it says so', () => daemon.lines(/means nothing/).some((line) => line.signal === signal));
    }
    expect(await isSynced()).toBe(true);
    expect(daemon.said).toEqual([]);
    expect(lab.ns('ra').run('ss', '-Hltn')).not.toContain(':9229');
  });
});
