// A kernel forwarding plane in a namespace of its own, with the identifiers of the default configuration.
import type { Fib } from '../../../lib/fib/fib.ts';
import { createKernelFib, type KernelFibOptions } from '../kernel-fib.ts';
import type { Namespace } from './namespaces.ts';

export const PROTOCOL = 201;
export const SID_DEVICE = 'sr0';

/** `log` collects what would be logged, for a test that wants to see it. */
export function kernelFibIn(
  namespace: Namespace,
  source: string,
  log: unknown[] = [],
  nft?: string,
  more: Pick<KernelFibOptions, 'accelerator' | 'hmac' | 'links'> = { links: [] },
): Fib {
  return createKernelFib({
    protocol: PROTOCOL,
    device: SID_DEVICE,
    source,
    ...more,
    markMask: 0xfff,
    groupIdBase: 100_000_000,
    nexthopIdBase: 200_000_000,
    tableBase: 10_000,
    rulePriority: 10_000,
    netns: namespace.name,
    ...(nft !== undefined && { nft }),
    log: (level, text, fields) => log.push({ level, text, ...fields }),
  });
}
