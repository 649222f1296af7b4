// The lab as a picture: columns from client to service host, link delays, and the ways that the running stream took. Pure: a
// lab file and paths in, SVG out.
import { describeQuality } from '../../labs/graph.ts';
import { isPerfect } from '../../labs/impairment.ts';
import type { LabFile, LabNode } from '../../labs/lab-file.ts';
import { colourOf, element, INK, label } from './svg.ts';

const WIDTH = 1160;
const HEIGHT = 330;
const MARGIN = 74;
const NODE = { width: 84, height: 38 };
const COLUMNS = ['client', 'ingress', 'core', 'egress', 'service-host'];

export interface DrawnPath {
  readonly name: string;
  /** Names of the nodes it passes, client to service host. */
  readonly nodes: readonly string[];
  readonly dashed: boolean;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

export function renderPicture(lab: LabFile, instances: readonly string[], paths: readonly DrawnPath[]): string {
  const at = placed(lab.nodes);
  const centre = (name: string): Point => at.get(name) ?? { x: 0, y: 0 };
  const links = lab.links.map(({ endpoints: [a, b], quality }) => {
    const [from, to] = [centre(a.node), centre(b.node)];
    return {
      line: element('line', { x1: from.x, y1: from.y, x2: to.x, y2: to.y, class: 'link' }),
      text: isPerfect(quality) ? '' : delay(describeQuality(quality), from, to),
    };
  });
  const ways = paths.map(({ nodes, dashed }, i) => {
    const points = nodes.map((name) => `${centre(name).x},${centre(name).y + (i === 0 ? -3 : 4)}`).join(' ');
    const stroke = colourOf(instances, nodes.at(-1) ?? '');
    return element('polyline', { points, class: `way${dashed ? ' dashed' : ''}`, stroke });
  });
  return element(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': 'The lab', class: 'picture' },
    ...links.map(({ line }) => line),
    ...ways,
    ...links.map(({ text }) => text),
    ...lab.nodes.map((node) => box(node, centre(node.name), instances)),
    legend(paths, instances),
  );
}

/** Columns by role, rows spread evenly in the order of the file. */
function placed(nodes: readonly LabNode[]): ReadonlyMap<string, Point> {
  const at = new Map<string, Point>();
  for (const [i, column] of COLUMNS.entries()) {
    const members = nodes.filter((node) => (node.labels.role ?? node.group) === column);
    const height = HEIGHT - 40;
    for (const [row, { name }] of members.entries())
      at.set(name, {
        x: MARGIN + (i * (WIDTH - 2 * MARGIN)) / (COLUMNS.length - 1),
        y: 16 + (height * (row + 0.5)) / members.length,
      });
  }
  return at;
}

/** Nearer to the left end, where the lines of a mesh do not cross yet. */
function delay(text: string, from: Point, to: Point): string {
  const [left, right] = from.x <= to.x ? [from, to] : [to, from];
  const part = left.x === right.x ? 0.5 : 0.3;
  const x = left.x + (right.x - left.x) * part;
  const y = left.y + (right.y - left.y) * part + 4;
  return label(text.replaceAll(/(\d)(ms|us|s)\b/g, '$1 $2'), { x, y, class: 'delay' });
}

function box({ name, group, labels }: LabNode, { x, y }: Point, instances: readonly string[]): string {
  const serves = group === 'service-host';
  const fill = serves ? colourOf(instances, name) : '#fff';
  const stroke = serves ? fill : INK.line;
  const corner = group === 'client' ? NODE.height / 2 : 6;
  const rect = {
    x: x - NODE.width / 2,
    y: y - NODE.height / 2,
    ...NODE,
    rx: corner,
    fill,
    stroke,
    'stroke-width': 1.5,
  };
  return (
    element('rect', rect) +
    label(name, { x, y: y + 5, class: serves ? 'node light' : 'node' }) +
    label(labels.site ?? '', { x, y: y + NODE.height / 2 + 15, class: 'site' })
  );
}

function legend(paths: readonly DrawnPath[], instances: readonly string[]): string {
  return paths
    .map(({ name, nodes, dashed }, i) => {
      const y = HEIGHT - 8;
      const x = MARGIN - 40 + i * 330;
      const stroke = colourOf(instances, nodes.at(-1) ?? '');
      return (
        element('line', { x1: x, x2: x + 34, y1: y - 4, y2: y - 4, class: `way${dashed ? ' dashed' : ''}`, stroke }) +
        label(name, { x: x + 42, y, class: 'tick start' })
      );
    })
    .join('');
}
