// Bench `fib` against what an administrator would use for a hundred thousand routes: `ip -batch`.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Fib, fibKey } from '../../lib/fib/fib.ts';
import { COUNT, good, prefixOf, routes, SEGMENTS, SETTLE_MS } from './fib-routes.ts';
import { comparison, type Row } from './report.ts';

export const BATCH_ROW = 'B3';

/** Routes through the forwarding plane against `ip -batch` on the same routes. */
export async function batchRow(fib: Fib, netns: string, count: number): Promise<Row> {
  const directory = mkdtempSync(join(tmpdir(), 'cfn-bench-'));
  const file = join(directory, 'batch');
  const made = routes(COUNT, { kind: 'encap', segments: SEGMENTS[0]! });
  const line = (verb: string, i: number) =>
    `route ${verb} ${prefixOf(i)} encap seg6 mode encap.red segs ${SEGMENTS[0]!.join(',')} dev sr0 metric 77 proto 99`;
  const rounds: { ours: number; peer: number }[] = [];
  try {
    for (let round = 0; round < count; round++) {
      await pause(SETTLE_MS);
      let before = performance.now();
      good('B3', await fib.apply({ put: made, remove: [] }));
      const ours = (COUNT * 1000) / (performance.now() - before);
      good('B3', await fib.apply({ put: [], remove: made.map(fibKey) }));
      await pause(SETTLE_MS);
      writeFileSync(file, Array.from({ length: COUNT }, (_, i) => `${line('add', i)}\n`).join(''));
      before = performance.now();
      // Some are refused for want of memory at that moment, which ip does not try again.
      spawnSync('ip', ['-n', netns, '-force', '-6', '-batch', file], { stdio: 'ignore' });
      rounds.push({ ours, peer: (COUNT * 1000) / (performance.now() - before) });
      execFileSync('ip', ['-n', netns, '-6', 'route', 'flush', 'proto', '99'], { stdio: 'ignore' });
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return comparison(
    {
      id: BATCH_ROW,
      what: 'bulk FIB, 100,000 routes with a segment list each',
      unit: 'routes/s',
      peerName: 'ip -batch',
      better: 'higher',
      target: 0.5,
      method: `${count} alternating rounds, wall clock`,
    },
    rounds,
  );
}
