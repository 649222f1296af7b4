import { describe, expect, it } from 'vitest';
import { describeFibContract } from './fib.contract.ts';
import type { FibObject } from './fib.ts';
import { createMemoryFib } from './memory-fib.ts';

describeFibContract('memory FIB', async () => {
  const fib = createMemoryFib();
  let left: readonly FibObject[] = [];
  const close = fib.close.bind(fib);
  // The memory of one process is all there is: what a life leaves is handed to the next by the test.
  const remembered = {
    ...fib,
    async close(options: { readonly remove: boolean }) {
      await close(options);
      left = fib.dump();
    },
  };
  return {
    fib: remembered,
    device: 'eth1',
    gateways: ['fe80::1', 'fe80::2'],
    reborn: () => createMemoryFib({ retained: left }),
    affinity: true,
    replaceCsid: true,
    tables: true,
    async dispose() {},
  };
});

describe('memory FIB', () => {
  it('says that it forwards nothing', async () => {
    const { capabilities } = await createMemoryFib().start();
    expect(capabilities).toMatchObject([{ name: 'kernel', available: false }]);
  });

  it('stamps results with the clock it was given', async () => {
    const fib = createMemoryFib({ nowMs: () => 42 });
    await fib.start();
    expect(await fib.apply({ put: [], remove: [] })).toMatchObject({ netlinkDoneAtMs: 42, affinityDoneAtMs: 42 });
  });

  it('throws when used after close: that is a bug of ours', async () => {
    const fib = createMemoryFib();
    await fib.close({ remove: true });
    await expect(fib.apply({ put: [], remove: [] })).rejects.toThrow('after close');
  });
});
