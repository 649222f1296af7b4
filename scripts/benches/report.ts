// What a benchmark reports (DESIGN section 14: the JSON is the contract) and the arithmetic that all of them share.
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';

export interface Row {
  readonly id: string;
  readonly what: string;
  readonly unit: string;
  readonly ours: number;
  /** Absent where the target bounds `ours` itself. */
  readonly peer?: number;
  readonly peerName?: string;
  /** ours/peer: the median of the ratios of the rounds. */
  readonly ratio?: number;
  readonly better: 'higher' | 'lower';
  /** Bound on `ratio`, or on `ours` where there is no peer; NO_BOUND where the figure is there to judge others by. */
  readonly target: number;
  readonly pass: boolean;
  /** How it was measured, in a sentence. */
  readonly method: string;
}

/** Of a row that is `better: 'lower'`, or compares; null in JSON. */
export const NO_BOUND = Number.POSITIVE_INFINITY;

export interface Document {
  readonly bench: string;
  readonly machine: string;
  readonly rows: readonly Row[];
}

export interface BenchOptions {
  /** Rounds of each measurement; at least 5 count. */
  readonly rounds: number;
  /** One line of progress for a person. */
  progress(line: string): void;
  /** Whether a row of `Bench.ids` was asked for; a bench without them measures all. */
  isWanted(id: string): boolean;
}

/** A bench of the registry in main.ts. */
export interface Bench {
  readonly summary: string;
  /** It starts these; looked for before it runs. */
  readonly programs?: readonly string[];
  /** Ids of its rows, where it can measure some without the others. */
  readonly ids?: readonly string[];
  run(options: BenchOptions): Promise<Document>;
}

/**
 * Which rows of a bench are measured: those whose id contains `only`, all without it. Throws one line where the bench cannot
 * choose, or has no such row.
 */
export function choice({ ids }: Bench, only: string | undefined): BenchOptions['isWanted'] {
  if (only === undefined) return () => true;
  if (ids === undefined) throw new Error('measures all of its rows together: --only does not go with it');
  const wanted = new Set(ids.filter((id) => id.includes(only)));
  if (wanted.size === 0) throw new Error(`no row has "${only}" in its id: ${ids.join(', ')}`);
  return (id) => wanted.has(id);
}

export function machine(): string {
  const [cpu] = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} x ${cpu?.model.trim() ?? 'cpu'}, ${gib} GiB, Linux ${release()}, Node ${process.versions.node}`;
}

/** Numbers of the processors that this process may run on. */
export function allowedProcessors(): number[] {
  const [, list = ''] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** Median; of an even count the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** Percentile `p` in 0..100, linear between ranks; NaN of nothing. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = ((sorted.length - 1) * p) / 100;
  const low = sorted[Math.floor(rank)] ?? Number.NaN;
  const high = sorted[Math.ceil(rank)] ?? Number.NaN;
  return low + (high - low) * (rank - Math.floor(rank));
}

/** One measurement of both sides, in the unit of the row. */
export interface Round {
  readonly ours: number;
  readonly peer: number;
}

/** Measures both sides `rounds` times, taking turns at going first so that drift of the machine hits both alike. */
export async function interleave(
  rounds: number,
  ours: () => number | Promise<number>,
  peer: () => number | Promise<number>,
): Promise<Round[]> {
  const measured: Round[] = [];
  for (let i = 0; i < rounds; i++) {
    if (i % 2 === 0) measured.push({ ours: await ours(), peer: await peer() });
    else {
      const first = await peer();
      measured.push({ ours: await ours(), peer: first });
    }
  }
  return measured;
}

/** A row out of interleaved rounds. */
export function comparison(
  row: Omit<Row, 'ours' | 'peer' | 'ratio' | 'pass'> & { readonly peerName: string },
  rounds: readonly Round[],
): Row {
  const ratio = median(rounds.map((round) => round.ours / round.peer));
  return {
    ...row,
    ours: round(median(rounds.map((r) => r.ours))),
    peer: round(median(rounds.map((r) => r.peer))),
    ratio: round(ratio),
    pass: row.target === NO_BOUND || (row.better === 'higher' ? ratio >= row.target : ratio <= row.target),
  };
}

/** A row whose target bounds our own figure. */
export function absolute(row: Omit<Row, 'pass'>): Row {
  return {
    ...row,
    ours: round(row.ours),
    pass: row.better === 'higher' ? row.ours >= row.target : row.ours <= row.target,
  };
}

/** Three significant digits below a thousand, whole numbers above: figures are not better than that. */
export function round(value: number): number {
  return Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(3));
}

/** The document as a table for a person. */
export function table(document: Document): string {
  const header = ['id', 'what', 'ours', 'peer', 'unit', 'ratio', 'target', ''];
  const lines = document.rows.map((row) => [
    row.id,
    row.what,
    String(row.ours),
    row.peer === undefined ? '-' : `${row.peer} (${row.peerName ?? 'peer'})`,
    row.unit,
    row.ratio === undefined ? '-' : row.ratio.toFixed(2),
    row.target === NO_BOUND ? '-' : `${row.better === 'higher' ? '>=' : '<='} ${row.target}`,
    row.target === NO_BOUND ? '' : row.pass ? 'pass' : 'FAIL',
  ]);
  const widths = header.map((title, i) => Math.max(title.length, ...lines.map((line) => line[i]!.length)));
  return [header, ...lines]
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .concat(`${document.bench} on ${document.machine}`)
    .join('\n');
}
