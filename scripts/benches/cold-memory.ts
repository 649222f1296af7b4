// What of a figure is the machine's: a process that sleeps between two events finds its memory cold, however little it
// does then. A C program follows the same few cache lines after the same idle time; rows without a bound.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { absolute, NO_BOUND, type Row } from './report.ts';

export interface Idle {
  readonly idleMs: number;
  readonly count: number;
  /** Whose events are that far apart. */
  readonly like: string;
}

export function coldMemoryRows(bench: string, idles: readonly Idle[]): Row[] {
  const directory = mkdtempSync(join(tmpdir(), 'cfnd-bench-'));
  try {
    const program = join(directory, 'cold-memory');
    execFileSync('cc', ['-O2', '-Wall', '-o', program, join(import.meta.dirname, 'cold-memory.c')]);
    return idles.flatMap(({ idleMs, count, like }) => {
      const said = execFileSync(program, [String(count), String(1000 * idleMs)], { encoding: 'utf8' });
      const us = JSON.parse(said) as Record<'p50' | 'p99', number>;
      return (['p50', 'p99'] as const).map((quantile) =>
        absolute({
          id: `${bench}.memory.${idleMs}ms.${quantile}`,
          what: `this machine's memory: 4,000 cache lines of 256 KiB, ${like}`,
          unit: 'us',
          ours: us[quantile],
          better: 'lower',
          target: NO_BOUND,
          method: `calibration, no figure of cfnd: a C program follows a random chain in 1 MiB, ${count} times`,
        }),
      );
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}
