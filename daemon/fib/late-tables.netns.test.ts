// Changes that overtake each other, where some tables of nftables are told late: as on a machine that has no time for them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AffinityService, Border, Fib } from '../../lib/fib/fib.ts';
import { kernelFibIn } from './testing/kernel-fixture.ts';
import { Namespace, whyNoKernelTests } from './testing/namespaces.ts';

const skip = whyNoKernelTests();

/** The service with all its new flows at one of two contact instances. */
const servedBy = (slot: number): AffinityService => ({
  kind: 'affinity',
  service: 'fd00:cafe::80',
  mode: 'flow',
  instances: [1, 2].map((it) => ({ slot: it, mark: 0x100 + it, weight: it === slot ? 1000 : 0, failed: false })),
  idleTimeoutMs: 60_000,
  closingTimeoutMs: 2000,
});
const border: Border = { kind: 'border', inside: ['eth1'], sidSpace: ['fcbb:bb::/32'] };

describe.skipIf(skip !== undefined)(`changes to several tables${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let folder: string;
  let namespace: Namespace;
  let fib: Fib;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cfnd-late-nft-'));
    const late = join(folder, 'nft');
    // Tables that one object fills alone are told by a process each.
    writeFileSync(late, '#!/bin/sh\n[ "$1" != -f ] || sleep 0.3\nexec nft "$@"\n', { mode: 0o755 });
    namespace = new Namespace('fib');
    fib = kernelFibIn(namespace, 'fcbb:bb:1::1', [], late);
  });
  afterEach(async () => {
    await fib.close({ remove: false });
    namespace.remove();
    rmSync(folder, { recursive: true });
  });

  it('leave the newest wish in force, whichever table an older one waits for', async () => {
    await fib.start();
    const older = fib.apply({ put: [border, servedBy(1)], remove: [] });
    const newer = fib.apply({ put: [servedBy(2)], remove: [] });
    expect([(await older).failures, (await newer).failures]).toEqual([[], []]);
    expect(namespace.run('nft', 'list', 'set', 'inet', 'cfnd_affinity', 'share_2')).toContain('0-999');
    expect(await fib.verify()).toEqual([]);
  });
});
