// The route table against a Map of objects under latin1 keys (reference figures E and A4's structure): inserts, look-ups,
// bytes a route, each structure in a process of its own so that memory is its own. Keys come as wire bytes in both.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { absolute, type Bench, comparison, type Document, interleave, machine, median, type Row } from './report.ts';
import type { Measured, Shape, Structure } from './rib-run.ts';

const SHAPES: readonly { readonly shape: Shape; readonly what: string }[] = [
  { shape: 'keys', what: 'a million services' },
  { shape: 'sites', what: '15,625 services x 64 sites' },
];
/** Of one run each; a shape costs the same whichever is asked for. */
const FIGURES = ['insert', 'get', 'bytes', 'structure', 'turn'] as const;

export const bench: Bench = {
  summary: 'inserts, look-ups and bytes of the route table, to a Map of objects',
  ids: SHAPES.flatMap(({ shape }) => FIGURES.map((figure) => `E.${shape}.${figure}`)),
  async run({ rounds, progress, isWanted }): Promise<Document> {
    const rows: Row[] = [];
    for (const { shape, what } of SHAPES) {
      if (!FIGURES.some((figure) => isWanted(`E.${shape}.${figure}`))) continue;
      progress(`a million routes: ${what}`);
      const ours: Measured[] = [];
      const peer: Measured[] = [];
      await interleave(
        Math.max(5, rounds),
        () => ours.push(measure('table', shape)),
        () => peer.push(measure('map', shape)),
      );
      const row = (
        id: (typeof FIGURES)[number],
        name: string,
        unit: string,
        better: Row['better'],
        target: number,
        of: (it: Measured) => number,
      ) =>
        comparison(
          {
            id: `E.${shape}.${id}`,
            what: `${name}, ${what}`,
            unit,
            peerName: 'Map<latin1, object>',
            better,
            target,
            method:
              'routes with set, source and handle; both keyed by service, contact instance and originator from wire bytes; own process each',
          },
          ours.map((it, i) => ({ ours: of(it), peer: of(peer[i]!) })),
        );
      rows.push(
        row('insert', 'inserts', 'M/s', 'higher', 2, (it) => it.insertsPerUs),
        row('get', 'look-ups', 'M/s', 'higher', 3, (it) => it.getsPerUs),
        row('bytes', 'memory', 'bytes/route', 'lower', 0.5, (it) => it.bytes),
        absolute({
          id: `E.${shape}.structure`,
          what: `structure of reachability, ${what}`,
          unit: 'bytes/route',
          ours: median(ours.map((it) => it.structureBytes)),
          better: 'lower',
          target: 80,
          method: 'columns, index and slack of the route table; services counted with it, compute state (68 bytes) not',
        }),
        absolute({
          id: `E.${shape}.turn`,
          what: `slowest thousand inserts, ${what}`,
          unit: 'ms',
          ours: median(ours.map((it) => it.slowestMs)),
          better: 'lower',
          target: 10,
          method: 'no turn waits for a table to double',
        }),
      );
    }
    return { bench: 'rib', machine: machine(), rows: rows.filter(({ id }) => isWanted(id)) };
  },
};

function measure(structure: Structure, shape: Shape): Measured {
  const program = join(import.meta.dirname, 'rib-run.ts');
  return JSON.parse(
    execFileSync(process.execPath, ['--expose-gc', program, structure, shape], { encoding: 'utf8' }),
  ) as Measured;
}
