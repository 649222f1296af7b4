// Reference figure G: what a million routes do to the event loop, in runs of their own, because the probe costs a little.
import { absolute, type BenchOptions, median, type Row } from '../report.ts';
import { type Field, LARGE } from './field.ts';
import type { Phase } from './lab.ts';

type Loop = NonNullable<Phase['loop']>;

export async function loopRows(field: Field, { rounds }: BenchOptions): Promise<Row[]> {
  const reports: Loop[] = [];
  for (let i = 0; i < Math.min(rounds, 3); i++)
    reports.push((await field.ours({ count: LARGE }, { probe: true })).of('ingest').loop!);
  const row = (id: string, what: string, target: number, method: string, of: (it: Loop) => number) =>
    absolute({ id, what, unit: 'ms', ours: median(reports.map(of)), better: 'lower', target, method });
  const load = '10 x 100k routes, 500 a message, a fresh process; worst of a run, median of the runs';
  return [
    row(
      'G.turn',
      'longest turn of the event loop',
      10,
      `processor time of the main thread between two looks at a timer of 1 ms; ${load}`,
      (it) => it.turnCpuMs,
    ),
    row('G.turn.wall', 'the same, of time', 20, `what other processes take is in it; ${load}`, (it) => it.turnMs),
    row(
      'G.timer',
      'KEEPALIVE or hold timer late',
      20,
      `as the daemon counts it from its start on; ${load}`,
      (it) => it.timerLateMs,
    ),
  ];
}
