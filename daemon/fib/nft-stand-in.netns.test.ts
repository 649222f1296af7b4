// A table of nftables is made anew by a daemon that is killed in the middle, at every step of it: the next life makes the table
// whole, or removes it where it is no longer wanted, and leaves no stand-in at work.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { borderTable } from '../../lib/fib/border-table.ts';
import type { Border, Fib, FibObject, ReplaceSid, ServiceMtu } from '../../lib/fib/fib.ts';
import { mtuTable } from '../../lib/fib/mtu-table.ts';
import { renderWithStandIn } from '../../lib/fib/nft-stand-in.ts';
import { REPLACE_TABLE_SPEC } from '../../lib/fib/replace-csid-names.ts';
import { renderReplaceChange } from '../../lib/fib/replace-csid-rules.ts';
import { kernelFibIn } from './testing/kernel-fixture.ts';
import { Namespace, whyNoKernelTests } from './testing/namespaces.ts';

const skip = whyNoKernelTests();

const MASK = 0xfff;
const mtu: ServiceMtu = { kind: 'mtu', services: ['fd00:cafe::80'], mtu: 1400, mark: MASK };
const border: Border = { kind: 'border', inside: ['eth0'], sidSpace: ['5f00::/16'] };
const sid: ReplaceSid = { kind: 'replace-csid', prefix: 'fdbb:cafe:0:3:1::/80', csidBits: 32 };

const TABLES: readonly { spec: string; object: FibObject; make: readonly string[] }[] = [
  { spec: 'inet cfnd_mtu', object: mtu, make: mtuTable(MASK).render(undefined, mtu) },
  { spec: 'ip6 cfnd_border', object: border, make: borderTable.render(undefined, border) },
  { spec: REPLACE_TABLE_SPEC, object: sid, make: renderReplaceChange(undefined, [sid], { markMask: MASK }) },
];

describe.skipIf(skip !== undefined)(`a table made anew and not to the end${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let namespace: Namespace;
  let fib: Fib;

  beforeEach(() => {
    namespace = new Namespace('stand-in');
    fib = kernelFibIn(namespace, 'fcbb:bb:1::1');
  });
  afterEach(async () => {
    await fib.close({ remove: false });
    namespace.remove();
  });

  const tables = () =>
    namespace
      .run('nft', 'list', 'tables')
      .split('\n')
      .filter((line) => line.includes('cfnd'));

  const killedAfter = (steps: number, spec: string, make: readonly string[]) => {
    for (const { commands } of [{ commands: make }, ...renderWithStandIn(spec, make).slice(0, steps)])
      namespace.run('nft', commands.join('; '));
  };

  for (const { spec, object, make } of TABLES)
    for (const steps of [0, 1, 2, 3, 4]) {
      it(`${spec}, after ${steps} steps: goes where it is no longer wanted`, async () => {
        killedAfter(steps, spec, make);
        await fib.start();
        expect((await fib.sync([])).failures).toEqual([]);
        expect(tables()).toEqual([]);
        expect(await fib.verify()).toEqual([]);
      });

      it(`${spec}, after ${steps} steps: is whole where it is wanted`, async () => {
        killedAfter(steps, spec, make);
        await fib.start();
        expect((await fib.sync([object])).failures).toEqual([]);
        expect(tables()).toEqual([`table ${spec}`]);
        expect(await fib.verify()).toEqual([]);
      });
    }
});
