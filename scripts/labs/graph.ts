// Draws a lab file as mermaid (for a README) or plain text (for a terminal). Grouped by the `site` label, delays on the
// links; the same text for the same file, so that a picture in the repository can be checked for drift.
import { formatDelay, formatRate, isPerfect, type LinkQuality } from './impairment.ts';
import type { LabFile, LabNode } from './lab-file.ts';

const SHAPES: Readonly<Record<string, readonly [string, string]>> = {
  client: ['([', '])'],
  'service-host': ['[[', ']]'],
};

export function renderMermaid(lab: LabFile): string {
  const lines = ['graph LR'];
  for (const [site, nodes] of sitesOf(lab)) {
    if (site !== '') lines.push(`  subgraph ${site}`);
    for (const node of nodes) {
      const [open, close] = SHAPES[node.group] ?? ['[', ']'];
      lines.push(`    ${node.name}${open}${node.name}${close}`);
    }
    if (site !== '') lines.push('  end');
  }
  for (const { endpoints, quality } of lab.links) {
    const label = isPerfect(quality) ? '' : `|${describeQuality(quality)}|`;
    lines.push(`  ${endpoints[0].node} ---${label} ${endpoints[1].node}`);
  }
  return `${lines.join('\n')}\n`;
}

/** One line a link, aligned. */
export function renderText(lab: LabFile): string {
  const rows = lab.links.map(({ endpoints: [a, b], quality, mtu }) => [
    `${a.node}:${a.interface}`,
    isPerfect(quality) ? '-' : describeQuality(quality),
    `${b.node}:${b.interface}`,
    `mtu ${mtu}`,
  ]);
  const width = (column: number): number => Math.max(...rows.map((row) => (row[column] ?? '').length));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(width(i)))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

export function describeQuality({ delayUs, jitterUs, lossPercent, rateBps }: LinkQuality): string {
  return [
    delayUs > 0 ? [formatDelay(delayUs)] : [],
    jitterUs > 0 ? [`±${formatDelay(jitterUs)}`] : [],
    lossPercent > 0 ? [`loss ${lossPercent}%`] : [],
    rateBps > 0 ? [formatRate(rateBps)] : [],
  ]
    .flat()
    .join(' ');
}

function sitesOf(lab: LabFile): Map<string, LabNode[]> {
  return Map.groupBy(lab.nodes, (node) => node.labels.site ?? '');
}
