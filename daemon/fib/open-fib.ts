// Chooses the forwarding plane: the kernel's, or, where it may not be programmed, the memory FIB, said in one line.
import { readFileSync } from 'node:fs';
import type { RouterConfig } from '../../lib/config/config.ts';
import type { Fib, FibStart } from '../../lib/fib/fib.ts';
import { createMemoryFib } from '../../lib/fib/memory-fib.ts';
import { MAX_SECRET_OCTETS } from '../../lib/netlink/seg6/genl.ts';
import type { Logger } from '../logger.ts';
import { createKernelFib, type KernelFibOptions } from './kernel-fib.ts';

export interface OpenedFib {
  readonly fib: Fib;
  readonly found: FibStart;
}

/** Never rejects for what a machine lacks: the capabilities say it, and the caller logs them. */
export async function openFib(config: RouterConfig, log: Logger): Promise<OpenedFib> {
  if (config.fib.kind === 'memory') return openMemory();
  const { protocol, markMask, groupIdBase, nexthopIdBase, tableBase, rulePriority } = config.fib;
  const { device, source } = config.srv6;
  const links = config.links.map((link) => link.name);
  const ids = { protocol, markMask, groupIdBase, nexthopIdBase, tableBase, rulePriority };
  let reason: string;
  let opened: Fib | undefined;
  try {
    const fib = createKernelFib({
      ...ids,
      device,
      source,
      links,
      accelerator: config.fib.accelerator,
      hmac: readHmac(config, log),
      log: (level, text, fields) => log[level](fields, text),
    });
    opened = fib;
    const found = await fib.start();
    const refused = found.capabilities.find((capability) => capability.name === 'net-admin' && !capability.available);
    if (refused === undefined) return { fib, found };
    reason = refused.remark;
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  // Half of it may be there: sockets, watchers, nft.
  await opened?.close({ remove: false });
  const { fib, found } = await openMemory();
  const remark = `cannot be programmed, forwarding is kept in memory only (${reason})`;
  // In place of the memory FIB's own remark, so that it is said once, with its cause.
  const capabilities = found.capabilities.map((it) => (it.name === 'kernel' ? { ...it, remark } : it));
  return { fib, found: { ...found, capabilities } };
}

/** Undefined without a key, which is said: whoever asks for signatures will then drop what we encapsulate. */
function readHmac({ srv6: { hmac } }: RouterConfig, log: Logger): KernelFibOptions['hmac'] {
  if (hmac === undefined) return undefined;
  const { keyId: id, algorithm, secretFile, requireOn } = hmac;
  try {
    const secret = Buffer.from(readFileSync(secretFile, 'utf8').split('\n', 1)[0]!.trimEnd());
    if (secret.length > 0 && secret.length <= MAX_SECRET_OCTETS) return { key: { id, algorithm, secret }, requireOn };
    log.error({ file: secretFile, bytes: secret.length }, 'headers are not signed: a secret has 1 to 64 bytes');
  } catch (error) {
    log.error({ file: secretFile, error: (error as Error).message }, 'headers are not signed: no secret');
  }
  return undefined;
}

async function openMemory(): Promise<OpenedFib> {
  const fib = createMemoryFib();
  return { fib, found: await fib.start() };
}
