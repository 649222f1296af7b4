// What the probe has found, said once at the start: the table of `cfnctl show capabilities`, and a warning for each thing
// that is missing and will be missed.
import type { FibCapability } from '../lib/fib/fib.ts';
import { COLUMNS } from './cli/columns.ts';
import { createPaint } from './cli/style.ts';
import { renderTable } from './cli/table.ts';
import type { Logger } from './logger.ts';

/** Done without at no loss to forwarding: kernels of distributions often lack them, and the table says what is used instead. */
const SPARED: ReadonlySet<string> = new Set(['seg6local-end-dt4', 'seg6local-end-dt46', 'vrf', 'netem']);

export function logCapabilities(log: Pick<Logger, 'info' | 'warn'>, capabilities: readonly FibCapability[]): void {
  const table = renderTable(COLUMNS.capabilities, capabilities, 0, createPaint(false));
  log.info({ capabilities: table.trimEnd() }, 'kernel capabilities');
  for (const { name, available, remark } of capabilities)
    if (!available && !SPARED.has(name)) log.warn({ capability: name, remark }, 'capability missing');
}
