// The timeline as a picture: for each ingress who got its new flows, below it the response times, and what was lost. Time
// runs to the right, phases are columns. Pure: a timeline in, SVG out.
import type { IngressTimeline, Timeline } from '../timeline.ts';
import { colourOf, element, INK, label, short } from './svg.ts';

const WIDTH = 1160;
const LEFT = 118;
const RIGHT = 14;
const HEAD = 46;
const SHARE = 118;
const RESPONSE = 96;
const LOSS = 46;
const GAP = 30;
/** Response times span three decades: what a queue does must fit beside what a link does. */
const RESPONSE_MS = [3, 10, 30, 100, 300, 1000, 3000];
/** Buckets without a loss that end a stretch of losses. */
const CALM_BUCKETS = 10;
const CLIENT_STROKES = ['#1c2733', '#8a97a5'];

export function renderChart(timeline: Timeline): string {
  const x = (atMs: number) => LEFT + ((WIDTH - LEFT - RIGHT) * atMs) / Math.max(1, timeline.lengthMs);
  const shown = timeline.ingresses;
  const loaded = shown.some(({ points }) => points.some(({ responseMs }) => responseMs !== null));
  const parts: string[] = [];
  let top = HEAD;
  for (const ingress of shown) {
    parts.push(shares(timeline, ingress, top, x));
    top += SHARE + GAP;
  }
  if (loaded) {
    parts.push(responses(shown, top, x));
    top += RESPONSE + GAP;
    parts.push(losses(shown, timeline.bucketMs, top, x));
    top += LOSS;
  }
  const height = top + 34;
  return element(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${height}`, role: 'img', 'aria-label': 'Timeline of the run', class: 'chart' },
    phaseColumns(timeline, top, x),
    ...parts,
    phaseLines(timeline, top, x),
    axis(timeline, top, x),
  );
}

type Scale = (atMs: number) => number;

function phaseColumns({ phases }: Timeline, bottom: number, x: Scale): string {
  return phases
    .map(({ name, fromMs, toMs }, i) => {
      const band = {
        x: x(fromMs),
        y: 0,
        width: x(toMs) - x(fromMs),
        height: bottom,
        fill: i % 2 === 0 ? INK.band : '#fff',
      };
      const middle = (x(fromMs) + x(toMs)) / 2;
      return (
        element('rect', band) +
        label(String(i + 1), { x: middle, y: 15, class: 'number' }) +
        label(name, { x: middle, y: 33, class: 'phase' })
      );
    })
    .join('');
}

function phaseLines({ phases }: Timeline, bottom: number, x: Scale): string {
  return phases
    .slice(1)
    .map(({ fromMs }) => element('line', { x1: x(fromMs), x2: x(fromMs), y1: 4, y2: bottom, class: 'mark' }))
    .join('');
}

/** Stacked steps, one a bucket; where no flow began there is a hole. Without load what was decided, not what flowed. */
function shares(timeline: Timeline, ingress: IngressTimeline, top: number, x: Scale): string {
  const { instances, bucketMs } = timeline;
  const flowed = ingress.points.length > 0;
  const counts = flowed ? ingress.points.map(({ newFlows }) => newFlows) : decided(timeline, ingress);
  const columns = counts.map((count) => stack(count, instances));
  const areas = instances.map((name, i) => {
    const steps = columns.flatMap((column, at) => {
      const level = column?.[i];
      if (level === undefined || level.to === level.from) return [];
      const from = short(x(at * bucketMs));
      const until = Math.min((at + 1) * bucketMs, timeline.lengthMs);
      const width = x(until) - x(at * bucketMs) + (until === timeline.lengthMs ? 0 : 0.3);
      const y = top + SHARE * (1 - level.to);
      return [`M${from} ${short(y)}h${short(width)}v${short(SHARE * (level.to - level.from))}H${from}z`];
    });
    return steps.length === 0 ? '' : element('path', { d: steps.join(''), fill: colourOf(instances, name) });
  });
  const marks = ingress.decisions
    .filter(({ atMs }) => atMs >= 0 && atMs <= timeline.lengthMs)
    .map(({ atMs }) => element('path', { d: `M${short(x(atMs) - 3.5)} ${top - 8}h7l-3.5 6z`, class: 'decision' }));
  return [
    label(ingress.client, { x: LEFT - 12, y: top + 20, class: 'row' }),
    label(flowed ? 'new flows' : 'decided', { x: LEFT - 12, y: top + 38, class: 'rowsub' }),
    label(`via ${ingress.ingress}`, { x: LEFT - 12, y: top + 53, class: 'rowsub' }),
    ...areas,
    ...marks,
    frame(top, SHARE),
  ].join('');
}

/** Weights in force at the start of each bucket. */
function decided({ lengthMs, bucketMs }: Timeline, { decisions }: IngressTimeline): Readonly<Record<string, number>>[] {
  return Array.from(
    { length: Math.ceil(lengthMs / bucketMs) },
    (_, i) => decisions.findLast(({ atMs }) => atMs <= i * bucketMs)?.weights ?? {},
  );
}

function stack(counts: Readonly<Record<string, number>>, instances: readonly string[]) {
  const total = Object.values(counts).reduce((a, b) => a + b, 0);
  if (total === 0) return undefined;
  let sum = 0;
  return instances.map((name) => {
    const from = sum / total;
    sum += counts[name] ?? 0;
    return { from, to: sum / total };
  });
}

function responses(ingresses: readonly IngressTimeline[], top: number, x: Scale): string {
  const known = ingresses.flatMap(({ points }) => points.flatMap(({ responseMs }) => responseMs ?? []));
  const ticks = ticksFor(Math.min(...known), Math.max(...known));
  const [low, high] = [ticks[0]!, ticks.at(-1)!];
  const y = (ms: number) => {
    const share = Math.log(Math.min(high, Math.max(low, ms)) / low) / Math.log(high / low);
    return top + RESPONSE * (1 - share);
  };
  const grid = ticks.map(
    (ms) =>
      element('line', { x1: LEFT, x2: WIDTH - RIGHT, y1: y(ms), y2: y(ms), class: 'grid' }) +
      label(ms >= 1000 ? `${ms / 1000} s` : `${ms}`, { x: LEFT - 6, y: y(ms) + 3.5, class: 'tick end' }),
  );
  const lines = ingresses.map(({ client, points }, i) => {
    const drawn = points.flatMap(({ atMs, responseMs }) =>
      responseMs === null ? [] : [`${short(x(atMs))},${short(y(responseMs))}`],
    );
    const stroke = CLIENT_STROKES[i % CLIENT_STROKES.length]!;
    const key = label(client, {
      x: LEFT - 40,
      y: top + 60 + i * 15,
      class: 'rowsub',
      fill: stroke,
      'font-weight': 600,
    });
    return element('polyline', { points: drawn.join(' '), class: 'response', stroke }) + key;
  });
  return [
    label('response', { x: LEFT - 40, y: top + 20, class: 'row' }),
    label('median, ms', { x: LEFT - 40, y: top + 38, class: 'rowsub' }),
    ...grid,
    ...lines,
  ].join('');
}

/** Those of RESPONSE_MS that hold the values between them, at least two. */
function ticksFor(lowest: number, highest: number): number[] {
  const from = Math.max(
    0,
    RESPONSE_MS.findLastIndex((ms) => ms <= lowest),
  );
  const to = RESPONSE_MS.findIndex((ms) => ms >= highest);
  return RESPONSE_MS.slice(from, Math.max(from + 1, to < 0 ? RESPONSE_MS.length : to) + 1);
}

function losses(ingresses: readonly IngressTimeline[], bucketMs: number, top: number, x: Scale): string {
  const stretches = troublesOf(ingresses);
  const most = Math.max(1, ...stretches.flat().map(({ packets, flows }) => packets + flows));
  const width = Math.max(2.5, x(bucketMs) - x(0));
  const base = top + LOSS;
  const bars = stretches.map((stretch) => {
    const drawn = stretch.map(({ atMs, packets, flows }) => {
      const height = Math.max(5, (LOSS - 8) * ((packets + flows) / most));
      return element('rect', { x: x(atMs), y: base - height, width, height, fill: INK.bad });
    });
    const [packets, flows] = [total(stretch, (one) => one.packets), total(stretch, (one) => one.flows)];
    const texts = [packets > 0 ? `${packets} packets lost` : '', flows > 0 ? `${flows} flows failed or broken` : ''];
    const toRight = x(stretch.at(-1)!.atMs) + width + 6;
    const fits = toRight < WIDTH - 340;
    const place = fits ? { x: toRight, class: 'bad' } : { x: x(stretch[0]!.atMs) - 6, class: 'bad end' };
    return drawn.join('') + label(texts.filter((one) => one !== '').join(', '), { ...place, y: base - LOSS / 2 + 4 });
  });
  return [
    label('lost packets,', { x: LEFT - 12, y: top + 18, class: 'rowsub' }),
    label('failed flows', { x: LEFT - 12, y: top + 33, class: 'rowsub' }),
    stretches.length === 0 ? label('none', { x: LEFT + 8, y: base - 8, class: 'rowsub start' }) : '',
    ...bars,
    element('line', { x1: LEFT, x2: WIDTH - RIGHT, y1: base, y2: base, stroke: INK.faint }),
  ].join('');
}

interface Trouble {
  readonly atMs: number;
  readonly packets: number;
  readonly flows: number;
}

/** Buckets in which something was lost, all clients together; neighbours make one stretch with one label. */
function troublesOf(ingresses: readonly IngressTimeline[]): Trouble[][] {
  const stretches: Trouble[][] = [];
  let quietFor = CALM_BUCKETS;
  for (const [i, { atMs }] of (ingresses[0]?.points ?? []).entries()) {
    const packets = total(ingresses, ({ points }) => points[i]?.lostPackets ?? 0);
    const flows = total(ingresses, ({ points }) => (points[i]?.failed ?? 0) + (points[i]?.broken ?? 0));
    if (packets + flows === 0) {
      quietFor++;
      continue;
    }
    if (quietFor >= CALM_BUCKETS) stretches.push([]);
    stretches.at(-1)!.push({ atMs, packets, flows });
    quietFor = 0;
  }
  return stretches;
}

function total<T>(items: readonly T[], pick: (item: T) => number): number {
  return items.reduce((n, item) => n + pick(item), 0);
}

function axis({ lengthMs }: Timeline, top: number, x: Scale): string {
  const seconds = Math.floor(lengthMs / 1000);
  const step = seconds > 40 ? 5 : seconds > 16 ? 2 : 1;
  const ticks = Array.from({ length: Math.floor(seconds / step) + 1 }, (_, i) => i * step);
  return ticks
    .map(
      (second) =>
        element('line', { x1: x(second * 1000), x2: x(second * 1000), y1: top, y2: top + 5, stroke: INK.soft }) +
        label(second === 0 ? '0 s' : String(second), { x: x(second * 1000), y: top + 18, class: 'tick' }),
    )
    .join('');
}

function frame(top: number, height: number): string {
  return element('rect', { x: LEFT, y: top, width: WIDTH - LEFT - RIGHT, height, class: 'frame' });
}
