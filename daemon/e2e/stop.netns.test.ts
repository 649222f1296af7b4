// Stopping a daemon at an awkward moment: it leaves in order all the same, and takes its kernel objects with it.
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { whyNoKernelTests } from '../fib/testing/namespaces.ts';
import { Lab } from './lab.fixture.ts';
import { built } from './program.fixture.ts';

const why = whyNoKernelTests();
if (why) process.stderr.write(`stopping real daemons is not tested: ${why}\n`);

describe.skipIf(why !== undefined)('a daemon that is told to stop', () => {
  let lab: Lab;

  beforeAll(async () => {
    await built();
  }, 300_000);

  afterEach(async () => {
    await lab?.stop();
  });

  test('while its kernel gets the first full set: leaves in order, and nothing behind', {
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
});
