import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readLabFile } from '../../labs/parse-clab.ts';
import type { LoadSummary } from '../../loadgen/loadgen.ts';
import type { DemoDocument } from '../document.ts';
import { aBucket, aRecord, aSummary, ORIGIN_MS } from '../fixture/records.ts';
import { buildTimeline } from '../timeline.ts';
import { renderPage } from './page.ts';

const ROOT = join(import.meta.dirname, '../../..');
const document: DemoDocument = JSON.parse(readFileSync(join(ROOT, 'scripts/demos/fixture/run.json'), 'utf8'));
const lab = readLabFile(join(ROOT, 'containerlab/metro-3/metro-3.clab.yml'));

function page(load: LoadSummary | undefined, changed: Partial<DemoDocument> = {}): string {
  const phases = [
    aRecord('steady', 0, 1_000),
    aRecord('path', 1_000, 2_000, { path: ['in1', 'core2', 'core1', 'eg1'] }),
  ];
  const clients = [{ client: 'u1', ingress: 'in1' }];
  const timeline = buildTimeline({
    phases,
    clients,
    summaries: new Map(load === undefined ? [] : [['u1', load]]),
    decisions: [{ ingress: 'in1', atMs: ORIGIN_MS + 300, change: 'first', weights: { sv3: 1000 } }],
    instances: ['sv3', 'sv1', 'sv2'],
    bucketMs: 200,
  });
  return renderPage({ document: { ...document, ...changed }, timeline, phases, hero: 'sv1', lab, client: 'u1' });
}

const load = aSummary({
  timeline: Array.from({ length: 20 }, (_, i) =>
    aBucket(i * 100, { newFlows: { sv1: 3, sv2: 1 }, responseP50Ms: 8 + i }),
  ),
  udpLostOverTime: [0, 0, 0, 4],
});

describe('the report', () => {
  test('is one page that loads nothing, with no number that is none', () => {
    const html = page(load);
    expect(html).not.toMatch(/NaN|undefined|Infinity|<script|<link|url\(|src=/);
    expect(html).toContain('4 packets lost');
  });

  test('closes what it opens', () => {
    const open: string[] = [];
    for (const [, close, name, empty] of page(load).matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*?(\/?)>/g)) {
      if (empty === '/' || ['meta', 'br'].includes(name!)) continue;
      if (close === '/') expect(open.pop()).toBe(name);
      else open.push(name!);
    }
    expect(open).toEqual([]);
  });

  test('draws the lab and both ways of the stream', () => {
    const html = page(load);
    for (const { name } of lab.nodes) expect(html).toContain(`>${name}</text>`);
    expect(html.match(/<polyline[^>]*class="way/g)).toHaveLength(2);
  });

  test('shows what was decided where there was no load', () => {
    const html = page(undefined, { segmentLists: [], latencyUs: {} });
    expect(html).not.toMatch(/NaN|undefined|Infinity/);
    expect(html).toContain('>decided</text>');
    expect(html).toMatch(/<path d="M[^"]+" fill="#2c9c78"/);
  });

  test('says first that a claim did not hold, and escapes what it quotes', () => {
    const claims = [{ claim: 'path: <nothing> is lost', held: false, seen: '3 & more' }];
    const html = page(load, { claims });
    expect(html).toContain('1 of 1 claims did not hold');
    expect(html).toContain('path: &lt;nothing&gt; is lost');
  });
});
