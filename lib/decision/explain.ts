// Renders a decision for people: the record itself, aligned, with nothing computed that the record does not hold.
import type { Decision, RankedCandidate } from './decision.ts';

const HEADINGS = ['', 'instance', 'site', 'weight', 'total', 'round trip', 'service', 'other', 'verdict'] as const;
/** In front of what carries flows, but for the best. */
const SIGNS: Readonly<Record<string, string>> = { shared: '+', exploring: '?' };
/** Columns that hold numbers. */
const RIGHT = new Set([3, 4, 5, 6, 7]);

/** Aligned lines, best first, without line feeds: a summary, the candidates, and what is awaited. */
export function explain(decision: Decision): string[] {
  const lines = [`${decision.service}  ${decision.change}  ${summary(decision)}`];
  if (decision.ranked.length > 0) lines.push('', ...table(decision.ranked.map(row)));
  if (decision.againAtMs !== undefined) {
    lines.push('', `a challenger is held for ${Math.max(0, Math.round(decision.againAtMs - decision.atMs))} ms more`);
  }
  return lines;
}

function summary(decision: Decision): string {
  if (decision.best === '') return 'no candidate may carry flows';
  const trials = decision.memory.exploring.length;
  const carrying = decision.ranked.filter((candidate) => candidate.weight > 0).length - trials;
  const tried = trials === 0 ? '' : `, ${trials} tried again`;
  return (carrying === 1 ? 'one instance takes all new flows' : `${carrying} instances share new flows`) + tried;
}

function row(candidate: RankedCandidate): string[] {
  const { attributes, cost } = candidate;
  const carries = candidate.weight > 0;
  const other = cost === undefined ? 0 : cost.priceUs + cost.carbonUs + cost.preferenceUs;
  return [
    carries ? (SIGNS[candidate.verdict] ?? '>') : '',
    attributes.instanceName === '' ? candidate.key : attributes.instanceName,
    attributes.site,
    carries ? `${(candidate.weight / 10).toFixed(1)} %` : '-',
    milliseconds(cost?.total),
    milliseconds(cost?.roundTripUs),
    milliseconds(cost?.serviceTimeUs),
    milliseconds(cost === undefined ? undefined : other),
    candidate.lastResort === undefined ? candidate.verdict : `${candidate.verdict} (${candidate.lastResort})`,
  ];
}

function milliseconds(us: number | undefined): string {
  return us === undefined ? '-' : `${(us / 1000).toFixed(us < 100_000 ? 2 : 0)} ms`;
}

function table(rows: readonly (readonly string[])[]): string[] {
  const all = [HEADINGS, ...rows];
  const widths = HEADINGS.map((_, column) => Math.max(...all.map((cells) => cells[column]!.length)));
  return all.map((cells) =>
    cells
      .map((cell, column) => (RIGHT.has(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
}
